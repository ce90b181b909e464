//! From a path to a model that runs: read, check, compile.

use std::path::Path;
use std::sync::Arc;

use anemone_ane::UnknownChip;
use anemone_engine::{CompileOptions, Precision, Rounding};
use anemone_ir::{Body, Checked, Description, Features, Package, Program, check};
use thiserror::Error;

use crate::classifier::{self, Classifier};
use crate::features::Interface;
use crate::{Device, EngineChoice, Engines, Error, ErrorKind, Model};

/// How a model is loaded.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// Which engine.
    pub engine: EngineChoice,
    /// Devices that may be used, where the engine is to be the best.
    pub device: Device,
    /// The function; the model's default one where it is left out.
    pub function: Option<String>,
    /// How exact the arithmetic is.
    pub precision: Precision,
    /// To what results are rounded.
    pub rounding: Rounding,
}

/// Why a model that was read cannot be loaded as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The model is no ML program.
    #[error("models of kind `{kind}` are unsupported; only ML programs run here so far")]
    Kind {
        /// The kind, such as `neuralNetwork`.
        kind: &'static str,
    },
    /// The model has no such function.
    #[error("there is no function `{function}`; the model has {}", .known.join(", "))]
    NoFunction {
        /// The function asked for.
        function: String,
        /// The functions that there are.
        known: Vec<String>,
    },
    /// The description says one thing and the program another.
    #[error("function `{function}`: {what}")]
    Mismatch {
        /// The function.
        function: String,
        /// What does not fit.
        what: String,
    },
    /// A chip to emulate that nobody knows.
    #[error(transparent)]
    Chip(#[from] UnknownChip),
    /// The operating system gives no threads.
    #[error("cannot start threads: {reason}")]
    Threads {
        /// Its reason.
        reason: String,
    },
}

impl LoadError {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            LoadError::Kind { .. } => ErrorKind::Unsupported,
            LoadError::NoFunction { .. } | LoadError::Chip(_) => ErrorKind::NotFound,
            LoadError::Mismatch { .. } => ErrorKind::Invalid,
            LoadError::Threads { .. } => ErrorKind::Exhausted,
        }
    }

    pub(crate) fn hint(&self) -> Option<&str> {
        match self {
            LoadError::Kind { .. } => {
                Some("convert it with coremltools and `convert_to=\"mlprogram\"`")
            }
            LoadError::Mismatch { .. } => {
                Some("the model's description and program differ; export the model again")
            }
            LoadError::NoFunction { .. } | LoadError::Chip(_) | LoadError::Threads { .. } => None,
        }
    }
}

/// Reads the model at `path` and compiles the function that `options` name.
pub fn load(engines: &Engines, path: &Path, options: &LoadOptions) -> Result<Model, Error> {
    load_package(engines, &anemone_formats::read(path)?, options)
}

/// Compiles the function that `options` name of a model that was read.
pub fn load_package(
    engines: &Engines,
    package: &Package,
    options: &LoadOptions,
) -> Result<Model, Error> {
    let prepared = Prepared::new(package, options.function.as_deref())?;
    let (engine, fallbacks) = engines.choose(&options.engine, options.device)?;
    let compile = CompileOptions {
        function: Some(prepared.name.clone()),
        precision: options.precision,
        rounding: options.rounding,
        source: None,
    };
    let checked = prepared.check()?;
    let plan = engine.compile(&checked, &compile)?;
    let interface =
        Interface::new(&prepared.name, prepared.features, plan.signature(), prepared.classifier)?;
    Ok(Model::new(prepared.name, Arc::new(interface), plan, fallbacks))
}

/// One function of a package on its way to `check`: alone, and without the classifier's last op.
pub(crate) struct Prepared<'a> {
    pub(crate) name: String,
    pub(crate) features: Features<'a>,
    pub(crate) program: Program,
    pub(crate) classifier: Option<Classifier>,
}

impl<'a> Prepared<'a> {
    pub(crate) fn new(package: &'a Package, function: Option<&str>) -> Result<Self, LoadError> {
        let (name, features, mut alone) = alone(package, function)?;
        let body = alone.functions.get_mut(&name);
        let classifier = body
            .map_or(Ok(None), classifier::split_off)
            .map_err(|what| LoadError::Mismatch { function: name.clone(), what })?;
        Ok(Prepared { name, features, program: alone, classifier })
    }

    pub(crate) fn check(&self) -> Result<Checked, anemone_ir::Diagnostics> {
        check(&self.program)
    }
}

/// The function that is meant, what the description says of it, and a program that has no other.
pub(crate) fn alone<'a>(
    package: &'a Package,
    function: Option<&str>,
) -> Result<(String, Features<'a>, Program), LoadError> {
    let program = match &package.body {
        Body::Program(program) => program,
        body => return Err(LoadError::Kind { kind: body.kind() }),
    };
    let name = function_name(&package.description, program, function);
    let missing = || LoadError::NoFunction {
        function: name.clone(),
        known: program.functions.keys().map(|known| format!("`{known}`")).collect(),
    };
    let body = program.functions.get(&name).ok_or_else(missing)?.clone();
    let described = match package.description.functions.is_empty() {
        true => package.description.features(None),
        false => package.description.features(Some(&name)),
    };
    let features = described.ok_or_else(missing)?;
    let alone = Program {
        version: program.version,
        functions: [(name.clone(), body)].into(),
        ..Program::default()
    };
    Ok((name, features, alone))
}

/// The function that is meant: the named one, the default one, or the only one.
fn function_name(description: &Description, program: &Program, named: Option<&str>) -> String {
    if let Some(named) = named {
        return named.to_owned();
    }
    let default = description.default_function_name();
    match program.functions.keys().next() {
        Some(only) if program.functions.len() == 1 => only.clone(),
        _ => default.to_owned(),
    }
}
