//! Raw working memory: one arena for what the layout placed, and single allocations for the rest.
//!
//! All unsafety of the session is here. Views are made through shared references, as inputs and
//! outputs of one step lie in one arena; they are sound because
//! - the layout gives values that live at the same time, and the step's scratch, disjoint ranges;
//! - a session runs one step at a time, and views do not outlive their step;
//! - an output never shares memory with an input: a view has no kernel;
//! - a nested block works in an arena of its own, and only reads the values around it.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::Arc;

use anemone_engine::RunError;
use anemone_tensor::Pages;

use crate::array::{Data, DataMut, Owned, Storage};

/// Every allocation starts at a multiple of this.
const ALIGN: usize = 64;
/// From this size an arena has pages of its own.
const LARGE: usize = 1 << 20;

/// Zeroed memory that grows between runs. Pages that nobody touches cost nothing.
pub(crate) struct Arena {
    start: NonNull<u8>,
    bytes: usize,
    /// What holds the memory, if the allocator does not.
    pages: Option<Pages>,
}

// SAFETY: the arena owns its memory, and hands it out only through the views of one session, which
// runs one step at a time; kernels on several threads get slices that borrow from those views.
unsafe impl Send for Arena {}
// SAFETY: as above.
unsafe impl Sync for Arena {}

impl Default for Arena {
    fn default() -> Arena {
        Arena { start: NonNull::<Line>::dangling().cast(), bytes: 0, pages: None }
    }
}

/// Stands for the alignment of an empty arena's pointer.
#[repr(align(64))]
struct Line;

impl Drop for Arena {
    fn drop(&mut self) {
        if self.bytes > 0 && self.pages.is_none() {
            // SAFETY: `grow` allocated it with this layout, and `bytes` was set only then.
            unsafe {
                dealloc(self.start.as_ptr(), Layout::from_size_align_unchecked(self.bytes, ALIGN));
            }
        }
    }
}

impl Arena {
    /// Makes the arena at least `bytes` long. What it held is lost.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), RunError> {
        if bytes <= self.bytes {
            return Ok(());
        }
        *self = Arena::default();
        let fault = RunError::Memory { bytes };
        if bytes >= LARGE {
            let Ok(mut pages) = Pages::zeroed(bytes) else { return Err(fault) };
            *self = Arena { start: pages.start(), bytes, pages: Some(pages) };
            return Ok(());
        }
        let Ok(layout) = Layout::from_size_align(bytes, ALIGN) else { return Err(fault) };
        // SAFETY: the layout's size is not zero, as it is larger than `self.bytes`.
        let start = unsafe { alloc_zeroed(layout) };
        *self = Arena { start: NonNull::new(start).ok_or(fault)?, bytes, pages: None };
        Ok(())
    }

    fn pointer(&self, offset: usize, bytes: usize) -> *mut u8 {
        assert!(
            offset.is_multiple_of(ALIGN) && offset + bytes <= self.bytes,
            "the layout fits the arena"
        );
        // SAFETY: just checked to lie within the allocation (or one past its end when empty).
        unsafe { self.start.as_ptr().add(offset) }
    }

    /// `count` elements at `offset`, to be read.
    pub(crate) fn data(&self, storage: Storage, offset: usize, count: usize) -> Data<'_> {
        let pointer = self.pointer(offset, count * storage.bytes());
        // SAFETY: in bounds, aligned to 64, initialised since the arena was zeroed, every bit
        // pattern is valid for these types, and nothing writes there while the view lives (see
        // the head of this file).
        unsafe {
            match storage {
                Storage::F32 => Data::F32(std::slice::from_raw_parts(pointer.cast(), count)),
                Storage::I32 => Data::I32(std::slice::from_raw_parts(pointer.cast(), count)),
                Storage::Bool => Data::Bool(std::slice::from_raw_parts(pointer, count)),
            }
        }
    }

    /// `count` elements at `offset`, to be written.
    #[allow(clippy::mut_from_ref)]
    pub(crate) fn data_mut(&self, storage: Storage, offset: usize, count: usize) -> DataMut<'_> {
        let pointer = self.pointer(offset, count * storage.bytes());
        // SAFETY: as in `data`, and no other view of this range is alive.
        unsafe {
            match storage {
                Storage::F32 => DataMut::F32(std::slice::from_raw_parts_mut(pointer.cast(), count)),
                Storage::I32 => DataMut::I32(std::slice::from_raw_parts_mut(pointer.cast(), count)),
                Storage::Bool => DataMut::Bool(std::slice::from_raw_parts_mut(pointer, count)),
            }
        }
    }
}

/// Values that have no place in the layout: those whose size only the data told, and those that
/// nested blocks gave.
#[derive(Default)]
pub(crate) struct Own {
    values: HashMap<usize, (Vec<usize>, Memory)>,
}

/// Where a value of its own lies.
pub(crate) enum Memory {
    /// In the memory of what it is a view of.
    Elsewhere,
    /// In an allocation that its op writes.
    Arena(Arena),
    /// In a tensor that is finished.
    Finished(Arc<Owned>),
}

impl Own {
    /// Gives a slot its shape, and memory for as many elements where it is no view.
    pub(crate) fn insert(
        &mut self,
        slot: usize,
        shape: Vec<usize>,
        storage: Option<Storage>,
    ) -> Result<(), String> {
        let memory = match storage {
            None => Memory::Elsewhere,
            Some(storage) => {
                let bytes = shape.iter().try_fold(storage.bytes(), |n, &d| n.checked_mul(d));
                let bytes = bytes.filter(|&b| isize::try_from(b).is_ok());
                let bytes = bytes.ok_or_else(|| format!("shape {shape:?} is too large"))?;
                let mut arena = Arena::default();
                arena.grow(bytes).map_err(|e| e.to_string())?;
                Memory::Arena(arena)
            }
        };
        self.values.insert(slot, (shape, memory));
        Ok(())
    }

    /// Gives a slot its value.
    pub(crate) fn finish(&mut self, slot: usize, value: Arc<Owned>) {
        self.values.insert(slot, (value.shape.clone(), Memory::Finished(value)));
    }

    /// The shape of a slot.
    pub(crate) fn shape(&self, slot: usize) -> Option<&[usize]> {
        self.values.get(&slot).map(|(shape, _)| shape.as_slice())
    }

    /// The memory of a slot.
    pub(crate) fn memory(&self, slot: usize) -> Option<&Memory> {
        self.values.get(&slot).map(|(_, memory)| memory)
    }
}
