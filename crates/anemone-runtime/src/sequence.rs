//! A conversation: a state that stays with its version from one run to the next.

use anemone_engine::{Array, RunError, State, Value};

use crate::models::Version;
use crate::sync::Arc;
use crate::sync::atomic::Ordering;
use crate::{Error, Inference, InferenceOptions, Model, Permit};

/// A conversation with a model that has states. It stays with the version that it began with,
/// whatever replaces that, and keeps it from being evicted.
///
/// A run that was abandoned while it ran leaves a state that nobody can trust: the conversation is
/// over then.
pub struct Sequence {
    model: Model,
    version: Arc<Version>,
    state: Option<Box<dyn State>>,
    /// The state's bytes.
    _permit: Permit,
}

impl Sequence {
    pub(crate) fn new(
        model: Model,
        version: Arc<Version>,
        state: Box<dyn State>,
        permit: Permit,
    ) -> Sequence {
        version.sequences.fetch_add(1, Ordering::SeqCst);
        Sequence { model, version, state: Some(state), _permit: permit }
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
        self.model.infer_with(Some(&self.version), inputs, Some(&mut self.state), options).await
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
        Error::from_run(&self.version.name, "", error)
    }
}

impl Drop for Sequence {
    fn drop(&mut self) {
        self.version.sequences.fetch_sub(1, Ordering::SeqCst);
    }
}

fn lost() -> Error {
    Error::Unavailable {
        what: "sequence".to_owned(),
        reason: "a run of it was abandoned, and its state with it; begin a new one".to_owned(),
        retry_after: None,
    }
}
