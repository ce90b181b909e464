//! Why texts did not become vectors.

use std::path::PathBuf;

use anemone_engine::ErrorKind;
use thiserror::Error;

/// Why texts did not become vectors.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// A part of the model's folder is missing or broken.
    #[error("`{}`: {what}", .path.display())]
    Folder {
        /// The folder, or the file in it.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The model could not be loaded or run.
    #[error(transparent)]
    Manager(#[from] anemone_runtime::Error),
    /// The model is no model of texts.
    #[error("`{}` is no text encoder: {what}", .path.display())]
    Model {
        /// The model.
        path: PathBuf,
        /// What it lacks.
        what: String,
    },
    /// The tokenizer refused a text.
    #[error("tokenizer: {0}")]
    Tokenizer(String),
    /// The model gave something that no model of texts gives.
    #[error("the model gave {0}")]
    Output(String),
    /// The model's result for a text has no direction.
    #[error("the vector of text {index} {what}")]
    Vector {
        /// Which text, from 0.
        index: usize,
        /// What is wrong with its vector.
        what: &'static str,
    },
    /// The work was stopped.
    #[error("stopped")]
    Stopped,
}

impl EmbedError {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            EmbedError::Folder { .. } | EmbedError::Model { .. } | EmbedError::Tokenizer(_) => {
                ErrorKind::Invalid
            }
            EmbedError::Manager(error) => error.kind(),
            EmbedError::Output(_) => ErrorKind::Internal,
            EmbedError::Vector { .. } => ErrorKind::Device,
            EmbedError::Stopped => ErrorKind::Cancelled,
        }
    }

    /// What may help.
    pub fn hint(&self) -> Option<&str> {
        match self {
            EmbedError::Manager(error) => error.hint(),
            EmbedError::Folder { .. } => Some(
                "a model of texts is a folder with `model.mlpackage` and `tokenizer.json` in it",
            ),
            EmbedError::Vector { .. } => {
                Some("the model's arithmetic overflows for this text; try another precision")
            }
            _ => None,
        }
    }
}
