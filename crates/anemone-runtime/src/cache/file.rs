//! Reading and writing one file of a cache, against torn writes and concurrent processes.
#![allow(clippy::disallowed_methods, reason = "the cache is a folder of files")]

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process;
// A number for names alone, which a tool that tries interleavings need not see.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use super::artefact::{self, Flaw, HEAD};

/// A writer makes its file, and locks it, in less than this.
const YOUNG: Duration = Duration::from_secs(60);
/// Where files cannot be locked, no write takes as long as this.
const OLD: Duration = Duration::from_secs(24 * 3600);

/// Why there is no artefact to read.
#[derive(Debug)]
pub(super) enum Miss {
    Absent,
    Flawed(Flaw),
    Failed(io::Error),
}

impl From<io::Error> for Miss {
    fn from(error: io::Error) -> Miss {
        match error.kind() {
            ErrorKind::NotFound => Miss::Absent,
            // It shrank since its length was read.
            ErrorKind::UnexpectedEof => Miss::Flawed(Flaw::Length),
            _ => Miss::Failed(error),
        }
    }
}

/// The payload of the artefact for `key` at `path`, of at most `limit` bytes; the file counts as
/// used now.
pub(super) fn read(path: &Path, key: &[u8], limit: u64) -> Result<Vec<u8>, Miss> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > limit {
        return Err(Miss::Flawed(Flaw::Length));
    }
    let mut head = [0; HEAD];
    file.read_exact(&mut head)?;
    let payload = artefact::payload_length(&head, key, length).map_err(Miss::Flawed)?;
    let mut front = head.to_vec();
    front.resize(HEAD + key.len(), 0);
    file.read_exact(&mut front[HEAD..])?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(payload).map_err(|_| io::Error::from(ErrorKind::OutOfMemory))?;
    bytes.resize(payload, 0);
    file.read_exact(&mut bytes)?;
    artefact::verify(&front, key, &bytes).map_err(Miss::Flawed)?;
    // Where only reading is allowed, others say what was used last.
    let _ = file.set_modified(SystemTime::now());
    Ok(bytes)
}

/// Writes `parts`, one after the other, as the file `path`, which is there whole or not at all.
pub(super) fn write(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let (mut file, unfinished) = unfinished(folder)?;
    // Not everywhere can files be locked; there the age alone tells who is dead.
    let _ = file.try_lock();
    let write = || {
        parts.iter().try_for_each(|part| file.write_all(part))?;
        file.set_modified(SystemTime::now())?;
        file.sync_all()?;
        drop(file);
        fs::rename(&unfinished, path)
    };
    let written = write();
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// Whether a file of this name is one that a writer has not finished.
pub(super) fn is_unfinished(name: &str) -> bool {
    let numbers = name.strip_suffix(".tmp").and_then(|rest| rest.split_once('-'));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    numbers.is_some_and(|(process, count)| is_number(process) && is_number(count))
}

/// Whether the writer of the unfinished file at `path` is dead: the lock of a process goes with it.
pub(super) fn is_abandoned(path: &Path) -> io::Result<bool> {
    let file = File::open(path)?;
    let age = file.metadata()?.modified()?.elapsed().unwrap_or_default();
    match file.try_lock() {
        Ok(()) => Ok(age >= YOUNG),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(_)) => Ok(age >= OLD),
    }
}

/// A new file in `folder` that no other writer has.
fn unfinished(folder: &Path) -> io::Result<(File, PathBuf)> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{}-{count}.tmp", process::id()));
        match File::options().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, path)),
            // A dead process had the same number, or a process elsewhere has it.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_unfinished_files_are_known() {
        for (name, expected) in [
            ("12-3.tmp", true),
            ("12.tmp", false),
            ("-3.tmp", false),
            ("12-x.tmp", false),
            ("12-3.tmp.bak", false),
        ] {
            assert_eq!(is_unfinished(name), expected, "{name}");
        }
    }
}
