//! Values that go into a run and come out of it.

use std::fmt;
use std::sync::Arc;

use anemone_tensor::{Buffer, DataType, Tensor};
use thiserror::Error;

/// An input or output.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A tensor.
    Tensor(Array),
    /// Text.
    String(String),
    /// A map from labels to numbers.
    Dictionary(Dictionary),
    /// An image.
    Image(Image),
    /// A sequence of values of one kind.
    Sequence(Vec<Value>),
}

/// A map from labels to numbers, in the classifier's order.
#[derive(Clone, Debug, PartialEq)]
pub struct Dictionary {
    /// The labels.
    pub keys: Keys,
    /// One number for each label.
    pub values: Vec<f64>,
}

/// Labels of a dictionary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Text.
    Strings(Vec<String>),
    /// Numbers.
    Ints(Vec<i64>),
}

/// Pixels, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// How channels are stored.
    pub layout: PixelLayout,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// The samples, channels innermost.
    pub pixels: Vec<u8>,
}

/// How an image's channels are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelLayout {
    /// One byte: grey.
    Gray8,
    /// Four bytes: grey as little-endian `f32`.
    GrayF32,
    /// Three bytes: red, green, blue.
    Rgb8,
}

/// Memory that an array lies in: a shared buffer, a mapping, or somebody else's.
#[derive(Clone)]
pub enum Memory {
    /// Own or mapped bytes.
    Buffer(Buffer),
    /// Somebody else's bytes, kept alive by the handle.
    Foreign(Arc<dyn AsRef<[u8]> + Send + Sync>),
}

impl Memory {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Memory::Buffer(buffer) => buffer,
            Memory::Foreign(owner) => (**owner).as_ref(),
        }
    }
}

impl From<Buffer> for Memory {
    fn from(buffer: Buffer) -> Memory {
        Memory::Buffer(buffer)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} bytes)", self.bytes().len())
    }
}

/// Why memory, shape and strides do not make an array.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ArrayError {
    /// Shape and strides reach outside the memory, or overflow.
    #[error(
        "shape {shape:?} with strides {strides:?} does not lie within {bytes} bytes of {dtype}"
    )]
    OutOfBounds {
        /// The element type.
        dtype: DataType,
        /// The shape.
        shape: Vec<usize>,
        /// The strides.
        strides: Vec<isize>,
        /// The memory's length.
        bytes: usize,
    },
    /// An element type that cannot be strided.
    #[error("arrays of {0} are not supported")]
    DataType(DataType),
}

/// A strided tensor in memory of any owner; its elements are whole bytes.
#[derive(Clone, Debug)]
pub struct Array {
    dtype: DataType,
    shape: Vec<usize>,
    /// Strides in elements.
    strides: Vec<isize>,
    /// The first element, in elements.
    offset: usize,
    memory: Memory,
}

impl Array {
    /// A dense row-major array.
    pub fn dense(
        dtype: DataType,
        shape: Vec<usize>,
        data: impl Into<Memory>,
    ) -> Result<Array, ArrayError> {
        let strides = dense_strides(&shape);
        Array::strided(dtype, shape, strides, 0, data.into())
    }

    /// A strided array; strides and offset count elements.
    pub fn strided(
        dtype: DataType,
        shape: Vec<usize>,
        strides: Vec<isize>,
        offset: usize,
        memory: Memory,
    ) -> Result<Array, ArrayError> {
        if dtype.bits() == 0 || !dtype.bits().is_multiple_of(8) {
            return Err(ArrayError::DataType(dtype));
        }
        let elements = memory.bytes().len() / (dtype.bits() / 8);
        let fits = shape.len() == strides.len()
            && (shape.contains(&0) || reaches(&shape, &strides, offset, elements));
        let countable = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).is_some();
        if !fits || !countable {
            let bytes = memory.bytes().len();
            return Err(ArrayError::OutOfBounds { dtype, shape, strides, bytes });
        }
        Ok(Array { dtype, shape, strides, offset, memory })
    }

    /// A dense array of `f32`.
    pub fn from_f32(shape: Vec<usize>, values: &[f32]) -> Result<Array, ArrayError> {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Array::dense(DataType::F32, shape, Buffer::from_bytes(&bytes))
    }

    /// The element type.
    pub fn dtype(&self) -> DataType {
        self.dtype
    }

    /// The shape; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The strides, in elements.
    pub fn strides(&self) -> &[isize] {
        &self.strides
    }

    /// The number of elements.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// The elements `start..start + count` along `axis`, in the same memory; nothing where they do
    /// not exist.
    pub fn part(&self, axis: usize, start: usize, count: usize) -> Option<Array> {
        let end = start.checked_add(count)?;
        if *self.shape.get(axis)? < end {
            return None;
        }
        let mut part = self.clone();
        part.shape[axis] = count;
        if start > 0 && part.count() > 0 {
            let step = self.strides[axis].checked_mul(isize::try_from(start).ok()?)?;
            part.offset = self.offset.checked_add_signed(step)?;
        }
        Some(part)
    }

    /// The bytes, if they lie densely in row-major order.
    pub fn dense_bytes(&self) -> Option<&[u8]> {
        let mut expected = 1isize;
        for (&size, &stride) in self.shape.iter().zip(&self.strides).rev() {
            if size != 1 && stride != expected {
                return None;
            }
            expected = expected.saturating_mul(size as isize);
        }
        let width = self.dtype.bits() / 8;
        self.memory.bytes().get(self.offset * width..(self.offset + self.count()) * width)
    }

    /// The array as a dense constant tensor; copies only what is not dense in a buffer.
    pub fn to_tensor(&self) -> Tensor {
        let data = match self.dense_bytes() {
            Some(bytes) => match &self.memory {
                Memory::Buffer(b) if b.len() == bytes.len() => b.clone(),
                _ => Buffer::from_bytes(bytes),
            },
            None => Buffer::from_bytes(&self.gather()),
        };
        Tensor::new(self.dtype, self.shape.clone(), data)
            .expect("an array's shape was checked when it was made")
    }

    fn gather(&self) -> Vec<u8> {
        let width = self.dtype.bits() / 8;
        let bytes = self.memory.bytes();
        let mut out = Vec::with_capacity(self.count() * width);
        let mut index = vec![0usize; self.shape.len()];
        for _ in 0..self.count() {
            let at = index.iter().zip(&self.strides).map(|(&i, &s)| i as isize * s).sum::<isize>();
            let start = self.offset.wrapping_add_signed(at) * width;
            out.extend_from_slice(&bytes[start..start + width]);
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                if index[axis] < self.shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        out
    }
}

impl From<Tensor> for Array {
    /// Sub-byte tensors become `int8` or `uint8` ones.
    fn from(tensor: Tensor) -> Array {
        let whole = match (tensor.dtype(), tensor.dtype().bits() % 8) {
            (_, 0) => tensor,
            (DataType::I4, _) => widen(&tensor, DataType::I8),
            _ => widen(&tensor, DataType::U8),
        };
        Array::dense(whole.dtype(), whole.shape().to_vec(), whole.data().clone())
            .expect("a tensor's bytes fit its shape")
    }
}

fn widen(tensor: &Tensor, dtype: DataType) -> Tensor {
    let values = (0..tensor.count()).map(|i| tensor.get_f64(i));
    Tensor::from_f64(dtype, tensor.shape().to_vec(), values).expect("as many elements as before")
}

impl PartialEq for Array {
    fn eq(&self, other: &Array) -> bool {
        self.to_tensor() == other.to_tensor()
    }
}

fn dense_strides(shape: &[usize]) -> Vec<isize> {
    let mut strides = vec![1isize; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i].saturating_mul(isize::try_from(shape[i]).unwrap_or(isize::MAX));
    }
    strides
}

fn reaches(shape: &[usize], strides: &[isize], offset: usize, elements: usize) -> bool {
    let (mut low, mut high) = (offset as i128, offset as i128);
    for (&size, &stride) in shape.iter().zip(strides) {
        let span = (size as i128 - 1) * stride as i128;
        if span < 0 { low += span } else { high += span }
    }
    low >= 0 && high < elements as i128
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_may_be_negative_but_stay_inside() {
        let data = Buffer::from_bytes(&[1, 2, 3, 4, 5, 6]);
        let memory = Memory::Buffer(data);
        let flipped =
            Array::strided(DataType::U8, vec![2, 3], vec![3, -1], 2, memory.clone()).unwrap();
        assert_eq!(flipped.to_tensor().to_i64(), [3, 2, 1, 6, 5, 4]);
        assert!(flipped.dense_bytes().is_none());
        for (strides, offset) in [(vec![3, -1], 1), (vec![4, 1], 0), (vec![isize::MAX, 1], 0)] {
            assert!(
                Array::strided(DataType::U8, vec![2, 3], strides, offset, memory.clone()).is_err()
            );
        }
    }

    #[test]
    fn a_part_lies_in_the_same_memory() {
        let whole = Array::from_f32(vec![2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let row = whole.part(0, 1, 1).unwrap();
        assert_eq!(row.to_tensor().to_f32(), [4.0, 5.0, 6.0]);
        assert_eq!(
            row.dense_bytes().unwrap().as_ptr(),
            whole.dense_bytes().unwrap()[12..].as_ptr()
        );
        assert_eq!(row.part(1, 1, 2).unwrap().to_tensor().to_f32(), [5.0, 6.0]);
        assert_eq!(whole.part(0, 2, 0).unwrap().count(), 0);
        assert!(whole.part(0, 1, 2).is_none() && whole.part(2, 0, 1).is_none());
    }

    #[test]
    fn a_dense_array_is_not_copied() {
        let array = Array::from_f32(vec![2], &[1.0, 2.0]).unwrap();
        assert_eq!(array.to_tensor().data().as_ptr(), array.dense_bytes().unwrap().as_ptr());
    }

    #[test]
    fn a_shape_that_overflows_is_refused() {
        let data = Buffer::from_bytes(&[0; 8]);
        assert!(Array::dense(DataType::F32, vec![usize::MAX, usize::MAX], data).is_err());
    }
}
