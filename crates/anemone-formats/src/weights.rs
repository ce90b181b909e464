//! The weight files that one model refers to, by the names that its literals use.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use anemone_ir::Folder;
use anemone_ir::program::TypeDecl;
use anemone_tensor::{Buffer, MappedFile};

use crate::blob::{WeightFile, elements};
use crate::errors::{BlobFault, ManifestFault};
use crate::manifest::Manifest;
use crate::paths::{self, PathFault};

/// How literals name the model file's own folder.
const MODEL_PATH: &str = "@model_path/";
/// Where new weights go.
pub(crate) const DEFAULT_FILE: &str = "@model_path/weights/weight.bin";

/// The weight files of a package that was read, for programs that refer to them anew.
#[derive(Clone, Debug)]
pub struct FolderWeights<'a> {
    /// The model file's folder, with a slash at its end.
    model: String,
    files: &'a BTreeMap<String, Buffer>,
}

impl<'a> FolderWeights<'a> {
    /// The weight files of `folder`.
    pub fn new(folder: &'a Folder) -> Result<FolderWeights<'a>, ManifestFault> {
        let model = Manifest::parse(&folder.manifest)?.folder().to_owned();
        Ok(FolderWeights { model, files: &folder.files })
    }

    /// The bytes for a literal of type `ty` that refers to `offset` of `file`.
    pub fn blob(&self, file: &str, offset: u64, ty: &TypeDecl) -> Result<Buffer, BlobFault> {
        let (dtype, count) = elements(ty).ok_or(BlobFault::Untyped)?;
        let path = relative(&self.model, file).ok_or(BlobFault::Outside)?;
        let bytes = self.files.get(&path);
        let bytes = bytes.ok_or(BlobFault::NoFile { reason: "not in the package".to_owned() })?;
        WeightFile::new(bytes.clone())?.blob(offset, dtype, count)
    }
}

/// Weight files below the folder of one model file.
#[derive(Debug)]
pub(crate) struct Weights {
    /// The folder that no path may leave; canonical. Without one there are no weights.
    root: Option<PathBuf>,
    /// The model file's folder below it, with a slash at its end; empty for the root itself.
    folder: String,
    open: RefCell<BTreeMap<String, Opened>>,
}

type Opened = Result<WeightFile, BlobFault>;

impl Weights {
    pub(crate) fn new(root: Option<PathBuf>, folder: String) -> Weights {
        Weights { root, folder, open: RefCell::default() }
    }

    /// The weight file that literals call `name`.
    pub(crate) fn file(&self, name: &str) -> Opened {
        if let Some(file) = self.open.borrow().get(name) {
            return file.clone();
        }
        let file = self.open(name);
        self.open.borrow_mut().insert(name.to_owned(), file.clone());
        file
    }

    /// The files that were opened, by their path below the root.
    pub(crate) fn opened(self) -> impl Iterator<Item = (String, Buffer)> {
        self.open.into_inner().into_iter().filter_map(move |(name, file)| {
            Some((relative(&self.folder, &name)?, file.ok()?.bytes().clone()))
        })
    }

    fn open(&self, name: &str) -> Opened {
        let unopened = |reason: String| BlobFault::NoFile { reason };
        let root = self.root.as_deref();
        let root = root.ok_or_else(|| unopened("the model lies in no folder".to_owned()))?;
        let relative = relative(&self.folder, name).ok_or(BlobFault::Outside)?;
        let path = paths::inside(root, &relative).map_err(|fault| match fault {
            PathFault::Outside => BlobFault::Outside,
            PathFault::Io(error) => unopened(error.to_string()),
        })?;
        // Opening a pipe would wait for its other end.
        if !path.is_file() {
            return Err(unopened("not a regular file".to_owned()));
        }
        let file = MappedFile::open(&path).map_err(|error| unopened(error.to_string()))?;
        WeightFile::new(file.buffer().clone())
    }
}

/// The path of weight file `name` for a model in `folder`; `None` where the name leads elsewhere.
pub(crate) fn relative(folder: &str, name: &str) -> Option<String> {
    let name = name.strip_prefix(MODEL_PATH).unwrap_or(name);
    paths::is_plain(name).then(|| format!("{folder}{name}"))
}
