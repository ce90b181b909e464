//! Empty folders for tests that write.

use std::fs;
use std::path::{Path, PathBuf};

/// An empty folder of this test's own.
pub(crate) fn scratch(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}
