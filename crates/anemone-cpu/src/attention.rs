//! Attention of one head in registers and first-level cache: a block of rows times all keys, their
//! softmax, and the weighted sum of the values.

use std::ops::Range;

use rten_simd::ops::{BitOps, NumOps};
use rten_simd::{Isa, Simd, SimdOp};

use crate::simd::exp_below_zero;

/// Rows that are computed at once, in two vectors each.
const BLOCK: usize = 6;

/// A matrix with rows at a fixed distance.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    data: &'a [f32],
    rows: usize,
    width: usize,
    step: usize,
}

impl<'a> Head<'a> {
    pub(crate) fn new(data: &'a [f32], rows: usize, width: usize, step: usize) -> Head<'a> {
        assert!(rows == 0 || data.len() >= (rows - 1) * step + width, "a head lies in its tensor");
        Head { data, rows, width, step }
    }

    fn row(&self, row: usize) -> &'a [f32] {
        &self.data[row * self.step..][..self.width]
    }
}

/// What is still to be added to a row of scores.
pub(crate) enum Addend<'a> {
    /// Nothing more.
    Added,
    Left(&'a [f32]),
}

/// Some rows of one head's attention.
pub(crate) struct Rows<'a> {
    pub(crate) query: Head<'a>,
    pub(crate) key: Head<'a>,
    pub(crate) value: Head<'a>,
    pub(crate) rows: Range<usize>,
    /// Given the number of a row and its scores: what masks them.
    pub(crate) addend: &'a dyn Fn(usize, &mut [f32]) -> Addend<'a>,
    /// The first of the rows, and the distance to the next.
    pub(crate) out: &'a mut [f32],
    pub(crate) step: usize,
    pub(crate) scratch: &'a mut Vec<f32>,
}

impl SimdOp for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) {
        let Rows { query, key, value, rows, addend, out, step, scratch } = self;
        let ops = isa.f32();
        let pair = 2 * ops.len();
        let (length, width, values) = (key.rows, key.width, value.width);
        let (wide, deep) = (length.next_multiple_of(pair), values.next_multiple_of(pair));
        scratch.clear();
        scratch.resize(width * wide + length * deep + BLOCK * wide, 0.0);
        let (keys, rest) = scratch.split_at_mut(width * wide);
        let (padded, scores) = rest.split_at_mut(length * deep);
        turn(&key, keys, wide);
        for (row, to) in padded.chunks_exact_mut(deep).enumerate() {
            to[..values].copy_from_slice(value.row(row));
        }
        let scale = ops.splat(1.0 / (width as f32).sqrt());
        let mut turned = [0.0; 64];
        for start in rows.clone().step_by(BLOCK) {
            let count = BLOCK.min(rows.end - start);
            let block = Matrix::rows(&query.data[start * query.step..], count, width, query.step);
            for column in (0..wide).step_by(pair) {
                let right = Matrix::rows(&keys[column..], width, pair, wide);
                let sums = product::<I>(isa, block, right);
                for (sums, scores) in sums.iter().zip(scores.chunks_exact_mut(wide)) {
                    ops.store(ops.mul(sums[0], scale), &mut scores[column..]);
                    ops.store(ops.mul(sums[1], scale), &mut scores[column + ops.len()..]);
                }
            }
            let mut inverse = [0.0; BLOCK];
            for row in 0..count {
                let scores = &mut scores[row * wide..][..wide];
                scores[length..].fill(f32::NEG_INFINITY);
                let addend = addend(start + row, &mut scores[..length]);
                inverse[row] = 1.0 / exponents(isa, scores, &addend);
            }
            for column in (0..deep).step_by(pair) {
                let left = Matrix::rows(scores, count, length, wide);
                let right = Matrix::rows(&padded[column..], length, pair, deep);
                let sums = product::<I>(isa, left, right);
                for (row, sums) in sums.iter().enumerate().take(count) {
                    let factor = ops.splat(inverse[row]);
                    ops.store(ops.mul(sums[0], factor), &mut turned);
                    ops.store(ops.mul(sums[1], factor), &mut turned[ops.len()..]);
                    let to = &mut out[(start - rows.start + row) * step..][column..values];
                    let count = to.len().min(pair);
                    to[..count].copy_from_slice(&turned[..count]);
                }
            }
        }
    }
}

/// Writes the transposed matrix, with rows of `wide`.
#[inline(always)]
fn turn(matrix: &Head<'_>, to: &mut [f32], wide: usize) {
    const SIDE: usize = 16;
    for first in (0..matrix.rows).step_by(SIDE) {
        let count = SIDE.min(matrix.rows - first);
        for (column, to) in to.chunks_exact_mut(wide).enumerate() {
            let from = &matrix.data[first * matrix.step + column..];
            for (row, to) in to[first..][..count].iter_mut().enumerate() {
                *to = from[row * matrix.step];
            }
        }
    }
}

/// A matrix that was checked to lie in its memory.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    step: usize,
}

impl<'a> Matrix<'a> {
    fn rows(data: &'a [f32], rows: usize, columns: usize, step: usize) -> Matrix<'a> {
        assert!(rows == 0 || data.len() >= (rows - 1) * step + columns);
        Matrix { data, rows, columns, step }
    }
}

/// The product of up to [`BLOCK`] rows, repeated where there are fewer, and a matrix of two vectors'
/// width. Each element is summed in the order of the inner axis.
#[inline(always)]
fn product<I: Isa>(isa: I, left: Matrix<'_>, right: Matrix<'_>) -> [[I::F32; 2]; BLOCK] {
    let ops = isa.f32();
    assert!(left.rows > 0 && left.columns == right.rows && right.columns == 2 * ops.len());
    let mut sums = [[ops.zero(); 2]; BLOCK];
    // SAFETY: rows are less than `left.rows` and `k` is less than `left.columns`, which is
    // `right.rows`; both matrices were checked to lie in their memory.
    unsafe {
        let rows: [*const f32; BLOCK] =
            std::array::from_fn(|row| left.data.as_ptr().add(row.min(left.rows - 1) * left.step));
        let start = right.data.as_ptr();
        for k in 0..left.columns {
            let low = ops.load_ptr(start.add(k * right.step));
            let high = ops.load_ptr(start.add(k * right.step + ops.len()));
            for (row, sums) in rows.iter().zip(&mut sums) {
                let factor = ops.splat(*row.add(k));
                sums[0] = ops.mul_add(factor, low, sums[0]);
                sums[1] = ops.mul_add(factor, high, sums[1]);
            }
        }
    }
    sums
}

/// Adds to the scores, turns them into exponentials of the distance to the largest, and sums those.
#[inline(always)]
fn exponents<I: Isa>(isa: I, scores: &mut [f32], addend: &Addend<'_>) -> f32 {
    let ops = isa.f32();
    let mut most = ops.splat(f32::NEG_INFINITY);
    let length = ops.len();
    for (i, part) in scores.chunks_exact_mut(length).enumerate() {
        let mut score = ops.load(part);
        if let Addend::Left(addend) = addend {
            let left = addend.get(i * length..).unwrap_or_default();
            let more = if left.len() >= length { ops.load(left) } else { ops.load_pad(left).0 };
            score = ops.add(score, more);
            ops.store(score, part);
        }
        most = ops.max(most, score);
    }
    let most = most.to_array().into_iter().fold(f32::NEG_INFINITY, f32::max);
    let (most, mut sum) = (ops.splat(most), ops.zero());
    for part in scores.chunks_exact_mut(length) {
        let power = exp_below_zero(isa, ops.sub(ops.load(part), most));
        ops.store(power, part);
        sum = ops.add(sum, power);
    }
    ops.sum(sum)
}
