//! Where plans come from: whoever knows formats and engines implements [`Loader`].

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anemone_engine::{Device, ErrorKind, Plan, Precision};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Reads and compiles models.
pub trait Loader: Send + Sync {
    /// The engines that models can be compiled for, the preferred one first.
    fn engines(&self) -> Vec<EngineInfo>;

    /// Hardware that cannot be used here, and why, for people.
    fn absent(&self) -> Vec<(Unit, String)> {
        Vec::new()
    }

    /// What the model at `path` is, without compiling it.
    fn identify(&self, path: &Path) -> Result<Identity, LoadError>;

    /// The model at `path`, compiled.
    fn load(&self, path: &Path, options: &Compilation<'_>) -> Result<Loaded, LoadError>;
}

/// An engine that is present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// Its name, such as `cpu`.
    pub name: String,
    /// The kind of hardware that it computes on.
    pub unit: Unit,
    /// The hardware, its features and the engine's version, as one text: costs that were measured
    /// and artefacts that were compiled hold for this text only.
    pub machine: String,
    /// Precisions that it has.
    pub precisions: Vec<Precision>,
}

/// Kinds of hardware that compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// The processor.
    Cpu,
    /// The graphics processor.
    Gpu,
    /// The Apple Neural Engine.
    NeuralEngine,
}

impl Unit {
    /// The name, such as `neural-engine`.
    pub const fn name(self) -> &'static str {
        match self {
            Unit::Cpu => "cpu",
            Unit::Gpu => "gpu",
            Unit::NeuralEngine => "neural-engine",
        }
    }

    /// Whether `device` lets it be used.
    pub fn is_permitted(self, device: Device) -> bool {
        match self {
            Unit::Cpu => true,
            Unit::Gpu => device.permits_gpu(),
            Unit::NeuralEngine => device.permits_neural_engine(),
        }
    }
}

/// What a model is before it is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The BLAKE3 hash of the model's files.
    pub hash: [u8; 32],
    /// Bytes of its files.
    pub bytes: u64,
}

/// How a model is compiled.
#[derive(Clone, Copy)]
pub struct Compilation<'a> {
    /// The engine, by name.
    pub engine: &'a str,
    /// The function; the model's default one where it is left out.
    pub function: Option<&'a str>,
    /// How exact the arithmetic is.
    pub precision: Precision,
    /// What the loader compiled of this model before, for engines that keep such things.
    pub artefacts: Option<&'a dyn Artefacts>,
}

/// Bytes that a loader keeps from one process to the next. They are for this model, engine, machine
/// and options alone; what is damaged is not there.
pub trait Artefacts: Send + Sync {
    /// The artefact `name`.
    fn get(&self, name: &str) -> Option<Vec<u8>>;

    /// Keeps an artefact; that it cannot be kept is no fault of the model's.
    fn put(&self, name: &str, bytes: &[u8]);
}

/// A model that was loaded.
pub struct Loaded {
    /// The plan.
    pub plan: Arc<dyn Plan>,
    /// For each input of the plan the shapes that it is limited to.
    pub shapes: Vec<Shapes>,
}

/// Shapes that an input is limited to, beyond what the plan's signature says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Shapes {
    /// Any that fit the signature.
    #[default]
    Any,
    /// These alone.
    Listed(Vec<Vec<usize>>),
    /// For each axis the sizes it may have.
    Ranges(Vec<RangeInclusive<usize>>),
}

/// Why a model could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct LoadError {
    /// The model.
    pub path: PathBuf,
    /// What kind of thing went wrong.
    pub kind: ErrorKind,
    /// What went wrong.
    pub message: String,
    /// What may help.
    pub hint: Option<String>,
}
