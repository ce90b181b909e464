//! Runs Core ML models: reads, checks, compiles and predicts, with values by name.
//!
//! - [`load`]: a path to a [`Model`], which is immutable and shared.
//! - [`Model::predict`]: named values in, named values out; [`Model::session`] keeps working
//!   memory between runs, [`Model::new_state`] begins a conversation.
//! - [`Engines`]: the engines of this machine, on one thread pool.
//! - [`ModelLoader`]: models for the manager, [`runtime`].
//! - [`Inspection`]: what a model holds and costs, without running it.
//! - [`Forecast`]: where each op would run on an Apple chip, by [`ane`], without running it.
//! - [`Forecast`]: where its ops would run on the Neural Engine of a chip; [`verify_on`]: what that
//!   engine's arithmetic does to it; [`compare`]: both beside what a Mac says.
//! - [`Error`]: the errors of every stage, with [`Error::kind`] and [`Error::hint`].
//!
//! Choices: this is the only crate that knows all the engines; features of the description
//! (images, labels, default values) become tensors here, so that engines see tensors only;
//! what was asked for and is not used is in the receipt.
#![forbid(unsafe_code)]

mod classifier;
pub mod compare;
mod engines;
mod error;
mod expected;
mod features;
mod forecast;
mod image;
mod inspect;
mod load;
mod loader;
mod model;
mod probes;
mod sizes;
mod verify;
mod weights;

pub use anemone_ane as ane;
pub use anemone_emu as emu;
pub use anemone_engine as engine;
pub use anemone_formats as formats;
pub use anemone_ir as ir;
pub use anemone_runtime as runtime;
pub use anemone_tensor as tensor;

pub use anemone_engine::{Device, ErrorKind};
pub use engines::{EngineChoice, Engines};
pub use error::Error;
pub use expected::describe;
pub use features::FeatureError;
pub use forecast::{Forecast, Graph};
pub use inspect::{
    FunctionReport, Inspection, MemoryReport, OpCount, PortReport, Refused, WeightForm, WeightGroup,
};
pub use load::{LoadError, LoadOptions, load, load_package};
pub use loader::ModelLoader;
pub use model::{Model, ModelSession, ModelState, NamedValues, Prediction};
pub use probes::{Probe, probes};
pub use verify::{NamedSet, RandomInputs, VerifyOptions, verify_on, verify_without_inputs};
