//! Brings the index of a tree up to date: walk, compare, read what changed, embed what is new,
//! switch to the new state.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

use anemone_embed::{EmbedError, Encode, Stop};

use super::Skip;
use super::before::Before;
use super::commit::{self, Next};
use super::embed::{self, Embedded};
use super::folder::{Folder, Lock};
use super::gather::{self, Reading};
use super::records::Limits;
use super::texts::Texts;
use super::vectors::VectorStore;
use super::walk::{self, Entry, Walked};
use crate::{IndexError, Mismatch};

/// How an index is brought up to date.
#[derive(Clone, Debug)]
pub struct Options {
    /// Waits for another process that is indexing into the same folder, rather than to fail with
    /// [`IndexError::Busy`].
    pub wait: bool,
    /// Reads all that is stored and makes it anew if it is damaged.
    pub verify: bool,
    /// Tokens that a chunk should have about; as many as the model reads where not given.
    pub target: Option<usize>,
    /// Bytes of the largest file that is searched.
    pub largest: u64,
    /// Threads that read and cut files; as many as there are cores where not given.
    pub threads: Option<usize>,
}

impl Default for Options {
    fn default() -> Options {
        Options { wait: false, verify: false, target: None, largest: 1 << 20, threads: None }
    }
}

/// Who watches an update, and may stop it.
#[derive(Clone, Copy, Default)]
pub struct Observer<'a> {
    /// Told how far it is.
    pub progress: Option<&'a (dyn Fn(Progress) + Sync)>,
    /// Ends it; vectors that were computed are kept for the next run.
    pub stop: Option<&'a Stop>,
}

/// How far an update is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Another process is indexing into the same folder.
    Waiting,
    /// The tree is walked.
    Scanning,
    /// Files that may have changed are read.
    Reading {
        /// So many were.
        files: usize,
        /// Of so many.
        of: usize,
    },
    /// Texts become vectors.
    Embedding {
        /// Chunks that have.
        chunks: usize,
        /// Of so many.
        of_chunks: usize,
        /// Their tokens, about.
        tokens: u64,
        /// Of so many, about.
        of_tokens: u64,
    },
    /// The new state is written.
    Saving,
}

/// What an update did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Why nothing that was there could be used, other than vectors; `None` where it was.
    pub anew: Option<Reason>,
    /// Whether there is another state than before.
    pub is_changed: bool,
    /// Files that were not there before.
    pub added: usize,
    /// Files that were other than before.
    pub changed: usize,
    /// Files that are gone, or no longer searched.
    pub removed: usize,
    /// Texts that became vectors.
    pub embedded: usize,
    /// Chunks of new and changed files whose vectors were there already.
    pub reused: usize,
    /// Texts that were longer than the model reads, and lost their end.
    pub truncated: usize,
    /// Files that are searched now.
    pub files: u32,
    /// Chunks that are searched now.
    pub chunks: u32,
    /// Tokens of all chunks.
    pub tokens: u64,
    /// Files and folders that are not searched, by reason.
    pub skipped: BTreeMap<Skip, u64>,
    /// What could not be read, and why.
    pub unreadable: Vec<String>,
}

/// Why an index was made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There was none.
    First,
    /// Something else made it.
    Mismatch(Mismatch),
    /// It was damaged, in this way.
    Damaged(String),
}

impl Observer<'_> {
    pub(super) fn tell(&self, progress: Progress) {
        if let Some(tell) = self.progress {
            tell(progress);
        }
    }

    pub(super) fn check(&self) -> Result<(), IndexError> {
        match self.stop {
            Some(stop) if stop.is_set() => Err(EmbedError::Stopped.into()),
            _ => Ok(()),
        }
    }
}

/// Brings the index in `folder` up to date with the tree at `root`, or begins it.
///
/// Readers see the old state until the new one is whole. A run that ends early, in whatever way,
/// leaves the old state, and the vectors that it computed for the next run.
pub fn update(
    root: &Path,
    folder: &Path,
    encoder: &dyn Encode,
    options: &Options,
    observer: &Observer<'_>,
) -> Result<Summary, IndexError> {
    let run = Run::begin(root, folder, encoder, options, observer)?;
    match run.attempt(None) {
        Err(IndexError::Corrupt { what, .. }) => run.attempt(Some(what)),
        other => other,
    }
}

struct Run<'a> {
    root: PathBuf,
    folder: Folder,
    encoder: &'a dyn Encode,
    options: &'a Options,
    observer: &'a Observer<'a>,
    limits: Limits,
    _lock: Lock,
}

/// What differs between the tree and the index.
struct Plan<'w> {
    /// Files to read.
    read: Vec<&'w Entry>,
    /// Paths that are no longer there.
    gone: Vec<String>,
}

impl<'a> Run<'a> {
    fn begin(
        root: &Path,
        folder: &Path,
        encoder: &'a dyn Encode,
        options: &'a Options,
        observer: &'a Observer<'a>,
    ) -> Result<Run<'a>, IndexError> {
        let root = walk::root(root)?;
        let folder = Folder::new(folder);
        folder.create()?;
        let lock = match folder.try_lock() {
            Err(IndexError::Busy { .. }) if options.wait => {
                observer.tell(Progress::Waiting);
                folder.lock()?
            }
            other => other?,
        };
        // Whoever had the lock may have cleared the index.
        folder.create()?;
        let maximum = encoder.max_tokens().max(1);
        let target = options.target.unwrap_or(maximum).clamp(1, maximum);
        let limits = Limits { target, maximum };
        Ok(Run { root, folder, encoder, options, observer, limits, _lock: lock })
    }

    /// One update; `damaged` says how the last attempt found that nothing can be used.
    fn attempt(&self, damaged: Option<String>) -> Result<Summary, IndexError> {
        let root = self.root.to_string_lossy().into_owned();
        let before = match damaged {
            Some(what) => Before::nothing(Reason::Damaged(what)),
            None => Before::load(&self.folder, &root, self.encoder, self.limits, self.options)?,
        };
        self.observer.tell(Progress::Scanning);
        let walked = walk::walk(&self.root, &self.folder.real_path(), self.options.largest)?;
        self.observer.check()?;
        let plan = compare(&before, &walked);
        let mut next_doc = before.meta.as_ref().map_or(0, |meta| meta.next_doc);
        let mut texts = Texts::new(self.folder.texts());
        let mut rows = Rows { run: self, before: &before, store: None };
        if !before.is_kept() {
            rows.store()?;
        }
        let known: HashMap<&str, [u8; 32]> =
            before.files.values().map(|file| (file.path.as_str(), file.hash)).collect();
        let pool = self.pool()?;
        let reading = Reading {
            root: &self.root,
            folder: self.folder.path(),
            encoder: self.encoder,
            limits: self.limits,
            largest: self.options.largest,
            pool: &pool,
            known: &known,
        };
        let gain = gather::gather(
            &reading,
            &plan.read,
            &mut next_doc,
            &mut rows,
            &mut texts,
            self.observer,
        )?;
        let mut embedded = Embedded::default();
        if !texts.waiting().is_empty() {
            embedded = embed::embed(self.encoder, &mut texts, rows.store()?, self.observer)?;
        }
        drop(texts);
        let store = rows.store;
        let limits = self.limits;
        let next = Next {
            root,
            encoder: self.encoder,
            limits,
            next_doc,
            walk_skips: walked.skipped.clone(),
        };
        let read: Vec<&str> = plan.read.iter().map(|entry| entry.path.as_str()).collect();
        self.observer.tell(Progress::Saving);
        let mut summary =
            commit::commit(&self.folder, before, &read, plan.gone, gain, store, next)?;
        summary.unreadable.extend(walked.unreadable);
        summary.embedded = embedded.texts;
        summary.truncated = embedded.truncated;
        Ok(summary)
    }

    fn pool(&self) -> Result<rayon::ThreadPool, IndexError> {
        let threads = match self.options.threads {
            Some(threads) => threads,
            None => thread::available_parallelism().map_or(1, NonZero::get),
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.map_err(|error| IndexError::io(self.folder.path(), io::Error::other(error)))
    }
}

/// The vectors that are there, looked at once they are asked for.
pub(super) struct Rows<'a> {
    run: &'a Run<'a>,
    before: &'a Before,
    store: Option<VectorStore>,
}

impl Rows<'_> {
    pub(super) fn store(&mut self) -> Result<&mut VectorStore, IndexError> {
        if self.store.is_none() {
            let encoder = self.run.encoder;
            let preferred = self.before.vectors.as_ref().map(|(name, rows)| (name.as_str(), *rows));
            let (model, dimension) = (encoder.identity(), encoder.dimension());
            let store = VectorStore::open(&self.run.folder, &model, dimension, preferred)?;
            self.before.check_rows(&store)?;
            return Ok(self.store.insert(store));
        }
        Ok(self.store.as_mut().expect("it was just looked at"))
    }
}

fn compare<'w>(before: &Before, walked: &'w Walked) -> Plan<'w> {
    let is_known = |entry: &Entry| {
        let stamp = match before.files.get(&entry.path) {
            Some(file) => file.stamp,
            None => match before.passed.get(&entry.path) {
                Some(passed) => passed.stamp,
                None => return false,
            },
        };
        !stamp.fresh && stamp.size == entry.size && stamp.modified == entry.modified
    };
    let there: HashSet<&str> = walked.entries.iter().map(|entry| entry.path.as_str()).collect();
    let old = before.files.keys().chain(before.passed.keys());
    Plan {
        read: walked.entries.iter().filter(|entry| !is_known(entry)).collect(),
        gone: old.filter(|path| !there.contains(path.as_str())).cloned().collect(),
    }
}
