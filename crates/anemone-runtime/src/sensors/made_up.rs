//! A made-up machine for tests: files in a temporary folder, removed after.
#![allow(clippy::disallowed_methods, reason = "tests lay out files")]

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::tree::Tree;

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// A root folder with the files that a test puts there.
pub(super) struct MadeUp {
    pub(super) root: PathBuf,
}

impl MadeUp {
    /// A machine with these files, each a path and its text.
    pub(super) fn new(files: &[(&str, &str)]) -> MadeUp {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("anemone-sensors-{}-{count}", std::process::id());
        let made = MadeUp { root: std::env::temp_dir().join(name) };
        fs::create_dir_all(&made.root).unwrap();
        files.iter().for_each(|(path, text)| made.put(path, text));
        made
    }

    /// Writes a file, over what was there.
    pub(super) fn put(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(super) fn tree(&self) -> Tree {
        Tree::new(&self.root)
    }
}

impl Drop for MadeUp {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.root));
    }
}
