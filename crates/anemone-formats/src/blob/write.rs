//! The layout of a new weight file, in which every record and every blob begins at a multiple of 64.

use std::io::{self, Write};

use anemone_tensor::{Buffer, DataType};

use super::{ALIGNMENT, RECORD, SENTINEL, VERSION, kinds};
use crate::errors::BlobFault;

/// Blobs in the order in which they will be written.
#[derive(Debug, Default)]
pub struct Layout {
    blobs: Vec<Record>,
    /// The end of the last blob.
    end: u64,
}

#[derive(Debug)]
struct Record {
    offset: u64,
    kind: u32,
    padding: u64,
    data: Buffer,
}

impl Layout {
    /// Adds `count` packed elements of `dtype`; gives the offset of their metadata.
    pub fn add(&mut self, dtype: DataType, count: u64, data: &Buffer) -> Result<u64, BlobFault> {
        let kind = kinds::number(dtype).ok_or(BlobFault::Unstorable { dtype })?;
        let (bits, needed) = (data.len() as u128 * 8, u128::from(count) * dtype.bits() as u128);
        let padding = match bits.checked_sub(needed) {
            Some(padding @ 0..8) => padding as u64,
            _ => {
                let cap = |bits: u128| u64::try_from(bits).unwrap_or(u64::MAX);
                return Err(BlobFault::Size { needed: cap(needed), found: cap(bits) });
            }
        };
        let offset = self.end.max(RECORD).next_multiple_of(ALIGNMENT);
        self.end = offset + RECORD + data.len() as u64;
        self.blobs.push(Record { offset, kind, padding, data: data.clone() });
        Ok(offset)
    }

    /// Writes the file.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let count = u32::try_from(self.blobs.len())
            .map_err(|_| io::Error::new(io::ErrorKind::FileTooLarge, "too many blobs"))?;
        let mut header = [0; RECORD as usize];
        put(&mut header, 0, &count.to_le_bytes());
        put(&mut header, 4, &VERSION.to_le_bytes());
        out.write_all(&header)?;
        let mut at = RECORD;
        for blob in &self.blobs {
            let gap = [0; ALIGNMENT as usize];
            out.write_all(&gap[..(blob.offset - at) as usize])?;
            let start = blob.offset + RECORD;
            let mut record = [0; RECORD as usize];
            put(&mut record, 0, &SENTINEL.to_le_bytes());
            put(&mut record, 4, &blob.kind.to_le_bytes());
            put(&mut record, 8, &(blob.data.len() as u64).to_le_bytes());
            put(&mut record, 16, &start.to_le_bytes());
            put(&mut record, 24, &blob.padding.to_le_bytes());
            out.write_all(&record)?;
            blob.data.verify().map_err(io::Error::other)?;
            out.write_all(&blob.data)?;
            at = start + blob.data.len() as u64;
        }
        Ok(())
    }
}

fn put(record: &mut [u8; RECORD as usize], at: usize, bytes: &[u8]) {
    record[at..at + bytes.len()].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WeightFile;

    #[test]
    fn every_type_is_read_back_from_the_layout() {
        let mut layout = Layout::default();
        let mut offsets = Vec::new();
        let storable = DataType::ALL.iter().filter(|d| kinds::number(**d).is_some());
        for (i, &dtype) in storable.enumerate() {
            for count in [0, 1, 5, 200] {
                let len = dtype.byte_len(count).unwrap();
                let bytes: Vec<u8> = (0..len).map(|b| (b * 7 + i) as u8).collect();
                let data = Buffer::from_bytes(&bytes);
                let offset = layout.add(dtype, count as u64, &data).unwrap();
                offsets.push((offset, dtype, count as u64, data));
            }
        }
        let mut bytes = Vec::new();
        layout.write(&mut bytes).unwrap();
        let file = WeightFile::new(Buffer::from_bytes(&bytes)).unwrap();
        assert_eq!(offsets.len(), 17 * 4);
        for (offset, dtype, count, data) in offsets {
            assert_eq!(file.blob(offset, dtype, count).unwrap(), data, "{dtype} x {count}");
        }
    }

    #[test]
    fn what_a_weight_file_cannot_hold_is_refused() {
        let data = Buffer::from_bytes(&[0; 8]);
        let found = Layout::default().add(DataType::F64, 1, &data);
        assert_eq!(found, Err(BlobFault::Unstorable { dtype: DataType::F64 }));
        let found = Layout::default().add(DataType::F32, 1, &data);
        assert_eq!(found, Err(BlobFault::Size { needed: 32, found: 64 }));
    }
}
