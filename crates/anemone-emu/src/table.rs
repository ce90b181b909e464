//! The 33-point tables of activation functions, straight lines between their points.
//!
//! The grids, and that points are the function rounded to fp16, were read from compiled programs for
//! M6 by 751K's microarchitecture study (MIT), `notes/numerics.md` F3b; that the tables have 33
//! points is also reported of M4 (maderix, part 4).
//!
//! How a line is computed is inferred: slope, step and sum are each rounded to fp16, and a table with
//! negative arguments is walked from its middle outwards. With it the largest errors that the study
//! measured come out digit by digit (see the tests of `functions`).
//!
//! Points of `gelu` and `silu` are fitted, and of their values only three are published. Here they
//! are the least squares fit over fp16 numbers ([`Table::fitted`]), which is inferred from those
//! values and from the places where the measured error vanishes.

use crate::rounding::to_half;

/// Points of a table.
pub const POINTS: usize = 33;
const STEPS: f64 = (POINTS - 1) as f64;

/// Values of a function on evenly spaced points, in fp16.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    first: f64,
    last: f64,
    points: [f32; POINTS],
}

impl Table {
    /// The function on a grid from `first` to `last`, each value rounded to fp16.
    pub fn sampled(first: f64, last: f64, f: impl Fn(f64) -> f64) -> Table {
        let at = |i: usize| first + (last - first) * i as f64 / STEPS;
        Table { first, last, points: std::array::from_fn(|i| to_half(f(at(i)))) }
    }

    /// The points from `-last` to `last` whose lines are closest to the function in the sense of
    /// least squares, on zero and every 32nd normal fp16 number of either sign.
    pub fn fitted(last: f64, f: impl Fn(f64) -> f64) -> Table {
        let first = -last;
        // Each sample weighs on two neighbouring points, so the normal equations have three diagonals.
        let (mut middle, mut beside) = ([0.0; POINTS], [0.0; POINTS]);
        let mut right = [0.0; POINTS];
        for x in samples(last) {
            let position = (x - first) / (last - first) * STEPS;
            let k = (position as usize).min(POINTS - 2);
            let (b, y) = (position - k as f64, f(x));
            let a = 1.0 - b;
            middle[k] += a * a;
            middle[k + 1] += b * b;
            beside[k] += a * b;
            right[k] += a * y;
            right[k + 1] += b * y;
        }
        for k in 1..POINTS {
            let factor = beside[k - 1] / middle[k - 1];
            middle[k] -= factor * beside[k - 1];
            right[k] -= factor * right[k - 1];
        }
        let mut points = [0.0; POINTS];
        let mut next = 0.0;
        for k in (0..POINTS).rev() {
            next = (right[k] - beside[k] * next) / middle[k];
            points[k] = to_half(next);
        }
        Table { first, last, points }
    }

    /// The points' values.
    pub fn points(&self) -> &[f32; POINTS] {
        &self.points
    }

    /// The value at `x`, which is cut to the grid.
    pub fn at(&self, x: f64) -> f32 {
        let x = x.clamp(self.first, self.last);
        let width = self.last - self.first;
        if self.first < 0.0 && x < 0.0 {
            return line((self.last - x) / width * STEPS, |i| self.points[POINTS - 1 - i]);
        }
        line((x - self.first) / width * STEPS, |i| self.points[i])
    }
}

/// The value on the line between the two points around `position`.
fn line(position: f64, point: impl Fn(usize) -> f32) -> f32 {
    let k = (position as usize).min(POINTS - 2);
    let (from, to) = (f64::from(point(k)), f64::from(point(k + 1)));
    let slope = to_half(to - from);
    let step = to_half((position - k as f64) * f64::from(slope));
    to_half(from + f64::from(step))
}

/// Zero and, of each sign, every 32nd normal fp16 number up to `last`.
fn samples(last: f64) -> impl Iterator<Item = f64> {
    let sizes =
        (-14..16).flat_map(|e| (0..32).map(move |m| (1.0 + f64::from(m) / 32.0) * 2f64.powi(e)));
    let sizes = sizes.filter(move |size| *size <= last);
    std::iter::once(0.0).chain(sizes.flat_map(|size| [size, -size]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_of_a_broken_line_is_that_line() {
        let table = Table::fitted(8.0, |x| if x < 0.0 { -x } else { 2.0 * x });
        assert_eq!(table.points()[0], 8.0);
        assert_eq!(table.points()[16], 0.0);
        assert_eq!(table.points()[32], 16.0);
        assert_eq!(table.at(-0.25), 0.25);
        assert_eq!(table.at(20.0), 16.0);
    }

    #[test]
    fn points_are_met() {
        let table = Table::sampled(0.0, 4.0, f64::tanh);
        for i in 0..POINTS {
            assert_eq!(table.at(i as f64 / 8.0), table.points()[i]);
        }
    }
}
