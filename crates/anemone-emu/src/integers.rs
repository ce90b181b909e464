//! The accumulator of convolutions and products of 8-bit activations and 8-bit weights (W8A8):
//! a 32-bit integer, and the scale last.
//!
//! Measured on M6 by 751K's microarchitecture study (MIT), `notes/numerics.md` H50: a sum of 2^30
//! is exact, one of 2^31 is infinite whatever the scale; results above 32768 are fine, as the
//! fixed-point accumulator has no part in it. That it holds from h16 (A17 Pro, M4) on follows from
//! the same mode of the hardware there (maderix), and is inferred.

use crate::rounding::to_half;

/// A sum of this size overflows: what a 32-bit integer cannot hold.
pub const LIMIT: i64 = 1 << 31;

/// The sum of products of integers in the order of the index, times `scale`, plus `bias`.
pub fn dot(x: &[i32], w: &[i32], scale: f64, bias: f32) -> f32 {
    let mut sum = 0i64;
    for (x, w) in x.iter().zip(w) {
        sum += i64::from(*x) * i64::from(*w);
        if sum.abs() >= LIMIT {
            return f32::INFINITY.copysign((sum as f64 * scale) as f32);
        }
    }
    to_half(sum as f64 * scale + f64::from(bias))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` products of `x` and `w`, with a scale of 2^-`bits` for each side.
    fn all(count: usize, x: i32, w: i32, bits: i32) -> f32 {
        dot(&vec![x; count], &vec![w; count], 2f64.powi(-2 * bits), 0.0)
    }

    /// H50, rounds 1 to 3.
    #[test]
    fn published_sums() {
        assert_eq!(all(2048, 127, 127, 7), 2016.0);
        assert_eq!(all(16384, 127, 127, 6), 64512.0);
        assert_eq!(all(65536, 127, 127, 8), 16128.0);
        assert_eq!(all(65536, -128, -128, 8), 16384.0);
        assert_eq!(all(65536, -128, -128, 9), 4096.0);
        for bits in [8, 9] {
            assert_eq!(all(2 * 65536, -128, -128, bits), f32::INFINITY);
            assert_eq!(all(3 * 65536, -128, -128, bits), f32::INFINITY);
        }
        let (mut x, w) = (vec![127; 4096], vec![127; 4096]);
        x[2048..].fill(-127);
        assert_eq!(dot(&x, &w, 1.0, 0.0), 0.0);
    }
}
