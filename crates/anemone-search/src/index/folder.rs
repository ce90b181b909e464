//! The folder of an index: what lies in it, that it is ours, who may write.
#![allow(clippy::disallowed_methods, reason = "the index is a folder of files")]

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::vectors;
use crate::IndexError;

const DATABASE: &str = "index.redb";
const UNFINISHED: &str = "index.redb.new";
const LOCK: &str = "lock";
const TEXTS: &str = "texts.tmp";
/// Backup programs know this file, and leave folders with it alone.
const TAG: &str = "CACHEDIR.TAG";
const TAG_TEXT: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This folder is an index of Anemone's search. `anemone index clear` removes it.\n";

/// The folder of an index.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

/// The right to write, until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Removes the index in `folder`: the files that belong to it, and the folder if nothing else lies
/// in it. What is not ours stays. Nothing to remove is no error.
pub fn clear(folder: &Path) -> Result<(), IndexError> {
    let folder = Folder::new(folder);
    match folder.owner()? {
        Owner::Ours => {}
        Owner::Nobody => return Ok(()),
        Owner::Others(path) => return Err(IndexError::Foreign { path }),
    }
    let lock = folder.try_lock()?;
    for (_, name) in folder.vector_files()? {
        let path = folder.path.join(name);
        if vectors::is_ours(&path) {
            remove(&path)?;
        }
    }
    folder.remove_waiting()?;
    for name in [UNFINISHED, DATABASE, LOCK, TAG] {
        remove(&folder.path.join(name))?;
    }
    drop(lock);
    match fs::remove_dir(&folder.path) {
        Err(error)
            if !matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::NotFound) =>
        {
            Err(IndexError::io(&folder.path, error))
        }
        _ => Ok(()),
    }
}

enum Owner {
    Ours,
    /// There is no such folder, or nothing in it that matters.
    Nobody,
    /// Something that is no part of an index.
    Others(PathBuf),
}

impl Folder {
    pub(super) fn new(path: &Path) -> Folder {
        Folder { path: path.to_owned() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder without links in its path, as a walk would come to it.
    pub(super) fn real_path(&self) -> PathBuf {
        fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Where a database is made before it comes to its place.
    pub(super) fn unfinished_database(&self) -> PathBuf {
        self.path.join(UNFINISHED)
    }

    pub(super) fn texts(&self) -> PathBuf {
        self.path.join(TEXTS)
    }

    /// Makes the folder, or finds that it is ours.
    pub(super) fn create(&self) -> Result<(), IndexError> {
        match self.owner()? {
            Owner::Ours => return Ok(()),
            Owner::Others(path) => return Err(IndexError::Foreign { path }),
            Owner::Nobody => {}
        }
        fs::create_dir_all(&self.path).map_err(|error| IndexError::io(&self.path, error))?;
        let tag = self.path.join(TAG);
        let write = || File::create(&tag)?.write_all(TAG_TEXT.as_bytes());
        write().map_err(|error| IndexError::io(&tag, error))
    }

    /// Fails unless the folder holds an index, or the start of one.
    pub(super) fn find(&self) -> Result<(), IndexError> {
        match self.owner()? {
            Owner::Ours => Ok(()),
            Owner::Nobody => Err(IndexError::Missing { folder: self.path.clone() }),
            Owner::Others(path) => Err(IndexError::Foreign { path }),
        }
    }

    fn owner(&self) -> Result<Owner, IndexError> {
        let tag = self.path.join(TAG);
        let mut start = Vec::new();
        let read = File::open(&tag)
            .and_then(|file| file.take(TAG_TEXT.len() as u64).read_to_end(&mut start));
        match read {
            Ok(_) if start == TAG_TEXT.as_bytes() => return Ok(Owner::Ours),
            // A run that was killed as it began may have left a part of it, or nothing.
            Ok(_) if TAG_TEXT.as_bytes().starts_with(&start) => {}
            Ok(_) => return Ok(Owner::Others(tag)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                return Ok(Owner::Others(self.path.clone()));
            }
            Err(error) => return Err(IndexError::io(&tag, error)),
        }
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Owner::Nobody),
            Err(error) => return Err(IndexError::io(&self.path, error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| IndexError::io(&self.path, error))?;
            // Who waited while the index was cleared has made the lock anew, which is empty.
            let is_lock = entry.file_name() == LOCK && entry.metadata().is_ok_and(|m| m.len() == 0);
            if entry.file_name() != TAG && !is_lock {
                return Ok(Owner::Others(entry.path()));
            }
        }
        Ok(Owner::Nobody)
    }

    /// The right to write, or [`IndexError::Busy`] while another process has it.
    pub(super) fn try_lock(&self) -> Result<Lock, IndexError> {
        self.lock_by(|file| match file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        })
    }

    /// The right to write, once nobody else has it.
    pub(super) fn lock(&self) -> Result<Lock, IndexError> {
        self.lock_by(|file| file.lock().map(|()| true))
    }

    fn lock_by(&self, take: impl Fn(&File) -> io::Result<bool>) -> Result<Lock, IndexError> {
        let path = self.path.join(LOCK);
        let fail = |error| IndexError::io(&path, error);
        loop {
            let mut options = File::options();
            options.read(true).write(true).create(true).truncate(false);
            let file = match options.open(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    fs::create_dir_all(&self.path).map_err(fail)?;
                    options.open(&path)
                }
                other => other,
            }
            .map_err(fail)?;
            if !take(&file).map_err(fail)? {
                return Err(IndexError::Busy { folder: self.path.clone() });
            }
            if is_still(&file, &path).map_err(fail)? {
                return Ok(Lock { _file: file });
            }
        }
    }

    /// The files of vectors, with their numbers, in order.
    pub(super) fn vector_files(&self) -> Result<Vec<(u64, String)>, IndexError> {
        let numbered = |name: String| Some((vectors::number(&name)?, name));
        let mut found: Vec<_> = self.names()?.into_iter().filter_map(numbered).collect();
        found.sort_unstable();
        Ok(found)
    }

    fn names(&self) -> Result<Vec<String>, IndexError> {
        let fail = |error| IndexError::io(&self.path, error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(fail)? {
            names.extend(entry.map_err(fail)?.file_name().into_string());
        }
        Ok(names)
    }

    /// Removes what waited to be stored in a run that was killed.
    fn remove_waiting(&self) -> Result<(), IndexError> {
        remove(&self.texts())?;
        let names = self.names()?;
        for name in names.iter().filter(|name| is_run(name)) {
            remove(&self.path.join(name))?;
        }
        Ok(())
    }

    /// Removes what earlier runs left: texts, and vectors that are not in `keep`. What cannot be
    /// removed now, since a reader on another platform holds it, is removed by a later run.
    pub(super) fn sweep(&self, keep: &str) -> Result<(), IndexError> {
        self.remove_waiting()?;
        for (_, name) in self.vector_files()? {
            if name != keep && vectors::is_ours(&self.path.join(&name)) {
                let _ = fs::remove_file(self.path.join(&name));
            }
        }
        Ok(())
    }

    /// Bytes of all files.
    pub(super) fn size(&self) -> Result<u64, IndexError> {
        let fail = |error| IndexError::io(&self.path, error);
        let mut size = 0;
        for entry in fs::read_dir(&self.path).map_err(fail)? {
            match entry.map_err(fail)?.metadata() {
                Ok(meta) => size += meta.len(),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(fail(error)),
            }
        }
        Ok(size)
    }
}

/// Whether `file` still lies at `path`: who cleared the index may have removed it before the lock
/// was had.
fn is_still(file: &File, path: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let held = file.metadata()?;
        match fs::metadata(path) {
            Ok(now) => Ok(held.ino() == now.ino() && held.dev() == now.dev()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        Ok(true)
    }
}

/// The name of the file in which a run of lists waits to be stored.
pub(super) fn run(number: usize) -> String {
    format!("words-{number}.tmp")
}

fn is_run(name: &str) -> bool {
    let number = name.strip_prefix("words-").and_then(|rest| rest.strip_suffix(".tmp"));
    number.and_then(|number| number.parse().ok()).is_some_and(|number| run(number) == name)
}

pub(super) fn remove(path: &Path) -> Result<(), IndexError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(IndexError::io(path, error)),
        _ => Ok(()),
    }
}
