//! What is likely to go wrong on the engine: each lint finds one thing, and carries what a repair needs.

mod fallback;
mod functions;
mod integers;
mod layout;
mod length;
mod mask;
mod memory;
mod range;
mod support;

pub use layout::ALIGNMENT_BYTES;
pub use mask::SAFE_MASK;
use serde::Serialize;

use crate::Target;
use crate::evidence::Evidence;
use crate::model::Model;

/// Something found.
#[derive(Clone, Debug, Serialize)]
pub struct Lint {
    /// Its name, stable for machines.
    pub kind: &'static str,
    /// What is wrong.
    pub what: String,
    /// The ops or values concerned.
    pub paths: Vec<String>,
    /// Why it matters.
    pub why: &'static str,
    /// What that rests on.
    pub evidence: Evidence,
    /// The fix, in words.
    pub fix: String,
    /// What a pass that repairs it needs.
    pub data: std::collections::BTreeMap<&'static str, Datum>,
}

/// A parameter of a repair.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Datum {
    /// A number.
    Number(f64),
    /// Sizes.
    Sizes(Vec<u64>),
    /// A word.
    Text(String),
}

type Finder = fn(&Model<'_>, &Target) -> Vec<Lint>;

const ALL: &[Finder] = &[
    fallback::find,
    functions::find,
    integers::find,
    layout::find,
    mask::find,
    memory::find,
    range::find,
];

/// All that is found.
pub fn find(model: &Model<'_>, target: &Target) -> Vec<Lint> {
    ALL.iter().flat_map(|finder| finder(model, target)).collect()
}
