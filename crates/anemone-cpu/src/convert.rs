//! Values at the border: declared element types outside, engine storage inside.

use anemone_engine::{Array, Memory, OutputMemory, RunError};
use anemone_tensor::{BufferMut, DataType, Tensor};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use crate::array::{Data, DataMut};

/// Decodes an input of its declared type into engine storage of the same number of elements.
pub(crate) fn load(array: &Array, out: &mut DataMut<'_>) -> Result<(), String> {
    let tensor;
    let bytes = match array.dense_bytes() {
        Some(bytes) => bytes,
        None => {
            tensor = array.to_tensor();
            tensor.data()
        }
    };
    match (array.dtype(), out) {
        (DataType::F32, DataMut::F32(out)) => {
            each(out, bytes, |c: [u8; 4]| f32::from_le_bytes(c));
        }
        (DataType::F16, DataMut::F32(out)) => {
            each(out, bytes, |c: [u8; 2]| f16::from_le_bytes(c).to_f32());
        }
        (DataType::BF16, DataMut::F32(out)) => {
            each(out, bytes, |c: [u8; 2]| bf16::from_le_bytes(c).to_f32());
        }
        (DataType::F64, DataMut::F32(out)) => {
            each(out, bytes, |c: [u8; 8]| f64::from_le_bytes(c) as f32);
        }
        (DataType::I32, DataMut::I32(out)) => {
            each(out, bytes, |c: [u8; 4]| i32::from_le_bytes(c));
        }
        (DataType::I16, DataMut::I32(out)) => {
            each(out, bytes, |c: [u8; 2]| i16::from_le_bytes(c).into());
        }
        (DataType::U16, DataMut::I32(out)) => {
            each(out, bytes, |c: [u8; 2]| u16::from_le_bytes(c).into());
        }
        (DataType::I8, DataMut::I32(out)) => each(out, bytes, |c: [u8; 1]| (c[0] as i8).into()),
        (DataType::U8, DataMut::I32(out)) => each(out, bytes, |c: [u8; 1]| c[0].into()),
        (DataType::Bool, DataMut::Bool(out)) => each(out, bytes, |c: [u8; 1]| u8::from(c[0] != 0)),
        (dtype, _) => return Err(format!("values of {dtype} are not supported")),
    }
    Ok(())
}

fn each<T, const N: usize>(out: &mut [T], bytes: &[u8], decode: impl Fn([u8; N]) -> T) {
    let (chunks, _) = bytes.as_chunks::<N>();
    out.iter_mut().zip(chunks).for_each(|(o, c)| *o = decode(*c));
}

/// Copies that `load` makes of an input: it is converted, and gathered before if it is not dense.
pub(crate) fn copies(array: &Array) -> usize {
    if array.dense_bytes().is_some() { 1 } else { 2 }
}

/// Encodes a result into an array of its declared type (sub-byte ones widened to 8 bits), in
/// `memory` if it has room. That is one copy.
pub(crate) fn store(
    dtype: DataType,
    shape: &[usize],
    data: Data<'_>,
    memory: Option<&dyn OutputMemory>,
) -> Result<Array, RunError> {
    let whole = whole(dtype);
    let bytes = whole.byte_len(data.len());
    let bytes = bytes.ok_or_else(|| fault(format!("values of {dtype} are not supported")))?;
    let memory = match memory.and_then(|memory| memory.take(bytes)) {
        Some(mut buffer) => {
            encode(dtype, data, buffer.as_mut_bytes())?;
            buffer.into_memory()
        }
        None => {
            let mut buffer = BufferMut::zeroed(bytes).map_err(|_| RunError::Memory { bytes })?;
            encode(dtype, data, buffer.as_mut_slice())?;
            Memory::from(buffer.freeze())
        }
    };
    Array::dense(whole, shape.to_vec(), memory).map_err(fault)
}

fn fault(why: impl ToString) -> RunError {
    RunError::Internal(why.to_string())
}

/// The type of an array that holds elements of `dtype`, as `Array::from` a tensor widens them.
fn whole(dtype: DataType) -> DataType {
    match dtype {
        DataType::I4 => DataType::I8,
        dtype if dtype.bits().is_multiple_of(8) => dtype,
        _ => DataType::U8,
    }
}

/// Writes all of `out`, whose length is that of `data` in the array's type.
fn encode(dtype: DataType, data: Data<'_>, out: &mut [u8]) -> Result<(), RunError> {
    match (dtype, data) {
        #[cfg(target_endian = "little")]
        (DataType::F32, Data::F32(v)) => out.copy_from_slice(bytemuck::cast_slice(v)),
        #[cfg(target_endian = "little")]
        (DataType::I32, Data::I32(v)) => out.copy_from_slice(bytemuck::cast_slice(v)),
        (DataType::Bool, Data::Bool(v)) => out.copy_from_slice(v),
        (DataType::F16, Data::F32(v)) => encode_halves(v, out),
        _ => return encode_numbers(dtype, data, out),
    }
    Ok(())
}

/// The halves pass through the first-level cache, as `out` may have any alignment.
fn encode_halves(values: &[f32], out: &mut [u8]) {
    let mut halves = [f16::ZERO; 256];
    for (values, out) in values.chunks(256).zip(out.chunks_mut(512)) {
        let halves = &mut halves[..values.len()];
        halves.convert_from_f32_slice(values);
        let (out, _) = out.as_chunks_mut::<2>();
        out.iter_mut().zip(halves).for_each(|(out, half)| *out = half.to_le_bytes());
    }
}

/// Any other pair of types, a piece at a time, converted as constants are.
fn encode_numbers(dtype: DataType, data: Data<'_>, out: &mut [u8]) -> Result<(), RunError> {
    let width = whole(dtype).bits() / 8;
    for (index, out) in out.chunks_mut(PIECE * width).enumerate() {
        let piece = index * PIECE..index * PIECE + out.len() / width;
        let shape = vec![piece.len()];
        let tensor = Tensor::from_f64(dtype, shape, piece.map(|i| data.get_f64(i)));
        let array = Array::from(tensor.map_err(fault)?);
        let bytes = array.dense_bytes().ok_or_else(|| fault("a tensor is not dense"))?;
        out.copy_from_slice(bytes);
    }
    Ok(())
}

/// Elements that `encode_numbers` converts at a time.
const PIECE: usize = 1024;

/// A value as an observer sees it: floats as `f32`, integers as `int32`.
pub(crate) fn observed(shape: &[usize], data: Data<'_>) -> Result<Array, RunError> {
    let dtype = match data {
        Data::F32(_) => DataType::F32,
        Data::I32(_) => DataType::I32,
        Data::Bool(_) => DataType::Bool,
    };
    store(dtype, shape, data, None)
}

impl Data<'_> {
    fn get_f64(&self, index: usize) -> f64 {
        match self {
            Data::F32(v) => v[index].into(),
            Data::I32(v) => v[index].into(),
            Data::Bool(v) => v[index].into(),
        }
    }
}

#[cfg(test)]
mod tests;
