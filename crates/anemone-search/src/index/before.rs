//! The index as a run finds it: what of it can be used.

use std::collections::BTreeMap;

use anemone_embed::Encode;

use super::folder::{self, Folder};
use super::reader::read_meta;
use super::records::{FileRecord, Limits, Meta, Passed};
use super::store::{Change, Opened, Snapshot};
use super::update::{Options, Reason};
use super::vectors::{VectorStore, Vectors};
use super::versions;
use crate::{IndexError, Mismatch};

/// The index as a run finds it.
#[derive(Debug)]
pub(super) struct Before {
    /// Why nothing of it can be used, other than vectors.
    pub(super) anew: Option<Reason>,
    pub(super) meta: Option<Meta>,
    pub(super) files: BTreeMap<String, FileRecord>,
    pub(super) passed: BTreeMap<String, Passed>,
    /// The file of vectors that the last state names, and how many of its rows.
    pub(super) vectors: Option<(String, u32)>,
}

impl Before {
    pub(super) fn nothing(reason: Reason) -> Before {
        Before {
            anew: Some(reason),
            meta: None,
            files: BTreeMap::new(),
            passed: BTreeMap::new(),
            vectors: None,
        }
    }

    pub(super) fn load(
        folder: &Folder,
        root: &str,
        encoder: &dyn Encode,
        limits: Limits,
        options: &Options,
    ) -> Result<Before, IndexError> {
        let snapshot = match open(folder)? {
            Some(snapshot) => snapshot,
            None => return Ok(Before::nothing(Reason::First)),
        };
        let meta = match read_meta(folder, &snapshot) {
            Ok(meta) => meta,
            Err(IndexError::Version { mismatch, .. }) => {
                return Ok(Before::nothing(Reason::Mismatch(mismatch)));
            }
            Err(error) => return Err(error),
        };
        if meta.root != root {
            let folder = folder.path().to_owned();
            return Err(IndexError::OtherRoot { folder, theirs: meta.root });
        }
        let vectors = Some((meta.vector_file.clone(), meta.rows));
        if let Some(mismatch) = meta.mismatch(encoder).or_else(|| other_chunks(&meta, limits)) {
            let vectors = vectors.filter(|_| !matches!(mismatch, Mismatch::Model { .. }));
            return Ok(Before { vectors, ..Before::nothing(Reason::Mismatch(mismatch)) });
        }
        let files = snapshot.files()?;
        let path = folder.path().join(&meta.vector_file);
        let rows = match Vectors::open(&path, &meta.model, meta.dimension, meta.rows) {
            Err(IndexError::Io { path, source }) => {
                return Err(IndexError::corrupt(&path, source.to_string()));
            }
            other => other?,
        };
        if files.iter().flat_map(|file| &file.chunks).any(|chunk| chunk.row >= meta.rows) {
            return Err(IndexError::corrupt(snapshot.path(), "a chunk has no vector"));
        }
        if options.verify {
            verify(&snapshot, &files, &rows)?;
        }
        let passed = snapshot.passed()?;
        let files = files.into_iter().map(|file| (file.path.clone(), file)).collect();
        Ok(Before { anew: None, meta: Some(meta), files, passed, vectors })
    }

    /// Whether the next state is this one with changes.
    pub(super) fn is_kept(&self) -> bool {
        self.anew.is_none()
    }

    /// Makes room for the next state where this one cannot be changed into it.
    pub(super) fn begin_change(&self, folder: &Folder) -> Result<Change, IndexError> {
        match self.anew {
            None => Change::begin(folder, true),
            Some(Reason::Damaged(_)) => {
                folder::remove(&folder.database())?;
                Change::begin(folder, false)
            }
            Some(Reason::First | Reason::Mismatch(_)) => {
                let change = Change::begin(folder, true)?;
                change.clear()?;
                Ok(change)
            }
        }
    }

    /// Fails if a vector that files refer to is not as it was written.
    pub(super) fn check_rows(&self, store: &VectorStore) -> Result<(), IndexError> {
        let mut chunks = self.files.values().flat_map(|file| &file.chunks);
        match chunks.any(|chunk| store.unsound().contains(&chunk.row)) {
            true => Err(IndexError::corrupt(store.path(), "a vector was changed")),
            false => Ok(()),
        }
    }
}

/// The last finished state, mended if its writer was killed.
fn open(folder: &Folder) -> Result<Option<Box<Snapshot>>, IndexError> {
    let opened = match Snapshot::open(folder)? {
        Opened::Unclean => {
            Change::mend(folder)?;
            Snapshot::open(folder)?
        }
        other => other,
    };
    match opened {
        Opened::Ready(snapshot) => Ok(Some(snapshot)),
        Opened::Missing => Ok(None),
        Opened::Unclean => Err(IndexError::corrupt(&folder.database(), "it cannot be mended")),
    }
}

fn other_chunks(meta: &Meta, limits: Limits) -> Option<Mismatch> {
    (meta.versions != versions() || meta.limits != limits).then_some(Mismatch::Chunks)
}

/// Reads all that is stored.
fn verify(snapshot: &Snapshot, files: &[FileRecord], rows: &Vectors) -> Result<(), IndexError> {
    for file in files.iter().filter(|file| !file.chunks.is_empty()) {
        if snapshot.chunks(file.first_doc)?.len() != file.chunks.len() {
            return Err(IndexError::corrupt(snapshot.path(), "a file's chunks are missing"));
        }
    }
    snapshot.each_word(|_, _| Ok(()))?;
    rows.verify()?;
    if files.iter().flat_map(|file| &file.chunks).any(|chunk| rows.key(chunk.row).is_none()) {
        return Err(IndexError::corrupt(snapshot.path(), "a vector was changed"));
    }
    Ok(())
}
