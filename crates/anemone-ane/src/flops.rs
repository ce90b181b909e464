//! Floating-point operations of a checked function, for given sizes of its free dimensions.
//!
//! A multiplication and an addition are two; a transcendental function is one; moving data is none.

use std::collections::{BTreeMap, BTreeSet};

use anemone_ir::infer::Symbols;
use anemone_ir::{Bindings, CheckedFunction, Node, Op, ValueId};

/// The count, and the ops that are not in it: of unknown size or cost.
pub fn count(function: &CheckedFunction, bindings: &Bindings) -> (u64, Vec<String>) {
    let counter = Counter { function, bindings };
    let (mut sum, mut uncounted) = (0, BTreeSet::new());
    counter.nodes(function.nodes(), &mut sum, &mut uncounted);
    (sum, uncounted.into_iter().map(str::to_owned).collect())
}

/// The operations of one node, without those in its blocks; none where they are not known.
pub fn of_node(function: &CheckedFunction, node: &Node, bindings: &Bindings) -> Option<u64> {
    Counter { function, bindings }.node(node)
}

struct Counter<'a> {
    function: &'a CheckedFunction,
    bindings: &'a Bindings,
}

impl Counter<'_> {
    fn nodes(&self, nodes: &[Node], sum: &mut u64, uncounted: &mut BTreeSet<&'static str>) {
        for node in nodes {
            match self.node(node) {
                Some(count) => *sum = sum.saturating_add(count),
                None => drop(uncounted.insert(node.op.name())),
            }
            node.blocks.iter().for_each(|block| self.nodes(&block.nodes, sum, uncounted));
        }
    }

    /// The shape of a value; none where only the data tells.
    fn shape(&self, id: ValueId) -> Option<Vec<u64>> {
        let tensor = self.function.value(id).ty().as_tensor()?;
        let size = |dim: &anemone_ir::Dim| u64::try_from(dim.eval(self.bindings)?).ok();
        tensor.shape.iter().map(size).collect()
    }

    fn input(&self, node: &Node, name: &str) -> Option<Vec<u64>> {
        self.shape(*node.input(name).first()?)
    }

    fn output(&self, node: &Node) -> Option<u64> {
        self.shape(*node.outputs.first()?).map(|shape| elements(&shape))
    }

    fn node(&self, node: &Node) -> Option<u64> {
        let each = |factor: u64| self.output(node).map(|count| count.saturating_mul(factor));
        match node.op {
            Op::Conv => {
                let weight = self.input(node, "weight")?;
                product(&[2, self.output(node)?, elements(weight.get(1..)?)])
            }
            Op::ConvTranspose => {
                let weight = self.input(node, "weight")?;
                product(&[2, elements(&self.input(node, "x")?), elements(weight.get(1..)?)])
            }
            Op::Linear => product(&[2, self.output(node)?, *self.input(node, "weight")?.last()?]),
            Op::Matmul => {
                let x = self.input(node, "x")?;
                let symbols = Symbols::default();
                let context = self.function.context(node, &symbols);
                let from_end = if context.boolean("transpose_x").unwrap_or(false) { 2 } else { 1 };
                let inner =
                    if x.len() == 1 { x[0] } else { *x.get(x.len().checked_sub(from_end)?)? };
                product(&[2, self.output(node)?, inner])
            }
            Op::Einsum => self.einsum(node),
            Op::ScaledDotProductAttention => {
                let (query, key) = (self.input(node, "query")?, self.input(node, "key")?);
                let value = self.input(node, "value")?;
                let [.., length, width] = *query else { return None };
                let ([.., keys, _], [.., out]) = (&*key, &*value) else { return None };
                let rows = product(&[elements(query.get(..query.len() - 2)?), length, *keys])?;
                // Two products, and a softmax at five operations an element.
                product(&[rows, 2 * width + 2 * out + 5])
            }
            Op::AvgPool | Op::MaxPool | Op::L2Pool => {
                let symbols = Symbols::default();
                let sizes = self.function.context(node, &symbols).ints("kernel_sizes").ok()?;
                each(elements(&sizes.iter().map(|&n| n.unsigned_abs()).collect::<Vec<_>>()))
            }
            Op::Softmax => each(5),
            Op::LayerNorm | Op::InstanceNorm | Op::LocalResponseNorm => each(8),
            Op::BatchNorm => each(4),
            Op::L2Norm => each(3),
            Op::ReduceArgmax
            | Op::ReduceArgmin
            | Op::ReduceL1Norm
            | Op::ReduceL2Norm
            | Op::ReduceLogSum
            | Op::ReduceLogSumExp
            | Op::ReduceMax
            | Op::ReduceMean
            | Op::ReduceMin
            | Op::ReduceProd
            | Op::ReduceSum
            | Op::ReduceSumSquare => Some(elements(&self.input(node, "x")?)),
            op if is_pointwise(op) => each(1),
            op if is_uncounted(op) => None,
            _ => Some(0),
        }
    }

    /// Two operations for each combination of the indices that the equation names.
    fn einsum(&self, node: &Node) -> Option<u64> {
        let symbols = Symbols::default();
        let equation = self.function.context(node, &symbols).text("equation").ok()?;
        let (inputs, _) = equation.split_once("->")?;
        let mut sizes = BTreeMap::new();
        for (labels, id) in inputs.split(',').zip(node.input("values")) {
            let shape = self.shape(*id)?;
            for (label, size) in labels.chars().filter(|c| !c.is_whitespace()).zip(shape) {
                let known = sizes.entry(label).or_insert(size);
                *known = size.max(*known);
            }
        }
        product(&[2, elements(&sizes.into_values().collect::<Vec<_>>())])
    }
}

fn elements(shape: &[u64]) -> u64 {
    shape.iter().fold(1, |n, &size| n.saturating_mul(size))
}

fn product(factors: &[u64]) -> Option<u64> {
    Some(elements(factors))
}

/// Ops that do one thing to each element of their output.
fn is_pointwise(op: Op) -> bool {
    matches!(
        op,
        Op::ClampedRelu
            | Op::Elu
            | Op::Gelu
            | Op::LeakyRelu
            | Op::LinearActivation
            | Op::Prelu
            | Op::Relu
            | Op::Relu6
            | Op::ScaledTanh
            | Op::Sigmoid
            | Op::SigmoidHard
            | Op::Silu
            | Op::Softplus
            | Op::SoftplusParametric
            | Op::Softsign
            | Op::ThresholdedRelu
            | Op::Add
            | Op::Equal
            | Op::FloorDiv
            | Op::Greater
            | Op::GreaterEqual
            | Op::Less
            | Op::LessEqual
            | Op::LogicalAnd
            | Op::LogicalOr
            | Op::LogicalXor
            | Op::Maximum
            | Op::Minimum
            | Op::Mod
            | Op::Mul
            | Op::NotEqual
            | Op::Pow
            | Op::RealDiv
            | Op::Sub
            | Op::Abs
            | Op::Acos
            | Op::Asin
            | Op::Atan
            | Op::Atanh
            | Op::Ceil
            | Op::Clip
            | Op::Cos
            | Op::Cosh
            | Op::Erf
            | Op::Exp
            | Op::Exp2
            | Op::Floor
            | Op::Inverse
            | Op::Log
            | Op::LogicalNot
            | Op::Round
            | Op::Rsqrt
            | Op::Sign
            | Op::Sin
            | Op::Sinh
            | Op::Sqrt
            | Op::Square
            | Op::Tan
            | Op::Tanh
            | Op::Threshold
            | Op::Cumsum
            | Op::Dequantize
            | Op::Quantize
            | Op::Select
    )
}

/// Ops whose cost depends on more than their shapes, or is not known here.
fn is_uncounted(op: Op) -> bool {
    matches!(
        op,
        Op::Gru
            | Op::Lstm
            | Op::Rnn
            | Op::ConvQuantized
            | Op::Affine
            | Op::CropResize
            | Op::Resample
            | Op::Resize
            | Op::ResizeBilinear
            | Op::UpsampleBilinear
            | Op::NonMaximumSuppression
            | Op::Topk
            | Op::Argsort
            | Op::RandomBernoulli
            | Op::RandomCategorical
            | Op::RandomNormal
            | Op::RandomUniform
    )
}
