//! Texts to vectors: tokens, batches, pooling.
//!
//! - [`Encode`]: what turns texts into vectors, as those who keep vectors see it.
//! - [`Embedder`]: a Core ML model and its tokenizer behind it, read from a [`ModelFolder`].
//!
//! Choices: a vector depends on its own text alone, so it may be kept by the text's hash; texts are
//! sorted by length into the model's shapes, under a budget of tokens for each batch; vectors that
//! are not finite or have no length are errors, never results.
#![forbid(unsafe_code)]

mod embedder;
mod encode;
mod error;
mod folder;
mod shapes;
mod tokens;

pub use embedder::Embedder;
pub use encode::{Embeddings, Encode, Stop, Watch};
pub use error::EmbedError;
pub use folder::{ModelFolder, Pooling};
