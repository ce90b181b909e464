//! How the engine reads and writes fp16: every exponent is a number's exponent, and ties go away
//! from zero.
//!
//! Measured on M4 and M6 by 751K's microarchitecture study (MIT), `notes/numerics.md` and
//! `data/06_numerics/numerics3_m6.txt`, `numerics4_m6.txt`, for both the planar engine (element by
//! element) and the multiply-accumulate path: 2049 → 2050, -2049 → -2050, 1 + 2^-11 → 1 + 2^-10;
//! subnormal numbers are kept; inf reads as 2^16, NaN 0x7E00 as 1.5·2^16, so that NaN + 1 is inf.
//!
//! Values are `f32` that fp16 can hold, infinities among them.

/// The largest finite fp16 number.
pub const MAX: f32 = 65504.0;

/// From here on a number rounds to infinity: half a step above [`MAX`].
const OVERFLOW: f64 = 65520.0;

/// The fp16 number nearest to `value`, of two equally near the one further from zero. NaN stays.
pub fn to_half(value: f64) -> f32 {
    let size = value.abs();
    if size >= OVERFLOW {
        return f32::INFINITY.copysign(value as f32);
    }
    if value.is_nan() {
        return f32::NAN;
    }
    let spacing = spacing(size);
    let steps = size / spacing;
    let whole = steps.trunc();
    let nearest = if steps - whole >= 0.5 { whole + 1.0 } else { whole };
    ((nearest * spacing) as f32).copysign(value as f32)
}

/// The distance of neighbouring fp16 numbers around one of this size.
fn spacing(size: f64) -> f64 {
    let exponent = (size.to_bits() >> 52) as i64 - 1023;
    power_of_two(exponent.max(-14) - 10)
}

/// 2^`exponent`, for exponents of normal numbers.
fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// What the engine takes an fp16 number for: infinities and NaN are finite numbers from 2^16 on.
pub fn decode(value: f32) -> f64 {
    if value.is_finite() {
        return value.into();
    }
    let mantissa = f64::from((value.to_bits() >> 13) & 0x3ff);
    (65536.0 + 64.0 * mantissa).copysign(if value.is_sign_negative() { -1.0 } else { 1.0 })
}

/// The nearest fp16 number, of two equally near the even one: how compilers and hosts convert what
/// they hand to the engine.
pub fn to_half_even(value: f32) -> f32 {
    let away = to_half(value.into());
    if !away.is_finite() || away == value {
        return away;
    }
    let spacing = spacing(f64::from(value).abs()) as f32;
    let is_tie = (value.abs() - away.abs()).abs() == spacing / 2.0;
    let is_odd = (away.abs() / spacing) % 2.0 == 1.0;
    if is_tie && is_odd { (away.abs() - spacing).copysign(value) } else { away }
}

/// Rounds in place, ties away from zero.
pub(crate) fn round(values: &mut [f32]) {
    values.iter_mut().for_each(|value| *value = to_half((*value).into()));
}

/// Rounds in place, ties to even.
pub(crate) fn round_even(values: &mut [f32]) {
    values.iter_mut().for_each(|value| *value = to_half_even(*value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_away_from_zero_and_subnormal_numbers_stay() {
        for (value, half) in [
            (2049.0, 2050.0),
            (-2049.0, -2050.0),
            (2051.0, 2052.0),
            (4098.0, 4100.0),
            (1.0 + 2f64.powi(-11), 1.0 + 2f32.powi(-10)),
            (1.0 + 2f64.powi(-12), 1.0),
            (2f64.powi(-24), 2f32.powi(-24)),
            (2f64.powi(-25), 2f32.powi(-24)),
            (2f64.powi(-25) - 2f64.powi(-60), 0.0),
            (65504.0, 65504.0),
            (65519.0, 65504.0),
            (65520.0, f32::INFINITY),
            (-1e9, f32::NEG_INFINITY),
            (40001.0, 40000.0),
        ] {
            assert_eq!(to_half(value), half, "{value}");
        }
        assert!(to_half(f64::NAN).is_nan());
        assert!(to_half(-0.0).is_sign_negative());
    }

    #[test]
    fn infinities_and_nan_read_as_large_numbers() {
        assert_eq!(decode(f32::INFINITY), 65536.0);
        assert_eq!(decode(f32::NEG_INFINITY), -65536.0);
        assert_eq!(decode(f32::NAN.abs()), 1.5 * 65536.0);
        assert_eq!(decode(f32::from_bits(0x7fff_e000)), 131_008.0);
        assert_eq!(to_half(decode(f32::NAN.abs()) + 1.0), f32::INFINITY);
        assert_eq!(decode(-3.5), -3.5);
    }

    /// Every fp16 number is itself, and every value between two neighbours goes to the nearer.
    #[test]
    fn every_number_of_the_format_stays_itself() {
        let half = |bits: u32| match bits >> 10 {
            0 => bits as f32 * 2f32.powi(-24),
            exponent => {
                (1024 + (bits & 0x3ff)) as f32 * 2f32.powi(i32::try_from(exponent).unwrap() - 25)
            }
        };
        for bits in 0..0x7bff {
            let (low, high) = (half(bits), half(bits + 1));
            let (a, b) = (f64::from(low), f64::from(high));
            assert_eq!(to_half(a), low);
            assert_eq!(to_half(-a), -low);
            assert_eq!(to_half((a + b) / 2.0), high);
            assert_eq!(to_half(a + (b - a) * 0.499), low);
            assert_eq!(to_half(a + (b - a) * 0.501), high);
            let even = if bits % 2 == 0 { low } else { high };
            assert_eq!(to_half_even(((a + b) / 2.0) as f32), even, "{a} {b}");
        }
    }
}
