//! What the Neural Engine's arithmetic does to a model: op by op against exact arithmetic, on given
//! inputs; and on none, by ranges and random inputs.

mod compare;
mod exact;
mod findings;
mod forced;
mod observe;
mod outline;
mod report;
mod run;
mod table;

pub use compare::Histogram;
pub use findings::{
    Birth, Bound, Cause, Divergence, Findings, Margin, OpFindings, Overflow, OverflowKind, Place,
};
pub use run::{VerifyError, VerifyOptions, analyse, verify};
