//! Arithmetic that leaves fp16 or the engine's accumulator for common values.

use anemone_ir::infer::Symbols;
use anemone_ir::{Node, Op, ValueId};
use anemone_tensor::DataType;

use super::length::length;
use super::support::{Text, nodes, number};
use super::{Datum, Lint};
use crate::Target;
use crate::evidence::Class;
use crate::model::{Item, Model, elements};

/// Residual additions from which growth is worth a look.
const DEEP: usize = 24;

/// Sums of the engine are infinite from here on.
const SUM_LIMIT: f64 = 32768.0;

const SQUARES: Text = Text {
    kind: "norm_squares",
    why: "the mean of squares leaves fp16 when a value passes 256, and the engine's sums end at 32768",
    class: Class::Converter,
    source: "coremltools' torch front end scales by the largest magnitude first; eeane 2.1.0 rescales by powers of two",
    fix: "divide by max(abs(x)) before squaring, or use layer_norm on concat(x, -x)",
};

const EPSILON: Text = Text {
    kind: "norm_epsilon",
    why: "below 2^-24 an epsilon is zero in fp16, and below 2^-14 it is imprecise",
    class: Class::Inferred,
    source: "IEEE 754 binary16",
    fix: "use an epsilon of 1e-5 or more",
};

const RESIDUAL: Text = Text {
    kind: "residual_growth",
    why: "each addition can widen the range; sums at 32768 and above become infinite and stay so",
    class: Class::Reported,
    source: "eeane 2.1.0 (residual peaks rescaled to 1024); ANEForge ROOFLINES (cliff near 32768 on seven chips)",
    fix: "scale the residual stream by a power of two, and the weights that read and write it",
};

const SOFTMAX: Text = Text {
    kind: "softmax_unscaled",
    why: "scores that are not scaled before they are summed can leave fp16 and the engine's accumulator",
    class: Class::Inferred,
    source: "M6 study, numerics: sums of products at 32768 and above become infinite",
    fix: "multiply the query by the scale before the product, or fold the scale into the weights that make it",
};

const EXP: Text = Text {
    kind: "exp_overflow",
    why: "exp leaves fp16 above 11.09",
    class: Class::Inferred,
    source: "IEEE 754 binary16: ln(65504) = 11.09",
    fix: "subtract the maximum before exp, or use softmax",
};

pub(super) fn find(model: &Model<'_>, target: &Target) -> Vec<Lint> {
    [squares, epsilon, residual, softmax, exp].iter().flat_map(|f| f(model, target)).collect()
}

fn squares(model: &Model<'_>, _: &Target) -> Vec<Lint> {
    let is_square = |op: Op| matches!(op, Op::Square | Op::Pow);
    let found = nodes(model, |node| match node.op {
        Op::ReduceSumSquare | Op::ReduceL2Norm | Op::L2Norm => !is_short(model, node, node),
        Op::ReduceMean | Op::ReduceSum => {
            let from = node.input("x").first().and_then(|id| model.producer(*id));
            from.is_some_and(|i| {
                let source = model.items[i].node;
                let squares = is_square(source.op)
                    || (source.op == Op::Mul && source.input("x") == source.input("y"));
                squares && !is_short(model, node, source)
            })
        }
        _ => false,
    });
    let data = [("limit", Datum::Number(256.0))];
    SQUARES.for_all("sums of squares are taken without scaling first", found, data)
}

/// Whether a sum of squares over the last axis is known to end below the engine's limit.
fn is_short(model: &Model<'_>, sum: &Node, squared: &Node) -> bool {
    let id = squared.input("x").first().copied();
    let rank = id.and_then(|id| model.shape(id)).map_or(0, <[u64]>::len) as i64;
    let symbols = Symbols::default();
    let axes = model.function.context(sum, &symbols).ints("axes").unwrap_or_default();
    let is_last = matches!(*axes, [axis] if axis == -1 || axis == rank - 1);
    is_last && id.and_then(|id| length(model, id)).is_some_and(|most| most * most < SUM_LIMIT)
}

/// An epsilon that fp16 holds as zero. Functions whose argument was kept from zero before do without.
fn epsilon(model: &Model<'_>, _: &Target) -> Vec<Lint> {
    let least = 2f64.powi(-24);
    let is_kept = |node: &Node| {
        let from = node.input("x").first().and_then(|id| model.producer(*id));
        from.is_some_and(|i| matches!(model.items[i].node.op, Op::Add | Op::Maximum | Op::Clip))
    };
    let small = |node: &Node| match node.op {
        Op::LayerNorm | Op::InstanceNorm | Op::BatchNorm | Op::L2Norm => true,
        Op::Rsqrt | Op::Inverse => !is_kept(node),
        _ => false,
    } && number(model, node, "epsilon").is_some_and(|epsilon| epsilon < least);
    let data = [("least", Datum::Number(least))];
    EPSILON.for_all("an epsilon is zero in fp16", nodes(model, small), data)
}

/// The sums along the path with most of them: additions of two computed values, counted anew behind an op whose
/// result is bounded.
fn residual(model: &Model<'_>, _: &Target) -> Vec<Lint> {
    // For each op: the sums up to it, and the op before it on that path.
    let mut depths: Vec<(usize, Option<usize>)> = vec![(0, None); model.items.len()];
    for (i, Item { node, .. }) in model.items.iter().enumerate() {
        if is_bounded(node.op) {
            continue;
        }
        let computed = Model::inputs(node).filter(|id| !model.is_constant(*id));
        let producers = computed.filter_map(|id| model.producer(id)).filter(|p| *p < i);
        let before = producers.max_by_key(|p| depths[*p].0);
        let sums = before.map_or(0, |p| depths[p].0);
        depths[i] = (sums + usize::from(is_sum(model, node)), before);
    }
    let Some((last, (depth, _))) = depths.iter().enumerate().max_by_key(|(_, (sums, _))| *sums)
    else {
        return Vec::new();
    };
    if *depth < DEEP {
        return Vec::new();
    }
    let path = std::iter::successors(Some(last), |i| depths[*i].1);
    let sums = path.filter(|i| is_sum(model, model.items[*i].node));
    let mut paths: Vec<String> = sums.map(|i| model.items[i].node.origin.to_string()).collect();
    paths.reverse();
    let data = [("depth", Datum::Number(*depth as f64))];
    let what = format!("{depth} sums of computed values follow each other");
    vec![RESIDUAL.at(what, paths, data)]
}

fn is_sum(model: &Model<'_>, node: &Node) -> bool {
    let is_float = |id: &ValueId| model.dtype(*id).is_some_and(DataType::is_float);
    node.op == Op::Add
        && node.outputs.iter().all(is_float)
        && Model::inputs(node).filter(|id| !model.is_constant(*id)).count() == 2
}

/// Ops whose result stays in a range however large their input is.
fn is_bounded(op: Op) -> bool {
    matches!(
        op,
        Op::Softmax
            | Op::LayerNorm
            | Op::InstanceNorm
            | Op::L2Norm
            | Op::Sigmoid
            | Op::SigmoidHard
            | Op::Tanh
            | Op::ScaledTanh
            | Op::Softsign
            | Op::Erf
            | Op::Sin
            | Op::Cos
            | Op::Clip
            | Op::ClampedRelu
            | Op::Relu6
    )
}

/// A softmax over a product of two computed values, where no scale is seen before the product or after it.
fn softmax(model: &Model<'_>, _: &Target) -> Vec<Lint> {
    let source = |id: &ValueId| model.producer(*id).map(|i| model.items[i].node);
    let computed = |node: &Node, input: &str| {
        let id = node.input(input).first();
        id.filter(|id| !model.is_constant(**id)).and_then(source)
    };
    let mut width = 0;
    let mut found = Vec::new();
    for item in model.items.iter().filter(|item| item.node.op == Op::Softmax) {
        // Back through masks; a scale on the way ends the search.
        let mut product = computed(item.node, "x");
        for _ in 0..4 {
            product = match product {
                Some(node) if matches!(node.op, Op::Add | Op::Select | Op::Reshape | Op::Cast) => {
                    let mut inputs = Model::inputs(node).filter(|id| !model.is_constant(*id));
                    inputs.find_map(|id| source(&id).filter(|from| from.op != Op::Cast))
                }
                other => other,
            };
        }
        let Some(product) = product.filter(|node| node.op == Op::Matmul) else { continue };
        let is_scaled = |input: &str| {
            let mut factor = computed(product, input);
            for _ in 0..4 {
                factor = match factor {
                    Some(node) if matches!(node.op, Op::Reshape | Op::Transpose) => {
                        computed(node, "x")
                    }
                    other => other,
                };
            }
            factor.is_none_or(|node| matches!(node.op, Op::Mul | Op::RealDiv))
        };
        if !is_scaled("x") && !is_scaled("y") {
            let shape = product.input("x").first().and_then(|id| model.shape(*id));
            width = width.max(shape.and_then(|s| s.last().copied()).unwrap_or(0));
            found.push(item.node.origin.to_string());
        }
    }
    let data = [("head", Datum::Number(width as f64))];
    SOFTMAX.for_all("scores are a product that no scale precedes or follows", found, data)
}

fn exp(model: &Model<'_>, _: &Target) -> Vec<Lint> {
    let guards = [Op::Sub, Op::Clip, Op::Minimum];
    let found = nodes(model, |node| {
        let from = node.input("x").first().and_then(|id| model.producer(*id));
        let guarded = from.is_some_and(|i| guards.contains(&model.items[i].node.op));
        node.op == Op::Exp
            && !guarded
            && node.outputs.iter().any(|id| model.shape(*id).map_or(0, elements) > 1)
    });
    EXP.for_all(
        "exp of values whose range nothing bounds",
        found,
        [("limit", Datum::Number(11.09))],
    )
}
