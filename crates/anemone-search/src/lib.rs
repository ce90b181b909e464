//! Searches files by meaning and by words.
//!
//! - [`index::update`]: brings the index of a tree up to date; [`index::Reader`]: one state of it.
//! - [`query::Searcher`]: queries to that state, by words, by meaning, or by both.
//! - [`words()`]: the words of code and paths that lexical search counts.
//!
//! Choices: the searchable state changes in one transaction, so a kill at any moment leaves the
//! old index or the new one; vectors are kept by what was embedded, apart from that state, so that
//! a stopped run loses few; what another model, chunker or version made is made anew, never mixed.
#![forbid(unsafe_code)]

mod error;
pub mod index;
pub mod query;
mod words;

pub use error::{IndexError, Mismatch};
pub use words::{VERSION as WORDS_VERSION, words};
