//! The right to one run, taken before its inputs are there.

use anemone_engine::Value;

use crate::lane::Turn;
use crate::{Error, Inference, InferenceOptions, Model};

/// An operation and the memory of one run of a model, held until it is used or dropped.
///
/// What is admitted runs at once, whatever waits; it stays with the version for which it was
/// admitted.
pub struct Admission {
    pub(crate) model: Model,
    pub(crate) turn: Turn,
}

impl Admission {
    /// Bytes that are held for the run.
    pub fn bytes(&self) -> u64 {
        self.turn.bytes()
    }

    /// The version that it is for.
    pub fn version(&self) -> u64 {
        self.turn.version.number
    }

    /// Runs on inputs of the shapes that were admitted.
    pub async fn execute(
        self,
        inputs: Vec<Value>,
        options: &InferenceOptions,
    ) -> Result<Inference, Error> {
        let Admission { model, turn } = self;
        model.execute_admitted(turn, inputs, options).await
    }
}
