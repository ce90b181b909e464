//! The compiled function: immutable, shared by every session.

use std::sync::{Arc, Mutex};

use anemone_engine::{MemoryEstimate, Plan, Rounding, RunError, Session, Signature, State};
use anemone_ir::{Bindings, Dim, Op, Origin, Symbol};
use anemone_tensor::DataType;
use rayon::ThreadPool;

use crate::array::{Owned, Storage, count};
use crate::kernel::Prepared;
use crate::layout::{Layout, bind};
use crate::session::CpuSession;
use crate::state::CpuState;

/// Layouts that a plan keeps for input shapes seen before.
const CACHED_LAYOUTS: usize = 64;

/// One op of a body.
pub(crate) struct Step {
    pub(crate) code: Prepared,
    pub(crate) inputs: Vec<usize>,
    pub(crate) outputs: Vec<usize>,
    /// The index of its state in the signature.
    pub(crate) state: Option<usize>,
    pub(crate) origin: Origin,
    pub(crate) op: Op,
}

/// A value of a body: where it lies, and its shape, which may have symbols.
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
    /// In the memory that was made for the result of nested blocks in this slot.
    Own(usize),
    /// Outside the nested block: what it was given, by number.
    Given(usize),
}

pub(crate) struct CpuPlan {
    pub(crate) signature: Signature,
    pub(crate) body: Body,
    pub(crate) rounding: Rounding,
    pub(crate) pool: Arc<ThreadPool>,
}

/// Compiled ops: those of a function, or of a nested block, which is given its inputs and the
/// outer values that it reads.
pub(crate) struct Body {
    pub(crate) steps: Vec<Step>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) constants: Vec<Arc<Owned>>,
    pub(crate) inputs: Vec<usize>,
    pub(crate) outputs: Vec<usize>,
    /// The symbols in the slots' shapes.
    symbols: Vec<Symbol>,
    layouts: Mutex<Vec<CachedLayout>>,
}

/// Sizes of a body's symbols, where they are told.
type Sizes = Vec<Option<i64>>;

/// The sizes that a layout was made for, and the layout.
type CachedLayout = (Sizes, Arc<Layout>);

impl Body {
    pub(crate) fn new(
        steps: Vec<Step>,
        slots: Vec<Slot>,
        constants: Vec<Arc<Owned>>,
        inputs: Vec<usize>,
        outputs: Vec<usize>,
    ) -> Body {
        let mut symbols: Vec<Symbol> =
            slots.iter().flat_map(|s| s.shape.iter().flat_map(Dim::symbols)).collect();
        symbols.sort_unstable();
        symbols.dedup();
        Body { steps, slots, constants, inputs, outputs, symbols, layouts: Mutex::default() }
    }

    /// The memory layout for these sizes, from the cache where it was made before.
    pub(crate) fn layout(&self, bindings: &Bindings) -> Result<Arc<Layout>, RunError> {
        let sizes: Sizes = self.symbols.iter().map(|s| bindings.get(*s)).collect();
        let mut cache = self.layouts.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(at) = cache.iter().position(|(key, _)| *key == sizes) {
            let hit = cache.remove(at);
            let layout = hit.1.clone();
            cache.push(hit);
            return Ok(layout);
        }
        drop(cache);
        let layout = Arc::new(Layout::new(self, bindings)?);
        let mut cache = self.layouts.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if cache.len() >= CACHED_LAYOUTS {
            cache.remove(0);
        }
        cache.push((sizes, layout.clone()));
        Ok(layout)
    }

    /// Bytes of constants and of packed weights.
    fn bytes(&self) -> (usize, usize) {
        let mut constants = self.constants.iter().map(|c| c.bytes()).sum();
        let mut packed = 0;
        for step in &self.steps {
            match &step.code {
                Prepared::View(_) => {}
                Prepared::Kernel(kernel) => packed += kernel.packed_bytes(),
                Prepared::Flow(flow) => {
                    for (c, p) in flow.blocks().map(|block| block.body.bytes()) {
                        constants += c;
                        packed += p;
                    }
                }
            }
        }
        (constants, packed)
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
        let (constants, packed) = self.body.bytes();
        Ok(MemoryEstimate {
            constants,
            packed,
            arena: self.body.layout(&bind(&self.signature, &shapes)?)?.bytes,
            state: self.signature.states.iter().map(state).fold(0, usize::saturating_add),
        })
    }
}
