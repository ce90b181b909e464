//! Small files below a root folder, each of which may be missing or wrong.
#![allow(clippy::disallowed_methods, reason = "the sensors of Linux are files")]

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// More than any file that is read here has; what is longer is cut.
const MOST_BYTES: u64 = 64 * 1024;

/// Files below a root folder; paths are relative to it.
#[derive(Debug)]
pub(super) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// The files below `root`.
    pub(super) fn new(root: &Path) -> Tree {
        Tree { root: root.to_owned() }
    }

    /// A file's text; none if it cannot be read or is no UTF-8.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let mut text = String::new();
        let file = File::open(self.root.join(path)).ok()?;
        file.take(MOST_BYTES).read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// A file that holds one word or number.
    pub(super) fn value<T: FromStr>(&self, path: &str) -> Option<T> {
        self.text(path)?.trim().parse().ok()
    }

    /// The number after `key` in a file with a key and a number on each line.
    pub(super) fn keyed(&self, path: &str, key: &str) -> Option<u64> {
        keyed(&self.text(path)?, key)
    }

    /// The names in a folder, sorted; none if it cannot be read.
    pub(super) fn names(&self, path: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.root.join(path)) else { return Vec::new() };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

/// The number after `key` (and a colon, if there is one) in lines of a key and a number.
pub(super) fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let found = words.next()?;
        (found.strip_suffix(':').unwrap_or(found) == key).then(|| words.next()?.parse().ok())?
    })
}
