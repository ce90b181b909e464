//! Two results of one op: how far they are apart, and how large the exact one is.

use serde::Serialize;

/// The least and the greatest exponent that a histogram tells apart.
const EXPONENTS: std::ops::RangeInclusive<i32> = -24..=16;

/// Relative errors of smaller numbers are those of a number of this size.
const SMALL: f64 = 1.0 / 16384.0;

/// Elements by the power of two below their size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Histogram {
    /// Zeros.
    pub zero: u64,
    /// Elements by exponent, from -24 (and below) to 16 (and above).
    pub exponents: Vec<u64>,
    /// Infinities.
    pub infinite: u64,
    /// NaN.
    pub nan: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        let exponents = vec![0; EXPONENTS.count()];
        Histogram { zero: 0, exponents, infinite: 0, nan: 0 }
    }
}

impl Histogram {
    fn add(&mut self, value: f32) {
        if value.is_nan() {
            self.nan += 1;
        } else if value.is_infinite() {
            self.infinite += 1;
        } else if value == 0.0 {
            self.zero += 1;
        } else {
            // Numbers that are subnormal as `f32` come to the least exponent, too.
            let exponent = ((value.to_bits() >> 23) & 0xff) as i32 - 127;
            let (low, high) = (*EXPONENTS.start(), *EXPONENTS.end());
            self.exponents[(exponent.clamp(low, high) - low) as usize] += 1;
        }
    }

    pub(crate) fn merge(&mut self, other: &Histogram) {
        self.zero += other.zero;
        self.infinite += other.infinite;
        self.nan += other.nan;
        self.exponents.iter_mut().zip(&other.exponents).for_each(|(all, part)| *all += part);
    }
}

/// How far a result is from the exact one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// The largest error.
    pub(crate) absolute: f64,
    /// The largest error as a part of the exact element.
    pub(crate) relative: f64,
    /// The largest error as a part of the largest exact element.
    pub(crate) error: f64,
    pub(crate) cosine: f64,
    /// The element with the largest error.
    pub(crate) element: usize,
    /// The largest size of an exact element, infinities apart.
    pub(crate) largest: f64,
    pub(crate) histogram: Histogram,
}

/// Compares elements that belong together. Equal infinities are equal, as are two NaN.
pub(crate) fn compare(found: &[f32], exact: &[f32]) -> Difference {
    let mut histogram = Histogram::default();
    let (mut absolute, mut relative, mut element) = (0f64, 0f64, 0);
    let (mut dot, mut squares, mut exact_squares, mut largest) = (0f64, 0f64, 0f64, 0f64);
    for (index, (found, exact)) in found.iter().zip(exact).enumerate() {
        histogram.add(*exact);
        let (x, y) = (f64::from(*found), f64::from(*exact));
        if y.is_finite() {
            largest = largest.max(y.abs());
        }
        if x.is_finite() && y.is_finite() {
            dot += x * y;
            squares += x * x;
            exact_squares += y * y;
        }
        let same = x == y || (x.is_nan() && y.is_nan());
        let apart = if same { 0.0 } else { (x - y).abs() };
        let apart = if apart.is_nan() { f64::INFINITY } else { apart };
        if apart > absolute {
            (absolute, element) = (apart, index);
        }
        relative = relative.max(apart / if y.is_finite() { y.abs().max(SMALL) } else { 1.0 });
    }
    let lengths = (squares * exact_squares).sqrt();
    let cosine = if lengths > 0.0 {
        (dot / lengths).clamp(-1.0, 1.0)
    } else if squares == exact_squares {
        1.0
    } else {
        0.0
    };
    let error = if absolute == 0.0 { 0.0 } else { absolute / largest.max(SMALL) };
    Difference { absolute, relative, error, cosine, element, largest, histogram }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_those_of_the_worst_element() {
        let found = compare(&[1.0, 2.5, 0.0, -4.0], &[1.0, 2.0, 0.0, -4.0]);
        assert_eq!((found.absolute, found.relative, found.error), (0.5, 0.25, 0.125));
        assert_eq!(found.element, 1);
        assert!(found.cosine > 0.99 && found.cosine < 1.0);
        let histogram = found.histogram;
        assert_eq!((histogram.zero, histogram.exponents[24], histogram.exponents[26]), (1, 1, 1));
    }

    #[test]
    fn infinities_and_nan_are_equal_only_to_their_like() {
        let (infinity, nan) = (f32::INFINITY, f32::NAN);
        assert_eq!(compare(&[infinity, nan], &[infinity, nan]).absolute, 0.0);
        for (found, exact) in [(infinity, 1.0), (infinity, -infinity), (nan, 1.0), (1.0, nan)] {
            let difference = compare(&[0.0, found], &[0.0, exact]);
            assert_eq!((difference.absolute, difference.element), (f64::INFINITY, 1));
        }
    }

    #[test]
    fn exponents_end_at_both_sides() {
        let mut histogram = Histogram::default();
        [1e-30, 2f32.powi(-24), 65536.0, 1e9, -f32::INFINITY, f32::NAN]
            .into_iter()
            .for_each(|value| histogram.add(value));
        assert_eq!((histogram.exponents[0], histogram.exponents[40]), (2, 2));
        assert_eq!((histogram.infinite, histogram.nan), (1, 1));
    }
}
