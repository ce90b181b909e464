//! One caller's working memory: inputs go in, a plan's body runs, outputs come out.

use std::sync::Arc;
use std::time::Instant;

use anemone_engine::{Array, Receipt, RunContext, RunError, Session, State, Value};

use crate::arithmetic::Stored;
use crate::array::DataMut;
use crate::convert;
use crate::execute::{Request, Run};
use crate::kernel::Short;
use crate::layout::bind;
use crate::memory::{Arena, Own};
use crate::plan::CpuPlan;
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
        let bindings = bind(&plan.signature, &shapes)?;
        let layout = plan.body.layout(&bindings, plan.body.is_looked_into(context))?;
        let states = states(&plan, state)?;
        self.arena.grow(layout.bytes)?;
        let run = Run {
            body: &plan.body,
            layout: &layout,
            arena: &self.arena,
            given: &[],
            own: Own::default(),
            bindings,
            request: Request {
                context,
                start,
                rounding: plan.rounding,
                arithmetic: plan.arithmetic.as_deref(),
            },
        };
        let outputs = plan.pool.install(|| outputs(&plan, run, &arrays, states))?;
        let receipt = Receipt {
            engine: plan.engine,
            device: format!("cpu ({} threads)", plan.pool.current_num_threads()),
            fallbacks: Vec::new(),
            copies: arrays.iter().map(|a| convert::copies(a)).sum::<usize>() + outputs.len(),
            compute: start.elapsed(),
        };
        Ok((outputs, receipt))
    }
}

/// Runs the plan's body on these inputs.
fn outputs(
    plan: &CpuPlan,
    mut run: Run<'_>,
    inputs: &[&Array],
    states: &mut [StateTensor],
) -> Result<Vec<Value>, RunError> {
    for (&slot, array) in plan.body.inputs.iter().zip(inputs) {
        let data = &mut run.view_mut(slot)?.data;
        convert::load(array, data).map_err(RunError::Internal)?;
        if let (Some(arithmetic), DataMut::F32(values)) = (run.request.arithmetic, data) {
            arithmetic.store(Stored::Input, values);
        }
    }
    run.steps(states)?;
    let ports = plan.body.outputs.iter().zip(&plan.signature.outputs);
    let mut outputs = Vec::with_capacity(ports.len());
    for (&slot, port) in ports {
        let view = run.view(slot)?;
        let memory = run.request.context.memory;
        let array = convert::store(port.ty.dtype, view.shape, view.data, memory)?;
        outputs.push(Value::Tensor(array));
    }
    Ok(outputs)
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
