//! Large working memory that comes from the system and goes back to it at once.

use std::ptr::NonNull;

use memmap2::MmapMut;

use crate::MemoryError;

/// Zeroed memory of its own pages. What nobody touches costs nothing, and what is dropped is the
/// system's again: the allocator keeps pieces of many megabytes between others that are in use.
#[derive(Debug)]
pub struct Pages(MmapMut);

impl Pages {
    /// `bytes` bytes, all zero, at the start of a page.
    pub fn zeroed(bytes: usize) -> Result<Pages, MemoryError> {
        MmapMut::map_anon(bytes).map(Pages).map_err(|_| MemoryError { bytes })
    }

    /// Its first byte. It stays there until this is dropped.
    pub fn start(&mut self) -> NonNull<u8> {
        NonNull::from(&mut *self.0).cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_aligned_and_too_many_are_an_error() {
        let mut pages = Pages::zeroed(5 << 20).unwrap();
        assert_eq!(pages.start().as_ptr() as usize % 4096, 0);
        assert!(Pages::zeroed(usize::MAX / 2).is_err());
    }
}
