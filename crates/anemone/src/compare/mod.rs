//! A Mac's report beside the forecast and the emulator: where we were right, and where not.
//!
//! `tools/mac-report` writes the report ([`MacReport`]) on a Mac; [`compare`] scores it on any machine.
//! A model of the report is known by its name: that of a probe ([`probes`](crate::probes())), or of a file
//! that the caller has. Ops are matched by the name of their first output.

mod outputs;
mod placement;

use std::collections::{BTreeMap, BTreeSet};

use anemone_ane::{Os, Range, Target};
use anemone_ir::Package;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use outputs::{Closeness, OutputScore};
pub use placement::{Agreement, Miss};

use crate::{Engines, Error};

/// What a report's `format` says.
pub const FORMAT: &str = "anemone-mac-report";
/// The version that this code reads.
pub const VERSION: u32 = 1;
/// The compute units whose plan a forecast is compared with: it knows no GPU.
pub const UNITS: &str = "cpu_and_ne";

/// What a Mac said: Core ML's plans, times and results.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct MacReport {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// The machine.
    pub machine: Machine,
    /// The models that were run.
    pub models: Vec<Measured>,
}

/// The Mac.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Machine {
    /// The chip as the system names it, such as `Apple M4 Pro`.
    pub chip: String,
    /// The system's version, such as `27.0.1`.
    pub macos: String,
    /// Anything else that was noted.
    #[serde(flatten)]
    pub other: BTreeMap<String, serde_json::Value>,
}

/// One model on the Mac. Maps go by compute units: `cpu_only`, `cpu_and_gpu`, `cpu_and_ne`, `all`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// The planner's intentions; not what was seen to run.
    pub plans: BTreeMap<String, Vec<PlannedOp>>,
    /// The time of each prediction.
    pub timings_ms: BTreeMap<String, Vec<f64>>,
    /// What it was asked with.
    pub inputs: BTreeMap<String, Tensor>,
    /// What it answered.
    pub outputs: BTreeMap<String, BTreeMap<String, Tensor>>,
    /// What went wrong, in the words of Core ML.
    pub errors: Vec<String>,
}

/// An op in Core ML's plan.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PlannedOp {
    /// The function that it stands in.
    pub function: String,
    /// The names of its outputs.
    pub outputs: Vec<String>,
    /// Its type, such as `ios17.conv`.
    pub op: String,
    /// `cpu`, `gpu` or `neural_engine`; none where Core ML does not say, as of constants.
    pub preferred: Option<String>,
    /// Where it could run.
    #[serde(default)]
    pub supported: Vec<String>,
    /// Its share of the model's estimated cost.
    #[serde(default)]
    pub cost: Option<f64>,
}

/// An array: dense, row by row, its bytes in base64, the least significant first.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Tensor {
    /// `float16`, `float32`, `float64` or `int32`.
    pub dtype: String,
    /// The sizes.
    pub shape: Vec<usize>,
    /// The elements.
    pub base64: String,
}

/// Why a report cannot be compared.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CompareError {
    /// The text is not a report.
    #[error("this is not a report of tools/mac-report: {what}")]
    Format {
        /// What is wrong.
        what: String,
    },
    /// The chip or the system is not in our tables.
    #[error("the report's machine is unknown here: {what}")]
    Machine {
        /// What is unknown.
        what: String,
    },
    /// A model's entry does not fit the model.
    #[error("`{model}`: {what}")]
    Model {
        /// The model's name.
        model: String,
        /// What does not fit.
        what: String,
    },
    /// The model cannot be forecast, loaded or run here.
    #[error("`{model}`: {error}")]
    Run {
        /// The model's name.
        model: String,
        /// Why.
        error: Box<Error>,
    },
}

/// How forecast and emulator did.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The Mac.
    pub machine: Machine,
    /// What the forecasts were made for.
    pub target: Target,
    /// Places over all models.
    pub places: Agreement,
    /// Elements of outputs over all models.
    pub emulator: Closeness,
    /// The same for exact arithmetic: what the emulator has to beat.
    pub exact: Closeness,
    /// Model by model.
    pub models: Vec<ModelScore>,
    /// Models of the report that are neither probes nor given.
    pub unknown: Vec<String>,
}

/// How forecast and emulator did for one model.
#[derive(Clone, Debug, Serialize)]
pub struct ModelScore {
    /// Its name.
    pub name: String,
    /// What it asks, if it is a probe.
    pub question: Option<&'static str>,
    /// Places of its ops.
    pub places: Agreement,
    /// Ops that were forecast elsewhere than Core ML prefers.
    pub misses: Vec<Miss>,
    /// The time of a prediction.
    pub latency: Option<LatencyScore>,
    /// Its outputs.
    pub outputs: Vec<OutputScore>,
    /// What went wrong on the Mac.
    pub errors: Vec<String>,
}

/// A time, and its forecast.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LatencyScore {
    /// The median of the measured times.
    pub measured_ms: f64,
    /// The forecast.
    pub forecast_ms: Range,
    /// Whether the measured time lies within its bars.
    pub is_within: bool,
    /// The measured time over the estimate.
    pub ratio: f64,
}

impl MacReport {
    /// Reads a report.
    pub fn parse(text: &str) -> Result<MacReport, CompareError> {
        let wrong = |what: String| CompareError::Format { what };
        let report: MacReport =
            serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if report.format != FORMAT {
            return Err(wrong(format!("its format is `{}`", report.format)));
        }
        if report.version != VERSION {
            let version = report.version;
            return Err(wrong(format!("its version is {version}; this reads {VERSION}")));
        }
        let mut names = BTreeSet::new();
        for Measured { name, timings_ms, .. } in &report.models {
            if !names.insert(name) {
                return Err(wrong(format!("it has two models `{name}`")));
            }
            let is_time = |ms: &f64| ms.is_finite() && *ms > 0.0;
            if let Some(ms) = timings_ms.values().flatten().find(|ms| !is_time(ms)) {
                return Err(wrong(format!("`{name}`: {ms} ms is no time")));
            }
        }
        Ok(report)
    }

    /// The chip and system of the Mac.
    pub fn target(&self) -> Result<Target, CompareError> {
        let unknown = |what: String| CompareError::Machine { what };
        let chip = self.machine.chip.trim();
        let chip = chip.strip_prefix("Apple ").unwrap_or(chip);
        let target = Target::new(chip).map_err(|error| unknown(error.to_string()))?;
        let macos = &self.machine.macos;
        let major = macos.split('.').next().and_then(|major| major.parse().ok());
        let major = major.ok_or_else(|| unknown(format!("macOS `{macos}` is no version")))?;
        let system = target.os.system;
        Ok(target.with_os(Os { system, major }))
    }
}

/// Scores forecast and emulator for each model of the report: probes, and those that `given` finds by
/// name.
pub fn compare(
    engines: &Engines,
    report: &MacReport,
    target: &Target,
    given: &BTreeMap<String, Package>,
) -> Result<Comparison, CompareError> {
    let probes = crate::probes();
    let mut comparison = Comparison {
        machine: report.machine.clone(),
        target: target.clone(),
        places: Agreement::default(),
        emulator: Closeness::default(),
        exact: Closeness::default(),
        models: Vec::new(),
        unknown: Vec::new(),
    };
    for measured in &report.models {
        let probe = probes.iter().find(|probe| probe.name == measured.name);
        let package = given.get(&measured.name).or(probe.map(|probe| &probe.package));
        let Some(package) = package else {
            comparison.unknown.push(measured.name.clone());
            continue;
        };
        let placed = placement::score(measured, package, target)?;
        let outputs = outputs::score(engines, measured, package, target)?;
        comparison.places.add(&placed.places);
        for output in outputs.iter().filter(|output| output.units == UNITS) {
            comparison.emulator.add(&output.emulator);
            comparison.exact.add(&output.exact);
        }
        comparison.models.push(ModelScore {
            name: measured.name.clone(),
            question: probe.map(|probe| probe.question),
            places: placed.places,
            misses: placed.misses,
            latency: placed.latency,
            outputs,
            errors: measured.errors.clone(),
        });
    }
    Ok(comparison)
}
