//! Floating-point numbers of any width as hexadecimal text, exact in both directions.

use std::fmt::{Result, Write};

use anemone_tensor::DataType;

/// The layout of a binary floating-point type.
#[derive(Clone, Copy)]
pub(super) struct Format {
    exponent: u32,
    mantissa: u32,
    /// Whether the largest exponent holds numbers too, so that there is no infinity and one NaN.
    finite: bool,
}

impl Format {
    pub(super) fn of(dtype: DataType) -> Option<Format> {
        let (exponent, mantissa) = match dtype {
            DataType::F16 => (5, 10),
            DataType::F32 => (8, 23),
            DataType::F64 => (11, 52),
            DataType::BF16 => (8, 7),
            DataType::F8E5M2 => (5, 2),
            DataType::F8E4M3FN => (4, 3),
            _ => return None,
        };
        Some(Format { exponent, mantissa, finite: dtype == DataType::F8E4M3FN })
    }

    fn mantissa_mask(self) -> u64 {
        (1 << self.mantissa) - 1
    }

    fn exponent_mask(self) -> u64 {
        (1 << self.exponent) - 1
    }

    fn sign(self) -> u64 {
        1 << (self.exponent + self.mantissa)
    }

    /// The exponent of the smallest normal number.
    fn least(self) -> i64 {
        2 - (1 << (self.exponent - 1))
    }

    fn infinity(self) -> u64 {
        self.exponent_mask() << self.mantissa
    }

    /// The bits of the largest number.
    fn largest(self) -> u64 {
        match self.finite {
            true => (self.infinity() | self.mantissa_mask()) - 1,
            false => self.infinity() - 1,
        }
    }

    /// The mantissa of the NaN that is written without one.
    fn nan(self) -> u64 {
        match self.finite {
            true => self.mantissa_mask(),
            false => 1 << (self.mantissa - 1),
        }
    }
}

pub(super) fn write(out: &mut dyn Write, format: Format, bits: u64) -> Result {
    if bits & format.sign() != 0 {
        out.write_char('-')?;
    }
    let magnitude = bits & (format.sign() - 1);
    let mantissa = bits & format.mantissa_mask();
    if magnitude > format.largest() {
        return match mantissa {
            0 => out.write_str("inf"),
            m if m == format.nan() => out.write_str("nan"),
            m => write!(out, "nan:{m:#x}"),
        };
    }
    if magnitude == 0 {
        return out.write_str("0x0p+0");
    }
    let field = magnitude >> format.mantissa;
    let missing = match field {
        0 => mantissa.leading_zeros() + format.mantissa - 63,
        _ => 0,
    };
    let fraction = (mantissa << missing) & format.mantissa_mask();
    let exponent = format.least() + field.max(1).cast_signed() - 1 - i64::from(missing);
    out.write_str("0x1")?;
    write_fraction(out, fraction, format.mantissa)?;
    write!(out, "p{exponent:+}")
}

fn write_fraction(out: &mut dyn Write, fraction: u64, bits: u32) -> Result {
    if fraction == 0 {
        return Ok(());
    }
    let mut digits = bits.div_ceil(4);
    let mut aligned = fraction << (digits * 4 - bits);
    while aligned & 0xf == 0 {
        aligned >>= 4;
        digits -= 1;
    }
    write!(out, ".{aligned:0>width$x}", width = digits as usize)
}

/// The bits that `word` stands for, rounded to nearest; `None` where it is no number or too large.
pub(super) fn read(word: &str, format: Format, dtype: DataType) -> Option<u64> {
    let (sign, word) = match word.strip_prefix('-') {
        Some(rest) => (format.sign(), rest),
        None => (0, word),
    };
    let magnitude = match word {
        "inf" if format.finite => return None,
        "inf" => format.infinity(),
        "nan" => format.infinity() | format.nan(),
        _ => match (word.strip_prefix("nan:0x"), word.strip_prefix("0x")) {
            (Some(payload), _) => nan(payload, format)?,
            (_, Some(digits)) => hexadecimal(digits, format)?,
            _ => decimal(word, format, dtype)?,
        },
    };
    Some(sign | magnitude)
}

fn nan(payload: &str, format: Format) -> Option<u64> {
    let mantissa = u64::from_str_radix(payload, 16).ok()?;
    let bits = format.infinity().checked_add(mantissa)?;
    (bits > format.largest() && mantissa != 0 && mantissa <= format.mantissa_mask()).then_some(bits)
}

fn hexadecimal(word: &str, format: Format) -> Option<u64> {
    let (digits, exponent) = word.split_once('p').unwrap_or((word, "0"));
    let mut exponent = i64::from(exponent.parse::<i32>().ok()?);
    let (mut mantissa, mut inexact, mut point, mut any) = (0u64, false, false, false);
    for c in digits.chars() {
        if c == '.' && !point {
            point = true;
            continue;
        }
        let digit = u64::from(c.to_digit(16)?);
        any = true;
        match (mantissa >> 59 == 0, point) {
            (true, _) => {
                mantissa = mantissa << 4 | digit;
                exponent -= if point { 4 } else { 0 };
            }
            (false, _) => {
                inexact |= digit != 0;
                exponent += if point { 0 } else { 4 };
            }
        }
    }
    any.then_some(())?;
    round(mantissa, exponent, inexact, format)
}

fn decimal(word: &str, format: Format, dtype: DataType) -> Option<u64> {
    if !word.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if dtype == DataType::F32 {
        let value = word.parse::<f32>().ok()?;
        return value.is_finite().then(|| u64::from(value.to_bits()));
    }
    let value = word.parse::<f64>().ok()?;
    let bits = value.to_bits();
    let field = (bits >> 52).cast_signed();
    let fraction = bits & ((1 << 52) - 1);
    match field {
        0x7ff => None,
        0 => round(fraction, -1074, false, format),
        _ => round(fraction | 1 << 52, field - 1075, false, format),
    }
}

/// The bits of `mantissa * 2^exponent`, or of a number just above it where `inexact`.
fn round(mantissa: u64, exponent: i64, inexact: bool, format: Format) -> Option<u64> {
    if mantissa == 0 {
        return Some(0);
    }
    let top = exponent + 63 - i64::from(mantissa.leading_zeros());
    if top > format.least() + (1 << format.exponent) {
        return None;
    }
    let unit = top.max(format.least()) - i64::from(format.mantissa);
    let dropped = unit - exponent;
    let wide = u128::from(mantissa);
    let kept = match dropped {
        ..=0 => wide << u32::try_from(-dropped).ok()?,
        1..=64 => {
            let half = 1u128 << (dropped - 1);
            let rest = wide & (2 * half - 1);
            let kept = wide >> dropped;
            let up = rest > half || rest == half && (inexact || kept & 1 == 1);
            kept + u128::from(up)
        }
        _ => 0,
    };
    let steps = u64::try_from(unit + i64::from(format.mantissa) - format.least()).ok()?;
    let bits = (steps << format.mantissa).checked_add(u64::try_from(kept).ok()?)?;
    (bits <= format.largest()).then_some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(dtype: DataType, bits: u64) -> String {
        let mut out = String::new();
        write(&mut out, Format::of(dtype).unwrap(), bits).unwrap();
        out
    }

    fn bits(dtype: DataType, word: &str) -> Option<u64> {
        read(word, Format::of(dtype).unwrap(), dtype)
    }

    #[test]
    fn numbers_are_written_as_in_apple_text() {
        let cases = [
            (DataType::F16, 0x0000, "0x0p+0"),
            (DataType::F16, 0x8000, "-0x0p+0"),
            (DataType::F16, 0x3c00, "0x1p+0"),
            (DataType::F16, 0x0001, "0x1p-24"),
            (DataType::F16, 0x03ff, "0x1.ff8p-15"),
            (DataType::F16, 0x7bff, "0x1.ffcp+15"),
            (DataType::F16, 0xfc00, "-inf"),
            (DataType::F16, 0x7e00, "nan"),
            (DataType::F16, 0xfc01, "-nan:0x1"),
            (DataType::F32, 0x4049_0fdb, "0x1.921fb6p+1"),
            (DataType::F32, 0x0000_0001, "0x1p-149"),
            (DataType::F64, 0x3ff8_0000_0000_0000, "0x1.8p+0"),
            (DataType::F64, 0x7fff_ffff_ffff_ffff, "nan:0xfffffffffffff"),
            (DataType::BF16, 0x3fc0, "0x1.8p+0"),
            (DataType::F8E4M3FN, 0x7e, "0x1.cp+8"),
            (DataType::F8E4M3FN, 0x7f, "nan"),
            (DataType::F8E5M2, 0x01, "0x1p-16"),
        ];
        for (dtype, value, expected) in cases {
            assert_eq!(text(dtype, value), expected);
            assert_eq!(bits(dtype, expected), Some(value), "{expected}");
        }
    }

    #[test]
    fn every_small_float_survives() {
        for dtype in [DataType::F16, DataType::BF16, DataType::F8E4M3FN, DataType::F8E5M2] {
            for value in 0..1u64 << dtype.bits() {
                assert_eq!(bits(dtype, &text(dtype, value)), Some(value), "{dtype} {value:#x}");
            }
        }
    }

    #[test]
    fn decimals_and_long_digits_round_to_nearest_even() {
        let cases = [
            (DataType::F16, "0.1", Some(0x2e66)),
            (DataType::F16, "65504", Some(0x7bff)),
            (DataType::F16, "65519.99", Some(0x7bff)),
            (DataType::F16, "65520", None),
            (DataType::F16, "1e-30", Some(0)),
            (DataType::F16, "0x1.002p+0", Some(0x3c00)),
            (DataType::F16, "0x1.006p+0", Some(0x3c02)),
            (DataType::F16, "0x1.00200000000000000000001p+0", Some(0x3c01)),
            (DataType::F32, "0.1", Some(0x3dcc_cccd)),
            (DataType::F32, "1e39", None),
            (DataType::F64, "0.1", Some(0x3fb9_9999_9999_999a)),
            (DataType::F64, "5e-324", Some(1)),
            (DataType::F64, "0x.8", Some(0x3fe0_0000_0000_0000)),
            (DataType::F64, "0x1p-999999999", Some(0)),
            (DataType::F64, "0x1p+999999999", None),
            (DataType::F8E4M3FN, "inf", None),
            (DataType::F8E4M3FN, "449", Some(0x7e)),
            (DataType::F8E4M3FN, "480", None),
        ];
        for (dtype, word, expected) in cases {
            assert_eq!(bits(dtype, word), expected, "{dtype} {word}");
        }
        for word in
            ["", "-", "0x", "0xp1", "1.2.3", "NaN", "infinity", "--1", "nan:0x0", "0x1p", "0x1pz"]
        {
            assert_eq!(bits(DataType::F32, word), None, "{word}");
        }
    }
}
