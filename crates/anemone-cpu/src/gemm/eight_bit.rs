//! Products with constant weights of 8 bits that have one scale for each column, on AMX.
//!
//! Whole numbers of 8 bits are exact in bf16, and an `f32` is the sum of three such numbers, so
//! three products with sums in `f32` are as exact as one in `f32`. Weights stay 8 bits wide; they
//! are widened for each run. A row whose numbers cannot be split is multiplied in plain `f32`.

use std::cell::RefCell;

use rayon::prelude::*;

use super::amx::{self, PIECES, SIDE, STEP, TILE, Tiles};
use super::pieces::{SHIFT, expand, split_rows};
use super::{Finish, Part};
use crate::kernel::Short;
use crate::quantised::Quantised;

/// Elements of one step of a panel: two tiles.
const PANEL_STEP: usize = 2 * TILE;
/// Scales outside of this power of two and its inverse could leave the normal range.
const SCALE_LIMIT: f32 = 1_152_921_504_606_846_976.0;

/// Weights laid out for tiles: panels of 32 columns, in steps of 32 rows.
pub(crate) struct EightBit {
    inner: usize,
    columns: usize,
    panels: Vec<i8>,
    /// For each column, those of the last panel's empty ones among them; what undoes the shift of
    /// the other side is in them.
    scales: Vec<f32>,
}

impl EightBit {
    /// The transposed matrix of `weights`; `None` where this machine or these weights need
    /// another product.
    pub(crate) fn transposed(weights: &Quantised) -> Option<EightBit> {
        let &[columns, inner] = weights.shape() else { return None };
        if !amx::available() || inner < STEP || columns < SIDE / 2 {
            return None;
        }
        let numbers = weights.whole_numbers()?;
        let mut scales = weights.scales(0)?;
        let usable = |s: &f32| *s == 0.0 || (SCALE_LIMIT.recip()..=SCALE_LIMIT).contains(&s.abs());
        if !scales.iter().all(usable) {
            return None;
        }
        let steps = inner.div_ceil(STEP);
        let mut panels = vec![0; columns.div_ceil(SIDE) * steps * PANEL_STEP];
        let size = steps * PANEL_STEP;
        panels.par_chunks_mut(size).with_min_len(4).enumerate().for_each(|(index, panel)| {
            let first = index * SIDE;
            for column in 0..SIDE.min(columns - first) {
                let row = &numbers[(first + column) * inner..][..inner];
                pack_column(row, column, panel);
            }
        });
        scales.iter_mut().for_each(|scale| *scale /= SHIFT);
        scales.resize(columns.div_ceil(SIDE) * SIDE, 0.0);
        Some(EightBit { inner, columns, panels, scales })
    }

    pub(crate) fn rows(&self) -> usize {
        self.inner
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    pub(crate) fn bytes(&self) -> usize {
        self.panels.len() + 4 * self.scales.len()
    }

    fn panel_size(&self) -> usize {
        self.inner.div_ceil(STEP) * PANEL_STEP
    }

    /// The weights of a panel as floats, 32 in each row.
    fn floats(&self, panel: usize, floats: &mut Vec<f32>) {
        floats.clear();
        let numbers = &self.panels[panel * self.panel_size()..];
        let scales = &self.scales[panel * SIDE..][..SIDE];
        for row in 0..self.inner {
            let weight = |(column, scale): (usize, &f32)| {
                f32::from(numbers[place(row, column)]) * (scale * SHIFT)
            };
            floats.extend(scales.iter().enumerate().map(weight));
        }
    }
}

/// Where an element of a panel stands.
fn place(row: usize, column: usize) -> usize {
    row / STEP * PANEL_STEP + column / 16 * TILE + row % STEP / 2 * 32 + column % 16 * 2 + row % 2
}

fn pack_column(numbers: &[i8], column: usize, panel: &mut [i8]) {
    for (step, numbers) in numbers.chunks(STEP).enumerate() {
        let start = place(step * STEP, column);
        let (pairs, single) = numbers.as_chunks::<2>();
        for (i, pair) in pairs.iter().enumerate() {
            panel[start + i * 32..][..2].copy_from_slice(pair);
        }
        if let [last] = single {
            panel[start + pairs.len() * 32] = *last;
        }
    }
}

/// How many `f32` of scratch memory [`multiply`] wants.
pub(crate) fn scratch<'a>(weights: impl Iterator<Item = &'a EightBit>, rows: usize) -> usize {
    // Two numbers of bf16 lie in one `f32`.
    if rows <= SIDE { 0 } else { weights.map(|w| w.panels.len() / 2).sum() }
}

/// Writes the products of `x` with the weights of each part. All weights have as many rows.
pub(crate) fn multiply(
    parts: &mut [(&EightBit, Part<'_>)],
    x: &[f32],
    finish: &Finish<'_>,
    scratch: &mut [f32],
) -> Result<(), String> {
    let Some(inner) = parts.first().map(|(weights, _)| weights.inner) else { return Ok(()) };
    let rows = x.len() / inner;
    if rows <= SIDE {
        let mut blocks: Short<Block<'_>> = Short::new();
        for (weights, part) in parts {
            let (bias, out) = (part.bias, &mut *part.out);
            blocks.push(Block { weights, panels: None, bias, out });
        }
        return run(0, x, inner, &mut blocks, finish);
    }
    let mut left = halves(scratch);
    let mut wide: Short<&[u16]> = Short::new();
    for (weights, _) in parts.iter() {
        let (panels, rest) =
            left.split_at_mut_checked(weights.panels.len()).ok_or("weights have no scratch")?;
        let chunk = weights.panel_size();
        let pairs = panels.par_chunks_mut(chunk).zip(weights.panels.par_chunks(chunk));
        // SAFETY: weights are packed only where these instructions are there.
        pairs.with_min_len(2).for_each(|(wide, panel)| unsafe { expand(panel, wide) });
        wide.push(panels);
        left = rest;
    }
    let mut tasks: Vec<Short<Block<'_>>> = Vec::new();
    tasks.resize_with(rows.div_ceil(SIDE), Short::new);
    for ((weights, part), panels) in parts.iter_mut().zip(&wide) {
        let chunks = part.out.chunks_mut(SIDE * weights.columns);
        for (task, out) in tasks.iter_mut().zip(chunks) {
            task.push(Block { weights, panels: Some(panels), bias: part.bias, out });
        }
    }
    tasks.par_iter_mut().enumerate().try_for_each(|(index, blocks)| {
        let x = &x[index * SIDE * inner..];
        let x = &x[..x.len().min(SIDE * inner)];
        run(index * SIDE, x, inner, blocks, finish)
    })
}

/// The same memory as numbers of 16 bits.
fn halves(scratch: &mut [f32]) -> &mut [u16] {
    // SAFETY: each `f32` has the room of two `u16`, which need less alignment, and every bit
    // pattern is valid for both.
    unsafe { std::slice::from_raw_parts_mut(scratch.as_mut_ptr().cast::<u16>(), 2 * scratch.len()) }
}

/// A part's product for at most 32 rows.
struct Block<'a> {
    weights: &'a EightBit,
    /// The widened weights, if they were widened before.
    panels: Option<&'a [u16]>,
    bias: Option<&'a [f32]>,
    out: &'a mut [f32],
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
fn run(
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
        let pieces = numbers(&mut lane.pieces, inner.div_ceil(STEP) * height * PIECES * TILE);
        // SAFETY: there are tiles, and these instructions with them.
        let refused = unsafe { split_rows(x, inner, height, pieces) };
        for block in blocks.iter_mut() {
            let size = block.weights.panel_size();
            for panel in 0..block.weights.scales.len() / SIDE {
                let wide = match block.panels {
                    Some(panels) => &panels[panel * size..][..size],
                    None => {
                        let wide = numbers(&mut lane.panel, size);
                        // SAFETY: as above.
                        unsafe { expand(&block.weights.panels[panel * size..][..size], wide) };
                        &*wide
                    }
                };
                let mut sums = Sums([0.0; SIDE * SIDE]);
                match height {
                    1 => tiles.product::<1>(pieces, wide, &mut sums.0),
                    _ => tiles.product::<2>(pieces, wide, &mut sums.0),
                }
                // SAFETY: as above.
                unsafe { store(&sums, panel * SIDE, block) };
                if refused != 0 {
                    block.weights.floats(panel, &mut lane.floats);
                    for row in (0..rows).filter(|row| refused >> row & 1 == 1) {
                        let x = &x[row * inner..][..inner];
                        // SAFETY: as above.
                        unsafe { store_plain(x, &lane.floats, row, panel * SIDE, block) };
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
