//! The conformance corpus: small MIL programs with the numbers that other implementations give.
//!
//! - [`CaseFile`], [`Case`]: what stands in `cases/<stem>.toml`.
//! - [`Expected`]: what does not pass yet, in `expected.toml`.
//!
//! Choices: programs, types and values are MIL text, so that the corpus has one syntax for numbers
//! and holds them exactly; a case knows nothing of engines. The runner is this crate's test
//! `corpus`, which puts every case through every engine and form.
#![forbid(unsafe_code)]

mod case;
mod expected;

pub use case::{Case, CaseFile, LoadError, Tolerance, load};
pub use expected::{Expected, Failure, KnownFailure};
