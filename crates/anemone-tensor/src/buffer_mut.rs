//! Bytes that are written before they are shared: owned, and aligned to 64.

use std::fmt;

use bytemuck::Pod;
use half::{bf16, f16};
use thiserror::Error;

use crate::{Buffer, DataType};

/// More memory than there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not enough memory for {bytes} bytes")]
pub struct MemoryError {
    /// How much was asked for.
    pub bytes: usize,
}

/// A Rust type that has the bytes of an element type, on little-endian machines.
pub trait Element: Pod {
    /// The element type.
    const DATA_TYPE: DataType;
}

/// Bytes of one owner, 64-byte aligned. [`freeze`](BufferMut::freeze) shares them without a copy.
#[derive(Default)]
pub struct BufferMut {
    lines: Vec<Line>,
    length: usize,
}

/// The unit of memory: it has the alignment that all owned buffers promise.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u8; 64]);

impl BufferMut {
    /// `length` bytes, all zero.
    pub fn zeroed(length: usize) -> Result<BufferMut, MemoryError> {
        let count = length.div_ceil(64);
        let mut lines = Vec::new();
        lines.try_reserve_exact(count).map_err(|_| MemoryError { bytes: length })?;
        lines.resize(count, Line([0; 64]));
        Ok(BufferMut { lines, length })
    }

    pub(crate) fn from_lines(lines: Vec<Line>) -> BufferMut {
        let length = lines.len() * 64;
        BufferMut { lines, length }
    }

    /// The number of bytes in use.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether no byte is in use.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The number of bytes that there is memory for.
    pub fn capacity(&self) -> usize {
        self.lines.len() * 64
    }

    /// Uses `length` bytes of the memory, or as many as it has; they hold what was written before.
    #[must_use]
    pub fn with_len(self, length: usize) -> BufferMut {
        BufferMut { length: length.min(self.capacity()), ..self }
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &bytes(&self.lines)[..self.length]
    }

    /// The bytes, to be written.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut bytes_mut(&mut self.lines)[..self.length]
    }

    /// The bytes as whole elements, to be written; a rest that makes no element is left out.
    #[cfg(target_endian = "little")]
    pub fn as_mut_elements<T: Element>(&mut self) -> &mut [T] {
        let width = size_of::<T>();
        let whole = self.length / width * width;
        bytemuck::cast_slice_mut(&mut self.as_mut_slice()[..whole])
    }

    /// Shares the bytes. Nothing is copied.
    pub fn freeze(self) -> Buffer {
        Buffer::from_lines(self.lines, self.length)
    }
}

impl fmt::Debug for BufferMut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BufferMut({} bytes)", self.length)
    }
}

pub(crate) fn bytes(lines: &[Line]) -> &[u8] {
    // SAFETY: `Line` is 64 plain bytes without padding, so the slice's memory is `64 * len`
    // initialised bytes that live as long as the borrow.
    unsafe { std::slice::from_raw_parts(lines.as_ptr().cast::<u8>(), size_of_val(lines)) }
}

fn bytes_mut(lines: &mut [Line]) -> &mut [u8] {
    // SAFETY: as in `bytes`; the borrow is exclusive, and any byte is valid in a `Line`.
    unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast::<u8>(), size_of_val(lines)) }
}

macro_rules! elements {
    ($($rust:ty => $data_type:ident,)*) => {
        $(impl Element for $rust {
            const DATA_TYPE: DataType = DataType::$data_type;
        })*
    };
}

elements! {
    f16 => F16,
    bf16 => BF16,
    f32 => F32,
    f64 => F64,
    i8 => I8,
    i16 => I16,
    i32 => I32,
    i64 => I64,
    u8 => U8,
    u16 => U16,
    u32 => U32,
    u64 => U64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_zeroed_and_aligned() {
        for length in [0, 1, 63, 64, 65, 4097] {
            let mut buffer = BufferMut::zeroed(length).unwrap();
            assert_eq!(buffer.as_ptr_address() % 64, 0);
            assert_eq!((buffer.len(), buffer.is_empty()), (length, length == 0));
            assert_eq!(buffer.as_slice(), vec![0; length]);
            buffer.as_mut_slice().fill(7);
            assert_eq!(&*buffer.freeze(), vec![7; length]);
        }
    }

    #[test]
    fn memory_that_nobody_has_is_an_error() {
        for length in [usize::MAX, usize::MAX / 2, isize::MAX as usize - 64] {
            assert_eq!(BufferMut::zeroed(length).unwrap_err(), MemoryError { bytes: length });
        }
    }

    #[test]
    fn memory_comes_back_once_nobody_shares_it() {
        let buffer = BufferMut::zeroed(100).unwrap();
        let address = buffer.as_ptr_address();
        let shared = buffer.freeze();
        let part = shared.slice(10..20).unwrap();
        let shared = shared.try_reclaim().unwrap_err();
        assert_eq!(shared.len(), 100);
        drop(shared);
        let whole = part.try_reclaim().unwrap();
        assert_eq!((whole.as_ptr_address(), whole.len(), whole.capacity()), (address, 128, 128));
    }

    #[test]
    fn a_length_is_cut_to_what_there_is() {
        let buffer = BufferMut::zeroed(65).unwrap().with_len(3);
        assert_eq!((buffer.len(), buffer.capacity()), (3, 128));
        assert_eq!(buffer.with_len(1000).len(), 128);
        assert_eq!(BufferMut::default().with_len(1).len(), 0);
    }

    #[test]
    fn elements_are_written_in_place() {
        let mut buffer = BufferMut::zeroed(7).unwrap();
        buffer.as_mut_elements::<u16>().copy_from_slice(&[1, 2, 0x0304]);
        assert_eq!(buffer.as_slice(), [1, 0, 2, 0, 4, 3, 0]);
    }

    impl BufferMut {
        fn as_ptr_address(&self) -> usize {
            self.as_slice().as_ptr() as usize
        }
    }
}
