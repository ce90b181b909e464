//! MIL as text: the syntax of Apple's `model.mil`, extended so that no part of a program is lost.
//!
//! - [`print()`] writes a program so that [`parse`] gives it back, bit by bit.
//! - [`Brief`] is for people: it leaves out long literals and cannot be parsed.
//! - What Apple's text has no word for starts with `@`: unknown fields, unusual storage, broken types.

mod element;
mod elements;
mod error;
mod float;
mod inner;
mod lex;
mod names;
mod parse;
mod print;
#[cfg(test)]
mod tests;

pub use error::{Fault, ParseError};
pub use parse::parse;
pub use print::{Brief, print};
