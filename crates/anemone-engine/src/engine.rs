//! What an engine is: it says what it supports, and compiles.

use std::path::PathBuf;
use std::sync::Arc;

use anemone_ir::{Checked, CheckedFunction, Node};

use crate::{CompileError, Plan};

/// Something that can run programs.
pub trait Engine: Send + Sync {
    /// The engine's name, such as `cpu`.
    fn name(&self) -> &'static str;

    /// Whether this engine can run `node` of `function`, or why not.
    fn support(&self, function: &CheckedFunction, node: &Node) -> Result<(), Reason>;

    /// Compiles one function of `program`.
    fn compile(
        &self,
        program: &Checked,
        options: &CompileOptions,
    ) -> Result<Arc<dyn Plan>, CompileError>;
}

/// Why an engine does not run an op, as the user reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(pub String);

/// How a program is compiled.
#[derive(Clone, Debug, Default)]
pub struct CompileOptions {
    /// The function; the only one, or `main`, where it is left out.
    pub function: Option<String>,
    /// How exact the arithmetic is.
    pub precision: Precision,
    /// To what results are rounded.
    pub rounding: Rounding,
    /// The file that the program came from, for engines that run the original.
    pub source: Option<Source>,
}

/// A model file and its content's hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file or package folder.
    pub path: PathBuf,
    /// A hash of its contents.
    pub hash: [u8; 32],
}

/// How exact the arithmetic is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// As `f32` does it, infinities and NaN included.
    #[default]
    Exact,
    /// 16-bit products with `f32` sums, where the machine has them.
    Fast,
    /// 8-bit products where the model allows it.
    Int8,
}

/// To what the result of each op is rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// Not at all: floats stay `f32`.
    #[default]
    F32,
    /// To the op's declared type, so that an fp16 overflow shows.
    Declared,
}
