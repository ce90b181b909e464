//! `anemone run`: one prediction for people.

use std::path::{Path, PathBuf};

use anemone::engine::{Array, Keys, RunContext, Value};
use anemone::ir::{Feature, FeatureKind};
use anemone::{Engines, LoadOptions, NamedValues, Prediction, describe, formats};
use serde_json::json;

use crate::arguments::RunArguments;
use crate::exit::Failure;
use crate::{files, npy, picture, values};

/// Elements of an output that are shown.
const SHOWN: usize = 6;
/// Classes that are shown unless the user says how many.
const TOP: usize = 5;

/// Runs the model once and tells the outputs.
pub(crate) fn run(arguments: &RunArguments, json: bool) -> Result<String, Failure> {
    let engines = Engines::new(arguments.threads)?;
    let options = LoadOptions {
        engine: arguments.engine.clone().unwrap_or_default(),
        device: arguments.compute_units.unwrap_or_default(),
        function: arguments.function.clone(),
        ..LoadOptions::default()
    };
    let package = formats::read(&arguments.model).map_err(anemone::Error::from)?;
    if let Some(features) = package.description.features(arguments.function.as_deref())
        && arguments.inputs.is_empty()
        && features.inputs.iter().any(|input| !input.optional)
    {
        return Err(no_inputs(features.inputs));
    }
    let model = anemone::load_package(&engines, &package, &options)?;
    let labels = arguments.labels.as_deref().map(labels).transpose()?;
    let (inputs, notes) = inputs(model.inputs(), &arguments.inputs)?;
    let mut state = model.new_state();
    let prediction = model.session().predict(&inputs, Some(&mut state), &RunContext::default())?;
    if let Some(folder) = &arguments.output_dir {
        save(folder, &prediction)?;
    }
    if json {
        return as_json(&prediction, notes);
    }
    let mut text: String = notes.iter().map(|note| format!("{note}\n")).collect();
    for (name, value) in &prediction.outputs {
        text += &format!("{name}: {}\n", summary(value, arguments.top, labels.as_deref()));
    }
    let receipt = &prediction.receipt;
    let ms = receipt.compute.as_secs_f64() * 1e3;
    text += &format!("ran on {} in {ms:.1} ms\n", receipt.device);
    if arguments.compute_units.is_some() {
        text.extend(receipt.fallbacks.iter().map(|why| format!("not used: {why}\n")));
    }
    Ok(text)
}

fn no_inputs(features: &[Feature]) -> Failure {
    let wanted: Vec<String> = features
        .iter()
        .map(|f| {
            let optional = if f.optional { ", optional" } else { "" };
            format!("`{}` ({}{optional})", f.name, describe(&f.kind))
        })
        .collect();
    let example: Vec<String> = features
        .iter()
        .filter(|f| !f.optional)
        .map(|f| {
            let is_image = matches!(f.kind, FeatureKind::Image(_));
            format!("--input {}=FILE.{}", f.name, if is_image { "png" } else { "npy" })
        })
        .collect();
    Failure::usage(format!("inputs are missing; the model takes {}", wanted.join(", ")))
        .hint(format!("give {}", example.join(" ")))
}

fn labels(path: &Path) -> Result<Vec<String>, Failure> {
    Ok(files::read_text(path)?.lines().map(|line| line.trim().to_owned()).collect())
}

fn inputs(
    features: &[Feature],
    given: &[(String, PathBuf)],
) -> Result<(NamedValues, Vec<String>), Failure> {
    let (mut values, mut notes) = (NamedValues::new(), Vec::new());
    for (name, path) in given {
        let is_array = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy"));
        let kind = features.iter().find(|feature| feature.name == *name).map(|f| &f.kind);
        let value = match kind {
            Some(FeatureKind::Image(feature)) if !is_array => {
                let (image, scaled) = picture::read(path, feature)?;
                if let Some((width, height)) = scaled {
                    notes.push(format!(
                        "`{name}`: {width} x {height} was scaled to {} x {}",
                        image.width, image.height
                    ));
                }
                Value::Image(image)
            }
            _ => Value::Tensor(files::read_npy(path)?),
        };
        if values.insert(name.clone(), value).is_some() {
            return Err(Failure::usage(format!("input `{name}` is given twice")));
        }
    }
    Ok((values, notes))
}

/// One line for a person.
fn summary(value: &Value, top: Option<usize>, labels: Option<&[String]>) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Dictionary(dictionary) => {
            let keys = match &dictionary.keys {
                Keys::Strings(keys) => keys.clone(),
                Keys::Ints(keys) => keys.iter().map(i64::to_string).collect(),
            };
            ranked(&dictionary.values, top.unwrap_or(TOP), Some(&keys))
        }
        Value::Image(image) => format!("image {} x {}", image.width, image.height),
        Value::Sequence(items) => format!("sequence of {}", items.len()),
        Value::Tensor(array) => {
            let tensor = array.to_tensor();
            let numbers: Vec<f64> = (0..tensor.count()).map(|i| tensor.get_f64(i)).collect();
            match (top, labels, numbers.as_slice()) {
                (None, None, [one]) => one.to_string(),
                (None, None, _) => statistics(array, &numbers),
                _ => ranked(&numbers, top.unwrap_or(TOP), labels),
            }
        }
    }
}

fn statistics(array: &Array, numbers: &[f64]) -> String {
    let start = format!("{} {:?}", array.dtype(), array.shape());
    if numbers.is_empty() {
        return start;
    }
    let (mut low, mut high, mut sum) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
    for &number in numbers {
        (low, high, sum) = (low.min(number), high.max(number), sum + number);
    }
    let first: Vec<String> = numbers.iter().take(SHOWN).map(|n| format!("{n:.4}")).collect();
    let more = if numbers.len() > SHOWN { ", ..." } else { "" };
    let mean = sum / numbers.len() as f64;
    let first = first.join(", ");
    format!("{start}, min {low:.4}, mean {mean:.4}, max {high:.4}: {first}{more}")
}

fn ranked(numbers: &[f64], top: usize, labels: Option<&[String]>) -> String {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by(|&a, &b| numbers[b].total_cmp(&numbers[a]));
    let entry = |&index: &usize| match labels.and_then(|labels| labels.get(index)) {
        Some(label) => format!("{label} {:.4}", numbers[index]),
        None => format!("#{index} {:.4}", numbers[index]),
    };
    order.iter().take(top).map(entry).collect::<Vec<_>>().join(", ")
}

fn as_json(prediction: &Prediction, notes: Vec<String>) -> Result<String, Failure> {
    let mut outputs = serde_json::Map::new();
    for (name, value) in &prediction.outputs {
        outputs.insert(name.clone(), value_json(value));
    }
    let receipt = &prediction.receipt;
    let report = json!({
        "outputs": outputs,
        "notes": notes,
        "device": receipt.device,
        "fallbacks": receipt.fallbacks,
        "compute_ms": receipt.compute.as_secs_f64() * 1e3,
    });
    Ok(format!("{report:#}\n"))
}

fn value_json(value: &Value) -> serde_json::Value {
    match value {
        Value::String(text) => json!(text),
        Value::Dictionary(dictionary) => match &dictionary.keys {
            Keys::Strings(keys) => json!({ "keys": keys, "values": dictionary.values }),
            Keys::Ints(keys) => json!({ "keys": keys, "values": dictionary.values }),
        },
        Value::Image(image) => json!({ "width": image.width, "height": image.height }),
        Value::Sequence(items) => items.iter().map(value_json).collect(),
        Value::Tensor(array) => {
            let tensor = array.to_tensor();
            let numbers: Vec<f64> = (0..tensor.count()).map(|i| tensor.get_f64(i)).collect();
            let dtype = array.dtype().name();
            json!({ "dtype": dtype, "shape": array.shape(), "values": numbers })
        }
    }
}

/// Each output in a file of its own: arrays as `.npy`, images as `.png`, the rest as `.json`.
fn save(folder: &Path, prediction: &Prediction) -> Result<(), Failure> {
    let mut written = Vec::new();
    for (name, value) in &prediction.outputs {
        let broken = |error: npy::NpyError| Failure::new(format!("output `{name}`: {error}"));
        let (suffix, bytes) = match value {
            Value::Tensor(array) => ("npy", npy::write(array).map_err(broken)?),
            Value::Image(image) => match picture::png(image) {
                Some(bytes) => ("png", bytes),
                None => ("npy", npy::write(&values::pixels(image)?).map_err(broken)?),
            },
            other => ("json", format!("{:#}\n", value_json(other)).into_bytes()),
        };
        // A name may hold what a path must not.
        let plain = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' };
        let stem: String = name.chars().map(plain).collect();
        written.push((folder.join(format!("{stem}.{suffix}")), bytes));
    }
    files::create_folder(folder)?;
    Ok(files::write_all(&written)?)
}
