//! What verification finds, for people and programs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::compare::Histogram;
use crate::accumulator::Verdict;
use crate::interval::{Forecast, Range};
use crate::record::Sums;

/// What the Neural Engine's arithmetic does to one function.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Findings {
    /// The function.
    pub function: String,
    /// The engine that was looked at.
    pub engine: &'static str,
    /// The engine that it was compared with.
    pub against: &'static str,
    /// In which order the emulator sums.
    pub order_of_summation: &'static str,
    /// What stands behind all this: nothing was run on Apple hardware.
    pub evidence: &'static str,
    /// Names of the input sets.
    pub sets: Vec<String>,
    /// The error, as a part of the largest exact value, from which on an op diverges.
    pub tolerance: f64,
    /// Every op that ran and gave numbers, in program order.
    pub ops: Vec<OpFindings>,
    /// Constants and inputs that fp16 does not hold.
    pub unheld: Vec<Overflow>,
    /// The first op that overflows, or may by the order of summation.
    pub first_overflow: Option<String>,
    /// The first op that gives NaN of numbers.
    pub first_nan: Option<String>,
    /// The first op that diverges.
    pub first_divergence: Option<Divergence>,
    /// The op whose sums or results come nearest to a limit.
    pub nearest: Option<Margin>,
    /// The ranges of inputs for which the bounds hold; empty where inputs were given.
    pub assumed: BTreeMap<String, Range>,
    /// Ops of whose results range analysis knows nothing, and why.
    pub without_rule: Vec<String>,
}

/// What was found of one op.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OpFindings {
    /// The op's path, as the model names it.
    pub path: String,
    /// What it is.
    pub op: &'static str,
    /// What the emulator's arithmetic of this op stands on.
    pub basis: &'static str,
    /// Whether a result overflows: its accumulator, or what is stored.
    pub verdict: Verdict,
    /// How it overflows, and on which input first.
    pub overflow: Option<Overflow>,
    /// NaN of operands that are numbers.
    pub nan: Option<Place>,
    /// What its accumulators went through.
    pub sums: Option<Sums>,
    /// The largest error of an element; infinite (null in JSON) where one engine overflows.
    pub max_absolute_error: f64,
    /// The largest error as a part of the exact element; elements below 2^-14 count as that.
    pub max_relative_error: f64,
    /// The largest error as a part of the largest exact element.
    pub error: f64,
    /// The same on exact operands, rounded to fp16: the part of the error that is born here.
    pub own_error: Option<f64>,
    /// The least cosine of the angle between both results, over all sets.
    pub cosine: f64,
    /// Where the largest error is.
    pub worst: Option<Place>,
    /// Exact results by size.
    pub histogram: Histogram,
    /// The part of the range that sums or results reach; 1 or more may overflow.
    pub reach: f64,
    /// What interval propagation says; absent where inputs were given.
    pub bound: Option<Bound>,
}

/// An element of an output.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Place {
    /// The input set.
    pub set: String,
    /// The run within the set.
    pub step: usize,
    /// The op's output.
    pub output: usize,
    /// The element, in row-major order.
    pub element: usize,
}

/// What overflows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OverflowKind {
    /// A partial sum reaches 32768.
    Accumulator,
    /// A result is beyond 65504.
    Stored,
    /// A step within the op is out of range, such as a norm's sum of squares; the result may look
    /// harmless.
    Step,
    /// A constant is beyond 65504 or infinite.
    Constant,
    /// An input is beyond 65504 or infinite.
    Input,
}

/// An overflow and what triggers it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overflow {
    /// What overflows.
    pub kind: OverflowKind,
    /// The op or value.
    pub path: String,
    /// Whether it depends on the order of summation.
    pub verdict: Verdict,
    /// The first input set that triggers it; absent for constants.
    pub set: Option<String>,
    /// The first element of it; absent where no element overflows in the emulator's own order.
    pub place: Option<Place>,
    /// The value that is not held, or the partial sum that is furthest out.
    pub value: f64,
}

/// Whether an error comes from an op or from its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Birth {
    /// On exact operands the op makes at least half of the error.
    BornHere,
    /// The operands bring most of it.
    PassedOn,
    /// The op was not run on exact operands.
    Unknown,
}

/// Why an op diverges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// An overflow or NaN, here or before.
    Overflow,
    /// Errors of rounding and of tables.
    Precision,
}

/// The first op whose error is beyond the tolerance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Divergence {
    /// The op's path.
    pub path: String,
    /// Where the error comes from.
    pub birth: Birth,
    /// Of which kind it is.
    pub cause: Cause,
    /// The error, as a part of the largest exact element.
    pub error: f64,
}

/// How near an op comes to a limit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Margin {
    /// The op's path.
    pub path: String,
    /// Percent of the range that it reaches.
    pub reach_percent: f64,
    /// The limit: 32768 for partial sums, 65504 for results.
    pub limit: f64,
}

/// What interval propagation says of an op, for all inputs of the assumed ranges.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bound {
    /// The lowest partial sum, or result.
    pub lowest: f64,
    /// The highest partial sum, or result.
    pub highest: f64,
    /// Whether it can overflow.
    pub forecast: Forecast,
}

impl OpFindings {
    /// Whether nothing is wrong with the op, errors apart.
    pub fn is_clean(&self) -> bool {
        self.verdict == Verdict::Never && self.nan.is_none()
    }
}

impl Findings {
    /// Whether nothing was found: no overflow, no NaN, no op that diverges.
    pub fn is_clean(&self) -> bool {
        self.first_overflow.is_none()
            && self.first_nan.is_none()
            && self.first_divergence.is_none()
            && self.unheld.is_empty()
    }

    /// What was found of the op at `path`.
    pub fn op(&self, path: &str) -> Option<&OpFindings> {
        self.ops.iter().find(|op| op.path == path)
    }
}
