//! Why a text is not a program, and where.

use thiserror::Error;

/// The first fault in a text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {fault}")]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// Something else should stand here.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What may stand here.
        expected: &'static str,
        /// What does.
        found: String,
    },
    /// A quoted text or name does not end.
    #[error("the quote is not closed")]
    Unclosed,
    /// A backslash and what follows mean nothing.
    #[error("`\\{0}` is not an escape")]
    Escape(String),
    /// A number that the type cannot hold.
    #[error("`{value}` is not a value of {ty}")]
    Value {
        /// The number as written.
        value: String,
        /// The type's name.
        ty: &'static str,
    },
    /// Something that may be said only once.
    #[error("`{0}` stands here twice")]
    Repeated(String),
    /// Nested brackets that do not follow the declared shape.
    #[error("the nested lists do not follow the declared shape")]
    Shape,
    /// More nested parts than are read.
    #[error("more than {0} parts are nested")]
    Depth(usize),
    /// The weights that a literal refers to are not there.
    #[error("weights at {offset} in `{file}`: {reason}")]
    Weights {
        /// The file as written.
        file: String,
        /// The offset of the blob's metadata.
        offset: u64,
        /// Why there are none.
        reason: String,
    },
}
