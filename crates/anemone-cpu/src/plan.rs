//! The compiled function: immutable, shared by every session.

use std::sync::{Arc, Mutex};

use anemone_engine::{MemoryEstimate, Plan, Rounding, RunError, Session, Signature, State};
use anemone_ir::{Dim, Op, Origin};
use anemone_tensor::DataType;
use rayon::ThreadPool;

use crate::array::{Owned, Storage, count};
use crate::kernel::Kernel;
use crate::layout::{Layout, bind};
use crate::session::CpuSession;
use crate::state::CpuState;

/// Layouts that a plan keeps for input shapes seen before.
const CACHED_LAYOUTS: usize = 64;

/// One op of a plan.
pub(crate) struct Step {
    /// The code; none for a view.
    pub(crate) kernel: Option<Box<dyn Kernel>>,
    pub(crate) inputs: Vec<usize>,
    pub(crate) outputs: Vec<usize>,
    /// The index of its state in the signature.
    pub(crate) state: Option<usize>,
    pub(crate) origin: Origin,
    pub(crate) op: Op,
}

/// A value of a plan: where it lies, and its shape, which may have symbols.
pub(crate) struct Slot {
    pub(crate) place: Place,
    pub(crate) storage: Storage,
    pub(crate) dtype: DataType,
    pub(crate) shape: Vec<Dim>,
}

/// Where a value lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the table of constants.
    Constant(usize),
    /// In the session's memory, at the place of this slot (itself, or what it is a view of).
    Memory(usize),
}

/// The input shapes that a layout was made for, and the layout.
type CachedLayout = (Vec<Vec<usize>>, Arc<Layout>);

pub(crate) struct CpuPlan {
    pub(crate) signature: Signature,
    pub(crate) steps: Vec<Step>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) constants: Vec<Arc<Owned>>,
    pub(crate) inputs: Vec<usize>,
    pub(crate) outputs: Vec<usize>,
    pub(crate) rounding: Rounding,
    pub(crate) pool: Arc<ThreadPool>,
    layouts: Mutex<Vec<CachedLayout>>,
}

impl CpuPlan {
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn new(
        signature: Signature,
        steps: Vec<Step>,
        slots: Vec<Slot>,
        constants: Vec<Arc<Owned>>,
        inputs: Vec<usize>,
        outputs: Vec<usize>,
        rounding: Rounding,
        pool: Arc<ThreadPool>,
    ) -> CpuPlan {
        let layouts = Mutex::new(Vec::new());
        CpuPlan { signature, steps, slots, constants, inputs, outputs, rounding, pool, layouts }
    }

    /// The memory layout for inputs of these shapes, from the cache where it was made before.
    pub(crate) fn layout(&self, shapes: &[&[usize]]) -> Result<Arc<Layout>, RunError> {
        let same = |key: &Vec<Vec<usize>>| key.iter().zip(shapes).all(|(a, b)| a == b);
        let mut cache = self.layouts.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(at) = cache.iter().position(|(key, _)| same(key)) {
            let hit = cache.remove(at);
            let layout = hit.1.clone();
            cache.push(hit);
            return Ok(layout);
        }
        drop(cache);
        let bindings = bind(&self.signature, shapes)?;
        let layout = Arc::new(Layout::new(self, bindings)?);
        let mut cache = self.layouts.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if cache.len() >= CACHED_LAYOUTS {
            cache.remove(0);
        }
        cache.push((shapes.iter().map(|s| s.to_vec()).collect(), layout.clone()));
        Ok(layout)
    }
}

impl Plan for CpuPlan {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn session(self: Arc<Self>) -> Box<dyn Session> {
        Box::new(CpuSession::new(self))
    }

    fn new_state(&self) -> Box<dyn State> {
        Box::new(CpuState::new(&self.signature.states))
    }

    fn memory(&self, shapes: &[Vec<usize>]) -> Result<MemoryEstimate, RunError> {
        let shapes: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
        let state = |port: &anemone_engine::Port| {
            let count = port.ty.known_shape().and_then(|s| count(&s));
            count.and_then(|count| port.ty.dtype.byte_len(count)).unwrap_or(usize::MAX)
        };
        Ok(MemoryEstimate {
            constants: self.constants.iter().map(|c| c.bytes()).sum(),
            packed: self.steps.iter().flat_map(|s| &s.kernel).map(|k| k.packed_bytes()).sum(),
            arena: self.layout(&shapes)?.bytes,
            state: self.signature.states.iter().map(state).fold(0, usize::saturating_add),
        })
    }
}
