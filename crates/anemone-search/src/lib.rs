//! Texts to vectors: tokens, batches, pooling.
#![forbid(unsafe_code)]
