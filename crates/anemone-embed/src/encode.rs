//! What turns texts into vectors, as those who keep vectors see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::EmbedError;

/// A model of texts: every text becomes one vector of length 1.
pub trait Encode: Send + Sync {
    /// What tells this model from any other whose vectors must not be mixed with its own:
    /// a BLAKE3 hash of weights, tokenizer and pooling.
    fn identity(&self) -> [u8; 32];

    /// The name that people know the model by.
    fn name(&self) -> &str;

    /// Elements of a vector.
    fn dimension(&self) -> usize;

    /// Tokens of a text that the model reads, its special tokens not counted.
    fn max_tokens(&self) -> usize;

    /// Where each token of `text` starts, in bytes, in order. A text is not cut here.
    fn token_starts(&self, text: &str) -> Result<Vec<usize>, EmbedError>;

    /// The vectors of `texts`, in their order. A vector depends on its own text alone.
    fn embed(&self, texts: &[&str], watch: &Watch<'_>) -> Result<Embeddings, EmbedError>;
}

/// Vectors, and what became of the texts on the way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embeddings {
    /// Elements of a vector.
    pub dimension: usize,
    /// One vector of length 1 after another.
    pub vectors: Vec<f32>,
    /// Which texts were longer than the model reads, and lost their end.
    pub truncated: Vec<usize>,
    /// Tokens that were read, special ones included.
    pub tokens: usize,
}

impl Embeddings {
    /// The vector of text `index`.
    pub fn vector(&self, index: usize) -> &[f32] {
        &self.vectors[index * self.dimension..][..self.dimension]
    }

    /// How many vectors there are.
    pub fn count(&self) -> usize {
        self.vectors.len().checked_div(self.dimension).unwrap_or(0)
    }
}

/// Who watches texts become vectors, and may stop it.
#[derive(Clone, Copy, Default)]
pub struct Watch<'a> {
    /// Told after each batch how many texts and tokens it had.
    pub progress: Option<&'a (dyn Fn(usize, usize) + Sync)>,
    /// Ends the work after the batch at hand.
    pub stop: Option<&'a Stop>,
}

impl Watch<'_> {
    /// Tells that a batch is done.
    pub fn done(&self, texts: usize, tokens: usize) {
        if let Some(progress) = self.progress {
            progress(texts, tokens);
        }
    }

    /// Fails once the work shall end.
    pub fn check(&self) -> Result<(), EmbedError> {
        match self.stop {
            Some(stop) if stop.is_set() => Err(EmbedError::Stopped),
            _ => Ok(()),
        }
    }
}

/// A wish to stop, shared by who has it and who works.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks for an end.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether an end was asked for.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
