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

/// A read-only mapping of a whole file.
#[derive(Debug)]
pub struct MappedFile {
    path: PathBuf,
    file: File,
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
            // truncates it is looked for by `verify` before large reads.
            let map = unsafe { Mmap::map(&file) }.map_err(fail)?;
            Buffer::from_map(Arc::new(map))
        };
        Ok(MappedFile { path: path.to_owned(), file, buffer })
    }

    /// The mapped bytes.
    pub fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Fails if the file is now shorter than the mapping, so that reading would fault.
    pub fn verify(&self) -> Result<(), MapError> {
        let now = self
            .file
            .metadata()
            .map_err(|source| MapError::Io { path: self.path.clone(), source })?
            .len();
        let mapped = self.buffer.len() as u64;
        if now < mapped {
            return Err(MapError::Shrank { path: self.path.clone(), mapped, now });
        }
        Ok(())
    }
}
