//! A dense row-major constant, kept in the bytes of its element type.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use thiserror::Error;

use crate::{Buffer, DataType};

/// Why bytes and a shape do not make a tensor.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TensorError {
    /// The shape's product or its bytes overflow.
    #[error("shape {shape:?} of {dtype} is too large")]
    TooLarge {
        /// The element type.
        dtype: DataType,
        /// The shape.
        shape: Vec<usize>,
    },
    /// The number of bytes is not what shape and type ask for.
    #[error("shape {shape:?} of {dtype} needs {needed} bytes, not {found}")]
    Length {
        /// The element type.
        dtype: DataType,
        /// The shape.
        shape: Vec<usize>,
        /// Bytes that the shape needs.
        needed: usize,
        /// Bytes that were given.
        found: usize,
    },
}

/// A dense constant tensor; sub-byte elements are packed, least significant bit first.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    dtype: DataType,
    shape: Vec<usize>,
    data: Buffer,
}

impl Tensor {
    /// A tensor over `data`, whose length must be exactly what `dtype` and `shape` need.
    pub fn new(dtype: DataType, shape: Vec<usize>, data: Buffer) -> Result<Tensor, TensorError> {
        let needed = shape
            .iter()
            .try_fold(1usize, |n, &d| n.checked_mul(d))
            .and_then(|count| dtype.byte_len(count));
        match needed {
            None => Err(TensorError::TooLarge { dtype, shape }),
            Some(needed) if needed != data.len() => {
                Err(TensorError::Length { dtype, shape, needed, found: data.len() })
            }
            Some(_) => Ok(Tensor { dtype, shape, data }),
        }
    }

    /// A tensor of `dtype` whose elements are `values`, converted (ints saturate, floats round).
    pub fn from_f64(
        dtype: DataType,
        shape: Vec<usize>,
        values: impl IntoIterator<Item = f64>,
    ) -> Result<Tensor, TensorError> {
        let mut bytes = Vec::new();
        let mut bit = 0usize;
        for value in values {
            push(dtype, value, &mut bytes, &mut bit);
        }
        Tensor::new(dtype, shape, Buffer::from_bytes(&bytes))
    }

    /// An `int32` tensor of rank 1.
    pub fn from_ints(values: &[i64]) -> Tensor {
        Tensor::from_f64(DataType::I32, vec![values.len()], values.iter().map(|&v| v as f64))
            .expect("a vector's length is its shape")
    }

    /// The element type.
    pub fn dtype(&self) -> DataType {
        self.dtype
    }

    /// The shape; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of elements.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// The packed bytes.
    pub fn data(&self) -> &Buffer {
        &self.data
    }

    /// The same bytes under another shape with as many elements.
    pub fn reshaped(&self, shape: Vec<usize>) -> Result<Tensor, TensorError> {
        Tensor::new(self.dtype, shape, self.data.clone())
    }

    /// Element `index` as `f64` (exact for every type but 64-bit integers).
    pub fn get_f64(&self, index: usize) -> f64 {
        let bytes: &[u8] = &self.data;
        match self.dtype {
            DataType::F32 => f64::from(f32::from_le_bytes(at(bytes, index))),
            DataType::F16 => f64::from(f16::from_le_bytes(at(bytes, index))),
            DataType::BF16 => f64::from(bf16::from_le_bytes(at(bytes, index))),
            DataType::F64 => f64::from_le_bytes(at(bytes, index)),
            DataType::F8E4M3FN => f8_e4m3fn(bytes[index]),
            DataType::F8E5M2 => f64::from(f16::from_bits(u16::from(bytes[index]) << 8)),
            _ => self.get_i64(index) as f64,
        }
    }

    /// Element `index` as `i64`; floats are truncated, `u64` above the range saturates.
    pub fn get_i64(&self, index: usize) -> i64 {
        let bytes: &[u8] = &self.data;
        match self.dtype {
            DataType::Bool => i64::from(bytes[index] != 0),
            DataType::I8 => i64::from(bytes[index] as i8),
            DataType::U8 => i64::from(bytes[index]),
            DataType::I16 => i64::from(i16::from_le_bytes(at(bytes, index))),
            DataType::U16 => i64::from(u16::from_le_bytes(at(bytes, index))),
            DataType::I32 => i64::from(i32::from_le_bytes(at(bytes, index))),
            DataType::U32 => i64::from(u32::from_le_bytes(at(bytes, index))),
            DataType::I64 => i64::from_le_bytes(at(bytes, index)),
            DataType::U64 => u64::from_le_bytes(at(bytes, index)).min(i64::MAX as u64) as i64,
            DataType::I4 => {
                let raw = packed(bytes, index, 4);
                if raw >= 8 { raw - 16 } else { raw }
            }
            DataType::U1 | DataType::U2 | DataType::U3 | DataType::U4 | DataType::U6 => {
                packed(bytes, index, self.dtype.bits())
            }
            _ => self.get_f64(index) as i64,
        }
    }

    /// All elements as `f32`.
    pub fn to_f32(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.count()];
        self.read_f32(0, &mut values);
        values
    }

    /// The elements from `start` on as `f32`, as many as `values` holds.
    pub fn read_f32(&self, start: usize, values: &mut [f32]) {
        let end = start + values.len();
        let bytes = |width: usize| &self.data[start * width..end * width];
        match self.dtype {
            DataType::F32 => fill(values, bytes(4), f32::from_le_bytes),
            DataType::F16 => {
                for (values, bytes) in values.chunks_mut(256).zip(bytes(2).chunks(512)) {
                    let mut halves = [f16::ZERO; 256];
                    let (elements, _) = bytes.as_chunks::<2>();
                    let pairs = halves.iter_mut().zip(elements);
                    pairs.for_each(|(half, bytes)| *half = f16::from_le_bytes(*bytes));
                    halves[..values.len()].convert_to_f32_slice(values);
                }
            }
            DataType::I8 => fill(values, bytes(1), |[b]| f32::from(b as i8)),
            DataType::U8 => fill(values, bytes(1), |[b]| f32::from(b)),
            _ => {
                for (i, value) in values.iter_mut().enumerate() {
                    *value = self.get_f64(start + i) as f32;
                }
            }
        }
    }

    /// All elements as `i64`; floats are truncated.
    pub fn to_i64(&self) -> Vec<i64> {
        (0..self.count()).map(|i| self.get_i64(i)).collect()
    }
}

fn fill<const N: usize>(values: &mut [f32], bytes: &[u8], decode: impl Fn([u8; N]) -> f32) {
    let (elements, _) = bytes.as_chunks::<N>();
    values.iter_mut().zip(elements).for_each(|(value, element)| *value = decode(*element));
}

fn at<const N: usize>(bytes: &[u8], index: usize) -> [u8; N] {
    bytes[index * N..index * N + N].try_into().expect("the range has N bytes")
}

fn packed(bytes: &[u8], index: usize, bits: usize) -> i64 {
    let mut value = 0;
    for i in 0..bits {
        let bit = index * bits + i;
        value |= i64::from(bytes[bit / 8] >> (bit % 8) & 1) << i;
    }
    value
}

fn f8_e4m3fn(byte: u8) -> f64 {
    let sign = if byte & 0x80 == 0 { 1.0 } else { -1.0 };
    let (exponent, mantissa) = (i32::from(byte >> 3 & 15), f64::from(byte & 7));
    match (exponent, byte & 7) {
        (15, 7) => f64::NAN,
        (0, _) => sign * mantissa * 2f64.powi(-9),
        _ => sign * (1.0 + mantissa / 8.0) * 2f64.powi(exponent - 7),
    }
}

fn push(dtype: DataType, value: f64, bytes: &mut Vec<u8>, bit: &mut usize) {
    match dtype {
        DataType::F32 => bytes.extend((value as f32).to_le_bytes()),
        DataType::F16 => bytes.extend(f16::from_f64(value).to_le_bytes()),
        DataType::BF16 => bytes.extend(bf16::from_f64(value).to_le_bytes()),
        DataType::F64 => bytes.extend(value.to_le_bytes()),
        DataType::Bool => bytes.push(u8::from(value != 0.0)),
        DataType::String | DataType::F8E4M3FN | DataType::F8E5M2 => {
            bytes.push(nearest_f8(dtype, value))
        }
        _ => {
            let (low, high) = dtype.int_range().expect("the other types are integers");
            let value = (value as i64).clamp(low, high);
            let bits = dtype.bits();
            if bits.is_multiple_of(8) {
                bytes.extend(&value.to_le_bytes()[..bits / 8]);
            } else {
                for i in 0..bits {
                    if bit.is_multiple_of(8) {
                        bytes.push(0);
                    }
                    let last = bytes.len() - 1;
                    bytes[last] |= ((value >> i & 1) as u8) << (*bit % 8);
                    *bit += 1;
                }
            }
        }
    }
}

/// The 8-bit float nearest to `value`, ties to even; out of range gives the type's NaN or infinity.
fn nearest_f8(dtype: DataType, value: f64) -> u8 {
    let decode = |b: u8| match dtype {
        DataType::F8E4M3FN => f8_e4m3fn(b),
        _ => f64::from(f16::from_bits(u16::from(b) << 8)),
    };
    let sign = if value.is_sign_negative() { 0x80 } else { 0 };
    let limit = if dtype == DataType::F8E4M3FN { 0x7e } else { 0x7b };
    let magnitude = value.abs();
    if value.is_nan() || magnitude > decode(limit) * (1.0 + 1.0 / 16.0) {
        return sign | (limit + 1);
    }
    let above = (0..=limit).find(|&b| decode(b) >= magnitude).unwrap_or(limit);
    let below = if decode(above) == magnitude { above } else { above.saturating_sub(1) };
    let (down, up) = (magnitude - decode(below), decode(above) - magnitude);
    sign | if down < up || (down == up && below % 2 == 0) { below } else { above }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_numeric_type_keeps_small_integers() {
        for &dtype in DataType::ALL {
            if dtype == DataType::String {
                continue;
            }
            let high = dtype.int_range().map_or(7, |(_, high)| high.min(7));
            let values: Vec<f64> = (0..=high).chain([0, high, 1]).map(|v| v as f64).collect();
            let tensor = Tensor::from_f64(dtype, vec![values.len()], values.clone()).unwrap();
            let found: Vec<f64> = (0..values.len()).map(|i| tensor.get_f64(i)).collect();
            assert_eq!(found, values, "{dtype}");
        }
    }

    #[test]
    fn four_bit_integers_are_low_nibble_first() {
        let tensor = Tensor::new(DataType::I4, vec![3], Buffer::from_bytes(&[0xf1, 0x08])).unwrap();
        assert_eq!(tensor.to_i64(), [1, -1, -8]);
    }

    #[test]
    fn eight_bit_floats() {
        assert_eq!(f8_e4m3fn(0x7e), 448.0);
        assert_eq!(f8_e4m3fn(0x01), 2f64.powi(-9));
        assert_eq!(nearest_f8(DataType::F8E4M3FN, -448.0), 0xfe);
        assert_eq!(nearest_f8(DataType::F8E5M2, 57344.0), 0x7b);
        assert_eq!(nearest_f8(DataType::F8E5M2, f64::INFINITY), 0x7c);
    }

    #[test]
    fn a_wrong_length_is_refused() {
        let data = Buffer::from_bytes(&[0; 7]);
        let found = Tensor::new(DataType::F32, vec![2], data);
        assert!(matches!(found, Err(TensorError::Length { needed: 8, found: 7, .. })));
        let huge = Tensor::new(DataType::U1, vec![usize::MAX, 2], Buffer::from_bytes(&[]));
        assert!(matches!(huge, Err(TensorError::TooLarge { .. })));
    }
}
