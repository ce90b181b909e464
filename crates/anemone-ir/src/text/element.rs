//! One number of an element type as text and as bits, and its place in packed bytes.

use std::fmt::{Result, Write};

use anemone_tensor::DataType;

use super::float::{self, Format};

/// Writes the number whose bits are `bits`.
pub(super) fn write(out: &mut dyn Write, dtype: DataType, bits: u64) -> Result {
    match Format::of(dtype) {
        Some(format) => float::write(out, format, bits),
        None => write!(out, "{}", integer(dtype, bits)),
    }
}

/// The bits of the number that `word` stands for, where `dtype` can hold it.
pub(super) fn read(word: &str, dtype: DataType) -> Option<u64> {
    if let Some(format) = Format::of(dtype) {
        return float::read(word, format, dtype);
    }
    let width = u32::try_from(dtype.bits()).ok().filter(|_| dtype.is_int())?;
    let value: i128 = match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok()?.into(),
        None => word.parse().ok()?,
    };
    let size = 1i128 << width;
    let least = if dtype.is_unsigned() { 0 } else { -size / 2 };
    (least..least + size).contains(&value).then(|| value.rem_euclid(size))?.try_into().ok()
}

/// The integer whose bits are `bits`.
pub(super) fn integer(dtype: DataType, bits: u64) -> i128 {
    let value = i128::from(bits);
    let size = 1i128 << dtype.bits();
    if !dtype.is_unsigned() && value >= size / 2 { value - size } else { value }
}

/// Whether numbers of this type have bits: all but text and truth values.
pub(super) fn is_number(dtype: DataType) -> bool {
    dtype.is_int() || dtype.is_float()
}

/// Bits `index * width ..` of `bytes`, least significant first; bits past the end are zero.
pub(super) fn unpack(bytes: &[u8], index: usize, width: usize) -> u64 {
    let bit = |i: usize| bytes.get(i / 8).map_or(0, |b| u64::from(b >> (i % 8) & 1));
    if width.is_multiple_of(8) {
        let size = width / 8;
        let element = bytes.iter().skip(index * size).take(size).rev();
        return element.fold(0, |all, b| all << 8 | u64::from(*b));
    }
    (0..width).rev().fold(0, |all, i| all << 1 | bit(index * width + i))
}

/// Elements packed one after the other, least significant bit first.
pub(super) struct Packed {
    bytes: Vec<u8>,
    width: usize,
    bits: usize,
}

impl Packed {
    pub(super) fn new(dtype: DataType) -> Packed {
        Packed { bytes: Vec::new(), width: dtype.bits(), bits: 0 }
    }

    pub(super) fn push(&mut self, value: u64) {
        if self.width.is_multiple_of(8) {
            self.bytes.extend(value.to_le_bytes().iter().take(self.width / 8));
            return;
        }
        for i in 0..self.width {
            if self.bits.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let (Some(last), 1) = (self.bytes.last_mut(), value >> i & 1) {
                *last |= 1 << (self.bits % 8);
            }
            self.bits += 1;
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_stay_in_their_range() {
        let cases = [
            (DataType::I4, "-8", Some(8)),
            (DataType::I4, "8", None),
            (DataType::U3, "7", Some(7)),
            (DataType::I8, "-1", Some(0xff)),
            (DataType::U8, "0xff", Some(0xff)),
            (DataType::U8, "-1", None),
            (DataType::U64, "18446744073709551615", Some(u64::MAX)),
            (DataType::I64, "-9223372036854775808", Some(1 << 63)),
            (DataType::I64, "9223372036854775808", None),
            (DataType::I32, "1.0", None),
            (DataType::String, "1", None),
        ];
        for (dtype, word, expected) in cases {
            assert_eq!(read(word, dtype), expected, "{dtype} {word}");
        }
    }

    #[test]
    fn packed_elements_are_found_again() {
        for &dtype in DataType::ALL.iter().filter(|t| is_number(**t)) {
            let mut packed = Packed::new(dtype);
            let mask = u64::MAX >> (64 - dtype.bits());
            let values: Vec<u64> =
                (0..11u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask).collect();
            values.iter().for_each(|v| packed.push(*v));
            let bytes = packed.into_bytes();
            assert_eq!(Some(bytes.len()), dtype.byte_len(11));
            let found: Vec<u64> = (0..11).map(|i| unpack(&bytes, i, dtype.bits())).collect();
            assert_eq!(found, values, "{dtype}");
        }
    }
}
