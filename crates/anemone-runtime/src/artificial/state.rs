//! The state of an artificial model: a running sum.

use std::any::Any;

use anemone_engine::{Array, RunError, State};
use anemone_tensor::DataType;

use super::record::Counted;

pub(super) struct ArtificialState {
    /// One number for each sum of a row; none for a model without a state.
    pub(super) sum: Option<Vec<f32>>,
    pub(super) _counted: Counted,
}

impl State for ArtificialState {
    fn read(&self, index: usize) -> Result<Array, RunError> {
        let sum = self.sum.as_ref().filter(|_| index == 0).ok_or_else(|| missing(index))?;
        Array::from_f32(vec![sum.len()], sum).map_err(|error| RunError::State(error.to_string()))
    }

    fn write(&mut self, index: usize, value: &Array) -> Result<(), RunError> {
        let sum = self.sum.as_mut().filter(|_| index == 0).ok_or_else(|| missing(index))?;
        if value.dtype() != DataType::F32 || value.shape() != [sum.len()] {
            return Err(RunError::State(format!(
                "`sum` is {} of shape [{}], not {} of shape {:?}",
                DataType::F32,
                sum.len(),
                value.dtype(),
                value.shape()
            )));
        }
        *sum = value.to_tensor().to_f32();
        Ok(())
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn missing(index: usize) -> RunError {
    RunError::State(format!("there is no state {index}"))
}
