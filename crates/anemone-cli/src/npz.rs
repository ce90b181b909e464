//! Archives of arrays by name, as `numpy.savez` and `savez_compressed` write them.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Seek, Write};

use anemone::engine::Array;
use thiserror::Error;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::npy::{self, NpyError};

/// Deflate makes no byte out of less than this part of one.
const MAX_RATIO: u64 = 1032;
const MAX_MEMBERS: usize = 100_000;

/// Why bytes are no archive of arrays.
#[derive(Debug, Error)]
pub(crate) enum NpzError {
    /// The archive is broken.
    #[error("not a numpy archive: {0}")]
    Archive(#[from] zip::result::ZipError),
    /// There are too many members.
    #[error("{0} members are more than are read")]
    Members(usize),
    /// A member is broken.
    #[error("member `{member}`: {fault}")]
    Member {
        /// Its name.
        member: String,
        /// What is wrong.
        fault: NpyError,
    },
}

/// Arrays by name.
pub(crate) type Arrays = BTreeMap<String, Array>;

/// The arrays of an archive whose names are wanted.
pub(crate) fn read(
    source: impl Read + Seek,
    wanted: impl Fn(&str) -> bool,
) -> Result<Arrays, NpzError> {
    let mut archive = ZipArchive::new(source)?;
    if archive.len() > MAX_MEMBERS {
        return Err(NpzError::Members(archive.len()));
    }
    let mut arrays = Arrays::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        let name = file.name()?.into_owned();
        let name = name.strip_suffix(".npy").unwrap_or(&name).to_owned();
        if !wanted(&name) {
            continue;
        }
        let available = match file.compression() {
            CompressionMethod::Stored => file.compressed_size(),
            _ => file.compressed_size().saturating_mul(MAX_RATIO),
        };
        let array = npy::read(&mut file, available);
        let array = array.map_err(|fault| NpzError::Member { member: name.clone(), fault })?;
        arrays.insert(name, array);
    }
    Ok(arrays)
}

/// The bytes of an archive that holds `arrays`, not compressed.
pub(crate) fn write(arrays: &Arrays) -> Result<Vec<u8>, NpzError> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, array) in arrays {
        let member = |fault| NpzError::Member { member: name.clone(), fault };
        let bytes = npy::write(array).map_err(member)?;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(u32::try_from(bytes.len()).is_err());
        archive.start_file(format!("{name}.npy"), options)?;
        archive.write_all(&bytes).map_err(|error| member(error.into()))?;
    }
    Ok(archive.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_cut_is_refused() {
        let array = Array::from_f32(vec![2, 2], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        let arrays = Arrays::from([("a".to_owned(), array.clone()), ("b::keys".to_owned(), array)]);
        let bytes = write(&arrays).unwrap();
        assert_eq!(read(Cursor::new(&bytes), |_| true).unwrap(), arrays);
        for end in (0..bytes.len()).step_by(7) {
            assert!(read(Cursor::new(&bytes[..end]), |_| true).is_err(), "cut at {end}");
        }
    }
}
