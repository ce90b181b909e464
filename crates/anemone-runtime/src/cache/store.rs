//! The cache as the manager sees it: a folder, and in it what belongs to a key.

use std::io;
use std::path::{Path, PathBuf};

use super::artefact;
use super::file::{self, Miss};
use super::folder::{self, CacheError, Lock};
use crate::loader::Artefacts;
use crate::sync::Arc;
use crate::sync::atomic::{AtomicU64, Ordering};

/// A folder of artefacts; a clone is the same cache. Any number of processes may have it open.
#[derive(Clone, Debug)]
pub struct Cache {
    shared: Arc<Shared>,
}

/// For what an artefact was compiled: for anything else it is not there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The BLAKE3 hash of the model's files.
    pub content: [u8; 32],
    /// The engine.
    pub engine: String,
    /// The hardware, its features and the engine's version.
    pub machine: String,
    /// Everything else that a plan depends on, such as function and precision.
    pub options: String,
}

/// What the cache has for one key.
#[derive(Clone, Debug)]
pub struct Scope {
    shared: Arc<Shared>,
    key: Vec<u8>,
}

/// What this process did with a cache since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Artefacts that were read.
    pub hits: u64,
    /// Artefacts that were not there; flawed ones and failed reads are among them.
    pub misses: u64,
    /// Files that were damaged, foreign or of another version.
    pub flawed: u64,
    /// Artefacts that were written.
    pub stored: u64,
    /// Artefacts that were removed to make room.
    pub removed: u64,
    /// Reads and writes that the operating system refused.
    pub failures: u64,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    /// Bytes of all artefacts that may stay.
    limit: u64,
    hits: AtomicU64,
    misses: AtomicU64,
    flawed: AtomicU64,
    stored: AtomicU64,
    removed: AtomicU64,
    failures: AtomicU64,
}

impl Cache {
    /// The bytes that artefacts take where nothing else is said: 4 GiB.
    pub const USUAL_LIMIT: u64 = 4 << 30;

    /// Opens the cache in `folder`, which is made if it is not there; what belongs to something
    /// else is left alone.
    pub fn open(folder: &Path) -> Result<Cache, CacheError> {
        Cache::open_with_limit(folder, Cache::USUAL_LIMIT)
    }

    /// Opens the cache in `folder`; when something is put there, what was not used for the longest
    /// time is removed until the rest is at most `limit` bytes.
    pub fn open_with_limit(folder: &Path, limit: u64) -> Result<Cache, CacheError> {
        folder::create(folder)?;
        let zero = || AtomicU64::new(0);
        let shared = Shared {
            folder: folder.to_owned(),
            limit,
            hits: zero(),
            misses: zero(),
            flawed: zero(),
            stored: zero(),
            removed: zero(),
            failures: zero(),
        };
        shared.tidy(None);
        Ok(Cache { shared: Arc::new(shared) })
    }

    /// What the cache has for `key`.
    pub fn scope(&self, key: &Key) -> Scope {
        Scope { shared: self.shared.clone(), key: key.bytes() }
    }

    /// What was done with this cache since it was opened here.
    pub fn counts(&self) -> Counts {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Shared { hits, misses, flawed, stored, removed, failures, .. } = &*self.shared;
        Counts {
            hits: count(hits),
            misses: count(misses),
            flawed: count(flawed),
            stored: count(stored),
            removed: count(removed),
            failures: count(failures),
        }
    }
}

impl Key {
    /// The key as bytes, different for different keys.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.content.to_vec();
        for text in [&self.engine, &self.machine, &self.options] {
            bytes.extend((text.len() as u64).to_le_bytes());
            bytes.extend(text.as_bytes());
        }
        bytes
    }
}

impl Artefacts for Scope {
    fn get(&self, name: &str) -> Option<Vec<u8>> {
        let (path, key) = self.place(name);
        let shared = &self.shared;
        match file::read(&path, &key, shared.limit) {
            Ok(bytes) => {
                count(&shared.hits);
                return Some(bytes);
            }
            Err(Miss::Absent) => {}
            Err(Miss::Flawed(flaw)) => {
                count(&shared.flawed);
                tracing::debug!(file = %path.display(), ?flaw, "no use was made of a cached file");
            }
            Err(Miss::Failed(error)) => shared.fail(&path, &error),
        }
        count(&shared.misses);
        None
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        self.try_put(name, bytes);
    }
}

impl Scope {
    /// Keeps an artefact; whether it was kept.
    pub(super) fn try_put(&self, name: &str, bytes: &[u8]) -> bool {
        let (path, key) = self.place(name);
        let shared = &self.shared;
        let front = artefact::front(&key, bytes);
        if (front.len() + bytes.len()) as u64 > shared.limit {
            tracing::debug!(name, bytes = bytes.len(), "too large for the whole cache");
            return false;
        }
        match file::write(&path, &[&front, bytes]) {
            Ok(()) => {
                count(&shared.stored);
                shared.tidy(Some(&path));
                true
            }
            Err(error) => {
                shared.fail(&path, &error);
                false
            }
        }
    }

    /// The right to change an artefact that was read, without another process between; none while
    /// another has it, or where it cannot be had.
    pub(super) fn try_lock(&self) -> Option<Lock> {
        folder::try_lock(&self.shared.folder).unwrap_or_else(|error| {
            self.shared.fail(&self.shared.folder, &error);
            None
        })
    }

    /// The file of an artefact, and the key that it must have.
    fn place(&self, name: &str) -> (PathBuf, Vec<u8>) {
        let key = [&self.key, name.as_bytes()].concat();
        (folder::artefact(&self.shared.folder, &blake3::hash(&key)), key)
    }
}

impl Shared {
    fn tidy(&self, keep: Option<&Path>) {
        match folder::tidy(&self.folder, self.limit, keep) {
            Ok(removed) => {
                self.removed.fetch_add(removed as u64, Ordering::Relaxed);
            }
            Err(error) => self.fail(&self.folder, &error),
        }
    }

    fn fail(&self, path: &Path, error: &io::Error) {
        count(&self.failures);
        tracing::warn!(path = %path.display(), %error, "the cache could not be used");
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
