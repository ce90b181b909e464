//! Core ML's MIL as an intermediate form.
//!
//! - [`Program`]: what a file or a text says, names and weights only.
//! - [`Dim`], [`Type`]: checked types, with flexible shapes as expressions.

mod dim;
mod literal;
pub mod program;
mod types;

pub use dim::{Bindings, Dim, Symbol};
pub use literal::{Const, Elements, Literal, LiteralData};
pub use program::Program;
pub use types::{TensorType, Type};
