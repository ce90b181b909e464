//! A conversation: a state that stays with its version from one run to the next.

use anemone_engine::{Array, RunError, State, Value};

use crate::core::Core;
use crate::models::Version;
use crate::sync::Arc;
use crate::{Error, Inference, InferenceOptions, Model, Permit};

/// A conversation with a model that has states. It stays with the version that it began with,
/// whatever replaces that, and keeps it from being evicted.
///
/// A run that failed, or was abandoned while it ran, leaves a state that nobody can trust: the conversation is
/// over then.
pub struct Sequence {
    model: Model,
    state: Option<Box<dyn State>>,
    /// The state's bytes.
    _permit: Permit,
    /// Dropped last: then the version and the bytes are free for others.
    version: Held,
}

/// A version that is not evicted until this is dropped.
pub(crate) struct Held {
    core: Arc<Core>,
    version: Arc<Version>,
}

impl Sequence {
    pub(crate) fn new(
        model: Model,
        version: Held,
        state: Box<dyn State>,
        permit: Permit,
    ) -> Sequence {
        Sequence { model, state: Some(state), _permit: permit, version }
    }

    /// The next run.
    pub async fn infer(
        &mut self,
        inputs: Vec<Value>,
        options: &InferenceOptions,
    ) -> Result<Inference, Error> {
        if self.state.is_none() {
            return Err(lost());
        }
        self.model
            .infer_with(Some(&self.version.version), inputs, Some(&mut self.state), options)
            .await
    }

    /// A copy of the state `index` of the signature.
    pub fn read(&self, index: usize) -> Result<Array, Error> {
        let state = self.state.as_ref().ok_or_else(lost)?;
        state.read(index).map_err(|error| self.failed(error))
    }

    /// Sets the state `index` of the signature.
    pub fn write(&mut self, index: usize, value: &Array) -> Result<(), Error> {
        let state = self.state.as_mut().ok_or_else(lost)?;
        let written = state.write(index, value);
        written.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: RunError) -> Error {
        Error::from_run(&self.version.version.name, "", error)
    }
}

impl Held {
    /// Holds a version, unless it is evicted already.
    pub(crate) fn new(core: &Arc<Core>, version: &Arc<Version>) -> Option<Held> {
        let is_held = version.lane.hold();
        is_held.then(|| Held { core: core.clone(), version: version.clone() })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.version.lane.let_go();
        // Somebody may wait for its memory.
        self.core.after_run();
    }
}

fn lost() -> Error {
    Error::Unavailable {
        what: "sequence".to_owned(),
        reason: "a run of it failed or was abandoned, and its state with it; begin a new one"
            .to_owned(),
        retry_after: None,
    }
}
