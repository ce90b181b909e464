//! Results: the emulator, and exact arithmetic, beside what Core ML answered.

use anemone_ane::Target;
use anemone_engine::{Array, Value};
use anemone_ir::Package;
use anemone_tensor::{Buffer, DataType};
use data_encoding::BASE64;
use half::f16;
use serde::Serialize;

use super::{CompareError, Measured, Tensor};
use crate::{EngineChoice, Engines, LoadOptions, NamedValues, load_package};

/// How close elements are to Core ML's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Closeness {
    /// Elements compared.
    pub elements: u64,
    /// Those that are the same half.
    pub equal: u64,
    /// Those that are infinite or no number on both sides alike, or on neither.
    pub same_kind: u64,
    /// The largest difference of finite elements.
    pub max_abs_error: f64,
}

/// One output of one run.
#[derive(Clone, Debug, Serialize)]
pub struct OutputScore {
    /// The compute units that Core ML was allowed.
    pub units: String,
    /// The output.
    pub name: String,
    /// The emulator's.
    pub emulator: Closeness,
    /// Those of exact arithmetic.
    pub exact: Closeness,
}

impl Closeness {
    fn of(ours: &[f64], theirs: &[f64]) -> Closeness {
        let mut closeness = Closeness::default();
        for (ours, theirs) in ours.iter().zip(theirs) {
            closeness.elements += 1;
            let halves = [*ours, *theirs].map(f16::from_f64);
            let is_equal = halves[0] == halves[1] || halves[0].is_nan() && halves[1].is_nan();
            closeness.equal += u64::from(is_equal);
            let kinds =
                halves.map(|half| (half.is_nan(), half.is_infinite(), half.is_sign_negative()));
            let is_same = match (halves[0].is_finite(), halves[1].is_finite()) {
                (true, true) => true,
                (false, false) => kinds[0] == kinds[1] || halves[0].is_nan() && halves[1].is_nan(),
                _ => false,
            };
            closeness.same_kind += u64::from(is_same);
            if halves[0].is_finite() && halves[1].is_finite() {
                closeness.max_abs_error = closeness.max_abs_error.max((ours - theirs).abs());
            }
        }
        closeness
    }

    /// Counts both together.
    pub fn add(&mut self, other: &Closeness) {
        self.elements += other.elements;
        self.equal += other.equal;
        self.same_kind += other.same_kind;
        self.max_abs_error = self.max_abs_error.max(other.max_abs_error);
    }
}

pub(super) fn score(
    engines: &Engines,
    measured: &Measured,
    package: &Package,
    target: &Target,
) -> Result<Vec<OutputScore>, CompareError> {
    if measured.outputs.values().all(|outputs| outputs.is_empty()) {
        return Ok(Vec::new());
    }
    let mut inputs = NamedValues::new();
    for (name, tensor) in &measured.inputs {
        let array =
            array(tensor).map_err(|what| wrong(measured, format!("input `{name}`: {what}")))?;
        inputs.insert(name.clone(), Value::Tensor(array));
    }
    let emulated = EngineChoice::AneEmulator { chip: Some(target.chip.clone()) };
    let emulator = predict(engines, emulated, measured, package, &inputs)?;
    let exact = predict(engines, EngineChoice::Cpu, measured, package, &inputs)?;
    let mut scores = Vec::new();
    for (units, outputs) in &measured.outputs {
        for (name, tensor) in outputs {
            let wrong = |what: String| wrong(measured, format!("output `{name}`: {what}"));
            let theirs = numbers(tensor).map_err(wrong)?;
            let ours = |all: &[(String, Value)]| -> Result<Vec<f64>, CompareError> {
                let value = all.iter().find(|(own, _)| own == name).map(|(_, value)| value);
                let Some(Value::Tensor(array)) = value else {
                    return Err(wrong("the model gives no such tensor".to_owned()));
                };
                let values = elements(array);
                match values.len() == theirs.len() {
                    true => Ok(values),
                    false => Err(wrong(format!(
                        "{} elements; the model gives {}",
                        theirs.len(),
                        values.len()
                    ))),
                }
            };
            scores.push(OutputScore {
                units: units.clone(),
                name: name.clone(),
                emulator: Closeness::of(&ours(&emulator)?, &theirs),
                exact: Closeness::of(&ours(&exact)?, &theirs),
            });
        }
    }
    Ok(scores)
}

fn wrong(measured: &Measured, what: String) -> CompareError {
    CompareError::Model { model: measured.name.clone(), what }
}

fn predict(
    engines: &Engines,
    engine: EngineChoice,
    measured: &Measured,
    package: &Package,
    inputs: &NamedValues,
) -> Result<Vec<(String, Value)>, CompareError> {
    let options = LoadOptions { engine, ..LoadOptions::default() };
    let prediction = load_package(engines, package, &options).and_then(|model| {
        let mut state = model.new_state();
        model.predict(inputs, Some(&mut state))
    });
    let prediction = prediction.map_err(|error| CompareError::Run {
        model: measured.name.clone(),
        error: Box::new(error),
    })?;
    Ok(prediction.outputs)
}

fn array(tensor: &Tensor) -> Result<Array, String> {
    let dtype = match tensor.dtype.as_str() {
        "float16" => DataType::F16,
        "float32" => DataType::F32,
        "float64" => DataType::F64,
        "int32" => DataType::I32,
        other => return Err(format!("`{other}` is no type of a report")),
    };
    let bytes = BASE64.decode(tensor.base64.as_bytes()).map_err(|error| error.to_string())?;
    let count = tensor.shape.iter().try_fold(1usize, |count, size| count.checked_mul(*size));
    if count.and_then(|count| dtype.byte_len(count)) != Some(bytes.len()) {
        return Err(format!("{} bytes are no {} {:?}", bytes.len(), tensor.dtype, tensor.shape));
    }
    let array = Array::dense(dtype, tensor.shape.clone(), Buffer::from_bytes(&bytes));
    array.map_err(|error| error.to_string())
}

fn numbers(tensor: &Tensor) -> Result<Vec<f64>, String> {
    Ok(elements(&array(tensor)?))
}

fn elements(array: &Array) -> Vec<f64> {
    let tensor = array.to_tensor();
    (0..tensor.count()).map(|i| tensor.get_f64(i)).collect()
}
