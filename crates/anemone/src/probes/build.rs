//! A program written op by op, as coremltools would write it: every argument is a constant of its own.

use std::fmt::Write;

use anemone_engine::{Array, Value};
use anemone_ir::program::{ElementType, Extra, TypeDecl};
use anemone_ir::{
    ArrayFeature, Description, Feature, FeatureKind, Package, ShapeFlexibility, text,
};
use anemone_tensor::{Buffer, DataType};
use half::f16;

use super::Probe;
use crate::NamedValues;

/// The specification's version that goes with the opset `ios17`.
const SPEC_VERSION: i32 = 8;

/// The shape of most values: channels, height and width as convolutions take them.
pub(super) const SHAPE: [usize; 4] = [1, 64, 32, 32];
/// The elements of a value of that shape.
pub(super) const COUNT: usize = 64 * 32 * 32;

/// A program in the making.
#[derive(Default)]
pub(super) struct Builder {
    inputs: Vec<(Feature, String)>,
    values: NamedValues,
    body: String,
    weights: Vec<Buffer>,
    outputs: Vec<Feature>,
    constants: usize,
}

impl Builder {
    /// An input, and what it holds.
    pub(super) fn input(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        self.raw_input(name, shape, DataType::F16, "fp16", &bytes_of(values));
    }

    /// An input of integers.
    pub(super) fn int_input(&mut self, name: &str, shape: &[usize], values: &[i32]) {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.raw_input(name, shape, DataType::I32, "int32", &bytes);
    }

    fn raw_input(
        &mut self,
        name: &str,
        shape: &[usize],
        dtype: DataType,
        word: &str,
        bytes: &[u8],
    ) {
        let array = Array::dense(dtype, shape.to_vec(), Buffer::from_bytes(bytes));
        let array = array.expect("a probe gives as many values as the shape has");
        self.values.insert(name.to_owned(), Value::Tensor(array));
        let ty = format!("tensor<{word}, {shape:?}> {name}");
        self.inputs.push((feature(name, shape, dtype), ty));
    }

    /// A constant that is written as it stands, such as `int32(1)`; its name.
    pub(super) fn constant(&mut self, literal: &str) -> String {
        let name = format!("constant_{}", self.constants);
        self.constants += 1;
        let ty = literal.split_once('(').map_or("", |(ty, _)| ty);
        let _ = writeln!(self.body, "{ty} {name} = const()[name = \"{name}\", val = {literal}];");
        name
    }

    /// A constant of halves that lies in the file of weights; its name.
    pub(super) fn weight(&mut self, shape: &[usize], values: &[f32]) -> String {
        let number = self.weights.len();
        self.weights.push(Buffer::from_bytes(&bytes_of(values)));
        self.constant(&format!(
            "{}(BLOBFILE(path = \"weights\", offset = {number}))",
            halves(shape)
        ))
    }

    /// An op with one result of type `ty`. An argument with brackets is a literal.
    pub(super) fn op(&mut self, ty: &str, name: &str, op: &str, arguments: &[(&str, &str)]) {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|(key, value)| {
                let is_literal = value.ends_with(')') && !value.starts_with('(');
                let value = if is_literal { self.constant(value) } else { (*value).to_owned() };
                format!("{key} = {value}")
            })
            .collect();
        let arguments = arguments.join(", ");
        let _ = writeln!(self.body, "{ty} {name} = {op}({arguments})[name = \"{name}\"];");
    }

    /// An op whose result has the usual shape and is an output.
    pub(super) fn answer(&mut self, name: &str, op: &str, arguments: &[(&str, &str)]) {
        self.op(&halves(&SHAPE), name, op, arguments);
        self.output(name, &SHAPE);
    }

    /// A convolution of the usual shape.
    pub(super) fn conv(&mut self, name: &str, x: &str, weight: &str, kernel: [usize; 2]) {
        self.any_conv(name, x, weight, None, kernel);
    }

    /// A convolution with a bias.
    pub(super) fn conv_with_bias(
        &mut self,
        name: &str,
        x: &str,
        weight: &str,
        bias: &str,
        kernel: [usize; 2],
    ) {
        self.any_conv(name, x, weight, Some(bias), kernel);
    }

    fn any_conv(
        &mut self,
        name: &str,
        x: &str,
        weight: &str,
        bias: Option<&str>,
        kernel: [usize; 2],
    ) {
        let [top, left] = kernel.map(|size| (size - 1) / 2);
        let [bottom, right] = [kernel[0] - 1 - top, kernel[1] - 1 - left];
        let pad = format!("tensor<int32, [4]>([{top}, {bottom}, {left}, {right}])");
        let ones = "tensor<int32, [2]>([1, 1])";
        let mut arguments = vec![
            ("dilations", ones),
            ("groups", "int32(1)"),
            ("pad", &pad),
            ("pad_type", "string(\"custom\")"),
            ("strides", ones),
            ("weight", weight),
            ("x", x),
        ];
        arguments.extend(bias.map(|bias| ("bias", bias)));
        self.op(&halves(&SHAPE), name, "conv", &arguments);
    }

    /// Convolutions one after the other that leave `x` as it is: work that draws what stands beside it
    /// to the engine. The name of the last.
    pub(super) fn work(&mut self, prefix: &str, x: &str, layers: usize) -> String {
        let mut identity = vec![0.0; 64 * 64 * 9];
        (0..64).for_each(|channel| identity[(channel * 64 + channel) * 9 + 4] = 1.0);
        let weight = self.weight(&[64, 64, 3, 3], &identity);
        let mut last = x.to_owned();
        for layer in 0..layers {
            let name = format!("{prefix}_{layer}");
            self.conv(&name, &last, &weight, [3, 3]);
            last = name;
        }
        last
    }

    /// Makes halves of this shape an output.
    pub(super) fn output(&mut self, name: &str, shape: &[usize]) {
        self.outputs.push(feature(name, shape, DataType::F16));
    }

    /// The model with further outputs of the usual shape.
    pub(super) fn finish_with(
        mut self,
        name: &'static str,
        question: &'static str,
        outputs: &[&str],
    ) -> Probe {
        outputs.iter().for_each(|output| self.output(output, &SHAPE));
        self.finish(name, question)
    }

    /// The model, and the inputs that it is asked with.
    pub(super) fn finish(self, name: &'static str, question: &'static str) -> Probe {
        let inputs: Vec<&str> = self.inputs.iter().map(|(_, ty)| ty.as_str()).collect();
        let outputs: Vec<&str> = self.outputs.iter().map(|f| f.name.as_str()).collect();
        let source = format!(
            "program(1.0) {{ func main<ios17>({}) {{\n{}}} -> ({}); }}",
            inputs.join(", "),
            self.body,
            outputs.join(", ")
        );
        let weights = self.weights;
        // The offset is the number of the constant.
        let mut read = |_: &str, number: u64, _: &TypeDecl| {
            let weight = usize::try_from(number).ok().and_then(|number| weights.get(number));
            weight.cloned().ok_or_else(|| "there is no such constant".to_owned())
        };
        let program = text::parse(&source, &mut read);
        let program = program.unwrap_or_else(|error| panic!("the probe `{name}` is MIL: {error}"));
        let mut description = Description {
            inputs: self.inputs.into_iter().map(|(feature, _)| feature).collect(),
            outputs: self.outputs,
            ..Description::default()
        };
        description.metadata.doc = question.to_owned();
        let package = Package::new(SPEC_VERSION, description, program);
        Probe { name, question, package, inputs: self.values }
    }
}

/// The type of halves of this shape.
pub(super) fn halves(shape: &[usize]) -> String {
    format!("tensor<fp16, {shape:?}>")
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect()
}

fn feature(name: &str, shape: &[usize], dtype: DataType) -> Feature {
    let kind = FeatureKind::MultiArray(ArrayFeature {
        dtype: ElementType::Known(dtype),
        shape: shape.iter().map(|size| *size as i64).collect(),
        flexibility: ShapeFlexibility::Fixed,
        default: None,
        extra: Extra::new(),
    });
    Feature::new(name, kind)
}
