//! Memory for inputs and outputs that is used again: it comes back to its pool when the last array
//! in it is dropped.

use std::collections::BTreeMap;
use std::fmt;

use anemone_engine::{Array, Memory, OutputBuffer, OutputMemory};
use anemone_tensor::{BufferMut, DataType, Element, MemoryError};
use thiserror::Error;

use crate::sync::{Arc, Mutex, Weak, lock};

/// Recycles memory. Clones share one pool.
///
/// Sizes are rounded up to a multiple of 64 bytes, and from 256 bytes on to a quarter of the power
/// of two below them, so that no more than a fifth of a large block is unused.
#[derive(Clone)]
pub struct BufferPool {
    shared: Arc<Shared>,
}

/// What a pool keeps at most while nobody uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferLimits {
    /// Bytes, all sizes together.
    pub idle_bytes: usize,
    /// Blocks of one size.
    pub idle_blocks: usize,
}

/// A pool's state and history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BufferStatistics {
    /// Bytes that are kept for the next caller.
    pub idle_bytes: usize,
    /// Bytes that callers and arrays hold, rounded up as above.
    pub used_bytes: usize,
    /// How often memory was used again.
    pub hits: u64,
    /// How often memory was allocated.
    pub misses: u64,
}

/// Why a pool cannot give a buffer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BufferError {
    /// Elements that are not whole bytes.
    #[error("buffers of {0} are not supported")]
    DataType(DataType),
    /// The shape's product or its bytes overflow.
    #[error("shape {shape:?} of {dtype} is too large")]
    TooLarge {
        /// The element type.
        dtype: DataType,
        /// The shape.
        shape: Vec<usize>,
    },
    /// More memory than there is.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

/// A dense row-major tensor of a pool's memory, to be written. Dropping it gives the memory back.
pub struct ArrayBuffer {
    dtype: DataType,
    shape: Vec<usize>,
    block: Block,
}

struct Shared {
    limits: BufferLimits,
    shelves: Mutex<Shelves>,
}

#[derive(Default)]
struct Shelves {
    /// Idle blocks by their size.
    shelves: BTreeMap<usize, Shelf>,
    /// Counts uses, so that shelves know when they were last used.
    now: u64,
    statistics: BufferStatistics,
}

#[derive(Default)]
struct Shelf {
    blocks: Vec<BufferMut>,
    last_used: u64,
}

/// Memory that goes back to its pool, if that is still there.
struct Block {
    memory: BufferMut,
    pool: Weak<Shared>,
}

impl Default for BufferLimits {
    /// 256 MiB, and 64 blocks of one size.
    fn default() -> BufferLimits {
        BufferLimits { idle_bytes: 256 << 20, idle_blocks: 64 }
    }
}

impl BufferPool {
    /// A pool that holds nothing yet.
    pub fn new(limits: BufferLimits) -> BufferPool {
        let shelves = Mutex::new(Shelves::default());
        BufferPool { shared: Arc::new(Shared { limits, shelves }) }
    }

    /// A tensor of zeros, in memory that was used before if there is such.
    pub fn allocate(&self, dtype: DataType, shape: &[usize]) -> Result<ArrayBuffer, BufferError> {
        let shape = shape.to_vec();
        if dtype.bits() == 0 || !dtype.bits().is_multiple_of(8) {
            return Err(BufferError::DataType(dtype));
        }
        let count = shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
        let Some(bytes) = count.and_then(|count| dtype.byte_len(count)) else {
            return Err(BufferError::TooLarge { dtype, shape });
        };
        let (mut block, is_fresh) = self.block(bytes)?;
        if !is_fresh {
            block.memory.as_mut_slice().fill(0);
        }
        Ok(ArrayBuffer { dtype, shape, block })
    }

    /// Frees idle memory, what was not used for longest first, until no more than `bytes` are left.
    /// Returns the bytes that were freed.
    pub fn trim(&self, bytes: usize) -> usize {
        let freed = lock(&self.shared.shelves).evict(bytes);
        freed.iter().map(BufferMut::capacity).sum()
    }

    /// The state and history.
    pub fn statistics(&self) -> BufferStatistics {
        lock(&self.shared.shelves).statistics
    }

    /// Memory of `bytes` bytes, and whether it is fresh: then it is all zeros.
    fn block(&self, bytes: usize) -> Result<(Block, bool), MemoryError> {
        let size = rounded(bytes).ok_or(MemoryError { bytes })?;
        let pool = Arc::downgrade(&self.shared);
        if let Some(memory) = lock(&self.shared.shelves).take(size) {
            return Ok((Block { memory: memory.with_len(bytes), pool }, false));
        }
        let memory = BufferMut::zeroed(size).map_err(|_| MemoryError { bytes })?;
        lock(&self.shared.shelves).lend(size);
        Ok((Block { memory: memory.with_len(bytes), pool }, true))
    }
}

impl OutputMemory for BufferPool {
    fn take(&self, bytes: usize) -> Option<Box<dyn OutputBuffer>> {
        let (block, _) = self.block(bytes).ok()?;
        Some(Box::new(block))
    }
}

impl fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BufferPool").field(&self.statistics()).finish()
    }
}

impl ArrayBuffer {
    /// The element type.
    pub fn dtype(&self) -> DataType {
        self.dtype
    }

    /// The shape; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The bytes of the elements, little-endian.
    pub fn as_mut_bytes(&mut self) -> &mut [u8] {
        self.block.memory.as_mut_slice()
    }

    /// The elements, if their type is `T`; booleans are written as bytes.
    #[cfg(target_endian = "little")]
    pub fn as_mut_slice<T: Element>(&mut self) -> Option<&mut [T]> {
        (T::DATA_TYPE == self.dtype).then(|| self.block.memory.as_mut_elements())
    }

    /// The array. Nothing is copied.
    pub fn into_array(self) -> Array {
        Array::dense(self.dtype, self.shape, self.block.into_memory())
            .expect("the memory was taken for this type and shape")
    }
}

impl fmt::Debug for ArrayBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArrayBuffer({} {:?})", self.dtype, self.shape)
    }
}

impl Block {
    fn into_memory(self) -> Memory {
        // The engine's arrays are not tried for interleavings: their handle is the usual one.
        Memory::Foreign(std::sync::Arc::new(self))
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        self.memory.as_slice()
    }
}

impl OutputBuffer for Block {
    fn as_mut_bytes(&mut self) -> &mut [u8] {
        self.memory.as_mut_slice()
    }

    fn into_memory(self: Box<Self>) -> Memory {
        (*self).into_memory()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if let Some(shared) = self.pool.upgrade() {
            // What is too much is freed after the lock: that may take long.
            let memory = std::mem::take(&mut self.memory);
            let _freed = lock(&shared.shelves).give_back(memory, shared.limits);
        }
    }
}

impl Shelves {
    fn take(&mut self, size: usize) -> Option<BufferMut> {
        let shelf = self.shelves.get_mut(&size)?;
        let memory = shelf.blocks.pop()?;
        self.now += 1;
        shelf.last_used = self.now;
        self.statistics.idle_bytes -= size;
        self.statistics.used_bytes += size;
        self.statistics.hits += 1;
        Some(memory)
    }

    /// Counts a block that was allocated.
    fn lend(&mut self, size: usize) {
        self.statistics.used_bytes += size;
        self.statistics.misses += u64::from(size > 0);
    }

    /// Keeps a block, and returns what is to be freed for it, or the block itself.
    fn give_back(&mut self, memory: BufferMut, limits: BufferLimits) -> Vec<BufferMut> {
        let size = memory.capacity();
        self.statistics.used_bytes -= size;
        let kept = self.shelves.get(&size).map_or(0, |shelf| shelf.blocks.len());
        if size == 0 || size > limits.idle_bytes || kept >= limits.idle_blocks {
            return vec![memory];
        }
        self.now += 1;
        let shelf = self.shelves.entry(size).or_default();
        shelf.last_used = self.now;
        shelf.blocks.push(memory);
        self.statistics.idle_bytes += size;
        self.evict(limits.idle_bytes)
    }

    /// Takes out blocks of the sizes that were not used for longest.
    fn evict(&mut self, bytes: usize) -> Vec<BufferMut> {
        let mut freed = Vec::new();
        while self.statistics.idle_bytes > bytes {
            let oldest = self.shelves.iter_mut().min_by_key(|(_, shelf)| shelf.last_used);
            let Some((&size, shelf)) = oldest else { break };
            match shelf.blocks.pop() {
                Some(memory) => {
                    self.statistics.idle_bytes -= size;
                    freed.push(memory);
                }
                None => {
                    self.shelves.remove(&size);
                }
            }
        }
        freed
    }
}

/// The size of the block for so many bytes.
fn rounded(bytes: usize) -> Option<usize> {
    let step = match bytes {
        0..=256 => 64,
        _ => 1 << ((bytes - 1).ilog2() - 2),
    };
    bytes.checked_next_multiple_of(step)
}

#[cfg(test)]
mod tests;
