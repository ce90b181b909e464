//! Between the values of a description's features, by name, and those of a plan, by place.

use std::collections::BTreeMap;

use anemone_engine::{Array, Port, Signature, Value};
use anemone_ir::program::ElementType;
use anemone_ir::{ArrayFeature, DefaultValue, Feature, FeatureKind, Features};
use anemone_tensor::{Buffer, DataType, Tensor};
use thiserror::Error;

use crate::classifier::Classifier;
use crate::expected::{describe, numpy_name, refusal, shapes};
use crate::image;
use crate::load::LoadError;

/// Why values are not those that a model takes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FeatureError {
    /// Values are missing, or have names that the model does not know.
    #[error("{}", names(.what, .missing, .unknown, .expected))]
    Names {
        /// What they are: `input` or `state`.
        what: &'static str,
        /// Names without a value.
        missing: Vec<String>,
        /// Names that the model does not know.
        unknown: Vec<String>,
        /// All that the model takes, each with its type.
        expected: Vec<String>,
    },
    /// A value of another kind or element type.
    #[error("`{feature}` is {found}, not {expected}")]
    Kind {
        /// The input or state.
        feature: String,
        /// What was given.
        found: String,
        /// What the model takes.
        expected: String,
    },
    /// A shape or size that the model does not take.
    #[error("`{feature}` has {found}, the model takes {allowed}")]
    Shape {
        /// The input or state.
        feature: String,
        /// The shape given.
        found: String,
        /// The shapes allowed.
        allowed: String,
    },
    /// A result that does not fit the description.
    #[error("output `{feature}`: {what}")]
    Output {
        /// The output.
        feature: String,
        /// What does not fit.
        what: String,
    },
}

impl FeatureError {
    pub(crate) fn hint(&self) -> Option<&str> {
        match self {
            FeatureError::Names { .. } | FeatureError::Shape { .. } => None,
            FeatureError::Kind { .. } => {
                Some("with numpy: `array.astype(\"float32\")`, or the type that the model takes")
            }
            FeatureError::Output { .. } => Some("the description and the program differ"),
        }
    }
}

fn names(what: &str, missing: &[String], unknown: &[String], expected: &[String]) -> String {
    let mut faults = Vec::new();
    for (list, verdict) in [(missing, "missing"), (unknown, "unknown")] {
        if !list.is_empty() {
            let quoted: Vec<String> = list.iter().map(|name| format!("`{name}`")).collect();
            faults.push(format!("{what} {} {verdict}", quoted.join(", ")));
        }
    }
    let takes = if expected.is_empty() { "none".to_owned() } else { expected.join(", ") };
    format!("{}; the model takes {takes}", faults.join(", "))
}

/// Elements of an input that is filled with its default; a larger one must be given.
const MAX_FILLED: usize = 1 << 26;

/// A function's features, matched with the plan's ports.
#[derive(Debug)]
pub(crate) struct Interface {
    pub(crate) inputs: Vec<Feature>,
    pub(crate) outputs: Vec<Feature>,
    pub(crate) states: Vec<Feature>,
    input_ports: Vec<(usize, Port)>,
    sources: Vec<Source>,
    classifier: Option<Classifier>,
    state_ports: Vec<Port>,
}

/// Where an output comes from: a port of the plan, or the classifier on top of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Port(usize),
    Label(usize),
    Dictionary(usize),
}

impl Interface {
    pub(crate) fn new(
        function: &str,
        features: Features<'_>,
        signature: &Signature,
        classifier: Option<Classifier>,
    ) -> Result<Interface, LoadError> {
        let mismatch = |what| LoadError::Mismatch { function: function.to_owned(), what };
        let mut input_ports = Vec::with_capacity(signature.inputs.len());
        for port in &signature.inputs {
            let at = features.inputs.iter().position(|feature| feature.name == port.name);
            let at = at.ok_or_else(|| {
                mismatch(format!("input `{}` of the program is not described", port.name))
            })?;
            input_ports.push((at, port.clone()));
        }
        let port_of = |name: &str| signature.outputs.iter().position(|port| port.name == name);
        let mut sources = Vec::with_capacity(features.outputs.len());
        for feature in features.outputs {
            let source = match &classifier {
                Some(c) if c.label == feature.name => port_of(&c.probabilities).map(Source::Label),
                Some(c) if c.dictionary == feature.name => {
                    port_of(&c.probabilities).map(Source::Dictionary)
                }
                _ => port_of(&feature.name).map(Source::Port),
            };
            sources.push(source.ok_or_else(|| {
                mismatch(format!("the program does not compute output `{}`", feature.name))
            })?);
        }
        Ok(Interface {
            inputs: features.inputs.to_vec(),
            outputs: features.outputs.to_vec(),
            states: features.states.to_vec(),
            input_ports,
            sources,
            classifier,
            state_ports: signature.states.clone(),
        })
    }

    /// The plan's inputs, in order, from values by name.
    pub(crate) fn bind(
        &self,
        values: &BTreeMap<String, Value>,
    ) -> Result<Vec<Value>, FeatureError> {
        self.check_names(values)?;
        let bind = |(at, port): &(usize, Port)| {
            let feature = &self.inputs[*at];
            match values.get(&feature.name) {
                Some(value) => input(feature, port, value),
                None => absent(feature, port),
            }
        };
        self.input_ports.iter().map(bind).collect()
    }

    fn check_names(&self, values: &BTreeMap<String, Value>) -> Result<(), FeatureError> {
        let missing = self.inputs.iter().filter(|f| !f.optional && !values.contains_key(&f.name));
        let missing: Vec<String> = missing.map(|f| f.name.clone()).collect();
        let known = |name: &String| self.inputs.iter().any(|f| f.name == *name);
        let unknown: Vec<String> = values.keys().filter(|name| !known(name)).cloned().collect();
        if missing.is_empty() && unknown.is_empty() {
            return Ok(());
        }
        let expected = self.inputs.iter().map(expectation).collect();
        Err(FeatureError::Names { what: "input", missing, unknown, expected })
    }

    /// Values by name, in the description's order, from the plan's outputs.
    pub(crate) fn outputs(&self, values: Vec<Value>) -> Result<Vec<(String, Value)>, FeatureError> {
        let mut outputs = Vec::with_capacity(self.outputs.len());
        for (feature, source) in self.outputs.iter().zip(&self.sources) {
            let fault = |what: String| FeatureError::Output { feature: feature.name.clone(), what };
            let (Source::Port(at) | Source::Label(at) | Source::Dictionary(at)) = *source;
            let Some(Value::Tensor(array)) = values.get(at) else {
                return Err(fault("the plan gave no tensor".to_owned()));
            };
            let value = match (source, &self.classifier) {
                (Source::Port(_), _) => output(feature, array),
                (_, None) => Err("the model has no classes".to_owned()),
                (Source::Label(_), Some(c)) => c.outputs(&array.to_tensor()).map(|both| both.0),
                (Source::Dictionary(_), Some(c)) => {
                    c.outputs(&array.to_tensor()).map(|both| both.1)
                }
            };
            outputs.push((feature.name.clone(), value.map_err(fault)?));
        }
        Ok(outputs)
    }

    /// The place of state `name` in the plan.
    pub(crate) fn state(&self, name: &str) -> Result<usize, FeatureError> {
        self.state_ports.iter().position(|port| port.name == name).ok_or_else(|| {
            let expected = self.state_ports.iter().map(|p| format!("`{}` ({})", p.name, p.ty));
            FeatureError::Names {
                what: "state",
                missing: Vec::new(),
                unknown: vec![name.to_owned()],
                expected: expected.collect(),
            }
        })
    }

    /// An array for state `name`, if it has the state's type and shape.
    pub(crate) fn check_state(&self, index: usize, array: &Array) -> Result<(), FeatureError> {
        let port = &self.state_ports[index];
        if array.dtype() != port.ty.dtype {
            return Err(wrong_type(&port.name, array.dtype(), port.ty.dtype));
        }
        if port.ty.known_shape().as_deref() != Some(array.shape()) {
            let allowed = port.ty.to_string();
            return Err(wrong_shape(&port.name, array.shape(), allowed));
        }
        Ok(())
    }

    /// The names of the plan's states, in its order.
    pub(crate) fn state_names(&self) -> impl Iterator<Item = &str> {
        self.state_ports.iter().map(|port| port.name.as_str())
    }
}

/// A feature's name and what it takes.
pub(crate) fn expectation(feature: &Feature) -> String {
    let optional = if feature.optional { ", optional" } else { "" };
    format!("`{}` ({}{optional})", feature.name, describe(&feature.kind))
}

fn wrong_type(feature: &str, found: DataType, expected: DataType) -> FeatureError {
    FeatureError::Kind {
        feature: feature.to_owned(),
        found: numpy_name(found).to_owned(),
        expected: numpy_name(expected).to_owned(),
    }
}

fn wrong_shape(feature: &str, found: &[usize], allowed: String) -> FeatureError {
    FeatureError::Shape { feature: feature.to_owned(), found: format!("shape {found:?}"), allowed }
}

fn input(feature: &Feature, port: &Port, value: &Value) -> Result<Value, FeatureError> {
    let wrong = |found: &str| FeatureError::Kind {
        feature: feature.name.clone(),
        found: found.to_owned(),
        expected: describe(&feature.kind),
    };
    match (&feature.kind, value) {
        (FeatureKind::Image(kind), Value::Image(_) | Value::Tensor(_)) => {
            image::to_tensor(&feature.name, kind, port, value).map(Value::Tensor)
        }
        (FeatureKind::MultiArray(kind), Value::Tensor(array)) => {
            array_input(&feature.name, kind, port, array).map(Value::Tensor)
        }
        (FeatureKind::Int64 | FeatureKind::Double, Value::Tensor(array)) if array.count() == 1 => {
            let shape = port.ty.known_shape().unwrap_or_default();
            shaped(array, port.ty.dtype, shape).map(Value::Tensor).map_err(|_| wrong("no scalar"))
        }
        (_, Value::Tensor(_)) => Err(wrong("an array")),
        (_, Value::Image(_)) => Err(wrong("an image")),
        (_, Value::String(_)) => Err(wrong("a string")),
        (_, Value::Dictionary(_)) => Err(wrong("a dictionary")),
        (_, Value::Sequence(_)) => Err(wrong("a sequence")),
    }
}

fn array_input(
    name: &str,
    kind: &ArrayFeature,
    port: &Port,
    array: &Array,
) -> Result<Array, FeatureError> {
    let declared = match kind.dtype {
        ElementType::Known(dtype) => dtype,
        ElementType::Unknown(_) => port.ty.dtype,
    };
    if !is_taken(array.dtype(), declared) {
        return Err(wrong_type(name, array.dtype(), declared));
    }
    let is_scalar = port.ty.shape.is_empty() && array.count() == 1 && array.shape().len() <= 1;
    if !is_scalar && !kind.allows(array.shape()) {
        let allowed = shapes(kind) + &refusal(kind, array.shape());
        return Err(wrong_shape(name, array.shape(), allowed));
    }
    let shape = if is_scalar { Vec::new() } else { array.shape().to_vec() };
    shaped(array, port.ty.dtype, shape)
        .map_err(|_| wrong_shape(name, array.shape(), port.ty.to_string()))
}

/// Whether values of one type are taken for an input of another: like Core ML, `float32` for
/// `float16`; a `float64` array where `float32` is wanted is more likely a mistake.
fn is_taken(given: DataType, declared: DataType) -> bool {
    given == declared || declared.is_float() && matches!(given, DataType::F16 | DataType::F32)
}

/// The value of an optional input that was left out: its default, or zero.
fn absent(feature: &Feature, port: &Port) -> Result<Value, FeatureError> {
    let (shape, fill) = match &feature.kind {
        FeatureKind::MultiArray(array) => {
            let fill = match array.default {
                Some(DefaultValue::Int(n)) => n.into(),
                Some(DefaultValue::Float(x)) => x.into(),
                Some(DefaultValue::Double(x)) => x,
                None => 0.0,
            };
            (port.ty.known_shape().or_else(|| array.default_shape()), fill)
        }
        _ => (port.ty.known_shape(), 0.0),
    };
    let filled = shape.and_then(|shape| {
        let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))?;
        let count = Some(count).filter(|&count| count <= MAX_FILLED)?;
        Tensor::from_f64(port.ty.dtype, shape, std::iter::repeat_n(fill, count)).ok()
    });
    let names = || FeatureError::Names {
        what: "input",
        missing: vec![feature.name.clone()],
        unknown: Vec::new(),
        expected: vec![expectation(feature)],
    };
    filled.map(|tensor| Value::Tensor(tensor.into())).ok_or_else(names)
}

fn output(feature: &Feature, array: &Array) -> Result<Value, String> {
    match &feature.kind {
        FeatureKind::Image(kind) => image::from_tensor(kind, array).map(Value::Image),
        FeatureKind::MultiArray(kind) => {
            let dtype = match kind.dtype {
                ElementType::Known(dtype) => dtype,
                ElementType::Unknown(_) => array.dtype(),
            };
            let shape = match array.shape() {
                [] => vec![1],
                shape => shape.to_vec(),
            };
            shaped(array, dtype, shape).map(Value::Tensor)
        }
        FeatureKind::Int64 => shaped(array, DataType::I64, Vec::new()).map(Value::Tensor),
        FeatureKind::Double => shaped(array, DataType::F64, Vec::new()).map(Value::Tensor),
        FeatureKind::Opaque(_) => Ok(Value::Tensor(array.clone())),
        other => Err(format!("a tensor cannot be {}", describe(other))),
    }
}

/// A scalar feature's value.
pub(crate) fn int64(value: i64) -> Value {
    let data = Buffer::from_bytes(&value.to_le_bytes());
    let array = Array::dense(DataType::I64, Vec::new(), data);
    Value::Tensor(array.expect("eight bytes are one int64"))
}

/// `array` with another element type and shape.
fn shaped(array: &Array, dtype: DataType, shape: Vec<usize>) -> Result<Array, String> {
    if array.dtype() == dtype && array.shape() == shape {
        return Ok(array.clone());
    }
    let tensor = array.to_tensor();
    let cast = match dtype {
        _ if tensor.dtype() == dtype => tensor.reshaped(shape),
        DataType::I64 => {
            let bytes: Vec<u8> =
                tensor.to_i64().iter().flat_map(|value| value.to_le_bytes()).collect();
            Tensor::new(dtype, shape, Buffer::from_bytes(&bytes))
        }
        _ => Tensor::from_f64(dtype, shape, (0..tensor.count()).map(|i| tensor.get_f64(i))),
    };
    cast.map(Array::from).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
