//! The arithmetic of artificial models: each row's sums with weights by position, so that outputs
//! show whose rows went where. Small whole numbers give exact results.

use anemone_engine::{Array, RunError, Value};
use anemone_tensor::DataType;

use super::model::ArtificialModel;

/// The inputs of a run, read.
pub(super) struct Request {
    pub(super) rows: usize,
    pub(super) length: usize,
    /// `[rows, length]`; zero where the mask is.
    values: Vec<f32>,
}

impl Request {
    /// Reads the inputs, or says why they are not the model's.
    pub(super) fn read(model: &ArtificialModel, inputs: &[Value]) -> Result<Request, RunError> {
        let names = model.input_names();
        if names.len() != inputs.len() {
            return Err(RunError::InputCount { expected: names.len(), found: inputs.len() });
        }
        let mut values = Vec::new();
        let mut first: Option<&[usize]> = None;
        for (name, input) in names.iter().zip(inputs) {
            let array = array(model, name, input)?;
            model.check_shape(name, array.shape())?;
            match first {
                None => values = numbers(array),
                Some(shape) if shape == array.shape() => {
                    values.iter_mut().zip(numbers(array)).for_each(|(value, mask)| {
                        if mask == 0.0 {
                            *value = 0.0;
                        }
                    });
                }
                Some(shape) => {
                    let expected = format!("{shape:?}, as the input before");
                    let (input, found) = ((*name).to_owned(), array.shape().to_vec());
                    return Err(RunError::InputShape { input, found, expected });
                }
            }
            first = first.or(Some(array.shape()));
        }
        let &[rows, length] = first.unwrap_or_default() else {
            return Err(RunError::Internal("a shape was checked to have two sizes".to_owned()));
        };
        Ok(Request { rows, length, values })
    }

    /// Whether a row begins with `number`.
    pub(super) fn begins_with(&self, number: f32) -> bool {
        self.length > 0 && self.values.iter().step_by(self.length).any(|first| *first == number)
    }

    /// `[rows, width]`: output `j` of a row is the sum of `value[p] * weight(p, j)` over its
    /// positions `p`. With a state it is added up over rows and runs.
    pub(super) fn sums(&self, width: usize, state: Option<&mut [f32]>) -> Vec<f32> {
        let mut sums = vec![0.0; self.rows.saturating_mul(width)];
        if self.length > 0 && width > 0 {
            let rows = self.values.chunks_exact(self.length);
            for (sums, row) in sums.chunks_exact_mut(width).zip(rows) {
                for (j, sum) in sums.iter_mut().enumerate() {
                    *sum = row.iter().enumerate().map(|(p, value)| value * weight(p, j)).sum();
                }
            }
        }
        if let Some(state) = state {
            for sums in sums.chunks_exact_mut(width.max(1)) {
                for (sum, state) in sums.iter_mut().zip(state.iter_mut()) {
                    *state += *sum;
                    *sum = *state;
                }
            }
        }
        sums
    }

    /// `[rows, length]`: each value times its weight.
    pub(super) fn positions(&self) -> Vec<f32> {
        let weighted = |(i, value): (usize, &f32)| value * weight(i % self.length, 0);
        self.values.iter().enumerate().map(weighted).collect()
    }

    /// The outputs of a run.
    pub(super) fn outputs(
        &self,
        model: &ArtificialModel,
        state: Option<&mut [f32]>,
    ) -> Result<Vec<Value>, RunError> {
        let sums = self.sums(model.width, state);
        let mut outputs = vec![tensor(vec![self.rows, model.width], &sums)?];
        if model.has_positions {
            outputs.push(tensor(vec![self.rows, self.length], &self.positions())?);
        }
        Ok(outputs)
    }
}

/// A tensor of `f32` as a value.
pub(super) fn tensor(shape: Vec<usize>, values: &[f32]) -> Result<Value, RunError> {
    Array::from_f32(shape, values)
        .map(Value::Tensor)
        .map_err(|error| RunError::Internal(error.to_string()))
}

fn weight(position: usize, output: usize) -> f32 {
    (1 + (position * 7 + output * 11) % 13) as f32
}

fn array<'a>(model: &ArtificialModel, name: &str, input: &'a Value) -> Result<&'a Array, RunError> {
    let found = match input {
        Value::Tensor(array) if array.dtype() == model.dtype => return Ok(array),
        Value::Tensor(array) => format!("a tensor of {}", array.dtype()),
        Value::String(_) => "a string".to_owned(),
        Value::Dictionary(_) => "a dictionary".to_owned(),
        Value::Image(_) => "an image".to_owned(),
        Value::Sequence(_) => "a sequence".to_owned(),
    };
    let expected = format!("a tensor of {}", model.dtype);
    Err(RunError::InputType { input: name.to_owned(), found, expected })
}

fn numbers(array: &Array) -> Vec<f32> {
    let tensor = array.to_tensor();
    if array.dtype() != DataType::I32 {
        return tensor.to_f32();
    }
    let (words, _) = tensor.data().as_chunks::<4>();
    words.iter().map(|word| i32::from_le_bytes(*word) as f32).collect()
}
