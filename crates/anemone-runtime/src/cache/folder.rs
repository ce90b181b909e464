//! The folder of a cache: that it is ours, what lies in it, and how much of it may stay.
#![allow(clippy::disallowed_methods, reason = "the cache is a folder of files")]

use std::fs::{self, DirEntry, File, TryLockError};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use thiserror::Error;

use super::file;

/// Backup programs know this file, and leave folders with it alone.
const TAG: &str = "CACHEDIR.TAG";
const TAG_TEXT: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This folder is a cache of Anemone's manager. It may be removed at any time.\n";
const LOCK: &str = "lock";
const ENDING: &str = ".artefact";

/// Why a cache cannot be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CacheError {
    /// Something else lies where the cache should be.
    #[error("`{}` is not a part of a cache", .path.display())]
    Foreign {
        /// What lies there.
        path: PathBuf,
    },
    /// The folder could not be read or made.
    #[error("`{}`: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
}

/// The right to change what was read, until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// A file of the cache.
struct Entry {
    /// When it was written or read last.
    used: SystemTime,
    path: PathBuf,
    bytes: u64,
}

/// Makes the folder, or finds that it is ours.
pub(super) fn create(folder: &Path) -> Result<(), CacheError> {
    if is_ours(folder)? {
        return Ok(());
    }
    if let Some(path) = stranger(folder)? {
        // Another process may have made the cache, and filled it, since the tag was looked for.
        return if is_ours(folder)? { Ok(()) } else { Err(CacheError::Foreign { path }) };
    }
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let tag = folder.join(TAG);
    file::write(&tag, &[TAG_TEXT.as_bytes()]).map_err(|error| failed(&tag, error))
}

/// Where the artefact with this hash lies.
pub(super) fn artefact(folder: &Path, hash: &blake3::Hash) -> PathBuf {
    folder.join(format!("{}{ENDING}", hash.to_hex()))
}

/// The right to change what was read; nobody's while another has it.
pub(super) fn try_lock(folder: &Path) -> io::Result<Option<Lock>> {
    let path = folder.join(LOCK);
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes what dead writers left, and of the artefacts those that were not used for the longest
/// time, until the rest is at most `limit` bytes; `keep` stays. Returns how many were removed.
pub(super) fn tidy(folder: &Path, limit: u64, keep: Option<&Path>) -> io::Result<usize> {
    let mut artefacts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if is_artefact(name) {
            // Others remove files too: what is no more takes no room.
            artefacts.extend(measure(&entry).ok());
        } else if file::is_unfinished(name) && file::is_abandoned(&entry.path()).unwrap_or(false) {
            tracing::debug!(file = name, "removed what a dead writer left in the cache");
            let _ = fs::remove_file(entry.path());
        }
    }
    let mut bytes = artefacts.iter().fold(0u64, |sum, entry| sum.saturating_add(entry.bytes));
    artefacts.sort_unstable_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
    let mut removed = 0;
    for entry in artefacts.iter().filter(|entry| Some(entry.path.as_path()) != keep) {
        if bytes <= limit {
            break;
        }
        match fs::remove_file(&entry.path) {
            Ok(()) => removed += 1,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // A reader on another platform holds it.
            Err(_) => continue,
        }
        bytes = bytes.saturating_sub(entry.bytes);
    }
    Ok(removed)
}

fn measure(entry: &DirEntry) -> io::Result<Entry> {
    let metadata = entry.metadata()?;
    Ok(Entry { used: metadata.modified()?, path: entry.path(), bytes: metadata.len() })
}

fn is_artefact(name: &str) -> bool {
    let hash = name.strip_suffix(ENDING);
    hash.is_some_and(|hash| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Whether the folder has our tag.
fn is_ours(folder: &Path) -> Result<bool, CacheError> {
    let tag = folder.join(TAG);
    let mut text = Vec::new();
    let limit = TAG_TEXT.len() as u64 + 1;
    let read = File::open(&tag).and_then(|file| file.take(limit).read_to_end(&mut text));
    match read {
        Ok(_) if text == TAG_TEXT.as_bytes() => Ok(true),
        // A machine that lost its power may have left a part of it, or nothing.
        Ok(_) if TAG_TEXT.as_bytes().starts_with(&text) => Ok(false),
        Ok(_) => Err(CacheError::Foreign { path: tag }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            Err(CacheError::Foreign { path: folder.to_owned() })
        }
        Err(error) => Err(failed(&tag, error)),
    }
}

/// Something in the folder that is no start of a cache.
fn stranger(folder: &Path) -> Result<Option<PathBuf>, CacheError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(folder, error)),
    };
    for entry in entries {
        let name = entry.map_err(|error| failed(folder, error))?.file_name();
        if !name.to_str().is_some_and(|name| name == TAG || file::is_unfinished(name)) {
            return Ok(Some(folder.join(name)));
        }
    }
    Ok(None)
}

fn failed(path: &Path, source: io::Error) -> CacheError {
    CacheError::Io { path: path.to_owned(), source }
}
