//! The report of a forecast, in the form that its JSON has.

use serde::Serialize;

use crate::evidence::{Confidence, Evidence};
use crate::lints::Lint;
use crate::model::Assumed;
use crate::rules::{CanRun, Obstacle};
use crate::segment::Place;
use crate::target::Target;

/// What is expected of a model on a chip. A forecast: nothing of it was run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What this is.
    pub kind: &'static str,
    /// The chip and the system.
    pub target: Target,
    /// The compiler target.
    pub compiler_target: String,
    /// The function.
    pub function: String,
    /// Ops in order.
    pub ops: Vec<OpReport>,
    /// Runs of ops in one place.
    pub segments: Vec<Segment>,
    /// Values that pass from one place to another.
    pub transfers: Vec<Transfer>,
    /// Percent of floating-point operations on the engine.
    pub ane_share_flops: f64,
    /// Percent of ops on the engine; folded ones do not count.
    pub ane_share_ops: f64,
    /// Floating-point operations of the whole.
    pub flops: u64,
    /// Bytes of weights as the engine would hold them.
    pub weight_bytes: u64,
    /// The time of a run; none where the chip's figures are not known.
    pub latency_ms: Option<Range>,
    /// The engine's energy for a run; none where no source says what this chip's engine draws.
    pub energy_mj: Option<Range>,
    /// The change that would move most work to the engine.
    pub advice: Option<Advice>,
    /// What was found.
    pub lints: Vec<Lint>,
    /// Sizes that nobody gave.
    pub assumed: Vec<Assumed>,
    /// What the figures rest on, and what limits them.
    pub notes: Vec<String>,
}

/// An estimate with its bars.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Range {
    pub low: f64,
    pub estimate: f64,
    pub high: f64,
}

/// An op.
#[derive(Clone, Debug, Serialize)]
pub struct OpReport {
    /// Its place in the source: function and path.
    pub path: String,
    /// MIL's name.
    pub op: &'static str,
    /// Where it would run.
    pub place: Place,
    /// Why.
    pub reason: String,
    /// What that rests on.
    pub evidence: Evidence,
    /// How sure it is.
    pub confidence: Confidence,
    /// The expected time where it is placed.
    pub cost_us: f64,
    /// The expected time on the engine, if it can run there.
    pub ane_us: Option<f64>,
    /// The expected time on the CPU.
    pub cpu_us: f64,
    /// The expected time on the GPU: none as yet for any chip, since no source publishes one. docs/ane.md says more.
    pub gpu_us: Option<f64>,
    /// Whether the engine can run it.
    pub can_run: CanRun,
    /// What stands in the way.
    pub obstacle: Option<Obstacle>,
    /// Floating-point operations.
    pub flops: u64,
}

/// A run of ops in one place.
#[derive(Clone, Debug, Serialize)]
pub struct Segment {
    /// The place.
    pub place: Place,
    /// The index of the first op in `ops`.
    pub first: usize,
    /// The index of the last.
    pub last: usize,
    /// How many of its ops are not folded.
    pub ops: usize,
    /// Their operations.
    pub flops: u64,
    /// Their expected time.
    pub cost_us: f64,
}

/// A value that passes from one place to another.
#[derive(Clone, Debug, Serialize)]
pub struct Transfer {
    /// The value.
    pub value: String,
    /// From where.
    pub from: Place,
    /// To where.
    pub to: Place,
    /// Its bytes.
    pub bytes: u64,
}

/// A change, and what it would do.
#[derive(Clone, Debug, Serialize)]
pub struct Advice {
    /// What to change.
    pub change: String,
    /// The obstacle that it removes; none where only the cost of moving keeps ops away.
    pub obstacle: Option<Obstacle>,
    /// Ops that it touches.
    pub paths: Vec<String>,
    /// Percent of operations on the engine after it.
    pub ane_share_flops: f64,
    /// How many percent of operations it moves there.
    pub gain_flops: f64,
}
