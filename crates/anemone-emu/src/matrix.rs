//! Products of matrices through the accumulator: exact, and fast where no order of summation can
//! overflow.
//!
//! A column is bounded by the lengths of the two vectors (Cauchy and Schwarz). Below the limit the
//! order does not matter, and units are summed as 32-bit integers, many columns at a time. Any other
//! element is summed by [`Accumulator`], in the order of the index.

use anemone_cpu::fast;
use rayon::prelude::*;

use crate::accumulator::{Accumulator, DotRange, LIMIT, ONE, product, start, units_to_half};
use crate::record::{Extremes, Summary};
use crate::rounding::decode;

/// Columns that are summed together.
const BLOCK: usize = 256;
/// Rows that are summed together, so that what they meet is loaded once.
const ROWS: usize = 8;

/// A matrix in memory: element `(i, j)` stands at `i * strides[0] + j * strides[1]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) shape: [usize; 2],
    pub(crate) strides: [usize; 2],
}

impl<'a> Matrix<'a> {
    /// A dense row-major matrix.
    pub(crate) fn dense(data: &'a [f32], rows: usize, columns: usize) -> Matrix<'a> {
        Matrix { data, shape: [rows, columns], strides: [columns, 1] }
    }

    /// The same elements with rows and columns exchanged.
    pub(crate) fn transposed(self) -> Matrix<'a> {
        let ([rows, columns], [down, along]) = (self.shape, self.strides);
        Matrix { data: self.data, shape: [columns, rows], strides: [along, down] }
    }

    fn row(self, i: usize) -> impl Iterator<Item = f32> + 'a {
        (0..self.shape[1]).map(move |j| self.data[i * self.strides[0] + j * self.strides[1]])
    }
}

/// The right side of a product, decoded: rows lie beside each other. Four bytes for each element,
/// since a model's weights are held so.
pub(crate) struct Right {
    inner: usize,
    columns: usize,
    /// In units.
    units: Vec<f32>,
    /// The length of each column.
    lengths: Vec<f64>,
}

/// The least size, in units, of a factor whose product with `number` is not dropped: the exponents of
/// both sum to -16 or more, where that of a subnormal number counts as -14.
fn least_factor(number: f32) -> f32 {
    const LEAST: f32 = 1.0 / 16384.0;
    let power = f32::from_bits(number.to_bits() & f32::INFINITY.to_bits()).max(LEAST);
    let least = 1.0 / power;
    if least <= LEAST * ONE as f32 { 0.0 } else { least }
}

impl Right {
    pub(crate) fn new(matrix: Matrix<'_>) -> Right {
        let [inner, columns] = matrix.shape;
        let size = inner * columns;
        let (units, lengths) = (Vec::with_capacity(size), vec![0.0; columns]);
        let mut right = Right { inner, columns, units, lengths };
        for i in 0..inner {
            for (value, length) in matrix.row(i).zip(&mut right.lengths) {
                let number = decode(value);
                right.units.push((number * ONE as f64) as f32);
                *length += number * number;
            }
        }
        right.lengths.iter_mut().for_each(|length| *length = length.sqrt());
        right
    }

    /// Rows: the products of each sum.
    pub(crate) fn inner(&self) -> usize {
        self.inner
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// The numbers of a column.
    fn column(&self, column: usize) -> impl Iterator<Item = f32> + Clone + '_ {
        let units = self.units.iter().skip(column).step_by(self.columns);
        units.map(|units| units / ONE as f32)
    }
}

/// What the accumulators of a product start with.
#[derive(Clone, Copy)]
pub(crate) enum Bias<'a> {
    None,
    /// One number for each row.
    Rows(&'a [f32]),
    /// One number for each column.
    Columns(&'a [f32]),
}

impl Bias<'_> {
    fn at(self, row: usize, column: usize) -> f32 {
        match self {
            Bias::None => 0.0,
            Bias::Rows(bias) => bias[row],
            Bias::Columns(bias) => bias[column],
        }
    }
}

/// Writes `left * right + bias` into the dense `out`. Tells the extremes of the partial sums where
/// they are asked for.
pub(crate) fn multiply(
    left: Matrix<'_>,
    right: &Right,
    bias: Bias<'_>,
    out: &mut [f32],
    extremes: Option<&Extremes>,
) -> Result<(), String> {
    if left.shape[1] != right.inner || out.len() != left.shape[0] * right.columns {
        let (rows, columns) = (left.shape, right.columns);
        return Err(format!("{rows:?} times {} by {columns} do not fit", right.inner));
    }
    if out.is_empty() {
        return Ok(());
    }
    let (rows, columns) = (left.shape[0], right.columns);
    let blocks = columns.div_ceil(BLOCK);
    let group = |task: usize| {
        let (first_row, first) = (task / blocks * ROWS, task % blocks * BLOCK);
        let (height, width) = (ROWS.min(rows - first_row), BLOCK.min(columns - first));
        let lines: Vec<Line> =
            (first_row..first_row + height).map(|i| Line::new(left, i)).collect();
        let block = Block { right, lines: &lines, bias, first_row, first, width };
        block.sums(extremes)
    };
    let tasks = rows.div_ceil(ROWS) * blocks;
    let results: Vec<Vec<f32>> = (0..tasks).into_par_iter().map(group).collect();
    for (task, result) in results.iter().enumerate() {
        let first = task % blocks * BLOCK;
        let width = BLOCK.min(columns - first);
        for (row, result) in (task / blocks * ROWS..).zip(result.chunks(width)) {
            out[row * columns + first..][..width].copy_from_slice(result);
        }
    }
    Ok(())
}

/// A row of the left side, decoded.
struct Line {
    /// Each number with the least factor that counts.
    numbers: Vec<(f32, f32)>,
    length: f64,
}

impl Line {
    fn new(left: Matrix<'_>, row: usize) -> Line {
        let number = |value| decode(value) as f32;
        let numbers = left.row(row).map(number).map(|number| (number, least_factor(number)));
        let numbers: Vec<(f32, f32)> = numbers.collect();
        let squares = numbers.iter().map(|(number, _)| f64::from(*number) * f64::from(*number));
        let length = squares.sum::<f64>().sqrt();
        Line { numbers, length }
    }
}

/// A few neighbouring columns of a few rows of the result.
struct Block<'a> {
    right: &'a Right,
    lines: &'a [Line],
    bias: Bias<'a>,
    first_row: usize,
    first: usize,
    width: usize,
}

/// What a block sums for one row.
type Units = [i32; BLOCK];

impl Block<'_> {
    /// The results, row by row.
    fn sums(&self, extremes: Option<&Extremes>) -> Vec<f32> {
        let mut sums = vec![[0; BLOCK]; self.lines.len()];
        let mut ups = vec![[0; BLOCK]; if extremes.is_some() { self.lines.len() } else { 0 }];
        let safe: Vec<Vec<bool>> = (0..self.lines.len()).map(|row| self.is_safe(row)).collect();
        for (row, (sums, safe)) in sums.iter_mut().zip(&safe).enumerate() {
            for (i, sum) in sums[..self.width].iter_mut().enumerate().filter(|(i, _)| safe[*i]) {
                *sum = start(self.bias_at(row, i)) as i32;
            }
        }
        if safe.iter().flatten().any(|safe| *safe) {
            fast(
                #[inline(always)]
                || self.accumulate(&mut sums, &mut ups),
            );
        }
        let mut summary = extremes.map(|_| Summary::default());
        let mut results = Vec::with_capacity(self.lines.len() * self.width);
        for (row, safe) in safe.iter().enumerate() {
            for (i, safe) in safe.iter().enumerate() {
                let bias = self.bias_at(row, i);
                if *safe {
                    let sum = i64::from(sums[row][i]);
                    results.push(units_to_half(sum));
                    if let Some(summary) = &mut summary {
                        let (bias, up) = (start(bias), i64::from(ups[row][i]));
                        // What is not positive in the sum is negative.
                        summary.add(sum - up, bias + up);
                    }
                } else {
                    let result = self.in_order(row, i, bias);
                    results.push(result);
                    if let Some(summary) = &mut summary {
                        let range = DotRange::of(self.products(row, i), start(bias));
                        summary.add_range(&range, result);
                    }
                }
            }
        }
        if let (Some(extremes), Some(summary)) = (extremes, summary) {
            extremes.merge(&summary);
        }
        results
    }

    fn bias_at(&self, row: usize, column: usize) -> f32 {
        self.bias.at(self.first_row + row, self.first + column)
    }

    /// For each column, whether no order of summation can reach the limit.
    fn is_safe(&self, row: usize) -> Vec<bool> {
        // Rounding adds at most half a unit to each product.
        let rounding = self.right.inner as f64 / 2.0 / ONE as f64;
        let limit = (LIMIT / ONE) as f64 - 1.0;
        let safe = |column: usize| {
            let bias = decode(self.bias_at(row, column)).abs();
            let lengths = self.lines[row].length * self.right.lengths[self.first + column];
            lengths + bias + rounding < limit
        };
        (0..self.width).map(safe).collect()
    }

    /// Adds the products to `sums`, and the positive ones to `ups` where there are any.
    #[inline(always)]
    fn accumulate(&self, sums: &mut [Units], ups: &mut [Units]) {
        let columns = self.right.columns;
        for k in 0..self.right.inner {
            let units = &self.right.units[k * columns + self.first..][..self.width];
            for (row, line) in self.lines.iter().enumerate() {
                let (x, least) = line.numbers[k];
                if x == 0.0 {
                    continue;
                }
                let product = |unit: f32| {
                    // Exact: the factors have 11 bits each, and half a unit fits beside their product.
                    let product = x * unit;
                    let rounded = (product + 0.5f32.copysign(product)) as i32;
                    if unit.abs() >= least { rounded } else { 0 }
                };
                match ups.get_mut(row) {
                    None => {
                        for (sum, unit) in sums[row].iter_mut().zip(units) {
                            *sum = sum.wrapping_add(product(*unit));
                        }
                    }
                    Some(ups) => {
                        let sums = sums[row].iter_mut().zip(ups);
                        for ((sum, up), unit) in sums.zip(units) {
                            let kept = product(*unit);
                            *sum = sum.wrapping_add(kept);
                            *up = up.wrapping_add(kept.max(0));
                        }
                    }
                }
            }
        }
    }

    fn products(&self, row: usize, column: usize) -> impl Iterator<Item = i64> + Clone + '_ {
        let column = self.right.column(self.first + column);
        self.lines[row].numbers.iter().zip(column).map(|((x, _), w)| product(*x, w))
    }

    fn in_order(&self, row: usize, column: usize, bias: f32) -> f32 {
        let mut accumulator = Accumulator::new(bias);
        for units in self.products(row, column) {
            accumulator.add_units(units);
            if accumulator.overflowed() {
                break;
            }
        }
        accumulator.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::accumulator::dot;
    use crate::rounding::to_half;

    /// fp16 numbers of every size, large ones rarely enough that some sums stay in range.
    fn half() -> impl Strategy<Value = f32> {
        prop_oneof![
            (-2047i32..2048, -24i32..0).prop_map(|(m, e)| to_half(f64::from(m) * 2f64.powi(e))),
            (-2047i32..2048, -24i32..6).prop_map(|(m, e)| to_half(f64::from(m) * 2f64.powi(e))),
            Just(f32::INFINITY),
            Just(0.0),
        ]
    }

    proptest! {
        #[test]
        fn products_are_bit_for_bit_those_of_the_plain_accumulator(
            inner in 0usize..20,
            values in prop::collection::vec(half(), 20 * 7 + 20 * 3 + 7),
            by_rows in any::<bool>(),
        ) {
            let (rows, columns) = (3, 7);
            let (x, rest) = values.split_at(inner * rows);
            let (w, rest) = rest.split_at(inner * columns);
            let bias = if by_rows { Bias::Rows(&rest[..rows]) } else { Bias::Columns(&rest[..columns]) };
            let right = Right::new(Matrix::dense(w, columns, inner).transposed());
            let mut out = vec![f32::NAN; rows * columns];
            let extremes = Extremes::default();
            let left = Matrix::dense(x, rows, inner);
            multiply(left, &right, bias, &mut out, Some(&extremes)).unwrap();
            let mut plain = vec![f32::NAN; rows * columns];
            multiply(left, &right, bias, &mut plain, None).unwrap();
            let mut expected = Summary::default();
            for i in 0..rows {
                for j in 0..columns {
                    let (x, w) = (&x[i * inner..][..inner], &w[j * inner..][..inner]);
                    let found = dot(x, w, bias.at(i, j));
                    prop_assert_eq!(out[i * columns + j].to_bits(), found.to_bits());
                    prop_assert_eq!(plain[i * columns + j].to_bits(), found.to_bits());
                    expected.add_range(&DotRange::new(x, w, bias.at(i, j)), found);
                }
            }
            prop_assert_eq!(extremes.summary(), expected);
        }
    }

    #[test]
    fn a_long_row_is_computed_in_blocks() {
        let columns = 2 * BLOCK + 3;
        let w: Vec<f32> = (0..columns).map(|i| i as f32).collect();
        let mut out = vec![f32::NAN; columns];
        let right = Right::new(Matrix::dense(&w, 1, columns));
        multiply(Matrix::dense(&[2.0], 1, 1), &right, Bias::None, &mut out, None).unwrap();
        assert!(out.iter().zip(&w).all(|(out, w)| *out == 2.0 * w));
        assert!(
            multiply(Matrix::dense(&[2.0; 4], 2, 2), &right, Bias::None, &mut out, None).is_err()
        );
    }
}
