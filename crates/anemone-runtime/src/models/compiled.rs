//! A plan with the memory it holds: one for each file, engine and way of compiling, however many
//! models use it.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anemone_engine::{MemoryEstimate, Plan, RunError, Session};
use anemone_tensor::return_freed_memory;

use crate::sync::{Arc, Mutex, lock};
use crate::{EngineInfo, Identity, Permit, Shapes};

/// Bytes that are worth a look at the whole heap.
const MUCH: u64 = 1 << 20;
/// Estimates that are kept for shapes seen before.
const ESTIMATES: usize = 256;

pub(crate) struct Compiled {
    pub(crate) engine: Arc<EngineInfo>,
    pub(crate) identity: Identity,
    pub(crate) plan: Arc<dyn Plan>,
    pub(crate) shapes: Vec<Shapes>,
    /// Bytes of constants and packed weights.
    weights: Permit,
    /// Sessions that nobody uses now.
    idle: Mutex<Vec<Warm>>,
    kept: usize,
    estimates: Mutex<HashMap<Vec<Vec<usize>>, MemoryEstimate>>,
    /// Dropped last, when the plan and its sessions are freed.
    _freed: Freed,
}

/// Bytes that are freed, for the system to have again.
struct Freed(u64);

impl Drop for Freed {
    fn drop(&mut self) {
        if self.0 >= MUCH {
            return_freed_memory();
        }
    }
}

/// A session, with the bytes that its arena was admitted with.
pub(crate) struct Warm {
    pub(crate) session: Box<dyn Session>,
    charges: Vec<Permit>,
}

impl Warm {
    /// Bytes that its arena may have.
    pub(crate) fn bytes(&self) -> u64 {
        self.charges.iter().map(|charge| charge.demand().bytes).sum()
    }

    /// Lets its arena grow by what was admitted.
    pub(crate) fn charge(&mut self, permit: Option<Permit>) {
        self.charges.extend(permit.filter(|permit| permit.demand().bytes > 0));
    }
}

impl Compiled {
    pub(crate) fn new(
        engine: Arc<EngineInfo>,
        identity: Identity,
        plan: Arc<dyn Plan>,
        shapes: Vec<Shapes>,
        weights: Permit,
        kept: usize,
    ) -> Compiled {
        Compiled {
            _freed: Freed(weights.demand().bytes),
            engine,
            identity,
            plan,
            shapes,
            weights,
            idle: Mutex::default(),
            kept,
            estimates: Mutex::default(),
        }
    }

    /// Bytes of weights.
    pub(crate) fn weight_bytes(&self) -> u64 {
        self.weights.demand().bytes
    }

    /// Bytes of one conversation's state.
    pub(crate) fn state_bytes(&self) -> u64 {
        let bytes = |port: &anemone_engine::Port| {
            let shape = port.ty.known_shape()?;
            port.ty.dtype.byte_len(shape.iter().product())
        };
        let states = &self.plan.signature().states;
        states.iter().filter_map(bytes).map(|bytes| bytes as u64).sum()
    }

    /// Bytes of sessions that nobody uses now.
    pub(crate) fn idle_bytes(&self) -> u64 {
        lock(&self.idle).iter().map(Warm::bytes).sum()
    }

    /// What a run with these shapes needs.
    pub(crate) fn estimate(&self, shapes: &[Vec<usize>]) -> Result<MemoryEstimate, RunError> {
        if let Some(known) = lock(&self.estimates).get(shapes) {
            return Ok(*known);
        }
        let estimate = guarded(|| self.plan.memory(shapes))?;
        let mut estimates = lock(&self.estimates);
        if estimates.len() >= ESTIMATES {
            estimates.clear();
        }
        estimates.insert(shapes.to_vec(), estimate);
        Ok(estimate)
    }

    /// A session that was used before.
    pub(crate) fn take(&self) -> Option<Warm> {
        lock(&self.idle).pop()
    }

    /// A new session.
    pub(crate) fn session(&self) -> Result<Warm, RunError> {
        let session = guarded(|| Ok(self.plan.clone().session()))?;
        Ok(Warm { session, charges: Vec::new() })
    }

    /// Keeps a session for the next run, unless there are enough, or memory is short.
    pub(crate) fn give_back(&self, warm: Warm, is_short: bool) {
        let mut idle = lock(&self.idle);
        if !is_short && idle.len() < self.kept {
            idle.push(warm);
            return;
        }
        drop(idle);
        drop(warm);
    }

    /// Drops the sessions that nobody uses now; how many bytes that frees.
    pub(crate) fn trim(&self) -> u64 {
        let idle = std::mem::take(&mut *lock(&self.idle));
        idle.iter().map(Warm::bytes).sum()
    }
}

/// What an engine does, with a panic told as an error.
pub(crate) fn guarded<T>(step: impl FnOnce() -> Result<T, RunError>) -> Result<T, RunError> {
    match catch_unwind(AssertUnwindSafe(step)) {
        Ok(outcome) => outcome,
        Err(panic) => Err(RunError::Internal(format!("the engine panicked: {}", told(&*panic)))),
    }
}

/// What a panic said.
pub(crate) fn told(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}
