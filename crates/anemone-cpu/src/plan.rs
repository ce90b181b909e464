//! The compiled function: immutable, shared by every session.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use anemone_engine::{
    MemoryEstimate, Plan, Rounding, RunContext, RunError, Session, Signature, State,
};
use anemone_ir::{Bindings, Dim, Op, Origin, Symbol};
use anemone_tensor::DataType;
use rayon::ThreadPool;

use crate::arithmetic::Arithmetic;
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
    pub(crate) turn: Turn,
    /// For a fused step, the op and number that each output has in the source.
    pub(crate) sources: Vec<(Origin, usize)>,
}

/// When a step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Always,
    /// In place of the steps that it stands for.
    Fused,
    /// Where somebody wants to see a value inside a fused step.
    Apart,
}

impl Step {
    /// Whether it runs where fused steps run `apart` or not.
    pub(crate) fn runs(&self, apart: bool) -> bool {
        match self.turn {
            Turn::Always => true,
            Turn::Fused => !apart,
            Turn::Apart => apart,
        }
    }

    /// The op and number of output `index` in the source.
    pub(crate) fn source(&self, index: usize) -> (&Origin, usize) {
        self.sources.get(index).map_or((&self.origin, index), |(origin, index)| (origin, *index))
    }
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
    pub(crate) engine: &'static str,
    pub(crate) signature: Signature,
    pub(crate) body: Body,
    pub(crate) rounding: Rounding,
    pub(crate) arithmetic: Option<Arc<dyn Arithmetic>>,
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
    /// Values inside fused steps.
    hidden: Vec<(Origin, usize)>,
    /// The symbols in the slots' shapes.
    symbols: Vec<Symbol>,
    layouts: Mutex<Vec<CachedLayout>>,
}

/// Sizes of a body's symbols, where they are told, and whether fused steps run apart.
type Sizes = (Vec<Option<i64>>, bool);

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
        let hidden = hidden(&steps);
        let layouts = Mutex::default();
        Body { steps, slots, constants, inputs, outputs, hidden, symbols, layouts }
    }

    /// Whether an observer wants to see a value inside a fused step.
    pub(crate) fn is_looked_into(&self, context: &RunContext<'_>) -> bool {
        let wants = |(origin, index): &(Origin, usize)| {
            context.observer.is_some_and(|observer| observer.wants(origin, *index))
        };
        self.hidden.iter().any(wants)
    }

    /// The memory layout for these sizes, from the cache where it was made before.
    pub(crate) fn layout(&self, bindings: &Bindings, apart: bool) -> Result<Arc<Layout>, RunError> {
        let sizes: Sizes = (self.symbols.iter().map(|s| bindings.get(*s)).collect(), apart);
        let mut cache = self.layouts.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(at) = cache.iter().position(|(key, _)| *key == sizes) {
            let hit = cache.remove(at);
            let layout = hit.1.clone();
            cache.push(hit);
            return Ok(layout);
        }
        drop(cache);
        let layout = Arc::new(Layout::new(self, bindings, apart)?);
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
        // What fused steps pack, the steps that they stand for have, too.
        for step in self.steps.iter().filter(|step| step.runs(false)) {
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

/// The values that steps make where fused steps run apart, and that these do not make.
fn hidden(steps: &[Step]) -> Vec<(Origin, usize)> {
    let made: HashSet<usize> = outputs(steps, false).map(|(_, slot)| slot).collect();
    let apart = outputs(steps, true).filter(|(_, slot)| !made.contains(slot));
    apart.map(|((origin, index), _)| (origin.clone(), index)).collect()
}

/// The source and the slot of each output.
fn outputs(steps: &[Step], apart: bool) -> impl Iterator<Item = ((&Origin, usize), usize)> {
    let steps = steps.iter().filter(move |step| step.runs(apart));
    steps.flat_map(|step| {
        step.outputs.iter().enumerate().map(|(index, &slot)| (step.source(index), slot))
    })
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
        let bindings = bind(&self.signature, &shapes)?;
        let output = |port: &anemone_engine::Port| {
            let shape = crate::layout::shape(&port.ty.shape, &bindings);
            let bytes = shape.and_then(|shape| port.ty.dtype.byte_len(count(&shape)?));
            // What only the data tells is not known before the run.
            bytes.unwrap_or(0)
        };
        Ok(MemoryEstimate {
            constants,
            packed,
            arena: self.body.layout(&bindings, false)?.bytes,
            outputs: self.signature.outputs.iter().map(output).fold(0, usize::saturating_add),
            state: self.signature.states.iter().map(state).fold(0, usize::saturating_add),
        })
    }
}
