//! Paths that a file gives, which must stay inside its own folder.

use std::io;
use std::path::{Component, Path, PathBuf};

/// Why a path was not resolved.
pub(crate) enum PathFault {
    /// It is absolute, has `..`, or is a link that leaves the folder.
    Outside,
    /// There is no such file, or it cannot be seen.
    Io(io::Error),
}

/// The file or folder `relative` below `root`, links resolved. `root` must be canonical.
pub(crate) fn inside(root: &Path, relative: &str) -> Result<PathBuf, PathFault> {
    if !is_plain(relative) {
        return Err(PathFault::Outside);
    }
    let path = root.join(relative).canonicalize().map_err(PathFault::Io)?;
    if path.starts_with(root) { Ok(path) } else { Err(PathFault::Outside) }
}

/// Whether a path is relative and only goes down.
pub(crate) fn is_plain(relative: &str) -> bool {
    let path = Path::new(relative);
    !relative.is_empty()
        && !relative.contains(['\0', '\\'])
        && path.components().all(|c| matches!(c, Component::Normal(_)))
}
