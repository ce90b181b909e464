//! The workspace's only memory mapping: weight files are mapped, not read.
#![allow(clippy::disallowed_methods, reason = "this is where files are mapped")]

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;
use thiserror::Error;

use crate::Buffer;

/// Why a file could not be mapped, or is no longer what was mapped.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MapError {
    /// The file could not be opened, measured or mapped.
    #[error("cannot map `{path}`")]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The file is shorter than when it was mapped.
    #[error("`{path}` shrank from {mapped} to {now} bytes while in use")]
    Shrank {
        /// The file.
        path: PathBuf,
        /// Its length when it was mapped.
        mapped: u64,
        /// Its length now.
        now: u64,
    },
}

/// A file, mapped as a whole and read-only.
#[derive(Debug)]
pub struct MappedFile {
    buffer: Buffer,
}

impl MappedFile {
    /// Map `path`.
    pub fn open(path: &Path) -> Result<MappedFile, MapError> {
        let fail = |source| MapError::Io { path: path.to_owned(), source };
        #[expect(clippy::disallowed_methods, reason = "this is the mapping that the rule means")]
        let file = File::open(path).map_err(fail)?;
        let meta = file.metadata().map_err(fail)?;
        if !meta.is_file() {
            return Err(fail(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
        }
        let buffer = if meta.len() == 0 {
            Buffer::from_bytes(&[])
        } else {
            // SAFETY: the mapping is private and read-only. Another process that writes to the
            // file can change the bytes, which are only ever read as plain integers; one that
            // truncates it is looked for by `Buffer::verify` before much is read.
            let map = unsafe { Mmap::map(&file) }.map_err(fail)?;
            Buffer::from_mapping(Arc::new(Mapping { path: path.to_owned(), file, map }))
        };
        Ok(MappedFile { buffer })
    }

    /// The mapped bytes; they keep the mapping alive.
    pub fn buffer(&self) -> &Buffer {
        &self.buffer
    }
}

/// What the buffers of one mapped file share.
#[derive(Debug)]
pub(crate) struct Mapping {
    path: PathBuf,
    file: File,
    map: Mmap,
}

impl Mapping {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }

    pub(crate) fn verify(&self) -> Result<(), MapError> {
        let now = self
            .file
            .metadata()
            .map_err(|source| MapError::Io { path: self.path.clone(), source })?
            .len();
        let mapped = self.map.len() as u64;
        if now < mapped {
            return Err(MapError::Shrank { path: self.path.clone(), mapped, now });
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests make the files that they map")]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_shrinks_is_told() {
        let path = std::env::temp_dir().join(format!("anemone-shrinks-{}", std::process::id()));
        std::fs::write(&path, [7; 100]).unwrap();
        let part = MappedFile::open(&path).unwrap().buffer().slice(10..20).unwrap();
        assert_eq!(part[0], 7);
        assert!(part.verify().is_ok());
        File::options().write(true).open(&path).unwrap().set_len(50).unwrap();
        let found = part.verify();
        assert!(matches!(found, Err(MapError::Shrank { mapped: 100, now: 50, .. })));
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn folders_are_refused_and_empty_files_are_not() {
        assert!(MappedFile::open(&std::env::temp_dir()).is_err());
        let path = std::env::temp_dir().join(format!("anemone-empty-{}", std::process::id()));
        std::fs::write(&path, []).unwrap();
        assert!(MappedFile::open(&path).unwrap().buffer().is_empty());
        std::fs::remove_file(&path).unwrap();
    }
}
