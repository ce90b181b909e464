//! What a run gave its caller.

use std::time::Duration;

use anemone_engine::{Receipt, Value};

/// What a run gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Inference {
    /// Outputs, in the order of the signature.
    pub outputs: Vec<Value>,
    /// Where it ran, why not elsewhere, and how many copies were made.
    pub receipt: Receipt,
    /// Why it did not run on the engine that it was first given to.
    pub fallback_reason: Option<String>,
    /// The model's version.
    pub version: u64,
    /// From the request to the start of its run.
    pub queued: Duration,
    /// From the request to its answer.
    pub total: Duration,
    /// Rows that ran together, those that only fill up included.
    pub batch_rows: usize,
}

impl Inference {
    /// The device that it ran on, as people call it.
    pub fn device_used(&self) -> &str {
        &self.receipt.device
    }

    /// How long the engine took.
    pub fn compute(&self) -> Duration {
        self.receipt.compute
    }
}
