//! Products with constant weights of 8 bits that have one scale for each column, on AMX.
//!
//! Whole numbers of 8 bits are exact in bf16, and an `f32` is the sum of three such numbers, so
//! three products with sums in `f32` are as exact as one in `f32`. Weights stay 8 bits wide; they
//! are widened for each run. A row whose numbers cannot be split is multiplied in plain `f32`.

use rayon::prelude::*;

use super::amx::{self, SIDE, STEP, TILE};
use super::blocks::{Block, run};
use super::pieces::{SHIFT, expand};
use super::weights::{Finish, Part};
use crate::kernel::Short;
use crate::quantised::Quantised;

/// Elements of one step of a panel: two tiles.
pub(super) const PANEL_STEP: usize = 2 * TILE;
/// Scales outside of this power of two and its inverse could leave the normal range.
const SCALE_LIMIT: f32 = 1_152_921_504_606_846_976.0;

/// Weights laid out for tiles: panels of 32 columns, in steps of 32 rows.
pub(crate) struct EightBit {
    pub(super) inner: usize,
    pub(super) columns: usize,
    pub(super) panels: Vec<i8>,
    /// For each column, those of the last panel's empty ones among them; what undoes the shift of
    /// the other side is in them.
    pub(super) scales: Vec<f32>,
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

    pub(super) fn panel_size(&self) -> usize {
        self.inner.div_ceil(STEP) * PANEL_STEP
    }

    /// The weights of a panel as floats, 32 in each row.
    pub(super) fn floats(&self, panel: usize, floats: &mut Vec<f32>) {
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
