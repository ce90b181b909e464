//! From a path to a package with every weight in place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anemone_ir::{Folder, Package};
use anemone_tensor::{Buffer, MappedFile};

use crate::errors::{ManifestFault, ReadError};
use crate::manifest::Manifest;
use crate::paths::{self, PathFault};
use crate::read::model;
use crate::weights::Weights;

/// Protobuf's own limit for a message.
const MAX_MODEL: u64 = 1 << 31;
const MAX_MANIFEST: u64 = 1 << 24;
pub(super) const MAX_FILES: u64 = 10_000;
const MAX_FOLDERS_DEEP: usize = 32;

/// Reads a `.mlpackage` folder or a `.mlmodel` file. Weights stay in the mapped files.
pub fn read(path: &Path) -> Result<Package, ReadError> {
    let metadata = fs::metadata(path).map_err(|source| io_error(path, source))?;
    if metadata.is_dir() { package(path) } else { single(path) }
}

/// Reads a `.mlmodel` in memory. It lies in no folder, so it cannot have weight files.
pub fn read_bytes(bytes: Buffer) -> Result<Package, ReadError> {
    model(bytes, Path::new("model in memory"), &Weights::new(None, String::new()))
}

fn single(path: &Path) -> Result<Package, ReadError> {
    let full = path.canonicalize().map_err(|source| io_error(path, source))?;
    let root = full.parent().map(Path::to_path_buf);
    model(map(path, MAX_MODEL)?, path, &Weights::new(root, String::new()))
}

fn package(path: &Path) -> Result<Package, ReadError> {
    let at = path.join("Manifest.json");
    if !at.exists() {
        let compiled = path.extension().is_some_and(|e| e == "mlmodelc")
            || path.join("coremldata.bin").exists();
        let path = path.to_owned();
        return Err(if compiled {
            ReadError::Compiled { path }
        } else {
            ReadError::NotAPackage { path }
        });
    }
    let broken = |fault: ManifestFault| ReadError::Manifest { path: at.clone(), fault };
    let text = map(&at, MAX_MANIFEST)?;
    let text = std::str::from_utf8(&text)
        .map_err(|error| broken(ManifestFault::Syntax { reason: error.to_string() }))?;
    let manifest = Manifest::parse(text).map_err(broken)?;
    let data = path.join("Data");
    let root = data.canonicalize().map_err(|source| io_error(&data, source))?;
    let outside = |item: &str| broken(ManifestFault::Outside { item: item.to_owned() });

    let model_path = match paths::inside(&root, &manifest.model) {
        Ok(found) if found.is_file() => data.join(&manifest.model),
        Err(PathFault::Outside) => return Err(outside(&manifest.model)),
        _ => return Err(broken(ManifestFault::NoFile { item: manifest.model })),
    };
    let mut files = Files { root: &root, found: BTreeMap::new(), seen: 0 };
    for item in &manifest.items {
        files.add(item).map_err(|fault| fault.unwrap_or_else(|| outside(item)))?;
    }
    let weights = Weights::new(Some(root.clone()), manifest.folder().to_owned());
    let mut package = model(map(&model_path, MAX_MODEL)?, &model_path, &weights)?;
    let mut files = files.found;
    files.extend(weights.opened());
    files.remove(&manifest.model);
    package.folder = Some(Folder { manifest: text.to_owned(), files });
    Ok(package)
}

/// Files of a package's items, mapped.
struct Files<'a> {
    root: &'a Path,
    found: BTreeMap<String, Buffer>,
    seen: u64,
}

impl Files<'_> {
    /// Adds a file, or all files of a folder; without an error of its own where it leaves the root.
    fn add(&mut self, relative: &str) -> Result<(), Option<ReadError>> {
        let path = match paths::inside(self.root, relative) {
            Ok(path) => path,
            Err(PathFault::Outside) => return Err(None),
            // An empty folder is lost where packages are kept in version control.
            Err(PathFault::Io(source)) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(PathFault::Io(source)) => {
                return Err(Some(io_error(&self.root.join(relative), source)));
            }
        };
        self.seen += 1;
        if self.seen > MAX_FILES || relative.matches('/').count() > MAX_FOLDERS_DEEP {
            let (path, size) = (self.root.to_owned(), self.seen);
            return Err(Some(ReadError::TooLarge {
                path,
                size,
                unit: "files or nested folders",
                limit: MAX_FILES,
            }));
        }
        if path.is_file() {
            self.found.insert(relative.to_owned(), map(&path, u64::MAX)?);
        } else if path.is_dir() {
            for entry in fs::read_dir(&path).map_err(|source| io_error(&path, source))? {
                let entry = entry.map_err(|source| io_error(&path, source))?;
                if let Some(name) = entry.file_name().to_str() {
                    self.add(&format!("{relative}/{name}"))?;
                }
            }
        }
        Ok(())
    }
}

pub(super) fn map(path: &Path, limit: u64) -> Result<Buffer, ReadError> {
    let metadata = fs::metadata(path).map_err(|source| io_error(path, source))?;
    if !metadata.is_file() {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
        return Err(ReadError::Io { path: path.to_owned(), source });
    }
    if metadata.len() > limit {
        let (path, size) = (path.to_owned(), metadata.len());
        return Err(ReadError::TooLarge { path, size, unit: "bytes", limit });
    }
    Ok(MappedFile::open(path)?.buffer().clone())
}

pub(super) fn io_error(path: &Path, source: io::Error) -> ReadError {
    let path: PathBuf = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => ReadError::Missing { path },
        _ => ReadError::Io { path, source },
    }
}
