//! Raw working memory: one arena for what the layout placed, and single allocations for the rest.
//!
//! All unsafety of the session is here. Views are made through shared references, as inputs and
//! outputs of one step lie in one arena; they are sound because
//! - the layout gives values that live at the same time, and the step's scratch, disjoint ranges;
//! - a session runs one step at a time, and views do not outlive their step;
//! - an output never shares memory with an input: a view has no kernel.

use std::cell::UnsafeCell;

use anemone_engine::RunError;

use crate::array::{Data, DataMut, Storage};

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Zeroed memory, aligned to 64 bytes, that grows between runs.
#[derive(Default)]
pub(crate) struct Arena {
    lines: UnsafeCell<Vec<Line>>,
}

// SAFETY: the cell is only reached through the views of one session, which runs one step at a
// time; kernels on several threads get slices that borrow from those views.
unsafe impl Sync for Arena {}

impl Arena {
    /// Makes the arena at least `bytes` long.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), RunError> {
        let lines = self.lines.get_mut();
        let wanted = bytes.div_ceil(64);
        if wanted > lines.len() {
            // What the arena holds is of no use to the next run: free it before asking for more.
            *lines = Vec::new();
            lines.try_reserve_exact(wanted).map_err(|_| RunError::Memory { bytes })?;
            lines.resize(wanted, Line([0; 64]));
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        // SAFETY: nobody holds a reference to the vector itself, only to its heap memory.
        unsafe { (*self.lines.get()).len() * 64 }
    }

    fn start(&self) -> *mut u8 {
        // SAFETY: as in `bytes`; the pointer is derived from the vector's own mutable pointer.
        unsafe { (*self.lines.get()).as_mut_ptr().cast() }
    }

    fn pointer(&self, offset: usize, bytes: usize) -> *mut u8 {
        assert!(offset % 64 == 0 && offset + bytes <= self.bytes(), "the layout fits the arena");
        // SAFETY: just checked to lie within the allocation (or one past its end when empty).
        unsafe { self.start().add(offset) }
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

/// Values whose size only the data told, each with its own memory.
#[derive(Default)]
pub(crate) struct Own {
    values: Vec<(usize, Vec<usize>, Option<Arena>)>,
}

impl Own {
    /// Sets a slot's shape, and gives it memory where it is no view.
    pub(crate) fn insert(
        &mut self,
        slot: usize,
        shape: Vec<usize>,
        storage: Option<Storage>,
    ) -> Result<(), String> {
        let memory = match storage {
            None => None,
            Some(storage) => {
                let bytes = shape.iter().try_fold(storage.bytes(), |n, &d| n.checked_mul(d));
                let bytes = bytes.filter(|&b| isize::try_from(b).is_ok());
                let bytes = bytes.ok_or_else(|| format!("shape {shape:?} is too large"))?;
                let mut arena = Arena::default();
                arena.grow(bytes).map_err(|e| e.to_string())?;
                Some(arena)
            }
        };
        self.values.push((slot, shape, memory));
        Ok(())
    }

    /// The shape of a slot.
    pub(crate) fn shape(&self, slot: usize) -> Option<&[usize]> {
        self.values.iter().find(|(s, ..)| *s == slot).map(|(_, shape, _)| shape.as_slice())
    }

    /// The memory of a slot.
    pub(crate) fn memory(&self, slot: usize) -> Option<&Arena> {
        self.values.iter().find(|(s, ..)| *s == slot).and_then(|(.., memory)| memory.as_ref())
    }
}
