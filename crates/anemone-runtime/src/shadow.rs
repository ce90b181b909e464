//! Runs a part of the requests a second time elsewhere, and tells whether the outputs agree.

use anemone_engine::{Array, Dictionary, Image, PixelLayout, Value};
use anemone_tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::manager::Manager;
use crate::models::Version;
use crate::request::Answer;
use crate::sync::Arc;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::{InferenceOptions, Model, Priority};

/// How far outputs may be apart. Text, labels, whole numbers and truth values must be equal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Tolerance {
    /// The difference of two numbers that is allowed whatever their size. The default is 0.001.
    pub absolute: f64,
    /// The difference that is allowed besides, as a part of the second number's size. The default is
    /// 0.001, about what half floats keep.
    pub relative: f64,
    /// The least cosine of two tensors of floats. The default is 0.999.
    pub cosine: f64,
}

/// A second engine or model that runs a part of the requests once more after they were answered, as
/// work that can wait: its outputs are compared and dropped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Shadow {
    /// The part of the requests, from 0 to 1.
    pub fraction: f64,
    /// The engine, by name; any where it is left out.
    pub engine: Option<String>,
    /// Another model, by name, or the same where it is left out.
    pub model: Option<String>,
    /// A version of it; the current one where it is left out.
    pub version: Option<u64>,
    /// How far outputs may be apart.
    #[serde(default)]
    pub tolerance: Tolerance,
}

/// How the outputs of two runs compare.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    /// Whether they are the same within the tolerance.
    pub agrees: bool,
    /// The largest difference of two numbers; infinite where one is not a number, or infinite alone.
    pub largest_difference: f64,
    /// The smallest cosine of two tensors of floats, over elements that are finite in both.
    pub cosine: Option<f64>,
    /// Where they first disagree, for people.
    pub first_difference: Option<String>,
}

/// Chooses a fraction of the requests, evenly: of any `n` requests in a row it takes `n` times the
/// fraction, give or take one.
#[derive(Debug)]
pub(crate) struct Sampler {
    /// The fraction in units of 2^-64.
    step: u64,
    /// The sum of the steps; a request is taken when it overflows.
    sum: AtomicU64,
}

/// Compares the outputs of two runs. NaN equals NaN, infinities are equal by sign; values of another
/// kind, shape or element type disagree.
pub fn compare(a: &[Value], b: &[Value], tolerance: &Tolerance) -> Comparison {
    let result =
        Comparison { agrees: true, largest_difference: 0.0, cosine: None, first_difference: None };
    let mut comparing = Comparing { tolerance, result };
    comparing.same("the number of outputs", &a.len(), &b.len());
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        comparing.values(&format!("output {i}"), a, b);
    }
    comparing.result
}

/// Whether a request is one of those that are run a second time. Not asked for a conversation, whose
/// state cannot be in two places, nor for a second run itself.
pub(crate) fn is_sampled(version: &Version) -> bool {
    version.sampler.as_ref().is_some_and(Sampler::takes)
}

/// Runs a request a second time where `version` says, when nothing else is to be done.
pub(crate) fn send(model: &Model, version: &Arc<Version>, inputs: Vec<Value>, first: &Answer) {
    let Some(shadow) = version.settings.shadow.clone() else { return };
    let (outputs, took) = (first.outputs.clone(), first.receipt.compute);
    let (manager, version) = (Manager { handle: model.handle.clone() }, version.clone());
    model.handle.core.workers.spawn(async move {
        let name = shadow.model.as_deref().unwrap_or(&version.name);
        let other = match shadow.version {
            Some(number) => manager.model_version(name, number),
            None => manager.model(name),
        };
        let options = InferenceOptions {
            priority: Priority::Background,
            engine: shadow.engine,
            ..InferenceOptions::default()
        };
        let second = match other {
            Ok(other) => other.infer_as_shadow(inputs, &options).await,
            Err(error) => Err(error),
        };
        match second {
            Ok(second) => {
                let compared = compare(&outputs, &second.outputs, &shadow.tolerance);
                if !compared.agrees {
                    let at = compared.first_difference.as_deref();
                    tracing::warn!(model = %version.name, at, "the shadow run disagrees");
                }
                let difference = compared.largest_difference;
                version.metrics.shadow(compared.agrees, difference, took, second.compute());
            }
            Err(error) => tracing::warn!(model = %version.name, %error, "the shadow run failed"),
        }
    });
}

impl Sampler {
    /// Takes `fraction` of the requests, the first one too; none if it is no positive number, all if
    /// it is one or more.
    pub(crate) fn new(fraction: f64) -> Sampler {
        Sampler { step: (fraction * 2f64.powi(64)) as u64, sum: AtomicU64::new(u64::MAX) }
    }

    /// Whether this request is taken.
    pub(crate) fn takes(&self) -> bool {
        let before = self.sum.fetch_add(self.step, Ordering::Relaxed);
        before.checked_add(self.step).is_none()
    }
}

impl Default for Tolerance {
    fn default() -> Tolerance {
        Tolerance { absolute: 1e-3, relative: 1e-3, cosine: 0.999 }
    }
}

struct Comparing<'a> {
    tolerance: &'a Tolerance,
    result: Comparison,
}

impl Comparing<'_> {
    fn values(&mut self, at: &str, a: &Value, b: &Value) {
        match (a, b) {
            (Value::Tensor(a), Value::Tensor(b)) => self.arrays(at, a, b),
            (Value::String(a), Value::String(b)) => {
                self.same(at, a, b);
            }
            (Value::Dictionary(a), Value::Dictionary(b)) => self.dictionaries(at, a, b),
            (Value::Image(a), Value::Image(b)) => self.images(at, a, b),
            (Value::Sequence(a), Value::Sequence(b)) => {
                self.same(&format!("the length of {at}"), &a.len(), &b.len());
                for (i, (a, b)) in a.iter().zip(b).enumerate() {
                    self.values(&format!("{at}[{i}]"), a, b);
                }
            }
            _ => self.disagree(|| format!("{at}: {} and {}", kind(a), kind(b))),
        }
    }

    fn arrays(&mut self, at: &str, a: &Array, b: &Array) {
        let same_type = self.same(&format!("the element type of {at}"), &a.dtype(), &b.dtype());
        if !same_type || !self.same(&format!("the shape of {at}"), a.shape(), b.shape()) {
            return;
        }
        let (shape, is_float) = (a.shape().to_vec(), a.dtype().is_float());
        let (a, b) = (a.to_tensor(), b.to_tensor());
        let place = |i| format!("{at}{:?}", index(&shape, i));
        if is_float {
            self.numbers(place, floats(&a), floats(&b));
            self.cosine(at, &a, &b);
        } else {
            for i in 0..a.count() {
                let (a, b) = (a.get_i64(i), b.get_i64(i));
                self.differ_by((i128::from(a) - i128::from(b)).unsigned_abs() as f64);
                if a != b {
                    self.disagree(|| format!("{}: {a} and {b}", place(i)));
                }
            }
        }
    }

    fn dictionaries(&mut self, at: &str, a: &Dictionary, b: &Dictionary) {
        let same_keys = self.same(&format!("the labels of {at}"), &a.keys, &b.keys);
        let count = format!("the number of values of {at}");
        if same_keys && self.same(&count, &a.values.len(), &b.values.len()) {
            let values = (a.values.iter().copied(), b.values.iter().copied());
            self.numbers(|i| format!("{at}[{i}]"), values.0, values.1);
        }
    }

    fn images(&mut self, at: &str, a: &Image, b: &Image) {
        let form = |image: &Image| (image.layout, image.width, image.height, image.pixels.len());
        if self.same(&format!("the form of {at}"), &form(a), &form(b)) {
            self.numbers(|i| format!("{at}, sample {i}"), samples(a), samples(b));
        }
    }

    fn numbers(
        &mut self,
        place: impl Fn(usize) -> String,
        a: impl Iterator<Item = f64>,
        b: impl Iterator<Item = f64>,
    ) {
        for (i, (a, b)) in a.zip(b).enumerate() {
            let difference = difference(a, b);
            self.differ_by(difference);
            let allowed = self.tolerance.absolute + self.tolerance.relative * b.abs();
            if difference > 0.0 && (difference.is_infinite() || difference > allowed) {
                self.disagree(|| format!("{}: {a} and {b}", place(i)));
            }
        }
    }

    fn cosine(&mut self, at: &str, a: &Tensor, b: &Tensor) {
        let Some(cosine) = cosine(a, b) else { return };
        self.result.cosine = Some(self.result.cosine.map_or(cosine, |least| least.min(cosine)));
        let least = self.tolerance.cosine;
        if cosine < least {
            self.disagree(|| format!("{at}: the cosine is {cosine}, less than {least}"));
        }
    }

    fn same<T: PartialEq + std::fmt::Debug + ?Sized>(&mut self, what: &str, a: &T, b: &T) -> bool {
        if a != b {
            self.disagree(|| format!("{what}: {a:?} and {b:?}"));
        }
        a == b
    }

    fn differ_by(&mut self, difference: f64) {
        self.result.largest_difference = self.result.largest_difference.max(difference);
    }

    fn disagree(&mut self, what: impl FnOnce() -> String) {
        self.result.agrees = false;
        self.result.first_difference.get_or_insert_with(what);
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Tensor(_) => "a tensor",
        Value::String(_) => "text",
        Value::Dictionary(_) => "a dictionary",
        Value::Image(_) => "an image",
        Value::Sequence(_) => "a sequence",
    }
}

fn floats(tensor: &Tensor) -> impl Iterator<Item = f64> {
    (0..tensor.count()).map(|i| tensor.get_f64(i))
}

fn samples(image: &Image) -> Box<dyn Iterator<Item = f64> + '_> {
    match image.layout {
        PixelLayout::Gray8 | PixelLayout::Rgb8 => {
            Box::new(image.pixels.iter().copied().map(f64::from))
        }
        PixelLayout::GrayF32 => {
            let (samples, _) = image.pixels.as_chunks::<4>();
            Box::new(samples.iter().map(|sample| f64::from(f32::from_le_bytes(*sample))))
        }
    }
}

fn difference(a: f64, b: f64) -> f64 {
    if a == b || (a.is_nan() && b.is_nan()) {
        return 0.0;
    }
    let difference = (a - b).abs();
    if difference.is_nan() { f64::INFINITY } else { difference }
}

/// None where no element is finite in both. Two zero vectors are alike, a zero vector and another
/// one are not.
fn cosine(a: &Tensor, b: &Tensor) -> Option<f64> {
    let finite = || floats(a).zip(floats(b)).filter(|(a, b)| a.is_finite() && b.is_finite());
    let largest = finite().map(|(a, b)| (a.abs(), b.abs()));
    let largest = largest.reduce(|most, pair| (most.0.max(pair.0), most.1.max(pair.1)))?;
    if largest.0 == 0.0 || largest.1 == 0.0 {
        return Some(if largest.0 == largest.1 { 1.0 } else { 0.0 });
    }
    // Squares of numbers that are one at most do not overflow.
    let (mut dot, mut squares) = (0.0, (0.0, 0.0));
    for (a, b) in finite().map(|(a, b)| (a / largest.0, b / largest.1)) {
        dot += a * b;
        squares.0 += a * a;
        squares.1 += b * b;
    }
    Some((dot / (squares.0.sqrt() * squares.1.sqrt())).clamp(-1.0, 1.0))
}

/// The place of element `i`, in row-major order.
fn index(shape: &[usize], mut i: usize) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (place, &size) in index.iter_mut().zip(shape).rev() {
        (*place, i) = (i % size, i / size);
    }
    index
}

#[cfg(test)]
mod tests;
