//! Core ML's MIL as an intermediate form.
//!
//! - [`Program`]: what a file or a text says, names and weights only.
//! - [`Package`], [`Description`]: the model around it, its features and metadata.
//! - [`ops`]: the catalogue of all ops and versions, each declared once.
//! - [`check`]: from a `Program` to a [`Checked`], in which every type is inferred.
//! - [`text`]: a `Program` as the text of Apple's `model.mil`, and back.
//! - [`Patch`]: the only way to change a `Checked`.
//! - [`Dim`], [`Type`]: checked types, with flexible shapes as expressions.
//!
//! Choices: inputs keep MIL's names; an unknown op survives in `Program` and fails in `check`;
//! `check` reports every fault at once, and never blames an op for the fault of an earlier one.
#![forbid(unsafe_code)]

mod check;
mod checked;
mod description;
mod dim;
mod feature;
pub mod infer;
mod literal;
pub mod ops;
mod opset;
mod package;
mod patch;
pub mod program;
pub mod text;
mod types;
pub mod window;

pub use check::{Diagnostic, Diagnostics, check};
pub use checked::{
    Checked, CheckedBlock, CheckedFunction, Node, Origin, SymbolOrigin, ValueId, ValueInfo,
};
pub use description::{Description, Feature, Features, FunctionDescription, Metadata};
pub use dim::{Bindings, Dim, Symbol};
pub use feature::{
    ArrayFeature, ColorSpace, DefaultValue, FeatureKind, ImageFeature, ImageFlexibility, ImageSize,
    KeyKind, ShapeFlexibility, SizeRange,
};
pub use literal::{Const, Elements, Literal, LiteralData};
pub use ops::Op;
pub use opset::Opset;
pub use package::{Body, Folder, Package};
pub use patch::{Edit, Patch, PatchError};
pub use program::Program;
pub use types::{ListType, TensorType, Type};
