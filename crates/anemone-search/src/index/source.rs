//! Files of the tree as texts, while others may change them.
#![allow(clippy::disallowed_methods, reason = "the tree is read here")]

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::records::{FileRecord, Stamp};
use super::{Skip, rules, walk};

/// A file that was written less than so many nanoseconds before it was read may be written again
/// without another time of writing.
const FRESH: i64 = 2_000_000_000;

/// What became of reading a file.
#[derive(Debug)]
pub(super) enum Source {
    Text {
        text: String,
        hash: [u8; 32],
        stamp: Stamp,
    },
    /// It is not to be searched.
    Passed {
        skip: Skip,
        stamp: Stamp,
    },
    /// It is gone.
    Vanished,
    /// It may not be read, and why.
    Unreadable(String),
}

/// Reads the file at `path` below `root`. One that changes while it is read is read once more;
/// then it is taken as it is, and looked at again by the next run.
pub(super) fn read(root: &Path, path: &str, largest: u64) -> Source {
    let full = root.join(path);
    let mut again = true;
    loop {
        match attempt(&full, path, largest) {
            (source, true) if !again => return source.looked_at_again(),
            (_, true) => again = false,
            (source, false) => return source,
        }
    }
}

/// What was read, and whether the file changed meanwhile.
fn attempt(full: &Path, path: &str, largest: u64) -> (Source, bool) {
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => (Source::Vanished, false),
        _ => (Source::Unreadable(format!("{path}: {error}")), false),
    };
    let before = match fs::symlink_metadata(full) {
        Ok(meta) if meta.is_file() => meta,
        Ok(_) => return (Source::Vanished, false),
        Err(error) => return failed(error),
    };
    let mut stamp = Stamp { size: before.len(), modified: walk::modified(&before), fresh: false };
    stamp.fresh = now().saturating_sub(stamp.modified) < FRESH;
    if stamp.size > largest {
        return (Source::Passed { skip: Skip::Large, stamp }, false);
    }
    let mut bytes = Vec::with_capacity(stamp.size as usize + 1);
    let read = File::open(full).and_then(|file| file.take(largest + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        return failed(error);
    }
    let is_changed = match fs::symlink_metadata(full) {
        Ok(after) => {
            after.len() != stamp.size
                || walk::modified(&after) != stamp.modified
                || bytes.len() as u64 != stamp.size
        }
        Err(error) => return failed(error),
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    let source = match rules::by_content(name, &bytes) {
        Ok(text) => Source::Text { text, hash: *blake3::hash(&bytes).as_bytes(), stamp },
        Err(skip) => Source::Passed { skip, stamp },
    };
    (source, is_changed)
}

impl Source {
    fn looked_at_again(mut self) -> Source {
        if let Source::Text { stamp, .. } | Source::Passed { stamp, .. } = &mut self {
            stamp.fresh = true;
        }
        self
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// The text of an indexed file as it is now, and whether it is still what was indexed, so that the
/// places of its chunks hold; `None` where there is no such file any more, or no text in it.
pub fn read_text(root: &Path, file: &FileRecord) -> Option<(String, bool)> {
    const LARGEST: u64 = 64 << 20;
    match read(root, &file.path, LARGEST) {
        Source::Text { text, hash, .. } => Some((text, hash == file.hash)),
        Source::Passed { .. } | Source::Vanished | Source::Unreadable(_) => None,
    }
}
