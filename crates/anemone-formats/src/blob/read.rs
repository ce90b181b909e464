//! From the offset of a blob's metadata to its bytes, every step checked.

use anemone_tensor::{Buffer, DataType};

use super::{ALIGNMENT, RECORD, SENTINEL, VERSION, kinds};
use crate::errors::BlobFault;

/// A weight file whose header was checked.
#[derive(Clone, Debug)]
pub struct WeightFile(Buffer);

impl WeightFile {
    /// A weight file in memory, or mapped.
    pub fn new(bytes: Buffer) -> Result<WeightFile, BlobFault> {
        let file = WeightFile(bytes);
        let version = file.u32_at(file.record(0)?, 4);
        if version != VERSION {
            return Err(BlobFault::Version { version });
        }
        Ok(file)
    }

    /// All of the file.
    pub(crate) fn bytes(&self) -> &Buffer {
        &self.0
    }

    /// The packed bytes of `count` elements of `dtype` whose metadata is at `offset`.
    pub fn blob(&self, offset: u64, dtype: DataType, count: u64) -> Result<Buffer, BlobFault> {
        let record = self.record(offset)?;
        let found = self.u32_at(record, 0);
        if found != SENTINEL {
            return Err(BlobFault::Sentinel { found });
        }
        let kind = self.u32_at(record, 4);
        if kinds::from_number(kind) != Some(dtype) {
            let found = match kinds::from_number(kind) {
                Some(dtype) => dtype.to_string(),
                None => format!("unknown type {kind}"),
            };
            return Err(BlobFault::Type { declared: dtype, found });
        }
        let (size, start) = (self.u64_at(record, 8), self.u64_at(record, 16));
        let bits = u128::from(size) * 8;
        // Only types narrower than a byte have padding; older writers left the field unset.
        let padding = if dtype.bits() < 8 { u128::from(self.u64_at(record, 24)) } else { 0 };
        let needed = u128::from(count) * dtype.bits() as u128;
        if padding >= 8 || bits.checked_sub(padding) != Some(needed) {
            let cap = |bits: u128| u64::try_from(bits).unwrap_or(u64::MAX);
            return Err(BlobFault::Size {
                needed: cap(needed),
                found: cap(bits.saturating_sub(padding)),
            });
        }
        self.part(start, size)
    }

    /// The start of a record that lies within the file.
    fn record(&self, offset: u64) -> Result<usize, BlobFault> {
        self.part(offset, RECORD)?;
        usize::try_from(offset).map_err(|_| BlobFault::Unaligned { offset })
    }

    fn part(&self, start: u64, size: u64) -> Result<Buffer, BlobFault> {
        if !start.is_multiple_of(ALIGNMENT) {
            return Err(BlobFault::Unaligned { offset: start });
        }
        let end = start.saturating_add(size);
        let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        range.and_then(|(start, end)| self.0.slice(start..end)).ok_or(BlobFault::Beyond {
            start,
            end,
            len: self.0.len() as u64,
        })
    }

    /// An integer in a record that [`record`](Self::record) found.
    fn u32_at(&self, record: usize, at: usize) -> u32 {
        u32::from_le_bytes(self.array(record, at))
    }

    fn u64_at(&self, record: usize, at: usize) -> u64 {
        u64::from_le_bytes(self.array(record, at))
    }

    fn array<const N: usize>(&self, record: usize, at: usize) -> [u8; N] {
        let bytes = self.0.get(record..).and_then(|b| b.get(at..)).and_then(|b| b.first_chunk());
        *bytes.expect("the record was checked to lie within the file")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with one blob of three int4 elements.
    fn file() -> Vec<u8> {
        let mut bytes = vec![0; 192];
        bytes[0] = 1;
        bytes[4] = 2;
        bytes[64..68].copy_from_slice(&SENTINEL.to_le_bytes());
        bytes[68] = 8;
        bytes[72] = 2;
        bytes[80] = 192;
        bytes[88] = 4;
        bytes.extend([0x21, 0x03]);
        bytes[80] = 128;
        bytes.truncate(128);
        bytes.extend([0x21, 0x03]);
        bytes
    }

    fn blob(bytes: &[u8], offset: u64, dtype: DataType, count: u64) -> Result<Buffer, BlobFault> {
        WeightFile::new(Buffer::from_bytes(bytes))?.blob(offset, dtype, count)
    }

    #[test]
    fn a_blob_is_found_by_its_metadata() {
        assert_eq!(&*blob(&file(), 64, DataType::I4, 3).unwrap(), [0x21, 0x03]);
    }

    #[test]
    fn every_lie_about_a_blob_is_a_fault() {
        let changed = |at: usize, value: u8| {
            let mut bytes = file();
            bytes[at] = value;
            blob(&bytes, 64, DataType::I4, 3).unwrap_err()
        };
        assert_eq!(changed(4, 3), BlobFault::Version { version: 3 });
        assert!(matches!(changed(64, 0), BlobFault::Sentinel { .. }));
        assert!(matches!(changed(68, 11), BlobFault::Type { .. }));
        assert!(matches!(changed(68, 99), BlobFault::Type { .. }));
        assert!(matches!(changed(72, 3), BlobFault::Size { .. }));
        assert!(matches!(changed(88, 12), BlobFault::Size { .. }));
        assert!(matches!(changed(95, 255), BlobFault::Size { .. }));
        assert!(matches!(changed(79, 255), BlobFault::Size { .. }));
        assert!(matches!(changed(80, 129), BlobFault::Unaligned { offset: 129 }));
        assert!(matches!(changed(87, 255), BlobFault::Beyond { .. }));
        let file = file();
        assert!(matches!(blob(&file, 128, DataType::I4, 3), Err(BlobFault::Beyond { .. })));
        assert!(matches!(
            blob(&file, u64::MAX - 63, DataType::I4, 3),
            Err(BlobFault::Beyond { .. })
        ));
        assert!(matches!(blob(&file, 65, DataType::I4, 3), Err(BlobFault::Unaligned { .. })));
        assert!(matches!(blob(&file, 64, DataType::I4, u64::MAX), Err(BlobFault::Size { .. })));
        assert!(matches!(blob(&[0; 10], 0, DataType::I4, 3), Err(BlobFault::Beyond { .. })));
    }
}
