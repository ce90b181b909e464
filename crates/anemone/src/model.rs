//! A model that runs: a plan, and the features around it.

use std::collections::BTreeMap;
use std::sync::Arc;

use anemone_engine::{Array, Plan, Receipt, RunContext, Session, State, Value};
use anemone_ir::Feature;

use crate::Error;
use crate::features::Interface;

/// Values by the names of their features.
pub type NamedValues = BTreeMap<String, Value>;

/// One function of a model, compiled: immutable, to be shared by all callers.
#[derive(Clone)]
pub struct Model {
    function: String,
    interface: Arc<Interface>,
    plan: Arc<dyn Plan>,
    fallbacks: Arc<[String]>,
}

/// One caller's working memory, good for any request.
pub struct ModelSession {
    session: Box<dyn Session>,
    interface: Arc<Interface>,
    fallbacks: Arc<[String]>,
}

/// The states of one conversation, by name; zeros at first.
pub struct ModelState {
    state: Box<dyn State>,
    interface: Arc<Interface>,
}

/// What a prediction gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Outputs by name, in the description's order.
    pub outputs: Vec<(String, Value)>,
    /// Where it ran, and why not elsewhere.
    pub receipt: Receipt,
}

impl Model {
    pub(crate) fn new(
        function: String,
        interface: Arc<Interface>,
        plan: Arc<dyn Plan>,
        fallbacks: Vec<String>,
    ) -> Model {
        Model { function, interface, plan, fallbacks: fallbacks.into() }
    }

    /// The function's name.
    pub fn function(&self) -> &str {
        &self.function
    }

    /// What the function takes.
    pub fn inputs(&self) -> &[Feature] {
        &self.interface.inputs
    }

    /// What the function gives.
    pub fn outputs(&self) -> &[Feature] {
        &self.interface.outputs
    }

    /// What lives from one run to the next.
    pub fn states(&self) -> &[Feature] {
        &self.interface.states
    }

    /// The plan, whose values go by place and are tensors.
    pub fn plan(&self) -> &Arc<dyn Plan> {
        &self.plan
    }

    /// Working memory for one caller at a time.
    pub fn session(&self) -> ModelSession {
        ModelSession {
            session: self.plan.clone().session(),
            interface: self.interface.clone(),
            fallbacks: self.fallbacks.clone(),
        }
    }

    /// A fresh state; empty for a model without states.
    pub fn new_state(&self) -> ModelState {
        ModelState { state: self.plan.new_state(), interface: self.interface.clone() }
    }

    /// Runs once, with working memory of its own; the state must be given where the model has states.
    pub fn predict(
        &self,
        inputs: &NamedValues,
        state: Option<&mut ModelState>,
    ) -> Result<Prediction, Error> {
        self.session().predict(inputs, state, &RunContext::default())
    }
}

impl ModelSession {
    /// Runs once; the state must be given where the model has states.
    pub fn predict(
        &mut self,
        inputs: &NamedValues,
        state: Option<&mut ModelState>,
        context: &RunContext<'_>,
    ) -> Result<Prediction, Error> {
        let inputs = self.interface.bind(inputs)?;
        let state = state.map(|state| -> &mut dyn State { state.state.as_mut() });
        let (outputs, mut receipt) = self.session.run(&inputs, state, context)?;
        receipt.fallbacks.extend(self.fallbacks.iter().cloned());
        Ok(Prediction { outputs: self.interface.outputs(outputs)?, receipt })
    }
}

impl ModelState {
    /// The names of the states.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.interface.state_names()
    }

    /// A copy of the state `name`.
    pub fn read(&self, name: &str) -> Result<Array, Error> {
        Ok(self.state.read(self.interface.state(name)?)?)
    }

    /// Sets the state `name`.
    pub fn write(&mut self, name: &str, value: &Array) -> Result<(), Error> {
        let index = self.interface.state(name)?;
        self.interface.check_state(index, value)?;
        Ok(self.state.write(index, value)?)
    }
}
