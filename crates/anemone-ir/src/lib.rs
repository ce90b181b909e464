//! Core ML's MIL as an intermediate form.
//!
//! - [`Program`]: what a file or a text says, names and weights only.
//! - [`Package`], [`Description`]: the model around it, its features and metadata.
//! - [`Dim`], [`Type`]: checked types, with flexible shapes as expressions.

mod description;
mod dim;
mod feature;
mod literal;
mod package;
pub mod program;
mod types;

pub use description::{Description, Feature, Features, FunctionDescription, Metadata};
pub use dim::{Bindings, Dim, Symbol};
pub use feature::{
    ArrayFeature, ColorSpace, DefaultValue, FeatureKind, ImageFeature, ImageFlexibility, ImageSize,
    KeyKind, ShapeFlexibility, SizeRange,
};
pub use literal::{Const, Elements, Literal, LiteralData};
pub use package::{Body, Folder, Package};
pub use program::Program;
pub use types::{TensorType, Type};
