//! Where plans come from: whoever knows formats and engines implements [`Loader`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anemone_engine::{ErrorKind, Plan};
use thiserror::Error;

/// Reads and compiles models.
pub trait Loader: Send + Sync {
    /// The model at `path`, compiled.
    fn load(&self, path: &Path) -> Result<Loaded, LoadError>;
}

/// A model that was loaded.
pub struct Loaded {
    /// The plan.
    pub plan: Arc<dyn Plan>,
    /// For each input of the plan the shapes that it is limited to; none where the plan's
    /// signature says all.
    pub shapes: Vec<Vec<Vec<usize>>>,
    /// The BLAKE3 hash of the model's files.
    pub hash: [u8; 32],
}

/// Why a model could not be loaded.
#[derive(Clone, Debug, Error)]
#[error("{message}")]
pub struct LoadError {
    /// The model.
    pub path: PathBuf,
    /// What kind of thing went wrong.
    pub kind: ErrorKind,
    /// What went wrong.
    pub message: String,
    /// What may help.
    pub hint: Option<String>,
}
