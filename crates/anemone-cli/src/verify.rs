//! `anemone verify`: what an engine's arithmetic does to a model, op by op against exact arithmetic, or
//! at its outputs against expected ones.

use std::path::{Path, PathBuf};

use anemone::engine::{Array, Value};
use anemone::ir::Package;
use anemone::{
    EngineChoice, Engines, LoadOptions, NamedSet, NamedValues, RandomInputs, VerifyOptions, formats,
};
use serde::Serialize;

use crate::arguments::{Against, VerifyArguments};
use crate::exit::Failure;
use crate::table::{columns, harmless, pretty_json};
use crate::{files, inspect, values};

/// Verifies the model. A result that is not clean is printed and fails.
pub(crate) fn verify(arguments: &VerifyArguments, json: bool) -> Result<String, Failure> {
    let package = formats::read(&arguments.model).map_err(anemone::Error::from)?;
    let engines = Engines::new(arguments.threads)?;
    let (text, fault) = match &arguments.against {
        Against::Exact => by_op(arguments, &engines, &package, json)?,
        Against::File(expected) => by_output(arguments, &engines, &package, expected, json)?,
    };
    match fault {
        Some(fault) => Err(Failure::new(fault).after(text)),
        None => Ok(text),
    }
}

/// Every op beside exact arithmetic; what is wrong, if anything is.
fn by_op(
    arguments: &VerifyArguments,
    engines: &Engines,
    package: &Package,
    json: bool,
) -> Result<(String, Option<String>), Failure> {
    let EngineChoice::AneEmulator { chip } = &arguments.engine else {
        let engine = &arguments.engine;
        let message = format!("`{engine}` is compared with expected outputs only");
        return Err(Failure::usage(message).hint("`--against FILE.npz` names them"));
    };
    let defaults = VerifyOptions::default();
    let options = VerifyOptions {
        function: arguments.function.clone(),
        chip: chip.clone(),
        tolerance: arguments.tolerance.unwrap_or(defaults.tolerance),
    };
    let findings = if arguments.inputs.is_empty() {
        let random = RandomInputs {
            sets: arguments.sets.get(),
            steps: arguments.steps.get(),
            seed: arguments.seed,
            shapes: inspect::shapes(&arguments.shapes)?,
        };
        anemone::verify_without_inputs(engines, package, &random, &options)?
    } else {
        anemone::verify_on(engines, package, &sets(arguments)?, &options)?
    };
    let text = if json { pretty_json(&findings)? } else { harmless(&findings.to_string()) };
    let found = [
        (!findings.unheld.is_empty(), "fp16 does not hold all constants and inputs"),
        (findings.first_overflow.is_some(), "a sum or result overflows"),
        (findings.first_nan.is_some(), "NaN is made of numbers"),
        (findings.first_divergence.is_some(), "an error is above the tolerance"),
    ];
    let found: Vec<&str> = found.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect();
    Ok((text, (!found.is_empty()).then(|| found.join("; "))))
}

/// One set for each file, or one of as many runs.
fn sets(arguments: &VerifyArguments) -> Result<Vec<NamedSet>, Failure> {
    let read = |path: &PathBuf| Ok((path.display().to_string(), named(path)?));
    let files = arguments.inputs.iter().map(read).collect::<Result<Vec<_>, Failure>>()?;
    if arguments.sequence {
        let (names, steps): (Vec<String>, Vec<NamedValues>) = files.into_iter().unzip();
        return Ok(vec![NamedSet { name: names.join(", "), steps }]);
    }
    let set = |(name, inputs)| NamedSet { name, steps: vec![inputs] };
    Ok(files.into_iter().map(set).collect())
}

fn named(path: &Path) -> Result<NamedValues, Failure> {
    values::from_arrays(files::read_npz(path)?)
}

/// How one output compares with what was expected of it.
#[derive(Serialize)]
struct OutputReport {
    name: String,
    elements: usize,
    max_absolute_error: f64,
    /// The largest error as a part of the largest expected element.
    error: f64,
    cosine: f64,
    /// Elements that are finite on one side only.
    odd: usize,
    is_within: bool,
}

#[derive(Serialize)]
struct OutputsReport {
    engine: String,
    against: String,
    tolerance: f64,
    outputs: Vec<OutputReport>,
}

/// The outputs of one run beside expected ones.
fn by_output(
    arguments: &VerifyArguments,
    engines: &Engines,
    package: &Package,
    expected: &Path,
    json: bool,
) -> Result<(String, Option<String>), Failure> {
    let [inputs] = arguments.inputs.as_slice() else {
        let message = "expected outputs belong to one file of inputs";
        return Err(Failure::usage(message).hint("give `--inputs FILE.npz` once"));
    };
    let options = LoadOptions {
        engine: arguments.engine.clone(),
        function: arguments.function.clone(),
        ..LoadOptions::default()
    };
    let model = anemone::load_package(engines, package, &options)?;
    let mut state = model.new_state();
    let prediction = model.predict(&named(inputs)?, Some(&mut state))?;
    let expected_outputs = files::read_npz(expected)?;
    let tolerance = arguments.tolerance.unwrap_or(VerifyOptions::default().tolerance);
    let mut outputs = Vec::new();
    for (name, wanted) in &expected_outputs {
        let found = prediction.outputs.iter().find(|(own, _)| own == name).map(|(_, value)| value);
        let Some(Value::Tensor(found)) = found else {
            let message = format!("`{}`: the model gives no array `{name}`", expected.display());
            return Err(Failure::new(message));
        };
        if found.shape() != wanted.shape() {
            return Err(Failure::new(format!(
                "output `{name}` has shape {:?}; expected is {:?}",
                found.shape(),
                wanted.shape()
            )));
        }
        outputs.push(compared(name, found, wanted, tolerance));
    }
    if outputs.is_empty() {
        return Err(Failure::new(format!("`{}` has no arrays", expected.display())));
    }
    let far: Vec<&str> = outputs.iter().filter(|o| !o.is_within).map(|o| o.name.as_str()).collect();
    let fault = (!far.is_empty()).then(|| format!("above the tolerance: {}", far.join(", ")));
    let report = OutputsReport {
        engine: arguments.engine.to_string(),
        against: expected.display().to_string(),
        tolerance,
        outputs,
    };
    let text = if json { pretty_json(&report)? } else { harmless(&told(&report)) };
    Ok((text, fault))
}

fn compared(name: &str, found: &Array, wanted: &Array, tolerance: f64) -> OutputReport {
    let [found, wanted] = [found, wanted].map(Array::to_tensor);
    let (mut largest, mut worst, mut odd) = (0.0f64, 0.0f64, 0);
    let (mut dot, mut lengths) = (0.0, [0.0, 0.0]);
    for i in 0..wanted.count() {
        let (a, b) = (found.get_f64(i), wanted.get_f64(i));
        if !a.is_finite() || !b.is_finite() {
            let is_same = a == b || a.is_nan() && b.is_nan();
            odd += usize::from(!is_same);
            continue;
        }
        largest = largest.max(b.abs());
        worst = worst.max((a - b).abs());
        dot += a * b;
        lengths[0] += a * a;
        lengths[1] += b * b;
    }
    let length = (lengths[0] * lengths[1]).sqrt();
    let error = if worst == 0.0 { 0.0 } else { worst / largest };
    OutputReport {
        name: name.to_owned(),
        elements: wanted.count(),
        max_absolute_error: worst,
        error,
        cosine: if length > 0.0 { dot / length } else { 1.0 },
        odd,
        is_within: odd == 0 && error <= tolerance,
    }
}

fn told(report: &OutputsReport) -> String {
    let row = |output: &OutputReport| {
        vec![
            output.name.clone(),
            format!("{} elements", output.elements),
            format!(
                "error at most {:.3e} ({:.4} %)",
                output.max_absolute_error,
                100.0 * output.error
            ),
            format!("cosine {:.6}", output.cosine),
            match output.odd {
                0 => String::new(),
                odd => format!("{odd} finite on one side only"),
            },
        ]
    };
    let rows: Vec<Vec<String>> = report.outputs.iter().map(row).collect();
    format!("{} against {}\n{}", report.engine, report.against, columns(&rows))
}
