//! The accumulator of convolutions and products: 32-bit fixed point with 16 fraction bits.
//!
//! Measured on M4 and M6, bit by bit and alike on both, by 751K's microarchitecture study (MIT):
//! `notes/numerics.md` with H11 (bias) and H12 (small products). That M1 to M5 overflow between
//! 32752 and 32768, too, is reported by ANEForge (`bench/results/ROOFLINES.md`); the rest is not
//! known of M1 to M3. Bryngelson (arXiv 2606.22283) describes another accumulator on M1.
//!
//! - A product is dropped where the exponents of its factors sum to -17 or less (those of subnormal
//!   numbers count as -14), whatever its value; else it is rounded to 2^-16, ties away from zero.
//! - The bias, rounded alike, is what the accumulator starts with.
//! - Once the sum reaches 32768 in size it is an infinity, and stays one.
//! - The result is rounded to fp16, ties away from zero. There is no negative zero.
//!
//! The order in which the engine sums is not published. Here it is the order of the index, and
//! [`DotRange`] tells what any order could do.

use serde::Serialize;

use crate::order::none_is_safe;
use crate::rounding::{decode, to_half};

/// Accumulator units in 1.
pub const ONE: i64 = 1 << 16;

/// A partial sum of this size, in units, overflows: 32768.
pub const LIMIT: i64 = 1 << 31;

/// A number as a whole mantissa times 2^(exponent - 10), and the exponent.
fn parts(value: f32) -> (i64, i32) {
    let decoded = decode(value);
    let exponent = ((decoded.abs().to_bits() >> 52) as i32 - 1023).max(-14);
    let mantissa = decoded * 2f64.powi(10 - exponent);
    (mantissa as i64, exponent)
}

/// What the product of two fp16 numbers adds, in units.
pub fn product(x: f32, w: f32) -> i64 {
    let ((a, b), (c, d)) = (parts(x), parts(w));
    let exponent = b + d;
    if exponent <= -17 {
        return 0;
    }
    // a * c * 2^(exponent - 20 + 16)
    match exponent - 4 {
        up @ 0.. => (a * c) << up,
        down => shifted_down(a * c, down.unsigned_abs()),
    }
}

/// `value` divided by 2^`bits`, rounded, ties away from zero.
fn shifted_down(value: i64, bits: u32) -> i64 {
    let size = (value.unsigned_abs() + (1 << (bits - 1))) >> bits;
    size as i64 * value.signum()
}

/// A bias in units.
pub fn start(bias: f32) -> i64 {
    let units = decode(bias) * ONE as f64;
    let whole = units.trunc();
    let away = if (units - whole).abs() >= 0.5 { whole + units.signum() } else { whole };
    away as i64
}

/// The accumulator of one result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accumulator {
    sum: i64,
    /// -1 or 1 once it has overflowed.
    stuck: i64,
}

impl Accumulator {
    /// Starts with a bias.
    pub fn new(bias: f32) -> Accumulator {
        let mut accumulator = Accumulator { sum: 0, stuck: 0 };
        accumulator.add_units(start(bias));
        accumulator
    }

    /// Adds a product.
    pub fn add(&mut self, x: f32, w: f32) {
        self.add_units(product(x, w));
    }

    /// Adds a product that is given in units.
    pub(crate) fn add_units(&mut self, units: i64) {
        if self.stuck == 0 {
            self.sum += units;
            if self.sum.abs() >= LIMIT {
                self.stuck = self.sum.signum();
            }
        }
    }

    /// Whether a partial sum has overflowed.
    pub fn overflowed(&self) -> bool {
        self.stuck != 0
    }

    /// The result.
    pub fn finish(self) -> f32 {
        match self.stuck {
            0 => units_to_half(self.sum),
            sign => f32::INFINITY * sign as f32,
        }
    }
}

/// A sum that did not overflow, as it is stored.
pub(crate) fn units_to_half(sum: i64) -> f32 {
    to_half(sum as f64 / ONE as f64)
}

/// The sum of products in the order of the index, from a bias on.
pub fn dot(x: &[f32], w: &[f32], bias: f32) -> f32 {
    let mut accumulator = Accumulator::new(bias);
    x.iter().zip(w).for_each(|(x, w)| accumulator.add(*x, *w));
    accumulator.finish()
}

/// Whether sums overflow, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// In no order.
    Never,
    /// In some order; none is shown to be unavoidable.
    DependsOnOrder,
    /// In every order.
    Always,
}

/// What partial sums of one result can be, over all orders of its products: the bias and all that
/// is negative, the bias and all that is positive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DotRange {
    /// The lowest partial sum of any order, in units.
    pub lowest: i64,
    /// The highest partial sum of any order, in units.
    pub highest: i64,
    /// The whole sum, in units.
    pub sum: i64,
    /// The bias, in units.
    pub bias: i64,
    /// The largest size of a single product, in units.
    pub largest: i64,
    /// Whether every order is shown to overflow though bias and sum are in range.
    pub is_unavoidable: bool,
}

impl DotRange {
    /// The range of a sum of products.
    pub fn new(x: &[f32], w: &[f32], bias: f32) -> DotRange {
        DotRange::of(x.iter().zip(w).map(|(x, w)| product(*x, *w)), start(bias))
    }

    /// The range of a sum of products that are given in units.
    pub(crate) fn of(products: impl Iterator<Item = i64> + Clone, bias: i64) -> DotRange {
        let (lowest, highest, sum) = (bias, bias, bias);
        let mut range = DotRange { lowest, highest, sum, bias, largest: 0, is_unavoidable: false };
        for units in products.clone() {
            range.lowest = range.lowest.saturating_add(units.min(0));
            range.highest = range.highest.saturating_add(units.max(0));
            range.sum = range.sum.saturating_add(units);
            range.largest = range.largest.max(units.abs());
        }
        let is_open = range.largest >= LIMIT && range.verdict() == Verdict::DependsOnOrder;
        range.is_unavoidable = is_open && none_is_safe(products, bias, range.sum);
        range
    }

    /// Whether the sum overflows. Every order does where the bias or the whole sum is out of range,
    /// where a product takes any sum that is still in range out of it, or where large products
    /// leave no way.
    pub fn verdict(&self) -> Verdict {
        let ends = self.sum.abs() >= LIMIT || self.bias.abs() >= LIMIT;
        if self.lowest > -LIMIT && self.highest < LIMIT {
            Verdict::Never
        } else if ends || self.largest >= 2 * LIMIT || self.is_unavoidable {
            Verdict::Always
        } else {
            Verdict::DependsOnOrder
        }
    }
}

#[cfg(test)]
mod tests;
