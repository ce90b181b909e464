//! How long a vector along the last axis can be: what a norm gives, and what averages and reshapes leave of it.

use anemone_ir::infer::Symbols;
use anemone_ir::{Node, Op, ValueId};

use super::support::{extremes, number};
use crate::model::Model;

/// Ops that are followed back; a longer chain is not simple to see.
const FAR: usize = 16;

/// The greatest Euclidean length along the last axis; none where it is not simple to see.
pub(super) fn length(model: &Model<'_>, id: ValueId) -> Option<f64> {
    back(model, id, FAR)
}

fn back(model: &Model<'_>, id: ValueId, left: usize) -> Option<f64> {
    let left = left.checked_sub(1)?;
    let node = model.items[model.producer(id)?].node;
    let last = |id: ValueId| model.shape(id).and_then(|shape| shape.last().copied());
    let input = |name: &str| node.input(name).first().copied();
    match node.op {
        Op::LayerNorm => norm(model, node),
        Op::L2Norm => Some(1.0),
        Op::Cast | Op::Relu | Op::Identity => back(model, input("x")?, left),
        Op::ExpandDims | Op::Reshape | Op::Squeeze | Op::SliceByIndex | Op::SliceBySize
            if last(input("x")?) == last(id) =>
        {
            back(model, input("x")?, left)
        }
        Op::ReduceMean => {
            let rank = model.shape(input("x")?)?.len() as i64;
            let symbols = Symbols::default();
            let axes = model.function.context(node, &symbols).ints("axes").ok()?;
            let keeps = !axes.is_empty() && axes.iter().all(|a| *a != -1 && *a != rank - 1);
            if keeps { back(model, input("x")?, left) } else { None }
        }
        Op::Mul => {
            let factor = number(model, node, "y").zip(input("x"));
            let (factor, of) = factor.or_else(|| number(model, node, "x").zip(input("y")))?;
            Some(factor.abs() * back(model, of, left)?)
        }
        Op::Matmul if is_average(model, node) => back(model, input("y")?, left),
        Op::RealDiv => quotient_of_sums(model, node).and_then(|id| back(model, id, left)),
        _ => None,
    }
}

/// Behind the norm a vector has the length of its square root of sizes, or less; then scale and shift.
fn norm(model: &Model<'_>, node: &Node) -> Option<f64> {
    let shape = model.shape(*node.input("x").first()?)?;
    let symbols = Symbols::default();
    let axes = model.function.context(node, &symbols).ints("axes").ok()?;
    let is_last = matches!(*axes, [axis] if axis == -1 || axis == shape.len() as i64 - 1);
    let most = |input: &str, default: f64| match node.input(input).first() {
        None => Some(default),
        Some(id) => extremes(model, *id).map(|(least, most)| least.abs().max(most.abs())),
    };
    let root = (*shape.last()? as f64).sqrt();
    is_last.then_some(root * (most("gamma", 1.0)? + most("beta", 0.0)?))
}

/// Whether the first factor of a product is a share of one: a softmax, or values divided by their own sum. Such
/// weights are taken to be no less than zero, as those of a mask are.
fn is_average(model: &Model<'_>, product: &Node) -> bool {
    let symbols = Symbols::default();
    let context = model.function.context(product, &symbols);
    let is_turned = |input: &str| context.boolean(input).unwrap_or(false);
    if is_turned("transpose_x") || is_turned("transpose_y") {
        return false;
    }
    let factor = product.input("x").first().and_then(|id| source(model, *id));
    factor.is_some_and(|node| match node.op {
        Op::Softmax => true,
        Op::RealDiv => {
            let (x, y) = (node.input("x").first(), node.input("y").first());
            let summed = y.and_then(|id| sum(model, *id)).and_then(|sum| origin(model, sum, "x"));
            summed.is_some() && summed == x.map(|id| root(model, *id))
        }
        _ => false,
    })
}

/// What a masked mean averages: the sum of products with a mask, divided by the mask's own sum.
fn quotient_of_sums(model: &Model<'_>, node: &Node) -> Option<ValueId> {
    let above = sum(model, *node.input("x").first()?)?;
    let mask = origin(model, sum(model, *node.input("y").first()?)?, "x")?;
    let product = source(model, *above.input("x").first()?).filter(|node| node.op == Op::Mul)?;
    let (x, y) = (*product.input("x").first()?, *product.input("y").first()?);
    match (root(model, x) == mask, root(model, y) == mask) {
        (true, false) => Some(y),
        (false, true) => Some(x),
        _ => None,
    }
}

/// The sum that a value is, behind a guard against zero.
fn sum<'a>(model: &'a Model<'_>, id: ValueId) -> Option<&'a Node> {
    let node = source(model, id)?;
    let guarded = match node.op {
        Op::Clip => source(model, *node.input("x").first()?)?,
        Op::Maximum | Op::Add if number(model, node, "y").is_some_and(|least| least > 0.0) => {
            source(model, *node.input("x").first()?)?
        }
        _ => node,
    };
    (guarded.op == Op::ReduceSum).then_some(guarded)
}

fn origin(model: &Model<'_>, node: &Node, input: &str) -> Option<ValueId> {
    node.input(input).first().map(|id| root(model, *id))
}

/// The op that made a value, behind changes of shape.
fn source<'a>(model: &'a Model<'_>, id: ValueId) -> Option<&'a Node> {
    model.producer(root(model, id)).map(|i| model.items[i].node)
}

/// A value before its shape was changed.
fn root(model: &Model<'_>, mut id: ValueId) -> ValueId {
    for _ in 0..FAR {
        let node = model.producer(id).map(|i| model.items[i].node);
        let moved = node.filter(|node| {
            matches!(node.op, Op::ExpandDims | Op::Reshape | Op::Squeeze | Op::Tile | Op::Cast)
        });
        match moved.and_then(|node| node.input("x").first()) {
            Some(before) => id = *before,
            None => break,
        }
    }
    id
}
