//! Why a model could not be written, and what may help.

use std::io;
use std::path::PathBuf;

use anemone_tensor::DataType;
use thiserror::Error;

use super::{BlobFault, ManifestFault};

/// Why a model could not be written. Nothing is left behind then.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// There is something at the path.
    #[error("`{path}` exists already", path = path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// The path's extension names no form of model.
    #[error("`{path}` is neither a `.mlpackage` nor a `.mlmodel`", path = path.display())]
    Extension {
        /// The path.
        path: PathBuf,
    },
    /// A single file has no place for weights.
    #[error("`{path}` cannot hold the model's weight files", path = path.display())]
    NeedsFolder {
        /// The path.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot write `{path}`", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// The package's own manifest is broken.
    #[error("the manifest to be written is broken: {fault}")]
    Manifest {
        /// What is wrong.
        fault: ManifestFault,
    },
    /// The model has what its file format cannot say.
    #[error(transparent)]
    Model(#[from] EncodeFault),
}

/// What a model file cannot say.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodeFault {
    /// A literal's weights do not fit its type or their file.
    #[error("weights in `{operation}`: {fault}")]
    Weights {
        /// The operation that holds the literal.
        operation: String,
        /// What is wrong.
        fault: BlobFault,
    },
    /// An array feature cannot have this element type.
    #[error("feature `{feature}`: an array cannot have elements of {dtype}")]
    ArrayType {
        /// The feature.
        feature: String,
        /// The element type.
        dtype: DataType,
    },
}

impl WriteError {
    /// What may help.
    pub fn hint(&self) -> Option<&str> {
        match self {
            WriteError::Exists { .. } => Some("choose another name, or ask to overwrite"),
            WriteError::Extension { .. } => Some("give a name that ends in `.mlpackage`"),
            WriteError::NeedsFolder { .. } => Some("write a `.mlpackage` instead"),
            WriteError::Io { .. } | WriteError::Manifest { .. } | WriteError::Model(_) => None,
        }
    }
}
