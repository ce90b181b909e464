//! Inputs for a function of which none are at hand: random, but the same for the same seed, and of
//! the kind that the function takes.
//!
//! - Floats are about normally distributed, with mean 0 and deviation 1 and never beyond ±6 (sums of
//!   twelve uniform numbers), or uniform within a range that is given, such as that of an image.
//! - Integers lie within the table that they index; else they are 0 or 1.
//! - Masks, told by their name or by choosing in a `select`, begin with ones and end with zeros.

use std::collections::{BTreeMap, BTreeSet};

use anemone_engine::{Array, Value};
use anemone_ir::{CheckedBlock, CheckedFunction, Node, Op, TensorType, Type, ValueId};
use anemone_tensor::Tensor;
use thiserror::Error;

use crate::interval::Range;

/// What goes into a function, one run after the other, with one state that starts at zero.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSet {
    /// How reports call it.
    pub name: String,
    /// The inputs of each run, in the function's order, states left out.
    pub steps: Vec<Vec<Value>>,
}

/// Which inputs are made.
#[derive(Clone, Debug)]
pub struct Calibration {
    /// How many sets.
    pub sets: usize,
    /// How many runs each set has; more than one makes sense for functions with states.
    pub steps: usize,
    /// Another seed, other numbers.
    pub seed: u64,
    /// Shapes of inputs whose type leaves them open.
    pub shapes: BTreeMap<String, Vec<usize>>,
    /// Ranges of inputs that are known, such as 0 to 255.
    pub ranges: BTreeMap<String, Range>,
}

impl Default for Calibration {
    fn default() -> Calibration {
        let (shapes, ranges) = (BTreeMap::new(), BTreeMap::new());
        Calibration { sets: 4, steps: 1, seed: 0, shapes, ranges }
    }
}

/// Why no inputs can be made.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum CalibrateError {
    /// An input has free dimensions, and no shape is given.
    #[error("`{input}` is {ty}: its shape must be given")]
    Shape {
        /// The input.
        input: String,
        /// Its type.
        ty: String,
    },
    /// More numbers than are made.
    #[error("random inputs of {numbers:.0} numbers: at most {MOST} are made")]
    Size {
        /// How many there would be, over all sets and runs.
        numbers: f64,
    },
    /// An input that is no tensor of numbers, or too large.
    #[error("`{input}` is {ty}: no random numbers are made for it")]
    Type {
        /// The input.
        input: String,
        /// Its type.
        ty: String,
    },
}

/// Numbers that are made at most, over all sets and runs: they lie in memory together.
const MOST: usize = 1 << 27;
/// What a run takes besides, in numbers.
const OVERHEAD: f64 = 64.0;

/// The largest size of a number from the normal distribution.
const NORMAL: f64 = 6.0;

/// What numbers an input takes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Normal,
    Uniform(f64, f64),
    /// From 0 up to, but not including.
    Index(usize),
    Mask,
}

/// Random inputs for `function`.
pub fn calibrate(
    function: &CheckedFunction,
    options: &Calibration,
) -> Result<Vec<InputSet>, CalibrateError> {
    let mut each = OVERHEAD;
    for (id, ty) in inputs(function) {
        each += shape(function, id, ty, options)?.iter().map(|size| *size as f64).product::<f64>();
    }
    let numbers = each * options.sets as f64 * options.steps as f64;
    if numbers > MOST as f64 {
        return Err(CalibrateError::Size { numbers });
    }
    let mut random = Random(options.seed);
    let mut sets = Vec::with_capacity(options.sets);
    for set in 0..options.sets {
        let mut steps = Vec::with_capacity(options.steps);
        for _ in 0..options.steps {
            let inputs = inputs(function).map(|(id, ty)| {
                let shape = shape(function, id, ty, options)?;
                value(function, id, ty, shape, kind(function, id, ty, options), &mut random)
            });
            steps.push(inputs.collect::<Result<Vec<_>, _>>()?);
        }
        sets.push(InputSet { name: format!("random {}", set + 1), steps });
    }
    Ok(sets)
}

/// The ranges within which the inputs that [`calibrate`] makes lie.
pub fn assumed(function: &CheckedFunction, options: &Calibration) -> BTreeMap<String, Range> {
    let range = |(id, ty)| {
        let range = match kind(function, id, ty, options) {
            Kind::Normal => Range::size(NORMAL),
            Kind::Uniform(low, high) => Range::new(low, high),
            Kind::Index(count) => Range::new(0.0, count.saturating_sub(1) as f64),
            Kind::Mask => Range::new(0.0, 1.0),
        };
        (function.value(id).name.clone(), range)
    };
    inputs(function).map(range).collect()
}

/// The inputs that are tensors.
fn inputs(function: &CheckedFunction) -> impl Iterator<Item = (ValueId, &TensorType)> {
    function.inputs().iter().filter_map(|id| Some((*id, function.value(*id).ty().as_tensor()?)))
}

fn shape(
    function: &CheckedFunction,
    id: ValueId,
    ty: &TensorType,
    options: &Calibration,
) -> Result<Vec<usize>, CalibrateError> {
    let input = &function.value(id).name;
    let given = options.shapes.get(input).cloned().or_else(|| ty.known_shape());
    given.ok_or_else(|| CalibrateError::Shape { input: input.clone(), ty: ty.to_string() })
}

fn value(
    function: &CheckedFunction,
    id: ValueId,
    ty: &TensorType,
    shape: Vec<usize>,
    kind: Kind,
    random: &mut Random,
) -> Result<Value, CalibrateError> {
    let count = shape.iter().try_fold(1usize, |count, size| count.checked_mul(*size));
    let row = shape.last().copied().unwrap_or(1).max(1);
    let mut numbers = |count: usize| -> Vec<f64> {
        match kind {
            Kind::Normal => (0..count).map(|_| random.normal()).collect(),
            Kind::Uniform(low, high) => {
                (0..count).map(|_| low + (high - low) * random.unit()).collect()
            }
            Kind::Index(size) => {
                (0..count).map(|_| (random.unit() * size as f64).floor()).collect()
            }
            Kind::Mask => {
                let ones = 1 + (random.unit() * row as f64) as usize;
                (0..count).map(|i| f64::from(u8::from(i % row < ones))).collect()
            }
        }
    };
    let unfit =
        || CalibrateError::Type { input: function.value(id).name.clone(), ty: ty.to_string() };
    let count = count.filter(|count| *count <= isize::MAX as usize / 64).ok_or_else(unfit)?;
    if ty.dtype.bits() == 0 {
        return Err(unfit());
    }
    let tensor = Tensor::from_f64(ty.dtype, shape, numbers(count)).map_err(|_| unfit())?;
    Ok(Value::Tensor(Array::from(tensor)))
}

fn kind(function: &CheckedFunction, id: ValueId, ty: &TensorType, options: &Calibration) -> Kind {
    let name = &function.value(id).name;
    if let Some(range) = options.ranges.get(name).filter(|range| range.is_finite()) {
        if ty.dtype.is_float() {
            return Kind::Uniform(range.lowest, range.highest);
        }
        let size = (range.highest.floor().max(0.0)) as usize;
        return Kind::Index(size.saturating_add(1));
    }
    let mut uses = Uses { function, moved: BTreeSet::from([id]), table: None, chooses: false };
    uses.nodes(function.nodes());
    let is_mask = uses.chooses || name.to_lowercase().contains("mask");
    match (uses.table, ty.dtype.is_float()) {
        (Some(size), _) => Kind::Index(size),
        (None, _) if is_mask => Kind::Mask,
        (None, true) => Kind::Normal,
        (None, false) => Kind::Index(2),
    }
}

/// What becomes of an input's elements.
struct Uses<'a> {
    function: &'a CheckedFunction,
    /// Values that hold nothing but elements of the input.
    moved: BTreeSet<ValueId>,
    /// The smallest table that they index.
    table: Option<usize>,
    chooses: bool,
}

impl Uses<'_> {
    fn nodes(&mut self, nodes: &[Node]) {
        for node in nodes {
            let reads = |input: &str| node.input(input).iter().any(|id| self.moved.contains(id));
            let size = match node.op {
                Op::Gather | Op::GatherAlongAxis if reads("indices") => self.axis(node, "x"),
                Op::Scatter | Op::ScatterAlongAxis if reads("indices") => self.axis(node, "data"),
                Op::GatherNd if reads("indices") => self.smallest(node, "x"),
                Op::ScatterNd if reads("indices") => self.smallest(node, "data"),
                Op::OneHot if reads("indices") => {
                    let size = node.input("one_hot_vector_size").first();
                    size.and_then(|id| self.number(*id))
                }
                _ => None,
            };
            if let Some(size) = size {
                self.table = Some(self.table.map_or(size, |table| table.min(size)).max(1));
            }
            self.chooses |= node.op == Op::Select && reads("cond");
            let moves = matches!(
                node.op,
                Op::Cast
                    | Op::ExpandDims
                    | Op::Flatten2d
                    | Op::Identity
                    | Op::Reshape
                    | Op::SliceByIndex
                    | Op::SliceBySize
                    | Op::Split
                    | Op::Squeeze
                    | Op::Tile
                    | Op::Transpose
            );
            // Converters count a negative index from the end: `select(x >= 0, x, x + size)`.
            let picks = node.op == Op::Select && (reads("a") || reads("b"));
            if moves && reads("x") || picks {
                self.moved.extend(&node.outputs);
            }
            node.blocks.iter().for_each(|block: &CheckedBlock| self.nodes(&block.nodes));
        }
    }

    fn sizes(&self, node: &Node, input: &str) -> Option<Vec<usize>> {
        let id = node.input(input).first()?;
        match self.function.value(*id).ty() {
            Type::Tensor(ty) => ty.shape.iter().map(|dim| dim.known()).collect(),
            Type::List(_) | Type::Dict(..) | Type::State(_) => None,
        }
    }

    fn smallest(&self, node: &Node, input: &str) -> Option<usize> {
        self.sizes(node, input)?.into_iter().min()
    }

    fn axis(&self, node: &Node, input: &str) -> Option<usize> {
        let id = node.input(input).first()?;
        let shape = &self.function.value(*id).ty().as_tensor()?.shape;
        let axis = node.input("axis").first().map_or(Some(0), |id| self.integer(*id))?;
        let axis = if axis < 0 { axis + shape.len() as i64 } else { axis };
        shape.get(usize::try_from(axis).ok()?)?.known()
    }

    fn number(&self, id: ValueId) -> Option<usize> {
        usize::try_from(self.integer(id)?).ok()
    }

    fn integer(&self, id: ValueId) -> Option<i64> {
        let value = self.function.value(id).known.value.as_ref()?.tensor()?;
        (value.count() == 1).then(|| value.get_i64(0))
    }
}

/// Random numbers by the splitmix64 generator (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, but not including 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Mean 0, deviation 1, never beyond ±6; the same on every machine.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - NORMAL
    }
}

#[cfg(test)]
mod tests {
    use anemone_ir::{check, text};

    use super::*;

    fn function(inputs: &str, ops: &str, outputs: &str) -> CheckedFunction {
        let text =
            format!("program(1.0) {{ func main<ios18>({inputs}) {{ {ops} }} -> ({outputs}); }}");
        let program = text::parse(&text, &mut |_, _, _| Err("no weights".to_owned())).unwrap();
        check(&program).unwrap().functions()["main"].clone()
    }

    fn floats(value: &Value) -> Vec<f32> {
        let Value::Tensor(array) = value else { panic!("not a tensor") };
        array.to_tensor().to_f32()
    }

    #[test]
    fn numbers_are_about_normal_and_the_same_for_the_same_seed() {
        let function =
            function("tensor<fp32, [100, 50]> x", "tensor<fp32, [100, 50]> y = relu(x = x);", "y");
        let options = Calibration { sets: 2, ..Calibration::default() };
        let sets = calibrate(&function, &options).unwrap();
        assert_eq!(sets, calibrate(&function, &options).unwrap());
        assert_ne!(sets[0].steps, sets[1].steps);
        let values = floats(&sets[0].steps[0][0]);
        let mean = values.iter().sum::<f32>() / 5000.0;
        let square = values.iter().map(|x| x * x).sum::<f32>() / 5000.0;
        assert!(mean.abs() < 0.05 && (square - 1.0).abs() < 0.05, "{mean} {square}");
        let range = assumed(&function, &options)["x"];
        assert!(values.iter().all(|x| range.holds((*x).into())));
        let other = calibrate(&function, &Calibration { seed: 1, ..options }).unwrap();
        assert_ne!(other, sets);
    }

    #[test]
    fn indices_stay_within_their_table_and_masks_end_with_zeros() {
        let function = function(
            "tensor<int32, [1, 40]> ids, tensor<int32, [1, 40]> attention_mask, tensor<bool, [40]> c",
            "int32 axis = const()[val = int32(0)];
             tensor<fp16, [3, 2]> table = const()[val = tensor<fp16, [3, 2]>([1, 2, 3, 4, 5, 6])];
             int32 none = const()[val = int32(0)];
             int32 size = const()[val = int32(3)];
             tensor<bool, [1, 40]> is_plain = greater_equal(x = ids, y = none);
             tensor<int32, [1, 40]> wrapped = add(x = ids, y = size);
             tensor<int32, [1, 40]> index = select(cond = is_plain, a = ids, b = wrapped);
             tensor<fp16, [1, 40, 2]> y = gather(x = table, indices = index, axis = axis);
             fp16 zero = const()[val = fp16(0)];
             fp16 one = const()[val = fp16(1)];
             tensor<fp16, [40]> z = select(cond = c, a = zero, b = one);",
            "y, z",
        );
        let sets = calibrate(&function, &Calibration::default()).unwrap();
        let mut seen = BTreeSet::new();
        for set in &sets {
            let [ids, mask, chosen] = set.steps[0].as_slice() else { panic!("three inputs") };
            seen.extend(floats(ids).iter().map(|id| *id as i64));
            for mask in [floats(mask), floats(chosen)] {
                assert_eq!(mask[0], 1.0);
                assert!(mask.windows(2).all(|pair| pair[0] >= pair[1]));
            }
        }
        assert_eq!(seen, BTreeSet::from([0, 1, 2]));
    }

    #[test]
    fn ranges_are_kept_and_open_shapes_must_be_given() {
        let open = function("tensor<fp32, [?, 2]> x", "tensor<fp32, [?, 2]> y = relu(x = x);", "y");
        let found = calibrate(&open, &Calibration::default()).unwrap_err();
        assert!(found.to_string().starts_with("`x` is "), "{found}");
        for (rows, sets) in [(1 << 40, 1), (usize::MAX, 1), (1, usize::MAX)] {
            let shapes = BTreeMap::from([("x".to_owned(), vec![rows, 2])]);
            let found = calibrate(&open, &Calibration { sets, shapes, ..Calibration::default() });
            assert!(matches!(found, Err(CalibrateError::Size { .. })), "{found:?}");
        }
        let options = Calibration {
            shapes: BTreeMap::from([("x".to_owned(), vec![5, 2])]),
            ranges: BTreeMap::from([("x".to_owned(), Range::new(0.0, 255.0))]),
            ..Calibration::default()
        };
        let values = floats(&calibrate(&open, &options).unwrap()[0].steps[0][0]);
        assert_eq!(values.len(), 10);
        assert!(values.iter().all(|x| (0.0..=255.0).contains(x)));
        assert!(values.iter().any(|x| *x > 100.0));
    }
}
