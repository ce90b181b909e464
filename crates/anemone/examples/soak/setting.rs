//! Managers and models as the tasks want them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anemone::engine::Rounding;
use anemone::formats;
use anemone::runtime::metrics::PerformanceSummary;
use anemone::runtime::{
    Batching, Error, InferenceOptions, Loader, Manager, Model, ModelOptions, PadRule, Resource,
};
use anemone::{Engines, ModelLoader};

use crate::Failure;
use crate::texts::{Text, vector};

/// A loader of models on one thread for each core.
pub(crate) fn loader() -> Result<Arc<dyn Loader>, Failure> {
    let engines = Arc::new(Engines::new(None)?);
    Ok(Arc::new(ModelLoader::new(engines, Rounding::default())))
}

/// Texts of any length are filled up and put together.
pub(crate) fn batched() -> ModelOptions {
    let pad = |input: &str| PadRule { input: input.to_owned(), axis: 1, value: 0.0 };
    let pad = vec![pad("input_ids"), pad("attention_mask")];
    let batching = Batching { pad, ..Batching::default() };
    ModelOptions { batching: Some(batching), ..ModelOptions::default() }
}

/// Loads the model and sees that its inputs are ids and mask.
pub(crate) async fn texts_model(
    manager: &Manager,
    name: &str,
    path: &Path,
    options: ModelOptions,
) -> Result<Model, Failure> {
    let model = manager.load(name, path, options).await?;
    let signature = model.signature()?;
    let names: Vec<&str> = signature.inputs.iter().map(|port| port.name.as_str()).collect();
    if names != ["input_ids", "attention_mask"] {
        return Err(format!("the model takes {names:?}").into());
    }
    Ok(model)
}

/// The vector of each text, computed one by one on a model that is not batched.
pub(crate) async fn vectors(model: &Model, texts: &[Text]) -> Result<Vec<Vec<u8>>, Failure> {
    let mut vectors = Vec::with_capacity(texts.len());
    for text in texts {
        let inference = model.infer(text.filled_up()?, &InferenceOptions::default()).await?;
        vectors.push(vector(&inference)?);
    }
    Ok(vectors)
}

/// Copies of a model that are other models to a manager, until this is dropped.
pub(crate) struct Copies {
    folder: PathBuf,
    pub(crate) paths: Vec<PathBuf>,
}

impl Copies {
    /// The model, and copies of it that differ in their description, `count` in all.
    pub(crate) fn new(model: &Path, count: usize) -> Result<Copies, Failure> {
        let folder = std::env::temp_dir().join(format!("anemone-soak-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let mut copies = Copies { folder, paths: vec![model.to_owned()] };
        for number in 1..count {
            let mut package = formats::read(model)?;
            package.description.metadata.doc = format!("copy {number}");
            let path = copies.folder.join(format!("copy-{number}.mlpackage"));
            formats::write(&package, &path, &formats::WriteOptions::default())?;
            copies.paths.push(path);
        }
        Ok(copies)
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        // What is left lies in the folder of temporary files.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// How requests ended, by name: `answered`, or the cause as the metrics name it.
pub(crate) type Ends = BTreeMap<&'static str, u64>;

/// The name of how a request ended.
pub(crate) fn cause(error: &Error) -> &'static str {
    match error {
        Error::TimedOut { .. } => "timed_out",
        Error::ResourceLimit { resource: Resource::Memory | Resource::Operations, .. } => {
            "too_large"
        }
        Error::ResourceLimit { .. } => "queue_full",
        Error::Allocation { .. } => "memory",
        Error::ModelNotFound { .. } => "not_found",
        Error::Unavailable { retry_after: Some(_), .. } => "quarantined",
        Error::Unavailable { .. } => "unavailable",
        Error::Shape { .. } | Error::Input { .. } => "invalid_input",
        _ => "failed",
    }
}

/// How requests ended as the manager counted them.
pub(crate) fn counted(summary: &PerformanceSummary) -> Ends {
    let all = &summary.overall.since_start;
    let mut ends = Ends::from([("answered", all.completed)]);
    for (cause, count) in all.failed.iter().chain(&all.rejected).chain(&summary.rejected) {
        *ends.entry(cause).or_default() += count;
    }
    ends.retain(|_, count| *count > 0);
    ends
}
