//! One state of an index, as search reads it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anemone_embed::Encode;

use super::folder::Folder;
use super::records::{ChunkRecord, Files, Meta, Versions};
use super::skip::Skip;
use super::store::{Change, Opened, Snapshot};
use super::vectors::Vectors;
use super::{SCHEMA, versions};
use crate::{IndexError, Mismatch};

/// How often a reader looks again for the vectors of a state that was replaced meanwhile.
const TRIES: usize = 5;

/// One state of an index, whatever is written meanwhile.
pub struct Reader {
    folder: Folder,
    snapshot: Box<Snapshot>,
    meta: Meta,
    vectors: Vectors,
}

/// An index in a few numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The index's folder.
    pub folder: PathBuf,
    /// The tree.
    pub root: String,
    /// The model's name.
    pub model: String,
    /// Elements of a vector.
    pub dimension: usize,
    /// The form of the index.
    pub schema: u32,
    /// Versions of what made it.
    pub versions: Versions,
    /// Files that are searched.
    pub files: u32,
    /// Chunks that are searched.
    pub chunks: u32,
    /// Tokens of all chunks.
    pub tokens: u64,
    /// Bytes on the disk.
    pub size: u64,
    /// Seconds from 1970 to the last run that changed it.
    pub when: u64,
    /// Files and folders that are not searched, by reason.
    pub skipped: BTreeMap<Skip, u64>,
}

impl Reader {
    /// Opens the last finished state of the index in `folder`. Mends first what a killed writer
    /// left.
    pub fn open(folder: &Path) -> Result<Reader, IndexError> {
        let folder = Folder::new(folder);
        folder.find()?;
        let mut tries = 0;
        loop {
            tries += 1;
            let snapshot = match Snapshot::open(&folder)? {
                Opened::Ready(snapshot) => snapshot,
                Opened::Missing => {
                    return Err(IndexError::Missing { folder: folder.path().to_owned() });
                }
                Opened::Unclean if tries < TRIES => match mend(&folder) {
                    Ok(()) => continue,
                    Err(IndexError::Full { .. } | IndexError::ReadOnly { .. }) => {
                        match Snapshot::open_in_memory(&folder)? {
                            Opened::Ready(snapshot) => snapshot,
                            Opened::Missing | Opened::Unclean => {
                                let folder = folder.path().to_owned();
                                return Err(IndexError::Missing { folder });
                            }
                        }
                    }
                    Err(error) => return Err(error),
                },
                Opened::Unclean => {
                    return Err(IndexError::corrupt(&folder.database(), "it cannot be mended"));
                }
            };
            let meta = read_meta(&folder, &snapshot)?;
            let path = folder.path().join(&meta.vector_file);
            match Vectors::open(&path, &meta.model, meta.dimension, meta.rows) {
                Ok(vectors) => return Ok(Reader { folder, snapshot, meta, vectors }),
                // A writer has put another file in its place, and the state that names it.
                Err(IndexError::Io { source, .. })
                    if source.kind() == std::io::ErrorKind::NotFound && tries < TRIES => {}
                Err(IndexError::Io { path, source })
                    if source.kind() == std::io::ErrorKind::NotFound =>
                {
                    return Err(IndexError::corrupt(&path, "it is missing"));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// What the index says of itself.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Fails unless queries that `encoder` and this program make fit the index.
    pub fn fits(&self, encoder: &dyn Encode) -> Result<(), IndexError> {
        match self.meta.mismatch(encoder) {
            None => Ok(()),
            Some(mismatch) => {
                Err(IndexError::Version { folder: self.folder.path().to_owned(), mismatch })
            }
        }
    }

    /// All files that are searched.
    pub fn files(&self) -> Result<Files, IndexError> {
        let files = self.snapshot.files()?;
        let is_row = |row| row < self.vectors.count();
        if files.iter().flat_map(|file| &file.chunks).all(|chunk| is_row(chunk.row)) {
            Ok(Files::new(files))
        } else {
            Err(IndexError::corrupt(self.snapshot.path(), "a chunk has no vector"))
        }
    }

    /// The documents that have `word`, as [`crate::words()`] gives it, and how often, by id. Some may
    /// be no more: [`Files::find`] tells.
    pub fn postings(&self, word: &str) -> Result<Vec<(u32, u32)>, IndexError> {
        self.snapshot.postings(word)
    }

    /// The chunks of the file whose first document is `first_doc`, in order.
    pub fn chunks(&self, first_doc: u32) -> Result<Vec<ChunkRecord>, IndexError> {
        self.snapshot.chunks(first_doc)
    }

    /// The vectors, by row.
    pub fn vectors(&self) -> &Vectors {
        &self.vectors
    }

    /// The index in a few numbers.
    pub fn status(&self) -> Result<Status, IndexError> {
        let meta = &self.meta;
        Ok(Status {
            folder: self.folder.path().to_owned(),
            root: meta.root.clone(),
            model: meta.model_name.clone(),
            dimension: meta.dimension,
            schema: meta.schema,
            versions: meta.versions,
            files: meta.files,
            chunks: meta.chunks,
            tokens: meta.tokens,
            size: self.folder.size()?,
            when: meta.when,
            skipped: meta.skipped.clone(),
        })
    }

    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }
}

impl Meta {
    /// What keeps queries that `encoder` and this program make from fitting the index.
    pub(super) fn mismatch(&self, encoder: &dyn Encode) -> Option<Mismatch> {
        if self.model != encoder.identity() || self.dimension != encoder.dimension() {
            Some(Mismatch::Model { found: self.model_name.clone() })
        } else if self.versions.words != versions().words {
            Some(Mismatch::Words)
        } else {
            None
        }
    }
}

/// Mends what a killed writer left, unless another process writes.
fn mend(folder: &Folder) -> Result<(), IndexError> {
    let _lock = folder.try_lock()?;
    Change::mend(folder)
}

/// What the index says of itself, if this program understands it.
pub(super) fn read_meta(folder: &Folder, snapshot: &Snapshot) -> Result<Meta, IndexError> {
    #[derive(serde::Deserialize)]
    struct Form {
        schema: u32,
    }
    let bytes = snapshot.meta()?;
    let damaged =
        |error: serde_json::Error| IndexError::corrupt(snapshot.path(), error.to_string());
    let form: Form = serde_json::from_slice(&bytes).map_err(damaged)?;
    if form.schema != SCHEMA {
        let mismatch = Mismatch::Schema { found: form.schema, wanted: SCHEMA };
        return Err(IndexError::Version { folder: folder.path().to_owned(), mismatch });
    }
    let meta: Meta = serde_json::from_slice(&bytes).map_err(damaged)?;
    if super::vectors::number(&meta.vector_file).is_none() {
        return Err(IndexError::corrupt(snapshot.path(), "it names no file of vectors"));
    }
    Ok(meta)
}
