//! Questions to an index: by words, by meaning, or by both.
//!
//! Lexical scores are BM25, dense scores cosines; `fuse` brings the two onto one scale, `likelihood`
//! puts code before its tests. A query looks at every chunk that its filter lets through.

mod dense;
mod filter;
mod fuse;
mod lexical;
mod likelihood;
mod searcher;

pub use filter::{Filter, PatternError};
pub use fuse::DENSE_WEIGHT;
pub use searcher::{Hit, Mode, Query, Searcher};
