//! Where the blobs of a model lie: where they were, or in a new layout of their file.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};

use anemone_ir::program::{Blob, TypeDecl};
use anemone_tensor::{Buffer, DataType};

use crate::blob::{Layout, WeightFile, elements};
use crate::errors::BlobFault;
use crate::weights::{DEFAULT_FILE, relative};

/// Offsets of blobs, given out while a model is encoded.
///
/// A file stays as it was while every blob fits it; the first that does not makes the layout new,
/// and the model has to be encoded once more.
pub(crate) struct Placement<'a> {
    /// The model file's folder, with a slash at its end.
    folder: &'a str,
    /// Files as they were, by path.
    old: &'a BTreeMap<String, Buffer>,
    new: RefCell<BTreeMap<String, NewFile>>,
    settled: Cell<bool>,
}

#[derive(Default)]
struct NewFile {
    layout: Layout,
    /// Blobs that are placed, by type and by where their bytes are in memory.
    placed: HashMap<(DataType, *const u8, usize), u64>,
}

impl<'a> Placement<'a> {
    pub(crate) fn new(folder: &'a str, old: &'a BTreeMap<String, Buffer>) -> Placement<'a> {
        Placement { folder, old, new: RefCell::default(), settled: Cell::new(true) }
    }

    /// The file's name and the offset for a blob of the given type.
    pub(crate) fn place<'b>(
        &self,
        blob: &'b Blob,
        ty: &TypeDecl,
    ) -> Result<(&'b str, u64), BlobFault> {
        let (dtype, count) = elements(ty).ok_or(BlobFault::Untyped)?;
        let needed = u128::from(count) * dtype.bits() as u128;
        if needed.div_ceil(8) != blob.data.len() as u128 {
            let needed = u64::try_from(needed).unwrap_or(u64::MAX);
            return Err(BlobFault::Size { needed, found: blob.data.len() as u64 * 8 });
        }
        let name = if blob.file.is_empty() { DEFAULT_FILE } else { blob.file.as_str() };
        let path = relative(self.folder, name).ok_or(BlobFault::Outside)?;
        let mut new = self.new.borrow_mut();
        if !new.contains_key(&path) && self.is_where_it_was(&path, blob, dtype, count) {
            return Ok((name, blob.offset));
        }
        let file = new.entry(path).or_insert_with(|| {
            self.settled.set(false);
            NewFile::default()
        });
        let key = (dtype, blob.data.as_ptr(), blob.data.len());
        let offset = match file.placed.get(&key) {
            Some(offset) => *offset,
            None => {
                let offset = file.layout.add(dtype, count, &blob.data)?;
                file.placed.insert(key, offset);
                offset
            }
        };
        Ok((name, offset))
    }

    /// Whether the offsets that were given out hold; if not, those of the next encoding will.
    pub(crate) fn settle(&self) -> bool {
        let settled = self.settled.replace(true);
        if !settled {
            self.new.borrow_mut().values_mut().for_each(|file| *file = NewFile::default());
        }
        settled
    }

    /// The new layouts, by path.
    pub(crate) fn layouts(self) -> impl Iterator<Item = (String, Layout)> {
        self.new.into_inner().into_iter().map(|(path, file)| (path, file.layout))
    }

    fn is_where_it_was(&self, path: &str, blob: &Blob, dtype: DataType, count: u64) -> bool {
        let old = self.old.get(path).and_then(|bytes| WeightFile::new(bytes.clone()).ok());
        let found = old.and_then(|file| file.blob(blob.offset, dtype, count).ok());
        found.is_some_and(|found| {
            let same_memory =
                found.as_ptr() == blob.data.as_ptr() && found.len() == blob.data.len();
            same_memory || found == blob.data
        })
    }
}
