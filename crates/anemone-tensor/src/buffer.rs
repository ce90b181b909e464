//! Immutable bytes shared by reference counting: owned and 64-byte aligned, or part of a mapping.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::BufferMut;
use crate::buffer_mut::{Line, bytes};
use crate::mapped::{MapError, Mapping};

/// Immutable shared bytes. Cloning and slicing copy nothing.
#[derive(Clone)]
pub struct Buffer {
    owner: Owner,
    range: Range<usize>,
}

#[derive(Clone)]
enum Owner {
    Owned(Arc<Vec<Line>>),
    Mapped(Arc<Mapping>),
}

impl Buffer {
    /// A copy of `bytes` in 64-byte aligned memory.
    pub fn from_bytes(bytes: &[u8]) -> Buffer {
        let mut lines = vec![Line([0; 64]); bytes.len().div_ceil(64)];
        for (line, chunk) in lines.iter_mut().zip(bytes.chunks(64)) {
            line.0[..chunk.len()].copy_from_slice(chunk);
        }
        Buffer { owner: Owner::Owned(Arc::new(lines)), range: 0..bytes.len() }
    }

    pub(crate) fn from_lines(lines: Vec<Line>, length: usize) -> Buffer {
        Buffer { owner: Owner::Owned(Arc::new(lines)), range: 0..length }
    }

    pub(crate) fn from_mapping(mapping: Arc<Mapping>) -> Buffer {
        let range = 0..mapping.bytes().len();
        Buffer { owner: Owner::Mapped(mapping), range }
    }

    /// The part `range` of this buffer, or `None` where it does not fit.
    pub fn slice(&self, range: Range<usize>) -> Option<Buffer> {
        if range.start > range.end || range.end > self.len() {
            return None;
        }
        let start = self.range.start + range.start;
        Some(Buffer { owner: self.owner.clone(), range: start..start + range.len() })
    }

    /// The memory that this buffer lies in, whole, to be written anew; the buffer itself where
    /// others share it, or where it is mapped.
    pub fn try_reclaim(self) -> Result<BufferMut, Buffer> {
        let range = self.range;
        match self.owner {
            Owner::Owned(lines) => match Arc::try_unwrap(lines) {
                Ok(lines) => Ok(BufferMut::from_lines(lines)),
                Err(lines) => Err(Buffer { owner: Owner::Owned(lines), range }),
            },
            mapped @ Owner::Mapped(_) => Err(Buffer { owner: mapped, range }),
        }
    }

    /// Fails if the bytes lie in a mapped file that is now too short to hold them all, so that
    /// reading would fault. To be asked before much is read.
    pub fn verify(&self) -> Result<(), MapError> {
        match &self.owner {
            Owner::Owned(_) => Ok(()),
            Owner::Mapped(mapping) => mapping.verify(),
        }
    }

    /// Whether the bytes lie in a mapped file.
    pub fn is_mapped(&self) -> bool {
        matches!(self.owner, Owner::Mapped(_))
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let all: &[u8] = match &self.owner {
            Owner::Owned(lines) => bytes(lines),
            Owner::Mapped(mapping) => mapping.bytes(),
        };
        &all[self.range.clone()]
    }
}

impl PartialEq for Buffer {
    fn eq(&self, other: &Buffer) -> bool {
        **self == **other
    }
}

impl Eq for Buffer {}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_share_and_refuse_what_does_not_fit() {
        let buffer = Buffer::from_bytes(&(0..200).map(|i| i as u8).collect::<Vec<_>>());
        assert_eq!(buffer.as_ptr() as usize % 64, 0);
        let part = buffer.slice(100..130).unwrap();
        assert_eq!(part[0], 100);
        assert_eq!(part.slice(29..30).unwrap()[0], 129);
        assert!(part.slice(0..31).is_none());
        #[allow(clippy::reversed_empty_ranges)]
        let reversed = part.slice(5..4);
        assert!(reversed.is_none());
    }
}
