//! What goes with a run, and what comes back beside the outputs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anemone_ir::Origin;

use crate::{Array, Memory};

/// What goes with a run.
#[derive(Clone, Copy, Default)]
pub struct RunContext<'a> {
    /// Stops the run at the next op once it is set.
    pub cancel: Option<&'a Cancel>,
    /// Stops the run at the next op once it has passed.
    pub deadline: Option<Instant>,
    /// Sees values as they are computed.
    pub observer: Option<&'a dyn Observer>,
    /// Where outputs are written; the engine allocates them itself where this is left out.
    pub memory: Option<&'a dyn OutputMemory>,
}

/// A flag that asks a run to stop.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the run to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the run was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Sees the values of a run by their origin.
pub trait Observer: Sync {
    /// Whether `observe` shall be called for output `output` of the op at `origin`.
    fn wants(&self, origin: &Origin, output: usize) -> bool;

    /// Sees a value.
    fn observe(&self, origin: &Origin, output: usize, value: &Array);
}

/// Gives memory for outputs, such as from a pool, so that they are written where they stay.
pub trait OutputMemory: Sync {
    /// Memory of exactly `bytes` bytes; none where there is no room, and then the engine
    /// allocates. What it holds may be another caller's, so the engine writes every byte.
    fn take(&self, bytes: usize) -> Option<Box<dyn OutputBuffer>>;
}

/// Memory for one output. Dropping it unused gives it back.
pub trait OutputBuffer: Send {
    /// The bytes, to be written.
    fn as_mut_bytes(&mut self) -> &mut [u8];

    /// Shares the bytes. The memory is given back when the last array in it is dropped.
    fn into_memory(self: Box<Self>) -> Memory;
}

/// What a run did.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// The engine that ran it.
    pub engine: &'static str,
    /// The device, as people call it.
    pub device: String,
    /// Why another engine or device was asked for and not used; empty if none was.
    pub fallbacks: Vec<String>,
    /// How often an input or output as a whole was copied, or converted between its own type and
    /// the engine's: on its way into the engine, out of it, and to gather what is not dense.
    /// Zeroing fresh memory, and what ops do between, do not count.
    pub copies: usize,
    /// Time from first to last op.
    pub compute: Duration,
}
