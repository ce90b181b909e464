//! From a package to a path: into a neighbour first, which then takes the path's name.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anemone_ir::Package;
use anemone_tensor::Buffer;

use crate::errors::{ManifestFault, WriteError};
use crate::manifest::Manifest;
use crate::paths;
use crate::write::{Placement, model};

/// How a model is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct WriteOptions {
    /// Whether a model that is at the path is replaced.
    pub overwrite: bool,
}

/// Writes a `.mlpackage` folder or a `.mlmodel` file, as the path's extension says.
///
/// Items of the folder that the package was read from are written too; files that its manifest
/// does not list are not.
pub fn write(package: &Package, path: &Path, options: &WriteOptions) -> Result<(), WriteError> {
    let folder = match path.extension().and_then(|e| e.to_str()) {
        Some("mlpackage") => true,
        Some("mlmodel") => false,
        _ => return Err(WriteError::Extension { path: path.to_owned() }),
    };
    let old = fs::symlink_metadata(path).ok();
    let replaceable = |old: &fs::Metadata| match folder {
        true => old.is_dir() && path.join("Manifest.json").exists(),
        false => old.is_file(),
    };
    if old.is_some_and(|old| !options.overwrite || !replaceable(&old)) {
        return Err(WriteError::Exists { path: path.to_owned() });
    }
    let temporary = Temporary::beside(path)?;
    if folder {
        write_folder(package, &temporary.made())?;
    } else {
        write_single(package, path, &temporary.made())?;
    }
    temporary.take_name(path)
}

fn write_single(package: &Package, path: &Path, at: &Path) -> Result<(), WriteError> {
    let files = BTreeMap::new();
    let placement = Placement::new("", &files);
    let encoded = model(package, &placement)?;
    if placement.layouts().next().is_some() {
        return Err(WriteError::NeedsFolder { path: path.to_owned() });
    }
    write_file(at, |out| out.write_all(&encoded))
}

fn write_folder(package: &Package, at: &Path) -> Result<(), WriteError> {
    let broken = |fault: ManifestFault| WriteError::Manifest { fault };
    let none = BTreeMap::new();
    let (mut manifest, files) = match &package.folder {
        Some(folder) => (Manifest::parse(&folder.manifest).map_err(broken)?, &folder.files),
        None => (Manifest::fresh(), &none),
    };
    if let Some(item) = files.keys().find(|path| !paths::is_plain(path)) {
        return Err(broken(ManifestFault::Outside { item: item.clone() }));
    }
    let model_folder = manifest.folder().to_owned();
    let placement = Placement::new(&model_folder, files);
    let encoded = model(package, &placement)?;
    let layouts: BTreeMap<_, _> = placement.layouts().collect();

    let unchanged = manifest.clone();
    layouts.keys().for_each(|path| manifest.add_weights(path));
    let text = match &package.folder {
        Some(folder) if manifest == unchanged => folder.manifest.clone(),
        _ => manifest.text(),
    };
    let data = at.join("Data");
    write_file(&at.join("Manifest.json"), |out| out.write_all(text.as_bytes()))?;
    write_file(&data.join(&manifest.model), |out| out.write_all(&encoded))?;
    for (path, layout) in &layouts {
        write_file(&data.join(path), |out| layout.write(out))?;
    }
    let kept =
        |(path, _): &(&String, &Buffer)| !layouts.contains_key(*path) && **path != manifest.model;
    for (path, bytes) in files.iter().filter(kept) {
        write_file(&data.join(path), |out| {
            bytes.verify().map_err(io::Error::other)?;
            out.write_all(bytes)
        })?;
    }
    for item in &manifest.items {
        let path = data.join(item);
        if !path.exists() {
            fs::create_dir_all(&path).map_err(|source| WriteError::Io { path, source })?;
        }
    }
    Ok(())
}

fn write_file(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), WriteError> {
    let create = || {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        let mut out = BufWriter::new(File::create_new(path)?);
        fill(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    };
    create().map_err(|source| WriteError::Io { path: path.to_owned(), source })
}

/// A folder beside a path, in which what will take the path's name is made.
struct Temporary(PathBuf);

impl Temporary {
    fn beside(path: &Path) -> Result<Temporary, WriteError> {
        let refuse = |source| WriteError::Io { path: path.to_owned(), source };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        for n in 0u64.. {
            let folder = path.with_file_name(format!(".{name}.{n}.tmp"));
            match fs::create_dir(&folder) {
                Ok(()) => return Ok(Temporary(folder)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(refuse(error)),
            }
        }
        Err(refuse(io::ErrorKind::AlreadyExists.into()))
    }

    fn made(&self) -> PathBuf {
        self.0.join("new")
    }

    fn take_name(self, path: &Path) -> Result<(), WriteError> {
        let refuse = |source| WriteError::Io { path: path.to_owned(), source };
        if !path.is_dir() {
            return fs::rename(self.made(), path).map_err(refuse);
        }
        // A folder cannot replace another in one step.
        let old = self.0.join("old");
        fs::rename(path, &old).map_err(refuse)?;
        fs::rename(self.made(), path).map_err(|error| {
            if fs::rename(&old, path).is_err() {
                // The replaced model is whole, but only here.
                std::mem::forget(self);
            }
            refuse(error)
        })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Should this fail, only a hidden folder stays.
        let _ = fs::remove_dir_all(&self.0);
    }
}
