//! What most examples begin with: a manager of the repository's models, and an input for one of them.
#![allow(dead_code, reason = "each example that includes this file uses its own part")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anemone::engine::{Array, Rounding, Value};
use anemone::runtime::{Config, Manager};
use anemone::{Engines, ModelLoader};

/// A manager of models that come from files and run on this machine's engines.
pub(crate) fn manager(config: Config) -> Result<Manager, Box<dyn Error>> {
    let engines = Arc::new(Engines::new(config.threads)?);
    let loader = ModelLoader::new(engines, Rounding::default());
    Ok(Manager::new(config, Arc::new(loader)))
}

/// A classifier of drawn digits.
pub(crate) fn digits() -> PathBuf {
    models().join("tiny-digits/tiny-digits.mlpackage")
}

/// An encoder of sentences.
pub(crate) fn sentences() -> PathBuf {
    models().join("all-MiniLM-L6-v2/model.mlpackage")
}

/// The inputs of the classifier: a bright stroke from top to bottom, which is a one.
pub(crate) fn stroke() -> Result<Vec<Value>, Box<dyn Error>> {
    let bright = |at: usize| (4..24).contains(&(at / 28)) && (13..16).contains(&(at % 28));
    let pixels: Vec<f32> = (0..28 * 28).map(|at| if bright(at) { 255.0 } else { 0.0 }).collect();
    Ok(vec![Value::Tensor(Array::from_f32(vec![1, 1, 28, 28], &pixels)?)])
}

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models")
}
