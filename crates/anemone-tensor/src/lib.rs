//! Element types, shared aligned buffers, mapped files and constant tensors.
//!
//! - [`DataType`]: every element type that MIL or `weight.bin` can name, sub-byte ones included.
//! - [`Buffer`]: immutable bytes, 64-byte aligned when owned, shared by reference counting.
//! - [`BufferMut`]: bytes of one owner, to be written and then shared.
//! - [`MappedFile`] and [`Pages`]: the only memory mappings of the workspace.
//! - [`Tensor`]: a dense row-major constant in the bytes of its element type.
//!
//! Choices: sub-byte elements are packed least significant bit first, as Core ML stores them;
//! a tensor never holds strings; conversion to `f32` and `i64` is the way to look inside.

mod buffer;
mod buffer_mut;
mod data_type;
mod heap;
mod mapped;
mod pages;
mod tensor;

pub use buffer::Buffer;
pub use buffer_mut::{BufferMut, Element, MemoryError};
pub use data_type::DataType;
pub use heap::return_freed_memory;
pub use mapped::{MapError, MappedFile};
pub use pages::Pages;
pub use tensor::{Tensor, TensorError};
