//! Every error of a request: what brings it about, its kind, and what it says.
//!
//! `cargo run --release -p anemone --example errors`

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anemone::ErrorKind;
use anemone::engine::{Array, Precision, RunError, Value};
use anemone::runtime::artificial::{
    Artificial, ArtificialEngine, ArtificialMemory, ArtificialModel, Cost, Fault, Gate, When,
};
use anemone::runtime::{Config, Error, InferenceOptions, Manager, Model, ModelOptions};

type Failure = Box<dyn std::error::Error>;

/// A world of models that fail as they are told, and its manager.
struct Stage {
    world: Artificial,
    manager: Manager,
}

fn main() -> Result<(), Failure> {
    // Some engines here panic on purpose: their messages on the standard error are of no interest.
    std::panic::set_hook(Box::new(|_| {}));
    let world = Artificial::with_engines(&[ArtificialEngine::FIRST, ArtificialEngine::SECOND]);
    let config = Config::builder().memory_budget(Some(64 << 20)).build()?;
    world.add("sums", ArtificialModel::rows(4));
    let manager = Manager::new(config, Arc::new(world.clone()));
    let stage = Stage { world, manager };

    tell(stage.manager.model("nobody").err());
    tell(stage.load_with(Fault::LoadError(ErrorKind::NotFound)));
    tell(stage.load_with(Fault::LoadError(ErrorKind::Invalid)));
    tell(stage.load_with(Fault::LoadError(ErrorKind::Unsupported)));
    tell(stage.load_with(Fault::MemoryPanic));
    tell(stage.with(ModelOptions {
        precision: Some(Precision::Int8),
        engines: vec!["artificial-2".to_owned()],
        ..ModelOptions::default()
    }));
    let model = stage.sums()?;
    let first = ModelOptions { version: Some(1), ..ModelOptions::default() };
    tell(stage.manager.load_blocking("sums", Path::new("sums"), first).err());

    let options = InferenceOptions::default();
    let run = |inputs, options: &InferenceOptions| model.infer_blocking(inputs, options).err();
    let fault = |fault| stage.world.fault("sums", fault, When::Next(1));
    tell(run(Vec::new(), &options));
    tell(run(vec![Value::Tensor(Array::from_f32(vec![1, 3], &[1.0; 3])?)], &options));
    fault(Fault::op("an index is out of bounds"));
    tell(run(request(), &options));
    fault(Fault::Panic);
    tell(run(request(), &options));
    fault(Fault::Error(RunError::Memory { bytes: 1 << 40 }));
    tell(run(request(), &options));
    fault(Fault::OutputValue(f32::NAN));
    let finite = InferenceOptions { reject_non_finite: Some(true), ..options.clone() };
    tell(run(request(), &finite));
    tell(stage.too_large()?);
    tell(stage.too_slow()?);

    pollster::block_on(stage.manager.shutdown(Duration::from_secs(1)));
    tell(run(request(), &options));
    Ok(())
}

impl Stage {
    fn sums(&self) -> Result<Model, Failure> {
        Ok(self.manager.load_blocking("sums", Path::new("sums"), ModelOptions::default())?)
    }

    /// Loading that fails.
    fn load_with(&self, fault: Fault) -> Option<Error> {
        self.world.fault("sums", fault, When::Next(1));
        self.with(ModelOptions::default())
    }

    /// A model that cannot be had with these options.
    fn with(&self, options: ModelOptions) -> Option<Error> {
        self.manager.load_blocking("sums", Path::new("sums"), options).err()
    }

    /// A run that needs more memory than the whole budget.
    fn too_large(&self) -> Result<Option<Error>, Failure> {
        let memory = ArtificialMemory { arena: 1 << 30, ..ArtificialMemory::default() };
        self.world.add("large", ArtificialModel { memory, ..ArtificialModel::rows(4) });
        let options = ModelOptions::default();
        let model = self.manager.load_blocking("large", Path::new("large"), options)?;
        Ok(model.infer_blocking(request(), &InferenceOptions::default()).err())
    }

    /// A run that takes longer than it may.
    fn too_slow(&self) -> Result<Option<Error>, Failure> {
        let cost = Cost::gate(&Gate::new());
        self.world.add("slow", ArtificialModel { cost, ..ArtificialModel::rows(4) });
        let options = ModelOptions::default();
        let model = self.manager.load_blocking("slow", Path::new("slow"), options)?;
        let limit = InferenceOptions::within(Duration::from_millis(20));
        Ok(model.infer_blocking(request(), &limit).err())
    }
}

fn request() -> Vec<Value> {
    ArtificialModel::rows(4).request(1, 4, 0)
}

fn tell(error: Option<Error>) {
    let Some(error) = error else { return println!("no error") };
    println!("{:<18} {:<12} {error}", name(&error), format!("{:?}", error.kind()));
}

/// What a program that handles each case on its own would match on.
fn name(error: &Error) -> &'static str {
    match error {
        Error::Unavailable { .. } => "Unavailable",
        Error::ModelNotFound { .. } => "ModelNotFound",
        Error::InvalidFormat { .. } => "InvalidFormat",
        Error::CompilationFailed { .. } => "CompilationFailed",
        Error::InferenceFailed { .. } => "InferenceFailed",
        Error::TimedOut { .. } => "TimedOut",
        Error::ResourceLimit { .. } => "ResourceLimit",
        Error::Allocation { .. } => "Allocation",
        Error::Shape { .. } => "Shape",
        Error::Input { .. } => "Input",
        Error::Precision { .. } => "Precision",
        Error::AlreadyLoaded { .. } => "AlreadyLoaded",
        Error::Internal { .. } => "Internal",
        _ => "another one",
    }
}
