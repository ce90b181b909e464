//! Products with constant weights, and general products with broadcasting.

use std::sync::Arc;

use anemone_cpu::{Compute, PrepareCtx, View, ViewMut};
use rayon::prelude::*;

use super::{Prepared, Setting, eight_bit, fault};
use crate::matrix::{Bias, Matrix, Right, multiply};
use crate::record::Extremes;

pub(super) fn linear(op: &mut PrepareCtx<'_>, setting: &Setting<'_>) -> Prepared {
    if let Some(kernel) = eight_bit::linear(op, setting)? {
        return Ok(Some(kernel));
    }
    let (weight, bias) = (op.floats("weight")?, op.floats("bias")?);
    let Some((shape, weight)) = weight.filter(|(shape, _)| shape.len() == 2) else {
        return Ok(None);
    };
    let right = Right::new(Matrix::dense(&weight, shape[0], shape[1]).transposed());
    let (x, extremes) = (op.operand("x")?, setting.extremes.clone());
    Ok(Some(Box::new(move |inputs: &[View<'_>], outputs: &mut [ViewMut<'_>]| {
        let bias = bias.as_ref().map_or(Bias::None, |(_, bias)| Bias::Columns(bias));
        let (x, out) = (inputs[x].data.f32()?, outputs[0].data.f32()?);
        let rows = x.len() / right.inner().max(1);
        multiply(Matrix::dense(x, rows, right.inner()), &right, bias, out, extremes.as_deref())
    })))
}

/// One side of a product as it lies in memory.
#[derive(Clone)]
struct Side {
    batch: Vec<usize>,
    shape: [usize; 2],
    strides: [usize; 2],
}

impl Side {
    fn new(shape: &[usize], transposed: bool, is_left: bool) -> Side {
        let plain = |rows: usize, columns: usize| ([rows, columns], [columns, 1]);
        let (batch, (shape, strides)): (&[usize], _) = match shape {
            [batch @ .., rows, columns] if transposed => {
                (batch, ([*columns, *rows], [1, *columns]))
            }
            [batch @ .., rows, columns] => (batch, plain(*rows, *columns)),
            [n] if is_left => (&[], plain(1, *n)),
            [n] => (&[], plain(*n, 1)),
            [] => (&[], plain(1, 1)),
        };
        Side { batch: batch.to_vec(), shape, strides }
    }

    fn matrix<'a>(&self, data: &'a [f32], index: usize) -> Matrix<'a> {
        let size = self.shape[0] * self.shape[1];
        Matrix { data: &data[index * size..][..size], shape: self.shape, strides: self.strides }
    }
}

struct Matmul {
    x: usize,
    y: Factor,
    transposed: [bool; 2],
    extremes: Option<Arc<Extremes>>,
}

/// The right side: computed while the program runs, or constant.
enum Factor {
    Operand(usize),
    Constant(Box<Right>),
}

pub(super) fn matmul(op: &mut PrepareCtx<'_>, setting: &Setting<'_>) -> Prepared {
    if !op.output(0)?.dtype.is_float() {
        return Ok(None);
    }
    let transposed = [
        op.infer().boolean("transpose_x").map_err(fault)?,
        op.infer().boolean("transpose_y").map_err(fault)?,
    ];
    let x = op.operand("x")?;
    let y = match op.floats("y")? {
        Some((shape, values)) if shape.len() == 2 => {
            let side = Side::new(&shape, transposed[1], false);
            Factor::Constant(Box::new(Right::new(side.matrix(&values, 0))))
        }
        _ => Factor::Operand(op.operand("y")?),
    };
    Ok(Some(Box::new(Matmul { x, y, transposed, extremes: setting.extremes.clone() })))
}

impl Compute for Matmul {
    fn run<'a>(&self, inputs: &[View<'a>], outputs: &mut [ViewMut<'a>]) -> Result<(), String> {
        let x = inputs[self.x];
        let (mut left, data) = (Side::new(x.shape, self.transposed[0], true), x.data.f32()?);
        let out = outputs[0].data.f32()?;
        if out.is_empty() {
            return Ok(());
        }
        let extremes = self.extremes.as_deref();
        match &self.y {
            Factor::Constant(right) => {
                if !self.transposed[0] {
                    // All matrices on the left lie below each other.
                    left.shape[0] *= left.batch.iter().product::<usize>();
                }
                let size = left.shape[0] * right.columns();
                each(out, size, |i, out| {
                    multiply(left.matrix(data, i), right, Bias::None, out, extremes)
                })
            }
            Factor::Operand(index) => {
                let y = inputs[*index];
                let (right, other) = (Side::new(y.shape, self.transposed[1], false), y.data.f32()?);
                let pairs = pairs(&left.batch, &right.batch)?;
                each(out, left.shape[0] * right.shape[1], |i, out| {
                    let (a, b) = pairs[i];
                    let right = Right::new(right.matrix(other, b));
                    multiply(left.matrix(data, a), &right, Bias::None, out, extremes)
                })
            }
        }
    }
}

/// Computes results of `size` elements each.
pub(super) fn each(
    out: &mut [f32],
    size: usize,
    work: impl Fn(usize, &mut [f32]) -> Result<(), String> + Sync,
) -> Result<(), String> {
    out.par_chunks_mut(size.max(1)).enumerate().try_for_each(|(i, out)| work(i, out))
}

/// Which matrices of two stacks meet, in the order of the broadcast stack.
pub(super) fn pairs(x: &[usize], y: &[usize]) -> Result<Vec<(usize, usize)>, String> {
    let rank = x.len().max(y.len());
    let size = |batch: &[usize], axis: usize| {
        (axis + batch.len()).checked_sub(rank).map_or(1, |i| batch[i])
    };
    let mut pairs = vec![(0, 0)];
    for axis in 0..rank {
        let (a, b) = (size(x, axis), size(y, axis));
        if a != b && a != 1 && b != 1 {
            return Err(format!("stacks of {x:?} and {y:?} do not broadcast"));
        }
        let wide = if a == 1 { b } else { a };
        let place =
            |size: usize, from: usize, i: usize| from * size + if size == 1 { 0 } else { i };
        pairs = pairs
            .iter()
            .flat_map(|&(x, y)| (0..wide).map(move |i| (place(a, x, i), place(b, y, i))))
            .collect();
    }
    Ok(pairs)
}

/// `nchw,nwhu->nchu`; three axes count as `n = 1`.
struct Einsum(Option<Arc<Extremes>>);

pub(super) fn einsum(op: &mut PrepareCtx<'_>, setting: &Setting<'_>) -> Prepared {
    if op.operands("values").len() != 2 || !op.output(0)?.dtype.is_float() {
        return Ok(None);
    }
    Ok(Some(Box::new(Einsum(setting.extremes.clone()))))
}

impl Compute for Einsum {
    fn run<'a>(&self, inputs: &[View<'a>], outputs: &mut [ViewMut<'a>]) -> Result<(), String> {
        let four = |shape: &[usize]| match *shape {
            [c, h, w] => Ok([1, c, h, w]),
            [n, c, h, w] => Ok([n, c, h, w]),
            _ => Err(format!("shape {shape:?} has neither three nor four axes")),
        };
        let (x, y) = (four(inputs[0].shape)?, four(inputs[1].shape)?);
        let (left, right) = (inputs[0].data.f32()?, inputs[1].data.f32()?);
        let out = outputs[0].data.f32()?;
        if out.is_empty() {
            return Ok(());
        }
        if x[3] == 0 {
            out.fill(0.0);
            return Ok(());
        }
        let (rows, columns) = (x[1], y[3]);
        // The order of these pairs is [n, h].
        let pairs = pairs(&[x[0], x[2]], &[y[0], y[2]])?;
        let height = x[2].max(y[2]);
        let mut apart = vec![0.0; out.len()];
        each(&mut apart, rows * columns, |i, out| {
            let right = Right::new(line_matrix(right, y, pairs[i].1));
            let left = line_matrix(left, x, pairs[i].0);
            multiply(left, &right, Bias::None, out, self.0.as_deref())
        })?;
        // From [n, h, c, u] to [n, c, h, u].
        for (line, out) in out.chunks_mut(columns).enumerate() {
            let (n, c, h) = (line / height / rows, line / height % rows, line % height);
            out.copy_from_slice(&apart[((n * height + h) * rows + c) * columns..][..columns]);
        }
        Ok(())
    }
}

/// The matrix of axes 1 and 3 at `index` of axes 0 and 2.
fn line_matrix(data: &[f32], shape: [usize; 4], index: usize) -> Matrix<'_> {
    let [_, rows, height, columns] = shape;
    let (n, h) = (index / height, index % height);
    let data = &data[(n * rows * height + h) * columns..];
    Matrix { data, shape: [rows, columns], strides: [height * columns, 1] }
}
