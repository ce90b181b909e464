//! What the Neural Engine's arithmetic does to a model: `anemone_emu::verify` with inputs by name.

use std::collections::BTreeMap;

use anemone_ane::Target;
use anemone_emu::calibrate::{Calibration, InputSet};
use anemone_emu::interval::Range;
use anemone_emu::verify::{Findings, analyse, verify};
use anemone_engine::CompileOptions;
use anemone_ir::{FeatureKind, Package};

use crate::features::Interface;
use crate::forecast::shapes;
use crate::load::{LoadError, Prepared};
use crate::{Engines, Error, NamedValues};

/// How a model is verified.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// The function; the model's default one where it is left out.
    pub function: Option<String>,
    /// The chip that is emulated; those on which the arithmetic was measured where it is left out.
    pub chip: Option<String>,
    /// The error, as a part of the largest exact value, from which on an op diverges.
    pub tolerance: f64,
}

impl Default for VerifyOptions {
    fn default() -> VerifyOptions {
        let tolerance = anemone_emu::verify::VerifyOptions::default().tolerance;
        VerifyOptions { function: None, chip: None, tolerance }
    }
}

/// Inputs by name, run after run on one state, and how the findings call them.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedSet {
    /// The name.
    pub name: String,
    /// The inputs of each run.
    pub steps: Vec<NamedValues>,
}

/// What inputs are made where none are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RandomInputs {
    /// How many sets.
    pub sets: usize,
    /// Runs of each set, on one state.
    pub steps: usize,
    /// Another seed, other numbers.
    pub seed: u64,
    /// Shapes of inputs with free dimensions; those of the description where they are left out.
    pub shapes: BTreeMap<String, Vec<usize>>,
}

impl Default for RandomInputs {
    fn default() -> RandomInputs {
        let Calibration { sets, steps, seed, .. } = Calibration::default();
        RandomInputs { sets, steps, seed, shapes: BTreeMap::new() }
    }
}

/// Compares the emulator with exact arithmetic, op by op, on the inputs given.
pub fn verify_on(
    engines: &Engines,
    package: &Package,
    sets: &[NamedSet],
    options: &VerifyOptions,
) -> Result<Findings, Error> {
    let prepared = Prepared::new(package, options.function.as_deref())?;
    let checked = prepared.check()?;
    let emulated = emulated(&prepared.name, options)?;
    let compile =
        CompileOptions { function: Some(prepared.name.clone()), ..CompileOptions::default() };
    let plan = engines.cpu().compile(&checked, &compile)?;
    let interface =
        Interface::new(&prepared.name, prepared.features, plan.signature(), prepared.classifier)?;
    let mut bound = Vec::with_capacity(sets.len());
    for set in sets {
        let steps = set.steps.iter().map(|inputs| interface.bind(inputs));
        bound.push(InputSet { name: set.name.clone(), steps: steps.collect::<Result<_, _>>()? });
    }
    Ok(verify(&checked, engines.pool(), &bound, &emulated)?)
}

/// Looks for what can go wrong without inputs: bounds for all inputs of the kinds that the model
/// takes, and the emulator on random ones.
pub fn verify_without_inputs(
    engines: &Engines,
    package: &Package,
    random: &RandomInputs,
    options: &VerifyOptions,
) -> Result<Findings, Error> {
    let prepared = Prepared::new(package, options.function.as_deref())?;
    let checked = prepared.check()?;
    let emulated = emulated(&prepared.name, options)?;
    let mut calibration = Calibration {
        sets: random.sets,
        steps: random.steps,
        seed: random.seed,
        shapes: BTreeMap::new(),
        ranges: BTreeMap::new(),
    };
    for feature in prepared.features.inputs {
        if let FeatureKind::Image(_) = feature.kind {
            calibration.ranges.insert(feature.name.clone(), Range::new(0.0, 255.0));
        }
    }
    if let Some(function) = checked.functions().get(&prepared.name) {
        (calibration.shapes, _) = shapes(function, prepared.features.inputs, &random.shapes)?;
    }
    Ok(analyse(&checked, engines.pool(), &calibration, &emulated)?)
}

fn emulated(
    function: &str,
    options: &VerifyOptions,
) -> Result<anemone_emu::verify::VerifyOptions, LoadError> {
    let emulator = match &options.chip {
        Some(chip) => anemone_emu::Options::of(&Target::new(chip)?),
        None => anemone_emu::Options::default(),
    };
    let function = Some(function.to_owned());
    let tolerance = options.tolerance;
    Ok(anemone_emu::verify::VerifyOptions { function, emulator, tolerance })
}
