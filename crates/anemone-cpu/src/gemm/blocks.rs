//! Products of at most 32 rows with tiles: what one thread does at a time.

use std::cell::RefCell;

use super::amx::{PIECES, SIDE, STEP, TILE, Tiles};
use super::eight_bit::EightBit;
use super::pieces::{expand, split_rows};
use super::weights::Finish;

/// A part's product for at most 32 rows.
pub(super) struct Block<'a> {
    pub(super) weights: &'a EightBit,
    /// The widened weights, if they were widened before.
    pub(super) panels: Option<&'a [u16]>,
    pub(super) bias: Option<&'a [f32]>,
    pub(super) out: &'a mut [f32],
}

/// A cache line of numbers.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[allow(dead_code, reason = "read through pointers")] [u16; 32]);

/// What a thread works in: the pieces of some rows, and a widened panel.
#[derive(Default)]
struct Lane {
    pieces: Vec<Line>,
    panel: Vec<Line>,
    /// Sums of two panels in turn.
    sums: [Sums; 2],
    /// A panel as floats.
    floats: Vec<f32>,
}

thread_local! {
    static LANE: RefCell<Lane> = RefCell::default();
}

fn numbers(lines: &mut Vec<Line>, count: usize) -> &mut [u16] {
    if lines.len() * 32 < count {
        lines.resize(count.div_ceil(32), Line([0; 32]));
    }
    // SAFETY: a line is 32 plain numbers without padding, and there are enough.
    unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), count) }
}

/// Multiplies at most 32 rows, the first of which is row `first` of all.
pub(super) fn run(
    first: usize,
    x: &[f32],
    inner: usize,
    blocks: &mut [Block<'_>],
    finish: &Finish<'_>,
) -> Result<(), String> {
    if x.is_empty() {
        return Ok(());
    }
    let rows = x.len() / inner;
    let height = rows.div_ceil(16);
    let tiles = Tiles::configure().ok_or("the tiles are gone")?;
    LANE.with_borrow_mut(|lane| {
        let Lane { pieces, panel: wide, sums, floats } = lane;
        let pieces = numbers(pieces, inner.div_ceil(STEP) * height * PIECES * TILE);
        // SAFETY: there are tiles, and these instructions with them.
        let refused = unsafe { split_rows(x, inner, height, pieces) };
        for block in blocks.iter_mut() {
            let size = block.weights.panel_size();
            let count = block.weights.scales.len() / SIDE;
            for panel in 0..count {
                let wide = match block.panels {
                    Some(panels) => &panels[panel * size..][..size],
                    None => {
                        let wide = numbers(wide, size);
                        // SAFETY: as above.
                        unsafe { expand(&block.weights.panels[panel * size..][..size], wide) };
                        &*wide
                    }
                };
                match height {
                    1 => tiles.product::<1>(pieces, wide, &mut sums[panel % 2].0),
                    _ => tiles.product::<2>(pieces, wide, &mut sums[panel % 2].0),
                }
                // The panel before is stored while the tiles are busy with this one.
                if let Some(before) = panel.checked_sub(1) {
                    // SAFETY: as above.
                    unsafe { store(&sums[before % 2], before * SIDE, block) };
                }
            }
            // SAFETY: as above.
            unsafe { store(&sums[(count - 1) % 2], (count - 1) * SIDE, block) };
            if refused != 0 {
                for panel in 0..count {
                    block.weights.floats(panel, floats);
                    for row in (0..rows).filter(|row| refused >> row & 1 == 1) {
                        let x = &x[row * inner..][..inner];
                        // SAFETY: as above.
                        unsafe { store_plain(x, floats, row, panel * SIDE, block) };
                    }
                }
            }
        }
    });
    drop(tiles);
    blocks.iter_mut().for_each(|block| finish(first, block.out));
    Ok(())
}

/// The sums of a product, 32 in each row.
#[repr(align(64))]
struct Sums([f32; SIDE * SIDE]);

impl Default for Sums {
    fn default() -> Sums {
        Sums([0.0; SIDE * SIDE])
    }
}

/// Scales the sums, adds the bias, and writes them into the block from `column` on.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
fn store(sums: &Sums, column: usize, block: &mut Block<'_>) {
    let columns = block.weights.columns;
    let bias = bias(block, column);
    let scales: [f32; SIDE] = block.weights.scales[column..][..SIDE].try_into().unwrap_or_default();
    let (sums, _) = sums.0.as_chunks::<SIDE>();
    for (sums, out) in sums.iter().zip(block.out.chunks_exact_mut(columns)) {
        let values = std::array::from_fn(|i| sums[i].mul_add(scales[i], bias[i]));
        write(&values, &mut out[column..]);
    }
}

/// A row's product in plain `f32`, with infinities and NaN as they come.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
fn store_plain(x: &[f32], weights: &[f32], row: usize, column: usize, block: &mut Block<'_>) {
    let (weights, _) = weights.as_chunks::<SIDE>();
    let mut sums = [0.0f32; SIDE];
    for (x, weights) in x.iter().zip(weights) {
        for (sum, weight) in sums.iter_mut().zip(weights) {
            *sum = x.mul_add(*weight, *sum);
        }
    }
    let (bias, columns) = (bias(block, column), block.weights.columns);
    let values = std::array::from_fn(|i| sums[i] + bias[i]);
    write(&values, &mut block.out[row * columns..][column..columns]);
}

/// The bias of the columns from `column` on.
fn bias(block: &Block<'_>, column: usize) -> [f32; SIDE] {
    let mut bias = [0.0; SIDE];
    if let Some(all) = block.bias {
        let all = &all[column..];
        if let Some(all) = all.first_chunk() {
            return *all;
        }
        let width = all.len().min(SIDE);
        bias[..width].copy_from_slice(&all[..width]);
    }
    bias
}

#[inline(always)]
fn write(values: &[f32; SIDE], out: &mut [f32]) {
    match out.first_chunk_mut::<SIDE>() {
        Some(out) => *out = *values,
        None => out.copy_from_slice(&values[..out.len()]),
    }
}
