//! What a number can be: a lowest and a highest value, and whether it can be NaN.
//!
//! Every function here gives a range that holds each result of its op on numbers of its operands'
//! ranges, in the arithmetic of IEEE 754 and in that of the Neural Engine, which reads an infinity
//! as 65536: a range that holds an infinity holds everything from 65504 on. NaN can be any number
//! there, so an op that reads one can give anything.

use serde::Serialize;

use crate::rounding::{MAX, to_half};

/// The least and the greatest number that a value can be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Range {
    /// The lowest value.
    pub lowest: f64,
    /// The highest value.
    pub highest: f64,
    /// Whether it can be NaN.
    pub nan: bool,
}

/// Larger than any finite number that fp16 holds.
const LARGEST: f64 = MAX as f64;

impl Range {
    /// Any number, infinities and NaN among them.
    pub const ANY: Range = Range { lowest: f64::NEG_INFINITY, highest: f64::INFINITY, nan: true };

    /// Any number, but not NaN.
    pub const NUMBER: Range = Range { nan: false, ..Range::ANY };

    /// From `lowest` to `highest`; anything where one of them is NaN.
    pub fn new(lowest: f64, highest: f64) -> Range {
        if lowest.is_nan() || highest.is_nan() {
            return Range::ANY;
        }
        let (lowest, highest) = (lowest.min(highest), highest.max(lowest));
        let lowest = if lowest == f64::INFINITY { LARGEST } else { lowest };
        let highest = if highest == f64::NEG_INFINITY { -LARGEST } else { highest };
        Range { lowest, highest, nan: false }
    }

    /// One number.
    pub fn point(value: f64) -> Range {
        Range::new(value, value)
    }

    /// All numbers up to this size.
    pub fn size(size: f64) -> Range {
        Range::new(-size, size)
    }

    /// Whether `value` can be.
    pub fn holds(&self, value: f64) -> bool {
        if value.is_nan() { self.nan } else { self.lowest <= value && value <= self.highest }
    }

    /// Whether every value is a finite number.
    pub fn is_finite(&self) -> bool {
        !self.nan && self.lowest.is_finite() && self.highest.is_finite()
    }

    /// The largest size of a value.
    pub fn largest(&self) -> f64 {
        self.highest.max(-self.lowest)
    }

    /// Values of either.
    pub fn join(self, other: Range) -> Range {
        Range {
            lowest: self.lowest.min(other.lowest),
            highest: self.highest.max(other.highest),
            nan: self.nan || other.nan,
        }
    }

    /// The same, and NaN where `nan` says so.
    pub(crate) fn or_nan(self, nan: bool) -> Range {
        Range { nan: self.nan || nan, ..self }
    }

    /// What an op reads: NaN can be taken for any number.
    pub(crate) fn read(self) -> Range {
        if self.nan { Range::ANY } else { self }
    }

    /// Wider by a part of its largest size, for results that are computed less exactly.
    pub(crate) fn wider(self, part: f64) -> Range {
        let by = part * self.largest();
        if by.is_finite() {
            Range { lowest: self.lowest - by, highest: self.highest + by, nan: self.nan }
        } else {
            Range { lowest: f64::NEG_INFINITY, highest: f64::INFINITY, nan: self.nan }
        }
    }

    /// What is stored as fp16: rounded outward, infinite beyond the largest number.
    pub(crate) fn stored(self) -> Range {
        let above = |value: f64| {
            let near = f64::from(to_half(value));
            if near >= value { near } else { f64::from(to_half(value + step(value))) }
        };
        let highest = if self.highest > LARGEST { f64::INFINITY } else { above(self.highest) };
        let lowest = if self.lowest < -LARGEST { f64::NEG_INFINITY } else { -above(-self.lowest) };
        Range { lowest: lowest.min(LARGEST), highest: highest.max(-LARGEST), nan: self.nan }
    }

    pub(crate) fn add(self, other: Range) -> Range {
        let (a, b) = (self.read(), other.read());
        let nan = a.nan
            || b.nan
            || (a.highest == f64::INFINITY && b.lowest == f64::NEG_INFINITY)
            || (a.lowest == f64::NEG_INFINITY && b.highest == f64::INFINITY);
        let sum = |x: f64, y: f64, clash: f64| if (x + y).is_nan() { clash } else { x + y };
        Range::new(
            sum(a.lowest, b.lowest, f64::NEG_INFINITY),
            sum(a.highest, b.highest, f64::INFINITY),
        )
        .or_nan(nan)
    }

    pub(crate) fn negated(self) -> Range {
        Range { lowest: -self.highest, highest: -self.lowest, nan: self.nan }
    }

    pub(crate) fn sub(self, other: Range) -> Range {
        self.add(other.negated())
    }

    pub(crate) fn mul(self, other: Range) -> Range {
        let (a, b) = (self.read(), other.read());
        let infinite = |range: Range| range.largest() == f64::INFINITY;
        let nan = a.nan || b.nan || (infinite(a) && b.holds(0.0)) || (infinite(b) && a.holds(0.0));
        let mut product = Range::point(times(a.lowest, b.lowest));
        for (x, y) in [(a.lowest, b.highest), (a.highest, b.lowest), (a.highest, b.highest)] {
            product = product.join(Range::point(times(x, y)));
        }
        product.or_nan(nan)
    }

    /// All products with a number.
    pub(crate) fn scaled(self, by: f64) -> Range {
        self.mul(Range::point(by))
    }

    /// Sums of `count` values, and of fewer.
    pub(crate) fn summed(self, count: f64) -> Range {
        let a = self.read();
        Range::new(times(a.lowest.min(0.0), count), times(a.highest.max(0.0), count))
            .or_nan(a.nan || (a.lowest == f64::NEG_INFINITY && a.highest == f64::INFINITY))
    }

    pub(crate) fn abs(self) -> Range {
        let a = self.read();
        let least = if a.holds(0.0) { 0.0 } else { a.lowest.abs().min(a.highest.abs()) };
        Range::new(least, a.largest()).or_nan(a.nan)
    }

    pub(crate) fn squared(self) -> Range {
        let a = self.abs();
        Range::new(a.lowest * a.lowest, a.highest * a.highest).or_nan(a.nan)
    }

    pub(crate) fn inverse(self) -> Range {
        let a = self.read();
        if a.holds(0.0) {
            return Range::NUMBER.or_nan(a.nan);
        }
        // An infinity has the inverse 0, and one beyond fp16 is read as a number.
        Range::new(1.0 / a.lowest, 1.0 / a.highest).or_nan(a.nan)
    }

    pub(crate) fn max(self, other: Range) -> Range {
        let (a, b) = (self.read(), other.read());
        Range::new(a.lowest.max(b.lowest), a.highest.max(b.highest)).or_nan(a.nan || b.nan)
    }

    pub(crate) fn min(self, other: Range) -> Range {
        self.negated().max(other.negated()).negated()
    }

    /// The values of a function that never falls.
    pub(crate) fn rising(self, function: impl Fn(f64) -> f64) -> Range {
        let a = self.read();
        Range::new(function(a.lowest), function(a.highest)).or_nan(a.nan)
    }

    /// The part from 0 up, and the part from 0 down.
    pub(crate) fn halves(self) -> (Range, Range) {
        let a = self.read();
        let zero = Range::point(0.0);
        (a.max(zero), a.min(zero))
    }
}

/// A product in which 0 stays 0.
pub(crate) fn times(x: f64, y: f64) -> f64 {
    if x == 0.0 || y == 0.0 { 0.0 } else { x * y }
}

/// At least the distance from a number to the next one of fp16.
fn step(value: f64) -> f64 {
    (value.abs() * 2f64.powi(-10)).max(2f64.powi(-24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_stored_outward() {
        let range = Range::new(-1.0 - 1e-9, 2049.0).stored();
        assert_eq!((range.lowest, range.highest), (-1.0 - 2f64.powi(-10), 2050.0));
        let exact = Range::new(-0.5, 1e-9).stored();
        assert_eq!((exact.lowest, exact.highest), (-0.5, 2f64.powi(-24)));
        let large = Range::new(70000.0, 80000.0).stored();
        assert_eq!((large.lowest, large.highest), (65504.0, f64::INFINITY));
        assert_eq!(Range::point(-1e9).stored().lowest, f64::NEG_INFINITY);
        let between = Range::new(0.0, 65510.0).stored();
        assert_eq!(between.highest, f64::INFINITY);
    }

    #[test]
    fn an_infinity_can_be_read_as_a_number() {
        let infinite = Range::point(f64::INFINITY);
        assert!(infinite.holds(65536.0) && infinite.holds(f64::INFINITY));
        assert!(infinite.sub(infinite).holds(0.0) && infinite.sub(infinite).holds(f64::NAN));
        assert!(infinite.scaled(0.0).holds(0.0) && infinite.scaled(0.0).holds(f64::NAN));
        assert!(infinite.scaled(0.5).holds(32768.0));
        assert_eq!(Range::point(f64::NEG_INFINITY).highest, -65504.0);
    }

    #[test]
    fn an_op_on_nan_can_give_anything() {
        let nan = Range::point(1.0).or_nan(true);
        assert_eq!(nan.add(Range::point(1.0)), Range::ANY);
        assert_eq!(nan.max(Range::point(1.0)).lowest, 1.0);
    }

    #[test]
    fn squares_are_not_negative() {
        let range = Range::new(-3.0, 2.0).squared();
        assert_eq!((range.lowest, range.highest), (0.0, 9.0));
    }
}
