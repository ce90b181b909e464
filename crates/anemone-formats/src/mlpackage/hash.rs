//! One hash for all of a model's files.

use std::fs;
use std::path::{Path, PathBuf};

use blake3::Hasher;

use super::read::{MAX_FILES, io_error, map};
use crate::errors::ReadError;

/// A model's files as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// Their BLAKE3 hash.
    pub hash: [u8; 32],
    /// Bytes of all of them.
    pub bytes: u64,
}

/// The hash and size of a `.mlmodel` file, or of the names, lengths and bytes of a package's files.
pub fn content(path: &Path) -> Result<Content, ReadError> {
    let mut hasher = Hasher::new();
    let mut size = 0;
    if fs::metadata(path).map_err(|source| io_error(path, source))?.is_file() {
        let bytes = map(path, u64::MAX)?;
        hasher.update(&bytes);
        return Ok(Content { hash: hasher.finalize().into(), bytes: bytes.len() as u64 });
    }
    for file in files(path)? {
        let name = file.strip_prefix(path).unwrap_or(&file).to_string_lossy().into_owned();
        let bytes = map(&file, u64::MAX)?;
        for length in [name.len(), bytes.len()] {
            hasher.update(&(length as u64).to_le_bytes());
        }
        hasher.update(name.as_bytes()).update(&bytes);
        size += bytes.len() as u64;
    }
    Ok(Content { hash: hasher.finalize().into(), bytes: size })
}

/// Every regular file of a package, sorted; links are not followed.
fn files(package: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let mut found = Vec::new();
    let mut folders = vec![package.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|source| io_error(&folder, source))? {
            let entry = entry.map_err(|source| io_error(&folder, source))?;
            let kind = entry.file_type().map_err(|source| io_error(&entry.path(), source))?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
            let size = (found.len() + folders.len()) as u64;
            if size > MAX_FILES {
                let (path, limit) = (package.to_owned(), MAX_FILES);
                return Err(ReadError::TooLarge { path, size, unit: "files", limit });
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_and_every_name_counts() {
        let folder = std::env::temp_dir().join(format!("anemone-hash-{}", std::process::id()));
        fs::create_dir_all(folder.join("a/b")).unwrap();
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        write("a/b/c", "one");
        write("d", "two");
        let first = content(&folder).unwrap();
        assert_eq!(content(&folder).unwrap(), first);
        write("d", "twO");
        assert_ne!(content(&folder).unwrap(), first);
        write("d", "two");
        assert_eq!(content(&folder).unwrap(), first);
        fs::rename(folder.join("d"), folder.join("e")).unwrap();
        assert_ne!(content(&folder).unwrap(), first);
        fs::remove_dir_all(&folder).unwrap();
        assert!(matches!(content(&folder), Err(ReadError::Missing { .. })));
    }
}
