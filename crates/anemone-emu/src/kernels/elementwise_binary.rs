//! Sums, differences and products of what the engine takes two numbers for, rounded once: measured
//! for sums, NaN + 1 being an infinity; the others are inferred to be alike.

use anemone_cpu::{PrepareCtx, View, ViewMut};
use rayon::prelude::*;

use super::{Prepared, Setting, fault};
use crate::lanes::CHUNK;
use crate::rounding::{decode, to_half};

pub(super) fn add(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    pairs(op, |x, y| x + y)
}

pub(super) fn mul(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    pairs(op, |x, y| x * y)
}

pub(super) fn sub(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    pairs(op, |x, y| x - y)
}

fn pairs(op: &mut PrepareCtx<'_>, f: fn(f64, f64) -> f64) -> Prepared {
    if !op.infer().dtype("x").map_err(fault)?.is_float() {
        return Ok(None);
    }
    let (x, y) = (op.operand("x")?, op.operand("y")?);
    Ok(Some(Box::new(move |inputs: &[View<'_>], outputs: &mut [ViewMut<'_>]| {
        zip(inputs[x], inputs[y], &mut outputs[0], |x, y| to_half(f(decode(x), decode(y))))
    })))
}

/// `f` of each two elements that meet when both are broadcast to the output's shape.
pub(super) fn zip(
    x: View<'_>,
    y: View<'_>,
    out: &mut ViewMut<'_>,
    f: impl Fn(f32, f32) -> f32 + Sync,
) -> Result<(), String> {
    let (left, right) = (Steps::new(x.shape, out.shape)?, Steps::new(y.shape, out.shape)?);
    let (x, y, width) = (x.data.f32()?, y.data.f32()?, out.shape.last().copied().unwrap_or(1));
    let out = out.data.f32()?;
    if out.is_empty() {
        return Ok(());
    }
    let rows = out.par_chunks_mut(width).enumerate().with_min_len((CHUNK / width).max(1));
    rows.for_each(|(row, out)| {
        let (a, b) = (left.start(row), right.start(row));
        for (i, out) in out.iter_mut().enumerate() {
            *out = f(x[a + i * left.along], y[b + i * right.along]);
        }
    });
    Ok(())
}

/// How an operand is walked along the rows of the output that it is broadcast to.
struct Steps {
    /// Sizes of the output's axes before the last, from the last, and how far the operand moves.
    rows: Vec<(usize, usize)>,
    /// How far it moves along a row.
    along: usize,
}

impl Steps {
    fn new(shape: &[usize], wide: &[usize]) -> Result<Steps, String> {
        let misfit = || format!("{shape:?} is not broadcast to {wide:?}");
        let axes = wide.len().checked_sub(shape.len()).ok_or_else(misfit)?;
        let (mut step, mut rows) = (1usize, Vec::with_capacity(wide.len()));
        for axis in (0..wide.len()).rev() {
            let size = axis.checked_sub(axes).map_or(1, |i| shape[i]);
            if size != 1 && size != wide[axis] {
                return Err(misfit());
            }
            rows.push((wide[axis], if size == 1 { 0 } else { step }));
            step = step.saturating_mul(size);
        }
        let along = if rows.is_empty() { 0 } else { rows.remove(0).1 };
        Ok(Steps { rows, along })
    }

    fn start(&self, mut row: usize) -> usize {
        let mut start = 0;
        for (size, step) in &self.rows {
            start += row % size * step;
            row /= size;
        }
        start
    }
}
