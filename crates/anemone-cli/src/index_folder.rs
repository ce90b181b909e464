//! Where the index of a tree is: in the user's cache, one folder for each tree.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::exit::Failure;

/// The folder that the user names, or the one in the cache that belongs to the tree at `root`.
pub(crate) fn of(named: Option<&Path>, root: &Path) -> Result<PathBuf, Failure> {
    if let Some(folder) = named {
        return Ok(folder.to_owned());
    }
    let root = canonical(root)?;
    let base = etcetera::base_strategy::choose_native_strategy().map_err(|error| {
        Failure::new(format!("there is no cache folder: {error}"))
            .hint("name a folder for the index by --index")
    })?;
    let name = root.file_name().map_or_else(|| "root".into(), |name| name.to_string_lossy());
    let hash = blake3::hash(root.as_os_str().as_encoded_bytes()).to_hex();
    Ok(base.cache_dir().join("anemone").join("index").join(format!("{name}-{}", &hash[..16])))
}

/// The tree's own path, which must be that of a folder.
pub(crate) fn canonical(root: &Path) -> Result<PathBuf, Failure> {
    let told = |what: &str| Failure::new(format!("`{}`: {what}", root.display()));
    let full = root.canonicalize().map_err(|error| told(&error.to_string()))?;
    if full.is_dir() {
        return Ok(full);
    }
    Err(told("not a folder")
        .hint("give the folder that shall be searched; --path narrows a search"))
}
