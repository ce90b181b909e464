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
        // Rows of values are read where they lie if they fill whole vectors.
        let copied = if values == deep { 0 } else { length * deep };
        let size = width * wide + copied + BLOCK * wide;
        if scratch.len() < size {
            scratch.resize(size, 0.0);
        }
        let (keys, rest) = scratch[..size].split_at_mut(width * wide);
        let (padded, scores) = rest.split_at_mut(copied);
        turn(&key, keys, wide);
        for (row, to) in padded.chunks_exact_mut(deep).enumerate() {
            to[..values].copy_from_slice(value.row(row));
            to[values..].fill(0.0);
        }
        let (data, distance) =
            if values == deep { (value.data, value.step) } else { (&*padded, deep) };
        let scale = ops.splat(1.0 / (width as f32).sqrt());
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
                let right = Matrix::rows(&data[column..], length, pair, distance);
                let sums = product::<I>(isa, left, right);
                for (row, sums) in sums.iter().enumerate().take(count) {
                    let factor = ops.splat(inverse[row]);
                    let results = sums.map(|sum| ops.mul(sum, factor));
                    let to = &mut out[(start - rows.start + row) * step..][column..values];
                    if to.len() >= pair {
                        ops.store(results[0], to);
                        ops.store(results[1], &mut to[ops.len()..]);
                    } else {
                        let results = results.into_iter().flat_map(|part| part.to_array());
                        to.iter_mut().zip(results).for_each(|(to, result)| *to = result);
                    }
                }
            }
        }
    }
}

/// Writes the transposed matrix, with rows of `wide` that end in zeros.
#[inline(always)]
fn turn(matrix: &Head<'_>, to: &mut [f32], wide: usize) {
    for row in to.chunks_exact_mut(wide) {
        row[matrix.rows..].fill(0.0);
    }
    let (rows, columns) = (matrix.rows / SIDE * SIDE, matrix.width / SIDE * SIDE);
    for row in (0..rows).step_by(SIDE) {
        let lines: [&[f32]; SIDE] = std::array::from_fn(|i| matrix.row(row + i));
        for column in (0..columns).step_by(SIDE) {
            turn_square(lines.map(|line| &line[column..]), &mut to[column * wide + row..], wide);
        }
    }
    for row in 0..matrix.rows {
        let from = if row < rows { columns } else { 0 };
        for (column, value) in matrix.row(row).iter().enumerate().skip(from) {
            to[column * wide + row] = *value;
        }
    }
}

/// Rows and columns that are transposed in registers.
const SIDE: usize = 4;

#[inline(always)]
fn turn_square(lines: [&[f32]; SIDE], to: &mut [f32], wide: usize) {
    let square = lines.map(|line| *line.first_chunk::<SIDE>().expect("a line has a square left"));
    for column in 0..SIDE {
        let turned: [f32; SIDE] = std::array::from_fn(|row| square[row][column]);
        to[column * wide..][..SIDE].copy_from_slice(&turned);
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
