//! Values at the border: declared element types outside, engine storage inside.

use anemone_engine::Array;
use anemone_tensor::{Buffer, DataType, Tensor};
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

/// Encodes a result into an array of its declared type.
pub(crate) fn store(dtype: DataType, shape: &[usize], data: Data<'_>) -> Result<Array, String> {
    let bytes: Vec<u8> = match (dtype, data) {
        (DataType::F32, Data::F32(v)) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        (DataType::F16, Data::F32(v)) => {
            let mut halves = vec![f16::ZERO; v.len()];
            halves.convert_from_f32_slice(v);
            halves.iter().flat_map(|x| x.to_le_bytes()).collect()
        }
        (DataType::I32, Data::I32(v)) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        (DataType::Bool, Data::Bool(v)) => v.to_vec(),
        (_, data) => {
            let values: Vec<f64> = match data {
                Data::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
                Data::I32(v) => v.iter().map(|&x| f64::from(x)).collect(),
                Data::Bool(v) => v.iter().map(|&x| f64::from(x)).collect(),
            };
            let tensor = Tensor::from_f64(dtype, shape.to_vec(), values);
            return tensor.map(Array::from).map_err(|e| e.to_string());
        }
    };
    Array::dense(dtype, shape.to_vec(), Buffer::from_bytes(&bytes)).map_err(|e| e.to_string())
}

/// A value as an observer sees it: floats as `f32`, integers as `int32`.
pub(crate) fn observed(shape: &[usize], data: Data<'_>) -> Result<Array, String> {
    let dtype = match data {
        Data::F32(_) => DataType::F32,
        Data::I32(_) => DataType::I32,
        Data::Bool(_) => DataType::Bool,
    };
    store(dtype, shape, data)
}
