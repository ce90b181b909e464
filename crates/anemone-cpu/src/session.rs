//! One caller's working memory, and the loop that runs the steps of a plan in it.

use std::sync::Arc;
use std::time::Instant;

use anemone_engine::{Array, Receipt, RunContext, RunError, Session, State, Value};
use anemone_ir::Bindings;

use crate::array::{DataMut, Storage, View, ViewMut, count};
use crate::convert;
use crate::engine::NAME;
use crate::kernel::{Io, Short};
use crate::layout::{Layout, shape};
use crate::memory::{Arena, Own};
use crate::plan::{CpuPlan, Place, Step};
use crate::run::round;
use crate::state::{CpuState, StateTensor};

pub(crate) struct CpuSession {
    plan: Arc<CpuPlan>,
    arena: Arena,
}

impl CpuSession {
    pub(crate) fn new(plan: Arc<CpuPlan>) -> CpuSession {
        CpuSession { plan, arena: Arena::default() }
    }
}

impl Session for CpuSession {
    fn run(
        &mut self,
        inputs: &[Value],
        state: Option<&mut dyn State>,
        context: &RunContext<'_>,
    ) -> Result<(Vec<Value>, Receipt), RunError> {
        let start = Instant::now();
        let plan = self.plan.clone();
        let arrays = arrays(&plan, inputs)?;
        let shapes: Short<&[usize]> = arrays.iter().map(|a| a.shape()).collect();
        let layout = plan.layout(&shapes)?;
        let states = states(&plan, state)?;
        self.arena.grow(layout.bytes)?;
        let arena = &self.arena;
        let outputs = plan.pool.install(|| {
            Run {
                plan: &plan,
                layout: &layout,
                arena,
                own: Own::default(),
                bindings: None,
                context,
                start,
            }
            .all(&arrays, states)
        })?;
        let receipt = Receipt {
            engine: NAME,
            device: format!("cpu ({} threads)", plan.pool.current_num_threads()),
            fallbacks: Vec::new(),
            copies: arrays.len() + outputs.len(),
            compute: start.elapsed(),
        };
        Ok((outputs, receipt))
    }
}

fn arrays<'a>(plan: &CpuPlan, inputs: &'a [Value]) -> Result<Short<&'a Array>, RunError> {
    let ports = &plan.signature.inputs;
    if ports.len() != inputs.len() {
        return Err(RunError::InputCount { expected: ports.len(), found: inputs.len() });
    }
    let mut arrays = Short::new();
    for (port, value) in ports.iter().zip(inputs) {
        let wrong = |found: String| RunError::InputType {
            input: port.name.clone(),
            found,
            expected: format!("a tensor of {}", port.ty.dtype),
        };
        match value {
            Value::Tensor(array) if array.dtype() == port.ty.dtype => arrays.push(array),
            Value::Tensor(array) => return Err(wrong(format!("a tensor of {}", array.dtype()))),
            Value::String(_) => return Err(wrong("a string".to_owned())),
            Value::Dictionary(_) => return Err(wrong("a dictionary".to_owned())),
            Value::Image(_) => return Err(wrong("an image".to_owned())),
            Value::Sequence(_) => return Err(wrong("a sequence".to_owned())),
        }
    }
    Ok(arrays)
}

fn states<'a>(
    plan: &CpuPlan,
    state: Option<&'a mut dyn State>,
) -> Result<&'a mut [StateTensor], RunError> {
    let ports = &plan.signature.states;
    let Some(state) = state else {
        return match ports.first() {
            None => Ok(&mut []),
            Some(port) => Err(RunError::State(format!("a state is needed for `{}`", port.name))),
        };
    };
    let state = state.as_any_mut().downcast_mut::<CpuState>();
    let state = state.ok_or_else(|| RunError::State("made by another engine".to_owned()))?;
    let same =
        state.tensors.len() == ports.len()
            && state.tensors.iter().zip(ports).all(|(t, p)| {
                t.dtype == p.ty.dtype && p.ty.known_shape().as_ref() == Some(&t.shape)
            });
    if same {
        Ok(&mut state.tensors)
    } else {
        Err(RunError::State("made by another plan".to_owned()))
    }
}

struct Run<'a> {
    plan: &'a CpuPlan,
    layout: &'a Layout,
    arena: &'a Arena,
    /// Values whose size only the data told.
    own: Own,
    /// The layout's bindings and those that the data told; none while there are no such.
    bindings: Option<Bindings>,
    context: &'a RunContext<'a>,
    start: Instant,
}

impl Run<'_> {
    fn all(
        mut self,
        inputs: &[&Array],
        states: &mut [StateTensor],
    ) -> Result<Vec<Value>, RunError> {
        for (&slot, array) in self.plan.inputs.iter().zip(inputs) {
            convert::load(array, &mut self.view_mut(slot)?.data).map_err(RunError::Internal)?;
        }
        for (index, step) in self.plan.steps.iter().enumerate() {
            self.interrupted()?;
            self.step(index, step, states)?;
            self.observe(step)?;
        }
        let ports = self.plan.outputs.iter().zip(&self.plan.signature.outputs);
        let mut outputs = Vec::with_capacity(ports.len());
        for (&slot, port) in ports {
            let view = self.view(slot)?;
            let array = convert::store(port.ty.dtype, view.shape, view.data);
            outputs.push(Value::Tensor(array.map_err(RunError::Internal)?));
        }
        Ok(outputs)
    }

    fn interrupted(&self) -> Result<(), RunError> {
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

    fn step(
        &mut self,
        index: usize,
        step: &Step,
        states: &mut [StateTensor],
    ) -> Result<(), RunError> {
        let fault = |why: String| RunError::Op {
            origin: step.origin.clone(),
            op: step.op.name().to_owned(),
            why,
        };
        self.size_outputs(step).map_err(fault)?;
        let Some(kernel) = &step.kernel else { return self.check_view(step).map_err(fault) };
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
            let data = self.arena.data_mut(Storage::F32, offset, count);
            let DataMut::F32(scratch) = data else { return Err(fault("no scratch".to_owned())) };
            scratch
        };
        let state = step.state.and_then(|index| states.get_mut(index));
        let mut io = Io { inputs: &inputs, outputs: &mut outputs, state, scratch };
        kernel.run(&mut io).map_err(fault)?;
        for (view, &slot) in outputs.iter_mut().zip(&step.outputs) {
            round(self.plan.rounding, self.plan.slots[slot].dtype, &mut view.data);
        }
        Ok(())
    }

    /// A view has as many elements as the value in whose memory it lies.
    fn check_view(&self, step: &Step) -> Result<(), String> {
        let place = |slot: usize| self.plan.slots[slot].place;
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
    fn size_outputs(&mut self, step: &Step) -> Result<(), String> {
        if step.outputs.iter().all(|&s| self.layout.shapes[s].is_some()) {
            return Ok(());
        }
        let plan = self.plan;
        let bindings = self.bindings.get_or_insert_with(|| self.layout.bindings.clone());
        let dims = |slot: usize| &plan.slots[slot].shape;
        let told: Option<Vec<Vec<usize>>> =
            step.outputs.iter().map(|&s| shape(dims(s), bindings)).collect();
        let shapes = match (told, &step.kernel) {
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
            self.bind(slot, &shape)?;
            if self.layout.shapes[slot].is_none() {
                let is_view = plan.slots[slot].place != Place::Memory(slot);
                self.own.insert(slot, shape, (!is_view).then_some(plan.slots[slot].storage))?;
            }
        }
        Ok(())
    }

    fn bind(&mut self, slot: usize, shape: &[usize]) -> Result<(), String> {
        let dims = &self.plan.slots[slot].shape;
        let bindings = self.bindings.get_or_insert_with(|| self.layout.bindings.clone());
        if dims.len() != shape.len() {
            return Err(format!("an output of rank {} has shape {shape:?}", dims.len()));
        }
        for (dim, &size) in dims.iter().zip(shape) {
            let size = i64::try_from(size).map_err(|_| format!("size {size} is too large"))?;
            match (dim.as_symbol(), dim.eval(bindings)) {
                (_, Some(told)) if told != size => {
                    return Err(format!("an output has size {size} where {told} was promised"));
                }
                (Some(symbol), None) => drop(bindings.insert(symbol, size)),
                _ => {}
            }
        }
        Ok(())
    }

    fn observe(&mut self, step: &Step) -> Result<(), RunError> {
        let Some(observer) = self.context.observer else { return Ok(()) };
        for (index, &slot) in step.outputs.iter().enumerate() {
            if observer.wants(&step.origin, index) {
                let view = self.view(slot)?;
                let array = convert::observed(view.shape, view.data);
                observer.observe(&step.origin, index, &array.map_err(RunError::Internal)?);
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

    fn view(&self, slot: usize) -> Result<View<'_>, RunError> {
        let shape = self.shape(slot)?;
        let data = match self.plan.slots[slot].place {
            Place::Constant(index) => self.plan.constants[index].view().data,
            Place::Memory(root) => {
                let (arena, offset) = self.place(root)?;
                arena.data(self.plan.slots[slot].storage, offset, shape.iter().product())
            }
        };
        Ok(View { shape, data })
    }

    fn view_mut(&self, slot: usize) -> Result<ViewMut<'_>, RunError> {
        let shape = self.shape(slot)?;
        let (arena, offset) = self.place(slot)?;
        let storage = self.plan.slots[slot].storage;
        Ok(ViewMut { shape, data: arena.data_mut(storage, offset, shape.iter().product()) })
    }

    fn shape(&self, slot: usize) -> Result<&[usize], RunError> {
        let known = self.layout.shapes[slot].as_deref().or_else(|| self.own.shape(slot));
        known.ok_or_else(|| RunError::Internal("a value is used before its op ran".to_owned()))
    }

    fn place(&self, root: usize) -> Result<(&Arena, usize), RunError> {
        if let Some(offset) = self.layout.offsets[root] {
            return Ok((self.arena, offset));
        }
        let own = self.own.memory(root).map(|arena| (arena, 0));
        own.ok_or_else(|| RunError::Internal("a value has no memory".to_owned()))
    }
}
