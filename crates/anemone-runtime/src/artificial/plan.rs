//! Plans and sessions of artificial engines.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anemone_engine::{
    Array, MemoryEstimate, Plan, Receipt, RunContext, RunError, Session, Signature, State, Value,
};
use anemone_tensor::{DataType, Tensor};

use super::arithmetic::{Request, tensor};
use super::cost::spend;
use super::fault::{Fault, Site};
use super::model::ArtificialModel;
use super::record::{Counted, Record};
use super::schedule::Schedule;
use super::state::ArtificialState;

pub(super) struct ArtificialPlan {
    pub(super) path: Arc<PathBuf>,
    pub(super) engine: &'static str,
    pub(super) model: Arc<ArtificialModel>,
    pub(super) signature: Signature,
    pub(super) faults: Arc<Mutex<Schedule>>,
    pub(super) record: Arc<Record>,
    pub(super) _counted: Counted,
}

struct ArtificialSession {
    plan: Arc<ArtificialPlan>,
    _counted: Counted,
}

impl Plan for ArtificialPlan {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn session(self: Arc<Self>) -> Box<dyn Session> {
        if self.fault(Site::Session, |_| false).is_some() {
            panic!("artificial panic in `session` of `{}`", self.path.display());
        }
        let counted = Counted::new(&self.record.sessions);
        Box::new(ArtificialSession { plan: self, _counted: counted })
    }

    fn new_state(&self) -> Box<dyn State> {
        let sum = self.model.has_state.then(|| vec![0.0; self.model.width]);
        Box::new(ArtificialState { sum, _counted: Counted::new(&self.record.states) })
    }

    fn memory(&self, shapes: &[Vec<usize>]) -> Result<MemoryEstimate, RunError> {
        match self.fault(Site::Memory, |_| false) {
            Some(Fault::MemoryError(error)) => Err(error),
            Some(_) => panic!("artificial panic in `memory` of `{}`", self.path.display()),
            None => self.model.memory(shapes),
        }
    }
}

impl ArtificialPlan {
    fn fault(&self, site: Site, begins: impl Fn(f32) -> bool) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.take(self.engine, site, begins)
    }
}

impl Session for ArtificialSession {
    fn run(
        &mut self,
        inputs: &[Value],
        state: Option<&mut dyn State>,
        context: &RunContext<'_>,
    ) -> Result<(Vec<Value>, Receipt), RunError> {
        let start = Instant::now();
        let plan = &*self.plan;
        let request = Request::read(&plan.model, inputs)?;
        let sum = sum(&plan.model, state)?;
        let (rows, length) = (request.rows, request.length);
        plan.record.begin_run(&plan.path, plan.engine, rows, length, sum.is_some());
        let fault = plan.fault(Site::Run, |number| request.begins_with(number));

        let deaf = RunContext::default();
        let context = if plan.model.is_deaf { &deaf } else { context };
        let cost = plan.model.cost_on(plan.engine);
        let visit = match &fault {
            Some(Fault::Hang(gate)) => {
                let visit = gate.come();
                visit.wait();
                Some(visit)
            }
            _ => None,
        };
        let cost_visit = cost.spend.come();
        let time = cost.of(rows, length);
        let compute = spend(time, &cost.spend, cost_visit.as_ref(), context, start)?;

        match fault {
            Some(Fault::Panic) => panic!("artificial panic in a run of `{}`", plan.path.display()),
            Some(Fault::Error(error)) => return Err(error),
            _ => {}
        }
        let mut outputs = request.outputs(&plan.model, sum)?;
        if let Some(fault) = &fault {
            spoil(fault, &mut outputs)?;
        }
        drop((visit, cost_visit));
        let receipt = Receipt {
            engine: plan.engine,
            device: "artificial".to_owned(),
            fallbacks: Vec::new(),
            copies: inputs.len() + outputs.len(),
            compute,
        };
        Ok((outputs, receipt))
    }
}

/// The running sum of a model with a state.
fn sum<'a>(
    model: &ArtificialModel,
    state: Option<&'a mut dyn State>,
) -> Result<Option<&'a mut [f32]>, RunError> {
    let Some(state) = state else {
        return match model.has_state {
            true => Err(RunError::State("a state is needed for `sum`".to_owned())),
            false => Ok(None),
        };
    };
    let wrong = |why: &str| RunError::State(format!("made by another {why}"));
    let state = state.as_any_mut().downcast_mut::<ArtificialState>();
    let sum = state.ok_or_else(|| wrong("engine"))?.sum.as_deref_mut();
    let width = if model.has_state { Some(model.width) } else { None };
    if sum.as_ref().map(|sum| sum.len()) == width { Ok(sum) } else { Err(wrong("plan")) }
}

/// Makes the outputs what an engine with such a fault would give.
fn spoil(fault: &Fault, outputs: &mut Vec<Value>) -> Result<(), RunError> {
    match fault {
        Fault::OutputCount => {
            outputs.pop();
        }
        Fault::OutputShape => {
            for output in outputs {
                let (mut shape, mut values) = parts(output);
                let width = shape.iter().skip(1).product::<usize>();
                if let Some(rows) = shape.first_mut() {
                    *rows += 1;
                }
                values.resize(values.len() + width, 0.0);
                *output = tensor(shape, &values)?;
            }
        }
        Fault::OutputType => {
            let (shape, values) = parts(&outputs[0]);
            let values = values.into_iter().map(f64::from);
            let tensor = Tensor::from_f64(DataType::I32, shape, values)
                .map_err(|error| RunError::Internal(error.to_string()))?;
            outputs[0] = Value::Tensor(Array::from(tensor));
        }
        Fault::OutputValue(number) => {
            let (shape, mut values) = parts(&outputs[0]);
            if let Some(last) = values.last_mut() {
                *last = *number;
            }
            outputs[0] = tensor(shape, &values)?;
        }
        _ => {}
    }
    Ok(())
}

fn parts(output: &Value) -> (Vec<usize>, Vec<f32>) {
    match output {
        Value::Tensor(array) => (array.shape().to_vec(), array.to_tensor().to_f32()),
        _ => (Vec::new(), Vec::new()),
    }
}
