//! Why an index could not be read or brought up to date.

use std::io;
use std::path::{Path, PathBuf};

use anemone_embed::EmbedError;
use anemone_engine::ErrorKind;
use thiserror::Error;

/// Why an index could not be read or brought up to date.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IndexError {
    /// Nothing has been indexed there.
    #[error("`{}` holds no index", .folder.display())]
    Missing {
        /// The index's folder.
        folder: PathBuf,
    },
    /// The tree to index is not there, or is no folder.
    #[error("`{}`: {what}", .root.display())]
    Root {
        /// The tree.
        root: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Another process brings the index up to date.
    #[error("another process is indexing into `{}`", .folder.display())]
    Busy {
        /// The index's folder.
        folder: PathBuf,
    },
    /// Something else lies where the index should be.
    #[error("`{}` is not a part of an index", .path.display())]
    Foreign {
        /// What lies there.
        path: PathBuf,
    },
    /// The index is of another tree.
    #[error("`{}` is the index of `{theirs}`", .folder.display())]
    OtherRoot {
        /// The index's folder.
        folder: PathBuf,
        /// The tree that it is of.
        theirs: String,
    },
    /// The index was made by something that is not here now.
    #[error("the index in `{}` was made by {mismatch}", .folder.display())]
    Version {
        /// The index's folder.
        folder: PathBuf,
        /// What differs.
        mismatch: Mismatch,
    },
    /// The index is damaged.
    #[error("`{}` is damaged: {what}", .path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// There is no room for the index.
    #[error("no space left for `{}`", .path.display())]
    Full {
        /// What was being written.
        path: PathBuf,
    },
    /// The index's folder may not be written to.
    #[error("`{}` may not be written to", .path.display())]
    ReadOnly {
        /// What was to be written.
        path: PathBuf,
    },
    /// A file of the index could not be read or written.
    #[error("`{}`: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The texts did not become vectors.
    #[error(transparent)]
    Embed(#[from] EmbedError),
}

/// What of an index does not fit what would read it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// The index's own form.
    #[error("another version of this program (schema {found}, not {wanted})")]
    Schema {
        /// The index's.
        found: u32,
        /// The one that is written now.
        wanted: u32,
    },
    /// The model of its vectors.
    #[error("another model (`{found}`)")]
    Model {
        /// The index's.
        found: String,
    },
    /// How files become chunks.
    #[error("another version of the chunker, or for other sizes of chunks")]
    Chunks,
    /// How texts become words.
    #[error("another version of the word splitter")]
    Words,
}

impl IndexError {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            IndexError::Missing { .. } | IndexError::Root { .. } => ErrorKind::NotFound,
            IndexError::Busy { .. } | IndexError::Foreign { .. } | IndexError::OtherRoot { .. } => {
                ErrorKind::Conflict
            }
            IndexError::Version { .. } => ErrorKind::Unsupported,
            IndexError::Corrupt { .. } | IndexError::ReadOnly { .. } => ErrorKind::Invalid,
            IndexError::Full { .. } => ErrorKind::Exhausted,
            IndexError::Io { .. } => ErrorKind::Device,
            IndexError::Embed(error) => error.kind(),
        }
    }

    /// What may help.
    pub fn hint(&self) -> Option<&str> {
        match self {
            IndexError::Missing { .. } => Some("index the folder first"),
            IndexError::Root { .. } => Some("give a folder that exists"),
            IndexError::Busy { .. } => {
                Some("the last finished index can be searched meanwhile; or wait for the other one")
            }
            IndexError::Foreign { .. } => {
                Some("nothing there was changed; give an empty folder for the index")
            }
            IndexError::OtherRoot { .. } => Some("give another folder for the index, or clear it"),
            IndexError::Version { .. } => Some("index again; it is made anew"),
            IndexError::Corrupt { .. } => {
                Some("index again, which rebuilds it; sound vectors are kept")
            }
            IndexError::Full { .. } => {
                Some("the last finished index is untouched; make room, and the next run goes on")
            }
            IndexError::ReadOnly { .. } => Some("give a folder for the index that you may write"),
            IndexError::Io { .. } => None,
            IndexError::Embed(error) => error.hint(),
        }
    }

    /// An operating system's reason at `path`, told apart where it can be.
    pub(crate) fn io(path: &Path, source: io::Error) -> IndexError {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => IndexError::Full { path },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                IndexError::ReadOnly { path }
            }
            _ => IndexError::Io { path, source },
        }
    }

    pub(crate) fn corrupt(path: &Path, what: impl Into<String>) -> IndexError {
        IndexError::Corrupt { path: path.to_owned(), what: what.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_read_only_folder_are_told_apart() {
        let path = Path::new("x");
        let error = |kind: io::ErrorKind| IndexError::io(path, kind.into());
        assert!(matches!(error(io::ErrorKind::StorageFull), IndexError::Full { .. }));
        assert!(matches!(error(io::ErrorKind::ReadOnlyFilesystem), IndexError::ReadOnly { .. }));
        assert!(matches!(error(io::ErrorKind::Interrupted), IndexError::Io { .. }));
        assert_eq!(error(io::ErrorKind::StorageFull).kind(), ErrorKind::Exhausted);
        assert!(error(io::ErrorKind::StorageFull).to_string().contains("`x`"));
    }
}
