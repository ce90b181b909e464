//! State tensors, in the bytes of their declared type.

use std::any::Any;

use anemone_engine::{Array, Port, RunError, State};
use anemone_tensor::{Buffer, DataType, Tensor};
use half::f16;

use crate::array::{Data, DataMut, count};

/// The states of one conversation.
pub(crate) struct CpuState {
    pub(crate) tensors: Vec<StateTensor>,
}

/// One state tensor, dense and row-major.
pub(crate) struct StateTensor {
    pub(crate) name: String,
    pub(crate) dtype: DataType,
    pub(crate) shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl StateTensor {
    fn new(port: &Port) -> Option<StateTensor> {
        let shape = port.ty.known_shape()?;
        let size = port.ty.dtype.byte_len(count(&shape)?)?;
        // `vec!` would abort where there is no such memory, but does not touch what there is.
        Vec::<u8>::new().try_reserve_exact(size).ok()?;
        let bytes = vec![0; size];
        Some(StateTensor { name: port.name.clone(), dtype: port.ty.dtype, shape, bytes })
    }

    /// Decodes the state into an op's output.
    pub(crate) fn load(&self, out: &mut DataMut<'_>) -> Result<(), String> {
        match (self.dtype, out) {
            (DataType::F16, DataMut::F32(out)) => {
                copy(out, self.bytes.chunks_exact(2), |c| f16::from_le_bytes([c[0], c[1]]).to_f32())
            }
            (DataType::F32, DataMut::F32(out)) => copy(out, self.bytes.chunks_exact(4), |c| {
                f32::from_le_bytes([c[0], c[1], c[2], c[3]])
            }),
            (DataType::I32, DataMut::I32(out)) => copy(out, self.bytes.chunks_exact(4), |c| {
                i32::from_le_bytes([c[0], c[1], c[2], c[3]])
            }),
            (dtype, _) => Err(format!("states of {dtype} are not supported")),
        }
    }

    /// Encodes an op's input into the state, rounding to its declared type.
    pub(crate) fn store(&mut self, data: Data<'_>) -> Result<(), String> {
        match (self.dtype, data) {
            (DataType::F16, Data::F32(v)) => {
                put(self.bytes.chunks_exact_mut(2), v, |x| f16::from_f32(x).to_le_bytes())
            }
            (DataType::F32, Data::F32(v)) => {
                put(self.bytes.chunks_exact_mut(4), v, f32::to_le_bytes)
            }
            (DataType::I32, Data::I32(v)) => {
                put(self.bytes.chunks_exact_mut(4), v, i32::to_le_bytes)
            }
            (dtype, _) => Err(format!("states of {dtype} are not supported")),
        }
    }

    fn tensor(&self) -> Result<Tensor, RunError> {
        Tensor::new(self.dtype, self.shape.clone(), Buffer::from_bytes(&self.bytes))
            .map_err(|e| RunError::State(e.to_string()))
    }
}

fn copy<'a, T>(
    out: &mut [T],
    chunks: impl ExactSizeIterator<Item = &'a [u8]>,
    decode: impl Fn(&[u8]) -> T,
) -> Result<(), String> {
    if out.len() != chunks.len() {
        return Err(format!("the state has {} elements, not {}", chunks.len(), out.len()));
    }
    out.iter_mut().zip(chunks).for_each(|(o, c)| *o = decode(c));
    Ok(())
}

fn put<'a, T: Copy, const N: usize>(
    chunks: impl ExactSizeIterator<Item = &'a mut [u8]>,
    values: &[T],
    encode: impl Fn(T) -> [u8; N],
) -> Result<(), String> {
    if values.len() != chunks.len() {
        return Err(format!("the state has {} elements, not {}", chunks.len(), values.len()));
    }
    chunks.zip(values).for_each(|(c, &v)| c.copy_from_slice(&encode(v)));
    Ok(())
}

impl CpuState {
    pub(crate) fn new(ports: &[Port]) -> CpuState {
        let tensors = ports.iter().filter_map(StateTensor::new).collect();
        CpuState { tensors }
    }

    fn get(&self, index: usize) -> Result<&StateTensor, RunError> {
        self.tensors.get(index).ok_or_else(|| RunError::State(format!("there is no state {index}")))
    }
}

impl State for CpuState {
    fn read(&self, index: usize) -> Result<Array, RunError> {
        self.get(index)?.tensor().map(Array::from)
    }

    fn write(&mut self, index: usize, value: &Array) -> Result<(), RunError> {
        let state = self.get(index)?;
        if state.dtype != value.dtype() || state.shape != value.shape() {
            return Err(RunError::State(format!(
                "`{}` is {} of shape {:?}, not {} of shape {:?}",
                state.name,
                state.dtype,
                state.shape,
                value.dtype(),
                value.shape()
            )));
        }
        let tensor = value.to_tensor();
        self.tensors[index].bytes.copy_from_slice(tensor.data());
        Ok(())
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
