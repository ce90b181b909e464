//! Source files to chunks for code search: functions, types and sections, with their names and lines.
//!
//! [`chunk`] takes a text, its [`Language`] and where the tokens of the model's tokenizer start, and
//! gives [`Chunk`]s that never hold more than [`Limits`] allow.
//!
//! - A file becomes a flat list of units in the order of the text (`outline`, `markdown`, or one unit
//!   for other text). A unit lasts until the next one starts, so nothing can fall between two.
//! - Languages differ by a table of node kinds (`grammars/`); one walk reads them all.
//! - Units are glued, merged and cut by size afterwards (`pack`, `split`), by the same code for all.
//! - Lines are the grain: a line stands in one chunk, unless it alone is too long.
//! - Everything depends on the text and the tokens alone; parsing is bounded by work done, not by time.
#![forbid(unsafe_code)]

mod chunk;
mod grammar;
mod grammars;
mod kind;
mod language;
mod markdown;
mod outline;
mod pack;
mod parse;
mod plain;
mod seams;
mod source;
mod split;
mod walk;

pub use chunk::{Chunk, Limits, VERSION, chunk};
pub use kind::Kind;
pub use language::Language;
