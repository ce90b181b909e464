//! A Core ML model of texts and its tokenizer.

use std::path::Path;
use std::thread;

use anemone_engine::{Array, Value};
use anemone_runtime::{InferenceOptions, Manager, Model, ModelOptions};
use anemone_tensor::{Buffer, DataType};

use crate::EmbedError;
use crate::encode::{Embeddings, Encode, Watch};
use crate::folder::{ModelFolder, Pooling};
use crate::shapes::{Batch, Shapes};
use crate::tokens::{Ids, Tokens};

/// Tokens of a batch: more are no faster, and memory grows with them.
const BUDGET: usize = 4096;
/// Texts that are worth a thread of their own to tokenize.
const TEXTS_PER_THREAD: usize = 32;
/// A vector shorter than this has no direction that means anything.
const SHORTEST: f64 = 1e-12;

/// Turns texts into vectors with a model that a manager loaded.
pub struct Embedder {
    name: String,
    identity: [u8; 32],
    tokens: Tokens,
    model: Model,
    shapes: Shapes,
    longest: usize,
    inputs: Vec<Input>,
    output: usize,
    dimension: usize,
    pooling: Pooling,
}

/// What an input of the model is filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Ids,
    Mask,
    Types,
}

impl Embedder {
    /// Loads the model in the folder at `path`, under the folder's name.
    pub fn open(manager: &Manager, path: &Path) -> Result<Embedder, EmbedError> {
        let folder = ModelFolder::read(path)?;
        // The tokenizer's vocabulary takes as long to read as the model does.
        let (tokens, model) = thread::scope(|scope| {
            let tokens = scope.spawn(|| Tokens::parse(&folder.tokenizer));
            let options = ModelOptions::default();
            let model = manager.load_blocking(&folder.name(), &folder.package, options);
            (tokens.join(), model)
        });
        let broken = |what: String| EmbedError::Folder { path: path.join("tokenizer.json"), what };
        let tokens = tokens
            .map_err(|_| broken("it broke the reader".to_owned()))?
            .map_err(|error| broken(error.to_string()))?;
        Embedder::new(&folder, tokens, model?)
    }

    fn new(folder: &ModelFolder, tokens: Tokens, model: Model) -> Result<Embedder, EmbedError> {
        let lacks = |what: String| EmbedError::Model { path: folder.package.clone(), what };
        let signature = model.signature()?;
        let mut inputs = Vec::new();
        for port in &signature.inputs {
            inputs.push(match port.name.as_str() {
                "input_ids" => Input::Ids,
                "attention_mask" => Input::Mask,
                "token_type_ids" => Input::Types,
                other => return Err(lacks(format!("nothing is known to give it as `{other}`"))),
            });
        }
        let ids = inputs.iter().position(|&input| input == Input::Ids);
        let ids = ids.ok_or_else(|| lacks("it has no input `input_ids`".to_owned()))?;
        let known =
            |axis: usize| signature.inputs[ids].ty.shape.get(axis).and_then(|size| size.known());
        let all = model.shapes()?;
        let listed = match all.get(ids) {
            Some(anemone_runtime::Shapes::Listed(list)) => list.as_slice(),
            _ => &[],
        };
        let shapes = Shapes::new(listed, [known(0), known(1)], folder.max_tokens);
        let longest = shapes.longest().unwrap_or(0).min(folder.max_tokens.unwrap_or(usize::MAX));
        if longest <= tokens.special() {
            return Err(lacks("it takes no text".to_owned()));
        }
        let named = |name: &str| signature.outputs.iter().position(|port| port.name == name);
        let output = named("sentence_embedding").or(named("last_hidden_state"));
        let output = output.or((signature.outputs.len() == 1).then_some(0)).ok_or_else(|| {
            lacks("it has several outputs, none called `sentence_embedding`".to_owned())
        })?;
        let shape = &signature.outputs[output].ty.shape;
        let dimension = match shape.len() {
            2 | 3 => shape.last().and_then(|size| size.known()),
            _ => None,
        };
        let dimension = dimension.filter(|&size| size > 0).ok_or_else(|| {
            lacks("its output is no vector of a known size for each text".to_owned())
        })?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&model.hash()?).update(blake3::hash(&folder.tokenizer).as_bytes());
        hasher.update(format!("{:?} {longest}", folder.pooling).as_bytes());
        Ok(Embedder {
            name: folder.name(),
            identity: hasher.finalize().into(),
            tokens,
            shapes,
            longest,
            inputs,
            output,
            dimension,
            pooling: folder.pooling,
            model,
        })
    }

    fn tokenize(&self, texts: &[&str]) -> Result<Vec<Ids>, EmbedError> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = cores.min(texts.len() / TEXTS_PER_THREAD).max(1);
        let share = texts.len().div_ceil(threads).max(1);
        let all = |part: &[&str]| -> Result<Vec<Ids>, EmbedError> {
            part.iter().map(|text| self.tokens.ids(text, self.longest)).collect()
        };
        if threads == 1 {
            return all(texts);
        }
        let parts = thread::scope(|scope| {
            let running: Vec<_> =
                texts.chunks(share).map(|part| scope.spawn(move || all(part))).collect();
            running.into_iter().map(|part| part.join()).collect::<Vec<_>>()
        });
        let mut ids = Vec::with_capacity(texts.len());
        for part in parts {
            ids.extend(part.map_err(|_| EmbedError::Tokenizer("a text broke it".into()))??);
        }
        Ok(ids)
    }

    /// One input of a batch, as int32.
    fn input(&self, input: Input, batch: &Batch, ids: &[Ids]) -> Result<Value, EmbedError> {
        let mut bytes = Vec::with_capacity(4 * batch.rows * batch.length);
        for row in 0..batch.rows {
            // Rows that are left over repeat the first text.
            let text = batch.texts.get(row).unwrap_or(&batch.texts[0]);
            let own = &ids[*text].ids;
            for column in 0..batch.length {
                let element = match input {
                    Input::Ids => own.get(column).copied().unwrap_or(0),
                    Input::Mask => i32::from(column < own.len()),
                    Input::Types => 0,
                };
                bytes.extend(element.to_le_bytes());
            }
        }
        let shape = vec![batch.rows, batch.length];
        let array = Array::dense(DataType::I32, shape, Buffer::from_bytes(&bytes));
        array.map(Value::Tensor).map_err(|error| EmbedError::Output(error.to_string()))
    }

    /// Runs a batch and puts its vectors in their places.
    fn run(&self, batch: &Batch, ids: &[Ids], vectors: &mut [f32]) -> Result<(), EmbedError> {
        let inputs: Vec<Value> = self
            .inputs
            .iter()
            .map(|&input| self.input(input, batch, ids))
            .collect::<Result<_, _>>()?;
        let inference = self.model.infer_blocking(inputs, &InferenceOptions::default())?;
        let Some(Value::Tensor(array)) = inference.outputs.get(self.output) else {
            return Err(EmbedError::Output("no tensor".to_owned()));
        };
        let values = array.to_tensor().to_f32();
        let per_row = match array.shape() {
            [rows, size] if *rows == batch.rows && *size == self.dimension => 1,
            [rows, length, size] if *rows == batch.rows && *size == self.dimension => *length,
            shape => return Err(EmbedError::Output(format!("shape {shape:?}"))),
        };
        for (row, &text) in batch.texts.iter().enumerate() {
            let tokens = &values[row * per_row * self.dimension..][..per_row * self.dimension];
            let count = match self.pooling {
                Pooling::Mean => per_row.min(ids[text].ids.len()),
                Pooling::First => 1,
            };
            let vector = &mut vectors[text * self.dimension..][..self.dimension];
            pool(&tokens[..count * self.dimension], vector);
            normalize(vector).map_err(|what| EmbedError::Vector { index: text, what })?;
        }
        Ok(())
    }
}

impl Encode for Embedder {
    fn identity(&self) -> [u8; 32] {
        self.identity
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn max_tokens(&self) -> usize {
        self.longest - self.tokens.special()
    }

    fn token_starts(&self, text: &str) -> Result<Vec<usize>, EmbedError> {
        self.tokens.starts(text)
    }

    fn embed(&self, texts: &[&str], watch: &Watch<'_>) -> Result<Embeddings, EmbedError> {
        let ids = self.tokenize(texts)?;
        let lengths: Vec<usize> = ids.iter().map(|ids| ids.ids.len()).collect();
        let mut vectors = vec![0.0; texts.len() * self.dimension];
        for batch in self.shapes.batches(&lengths, BUDGET) {
            watch.check()?;
            self.run(&batch, &ids, &mut vectors)?;
            watch.done(batch.texts.len(), batch.texts.iter().map(|&text| lengths[text]).sum());
        }
        let truncated = (0..ids.len()).filter(|&text| ids[text].is_truncated).collect();
        let tokens = lengths.iter().sum();
        Ok(Embeddings { dimension: self.dimension, vectors, truncated, tokens })
    }
}

/// The sum of the tokens' vectors: it has the direction of their mean.
fn pool(tokens: &[f32], vector: &mut [f32]) {
    for token in tokens.chunks_exact(vector.len()) {
        for (sum, value) in vector.iter_mut().zip(token) {
            *sum += value;
        }
    }
}

/// Makes the length 1.
fn normalize(vector: &mut [f32]) -> Result<(), &'static str> {
    let length = vector.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt();
    if !length.is_finite() {
        return Err("is not finite");
    }
    if length < SHORTEST {
        return Err("is zero");
    }
    for value in vector {
        *value = (f64::from(*value) / length) as f32;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_without_direction_is_refused() {
        assert_eq!(normalize(&mut [0.0, 0.0]), Err("is zero"));
        assert_eq!(normalize(&mut [f32::NAN, 1.0]), Err("is not finite"));
        assert_eq!(normalize(&mut [f32::INFINITY, 1.0]), Err("is not finite"));
        let mut vector = [3.0, 4.0];
        normalize(&mut vector).unwrap();
        assert_eq!(vector, [0.6, 0.8]);
    }
}
