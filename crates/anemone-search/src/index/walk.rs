//! The files of a tree that may be worth searching, in the order of their paths.
#![allow(clippy::disallowed_methods, reason = "the tree is read here")]

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use ignore::{DirEntry, WalkBuilder};

use super::Skip;
use super::rules;
use crate::IndexError;

/// A file as the walk found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its path in the tree, with `/`.
    pub(super) path: String,
    pub(super) size: u64,
    /// Nanoseconds from 1970.
    pub(super) modified: i64,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) entries: Vec<Entry>,
    pub(super) skipped: BTreeMap<Skip, u64>,
    /// What could not be read, as people know it.
    pub(super) unreadable: Vec<String>,
}

/// The tree's folder, without links in its path.
pub(super) fn root(path: &Path) -> Result<PathBuf, IndexError> {
    let fail = |what: String| IndexError::Root { root: path.to_owned(), what };
    let root = fs::canonicalize(path).map_err(|error| fail(error.to_string()))?;
    if !root.is_dir() {
        return Err(fail("is no folder".to_owned()));
    }
    Ok(root)
}

/// Walks the tree at `root`, but not into `index`, as `.gitignore`, `.ignore` and `.anemoneignore`
/// have it. Links are not followed; files larger than `largest` are not taken.
pub(super) fn walk(root: &Path, index: &Path, largest: u64) -> Result<Walked, IndexError> {
    // Inside a repository its own rules hold, as git has them; elsewhere those of the tree's
    // folders alone.
    let in_repository = root.ancestors().any(|folder| folder.join(".git").exists());
    let passed_by: Arc<Mutex<BTreeMap<Skip, u64>>> = Arc::default();
    let (count, index) = (passed_by.clone(), index.to_owned());
    let walk = WalkBuilder::new(root)
        .hidden(false)
        .follow_links(false)
        .git_global(false)
        .parents(in_repository)
        .require_git(in_repository)
        .add_custom_ignore_filename(".anemoneignore")
        .sort_by_file_name(|a, b| a.cmp(b))
        .filter_entry(move |entry| match passes(entry, &index) {
            Ok(()) => true,
            Err(skip) => {
                if let Some(skip) = skip {
                    *count
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .entry(skip)
                        .or_default() += 1;
                }
                false
            }
        })
        .build();
    let mut walked = Walked::default();
    for entry in walk {
        match entry {
            Ok(entry) if entry.depth() == 0 => {}
            Ok(entry) => take(root, &entry, largest, &mut walked),
            Err(error) => {
                let reason = error.io_error().map(io::Error::kind);
                if depth(&error) == Some(0) {
                    return Err(IndexError::Root {
                        root: root.to_owned(),
                        what: error.to_string(),
                    });
                }
                if reason != Some(ErrorKind::NotFound) {
                    walked.skip(Skip::Unreadable);
                    walked.unreadable.push(error.to_string());
                }
            }
        }
    }
    for (skip, count) in passed_by.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        *walked.skipped.entry(*skip).or_default() += count;
    }
    walked.entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(walked)
}

/// Whether to take a file or enter a folder, so far as its name and what lies in it tell.
fn passes(entry: &DirEntry, index: &Path) -> Result<(), Option<Skip>> {
    if entry.depth() == 0 {
        return Ok(());
    }
    let name = entry.file_name().to_str().ok_or(Some(Skip::Name))?;
    if let Some(hidden) = rules::hidden(name) {
        return Err(hidden);
    }
    if !entry.file_type().is_some_and(|kind| kind.is_dir()) {
        return Ok(());
    }
    let path = entry.path();
    if path == index {
        return Err(None);
    }
    if rules::is_installed(name)
        || path.join("CACHEDIR.TAG").exists()
        || path.join("pyvenv.cfg").exists()
    {
        return Err(Some(Skip::Installed));
    }
    if is_second_worktree(&path.join(".git")) {
        return Err(Some(Skip::Worktree));
    }
    Ok(())
}

/// Whether the file `.git` says that its folder is a second working tree of a repository; that of
/// a submodule, which is wanted, leads to another place.
fn is_second_worktree(git: &Path) -> bool {
    let is_file = fs::symlink_metadata(git).is_ok_and(|meta| meta.is_file() && meta.len() < 8192);
    is_file
        && fs::read_to_string(git)
            .is_ok_and(|text| text.starts_with("gitdir:") && text.contains("/worktrees/"))
}

fn take(root: &Path, entry: &DirEntry, largest: u64, walked: &mut Walked) {
    let Some(kind) = entry.file_type() else { return };
    if kind.is_dir() {
        return;
    }
    let relative = entry.path().strip_prefix(root).unwrap_or(entry.path());
    let Some(path) = relative.to_str() else { return walked.skip(Skip::Name) };
    let path = if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() };
    if kind.is_symlink() {
        return walked.skip(Skip::Link);
    }
    if !kind.is_file() {
        return walked.skip(Skip::Special);
    }
    let name = path.rsplit('/').next().unwrap_or(&path);
    if let Some(skip) = rules::by_name(name) {
        return walked.skip(skip);
    }
    let meta = match fs::symlink_metadata(entry.path()) {
        Ok(meta) => meta,
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => {
            walked.unreadable.push(format!("{path}: {error}"));
            return walked.skip(Skip::Unreadable);
        }
    };
    if meta.len() > largest {
        return walked.skip(Skip::Large);
    }
    walked.entries.push(Entry { path, size: meta.len(), modified: modified(&meta) });
}

impl Walked {
    fn skip(&mut self, skip: Skip) {
        *self.skipped.entry(skip).or_default() += 1;
    }
}

fn depth(error: &ignore::Error) -> Option<usize> {
    match error {
        ignore::Error::WithDepth { depth, .. } => Some(*depth),
        ignore::Error::WithPath { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            depth(err)
        }
        _ => None,
    }
}

/// When a file was last written, in nanoseconds from 1970.
pub(super) fn modified(meta: &Metadata) -> i64 {
    let Ok(time) = meta.modified() else { return 0 };
    let nanoseconds = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()),
        Err(before) => i64::try_from(before.duration().as_nanos()).map(|before| -before),
    };
    nanoseconds.unwrap_or(0)
}
