//! The loop that runs the steps of a body, and nested bodies from within it.

use std::sync::Arc;
use std::time::Instant;

use anemone_engine::{Rounding, RunContext, RunError};
use anemone_ir::{Bindings, Dim};

use crate::arithmetic::{Arithmetic, Stored};
use crate::array::{Data, DataMut, Owned, Storage, View, ViewMut, count};
use crate::convert;
use crate::kernel::{Io, Kernel, Prepared, Short};
use crate::layout::{Layout, shape};
use crate::memory::{Arena, Memory, Own};
use crate::plan::{Body, Place, Step};
use crate::run::round;
use crate::state::StateTensor;

/// What a run and the nested blocks in it have in common.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) context: &'a RunContext<'a>,
    pub(crate) start: Instant,
    pub(crate) rounding: Rounding,
    pub(crate) arithmetic: Option<&'a dyn Arithmetic>,
}

/// One run of a body.
pub(crate) struct Run<'a> {
    pub(crate) body: &'a Body,
    pub(crate) layout: &'a Layout,
    pub(crate) arena: &'a Arena,
    /// Values from outside a nested block.
    pub(crate) given: &'a [View<'a>],
    pub(crate) own: Own,
    /// Sizes that the inputs told, and those that the data told so far.
    pub(crate) bindings: Bindings,
    pub(crate) request: Request<'a>,
}

/// A run of an op with nested blocks.
pub(crate) struct Call<'a> {
    /// The op's operands.
    pub(crate) inputs: &'a [View<'a>],
    states: &'a mut [StateTensor],
    bindings: &'a Bindings,
    request: Request<'a>,
}

/// A result of a nested block.
pub(crate) enum Yield {
    /// A tensor.
    Value(Arc<Owned>),
    /// What the block was given at this place.
    Given(usize),
}

/// Why an op with nested blocks did not finish: a fault of its own, or of an op in a block.
pub(crate) enum Stop {
    Fault(String),
    Inner(RunError),
}

impl From<String> for Stop {
    fn from(why: String) -> Stop {
        Stop::Fault(why)
    }
}

impl From<RunError> for Stop {
    fn from(error: RunError) -> Stop {
        Stop::Inner(error)
    }
}

impl Request<'_> {
    /// An error where the run shall stop.
    pub(crate) fn interrupted(&self) -> Result<(), RunError> {
        if self.context.cancel.is_some_and(|c| c.is_cancelled()) {
            return Err(RunError::Cancelled);
        }
        match self.context.deadline {
            Some(deadline) if Instant::now() >= deadline => {
                Err(RunError::TimedOut(self.start.elapsed()))
            }
            _ => Ok(()),
        }
    }
}

impl Call<'_> {
    /// An error where the run shall stop.
    pub(crate) fn interrupted(&self) -> Result<(), Stop> {
        Ok(self.request.interrupted()?)
    }

    /// Runs a nested body on what it is given.
    pub(crate) fn run(
        &mut self,
        body: &Body,
        arena: &mut Arena,
        given: &[View<'_>],
    ) -> Result<Vec<Yield>, Stop> {
        let mut bindings = self.bindings.clone();
        for (&slot, view) in body.inputs.iter().zip(given) {
            bind(&mut bindings, &body.slots[slot].shape, view.shape)?;
        }
        let apart = body.is_looked_into(self.request.context);
        let layout = body.layout(&bindings, apart)?;
        arena.grow(layout.bytes)?;
        let mut own = Own::default();
        for (&slot, view) in body.inputs.iter().zip(given) {
            own.insert(slot, view.shape.to_vec(), None)?;
        }
        let request = self.request;
        let mut run = Run { body, layout: &layout, arena, given, own, bindings, request };
        run.steps(self.states)?;
        run.results()
    }
}

/// Takes the sizes that an actual shape tells into `bindings`; an error where it is not as promised.
fn bind(bindings: &mut Bindings, dims: &[Dim], shape: &[usize]) -> Result<(), String> {
    if dims.len() != shape.len() {
        return Err(format!("a value of rank {} has shape {shape:?}", dims.len()));
    }
    for (dim, &size) in dims.iter().zip(shape) {
        let size = i64::try_from(size).map_err(|_| format!("size {size} is too large"))?;
        match (dim.as_symbol(), dim.eval(bindings)) {
            (_, Some(told)) if told != size => {
                return Err(format!("a value has size {size} where {told} was promised"));
            }
            (Some(symbol), None) => drop(bindings.insert(symbol, size)),
            _ => {}
        }
    }
    Ok(())
}

impl Run<'_> {
    /// Runs every step.
    pub(crate) fn steps(&mut self, states: &mut [StateTensor]) -> Result<(), RunError> {
        for (index, step) in self.body.steps.iter().enumerate() {
            if !step.runs(self.layout.apart) {
                continue;
            }
            self.request.interrupted()?;
            self.step(index, step, states)?;
            self.observe(step)?;
        }
        Ok(())
    }

    /// What the body gives, in memory of its own.
    fn results(&self) -> Result<Vec<Yield>, Stop> {
        let result = |slot: &usize| {
            if let Some(index) = self.body.inputs.iter().position(|input| input == slot) {
                return Ok(Yield::Given(index));
            }
            if let (Place::Own(root), Some(Memory::Finished(value))) =
                (self.body.slots[*slot].place, self.own.memory(*slot))
                && root == *slot
            {
                return Ok(Yield::Value(value.clone()));
            }
            Ok(Yield::Value(Arc::new(Owned::from_view(self.view(*slot)?)?)))
        };
        self.body.outputs.iter().map(result).collect()
    }

    fn step(
        &mut self,
        index: usize,
        step: &Step,
        states: &mut [StateTensor],
    ) -> Result<(), RunError> {
        self.prepared(index, step, states).map_err(|stop| match stop {
            Stop::Inner(error) => error,
            Stop::Fault(why) => {
                RunError::Op { origin: step.origin.clone(), op: step.op.name().to_owned(), why }
            }
        })
    }

    fn prepared(
        &mut self,
        index: usize,
        step: &Step,
        states: &mut [StateTensor],
    ) -> Result<(), Stop> {
        match &step.code {
            Prepared::View(_) => {
                self.size_outputs(step, None)?;
                Ok(self.check_view(step)?)
            }
            Prepared::Kernel(kernel) => {
                self.size_outputs(step, Some(kernel.as_ref()))?;
                self.kernel(index, step, kernel.as_ref(), states)
            }
            Prepared::Flow(flow) => {
                let results = {
                    let inputs = self.views(&step.inputs)?;
                    let (bindings, request) = (&self.bindings, self.request);
                    flow.run(&mut Call { inputs: &inputs, states, bindings, request })?
                };
                if results.len() != step.outputs.len() {
                    let (found, expected) = (results.len(), step.outputs.len());
                    return Err(format!("the blocks give {found} values, not {expected}").into());
                }
                for (&slot, value) in step.outputs.iter().zip(results) {
                    let slots = &self.body.slots;
                    bind(&mut self.bindings, &slots[slot].shape, &value.shape)?;
                    if value.storage() != slots[slot].storage {
                        return Err("a block gives another type than promised".to_owned().into());
                    }
                    self.own.finish(slot, value);
                }
                Ok(())
            }
        }
    }

    fn kernel(
        &self,
        index: usize,
        step: &Step,
        kernel: &dyn Kernel,
        states: &mut [StateTensor],
    ) -> Result<(), Stop> {
        let inputs = self.views(&step.inputs)?;
        let mut outputs = Short::new();
        for &slot in &step.outputs {
            outputs.push(self.view_mut(slot)?);
        }
        let mut heap = Vec::new();
        let scratch = if step.inputs.iter().any(|&s| self.layout.shapes[s].is_none()) {
            let sizes: Short<&[usize]> = inputs.iter().map(|v| v.shape).collect();
            heap.resize(kernel.scratch(&sizes), 0.0);
            &mut heap
        } else {
            let (offset, count) = self.layout.scratch[index];
            match self.arena.data_mut(Storage::F32, offset, count) {
                DataMut::F32(scratch) => scratch,
                DataMut::I32(_) | DataMut::Bool(_) => return Err("no scratch".to_owned().into()),
            }
        };
        let state = step.state.and_then(|index| states.get_mut(index));
        let mut io = Io { inputs: &inputs, outputs: &mut outputs, state, scratch };
        kernel.run(&mut io)?;
        for (view, &slot) in outputs.iter_mut().zip(&step.outputs) {
            match (self.request.arithmetic, &mut view.data) {
                (Some(arithmetic), DataMut::F32(values)) => {
                    arithmetic.store(Stored::Result, values);
                }
                (_, data) => round(self.request.rounding, self.body.slots[slot].dtype, data),
            }
        }
        Ok(())
    }

    /// A view has as many elements as the value in whose memory it lies.
    fn check_view(&self, step: &Step) -> Result<(), String> {
        let place = |slot: usize| self.body.slots[slot].place;
        for &output in &step.outputs {
            let viewed = step.inputs.iter().filter(|&&input| place(input) == place(output));
            for &input in viewed {
                let shapes = (self.shape(input), self.shape(output));
                let (Ok(from), Ok(to)) = shapes else {
                    return Err("a view's shape is not known".to_owned());
                };
                if count(from).is_none() || count(from) != count(to) {
                    return Err(format!("shape {from:?} cannot become {to:?}"));
                }
            }
        }
        Ok(())
    }

    /// Gives memory to outputs that are not in the layout.
    fn size_outputs(&mut self, step: &Step, kernel: Option<&dyn Kernel>) -> Result<(), String> {
        if step.outputs.iter().all(|&s| self.layout.shapes[s].is_some()) {
            return Ok(());
        }
        let body = self.body;
        let dims = |slot: usize| &body.slots[slot].shape;
        let told: Option<Vec<Vec<usize>>> =
            step.outputs.iter().map(|&s| shape(dims(s), &self.bindings)).collect();
        let shapes = match (told, kernel) {
            (Some(shapes), _) => shapes,
            (None, Some(kernel)) => {
                let inputs = self.views(&step.inputs).map_err(|e| e.to_string())?;
                kernel.output_shapes(&inputs)?
            }
            (None, None) => return Err("a view's shape is not known".to_owned()),
        };
        if shapes.len() != step.outputs.len() {
            return Err("an output's shape is missing".to_owned());
        }
        for (&slot, shape) in step.outputs.iter().zip(shapes) {
            bind(&mut self.bindings, dims(slot), &shape)?;
            if self.layout.shapes[slot].is_none() {
                let is_view = body.slots[slot].place != Place::Memory(slot);
                self.own.insert(slot, shape, (!is_view).then_some(body.slots[slot].storage))?;
            }
        }
        Ok(())
    }

    fn observe(&mut self, step: &Step) -> Result<(), RunError> {
        let Some(observer) = self.request.context.observer else { return Ok(()) };
        for (index, &slot) in step.outputs.iter().enumerate() {
            let (origin, index) = step.source(index);
            if observer.wants(origin, index) {
                let view = self.view(slot)?;
                observer.observe(origin, index, &convert::observed(view.shape, view.data)?);
            }
        }
        Ok(())
    }
}

/// Views of values; what makes them sound stands at the head of `memory`.
impl Run<'_> {
    fn views(&self, slots: &[usize]) -> Result<Short<View<'_>>, RunError> {
        slots.iter().map(|&slot| self.view(slot)).collect()
    }

    pub(crate) fn view(&self, slot: usize) -> Result<View<'_>, RunError> {
        let shape = self.shape(slot)?;
        let count = shape.iter().product();
        let storage = self.body.slots[slot].storage;
        let data = match self.body.slots[slot].place {
            Place::Constant(index) => self.body.constants[index].view().data,
            Place::Given(index) => self.given[index].data,
            Place::Memory(root) | Place::Own(root) => match self.layout.offsets[root] {
                Some(offset) => self.arena.data(storage, offset, count),
                None => self.own_data(root, storage, count)?,
            },
        };
        Ok(View { shape, data })
    }

    fn own_data(&self, root: usize, storage: Storage, count: usize) -> Result<Data<'_>, RunError> {
        match self.own.memory(root) {
            Some(Memory::Arena(arena)) => Ok(arena.data(storage, 0, count)),
            Some(Memory::Finished(value)) => Ok(value.view().data),
            Some(Memory::Elsewhere) | None => Err(no_memory()),
        }
    }

    pub(crate) fn view_mut(&self, slot: usize) -> Result<ViewMut<'_>, RunError> {
        let shape = self.shape(slot)?;
        let count = shape.iter().product();
        let storage = self.body.slots[slot].storage;
        let data = match (self.layout.offsets[slot], self.own.memory(slot)) {
            (Some(offset), _) => self.arena.data_mut(storage, offset, count),
            (None, Some(Memory::Arena(arena))) => arena.data_mut(storage, 0, count),
            (None, _) => return Err(no_memory()),
        };
        Ok(ViewMut { shape, data })
    }

    fn shape(&self, slot: usize) -> Result<&[usize], RunError> {
        let known = self.own.shape(slot).or_else(|| self.layout.shapes[slot].as_deref());
        known.ok_or_else(|| RunError::Internal("a value is used before its op ran".to_owned()))
    }
}

fn no_memory() -> RunError {
    RunError::Internal("a value has no memory".to_owned())
}
