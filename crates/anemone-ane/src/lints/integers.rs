//! Whole numbers that fp16 rounds: those that can pass 2048 and are used where the last digit matters.
//!
//! Each walk goes once over the ops, so that the time is linear in them.

use anemone_ir::infer::Symbols;
use anemone_ir::{Node, Op, ValueId};
use anemone_tensor::DataType;

use super::support::Text;
use super::{Datum, Lint};
use crate::Target;
use crate::evidence::Class;
use crate::model::Model;

/// fp16 holds all whole numbers up to this.
const EXACT: f64 = 2048.0;

const INTEGERS: Text = Text {
    kind: "integers_in_fp16",
    why: "fp16 holds whole numbers exactly up to 2048; larger ids and positions are rounded",
    class: Class::Inferred,
    source: "IEEE 754 binary16",
    fix: "keep ids as int32 on the CPU, look them up outside, or split them into two numbers",
};

pub(super) fn find(model: &Model<'_>, _: &Target) -> Vec<Lint> {
    let sizes = sizes(model);
    let needs = needs(model, &sizes);
    let live = model.items.iter().filter(|item| !item.is_folded);
    let casts = live.filter(|item| {
        let (from, to) = (item.node.input("x").first(), item.node.outputs.first());
        item.node.op == Op::Cast
            && from.is_some_and(|id| is_int(model, *id) && sizes[id.index()] > EXACT)
            && to.is_some_and(|id| {
                model.dtype(*id) == Some(DataType::F16) && needs[id.index()].whole
            })
    });
    let paths = casts.map(|item| item.node.origin.to_string()).collect();
    INTEGERS.for_all("integers are cast to fp16", paths, [("limit", Datum::Number(EXACT))])
}

fn is_int(model: &Model<'_>, id: ValueId) -> bool {
    model.dtype(id).is_some_and(|dtype| dtype.is_int() && dtype.bits() > 8)
}

/// How large each value can be; infinite where nothing tells, and at most [`EXACT`] for what fp16 held before.
fn sizes(model: &Model<'_>) -> Vec<f64> {
    // What indexes a table is no larger than it.
    let mut sizes = vec![f64::INFINITY; model.function.values().len()];
    for item in model.items.iter().rev() {
        let table = rows(model, item.node);
        for (input, ids) in &item.node.inputs {
            for id in ids {
                let limit = match table {
                    Some(rows) if *input == "indices" => rows,
                    None if is_moved(item.node.op) && is_int(model, *id) => {
                        item.node.outputs.iter().fold(0.0, |most, id| sizes[id.index()].max(most))
                    }
                    _ => continue,
                };
                sizes[id.index()] = sizes[id.index()].min(limit);
            }
        }
    }
    for item in &model.items {
        let node = item.node;
        for (i, output) in node.outputs.iter().enumerate() {
            let size = made(model, node, i, &sizes);
            sizes[output.index()] = sizes[output.index()].min(size);
        }
    }
    sizes
}

/// How large an op's result can be, from its inputs.
fn made(model: &Model<'_>, node: &Node, output: usize, sizes: &[f64]) -> f64 {
    let size = |id: ValueId| constant(model, id).unwrap_or(sizes[id.index()]);
    let first = |input: &str| node.input(input).first().copied();
    let of = |input: &str| first(input).map_or(f64::INFINITY, size);
    let all = |inputs: &[&str]| {
        let ids = inputs.iter().flat_map(|input| node.input(input));
        ids.fold(0.0, |most: f64, id| most.max(size(*id)))
    };
    let axis = || {
        let shape = first("x").and_then(|id| model.shape(id));
        let symbols = Symbols::default();
        let axis = model.function.context(node, &symbols).int("axis").ok();
        let at = |shape: &[u64], axis: i64| axis_size(shape, axis);
        shape.zip(axis).and_then(|(shape, axis)| at(shape, axis)).unwrap_or(f64::INFINITY)
    };
    match node.op {
        Op::Cast => match first("x").and_then(|id| model.dtype(id)) {
            Some(DataType::Bool) => 1.0,
            // Whatever fp16 holds, it holds again.
            Some(DataType::F16) => EXACT,
            _ => of("x"),
        },
        Op::Topk if output == 0 => of("x"),
        Op::ReduceArgmax | Op::ReduceArgmin | Op::Argsort | Op::Topk => axis(),
        Op::Select => all(&["a", "b"]),
        Op::Add | Op::Sub => of("x") + of("y"),
        Op::Mul => of("x") * of("y"),
        Op::Maximum => all(&["x", "y"]),
        op if is_moved(op) => all(&["x", "values"]),
        op if is_lookup(op) => of("x"),
        _ => f64::INFINITY,
    }
}

/// The greatest magnitude of a constant.
fn constant(model: &Model<'_>, id: ValueId) -> Option<f64> {
    const MOST: usize = 1 << 20;
    let tensor = model.function.value(id).known.value.as_ref()?.tensor()?;
    let is_seen = tensor.count() <= MOST && tensor.dtype().is_int();
    let value = |i| tensor.get_i64(i).unsigned_abs() as f64;
    is_seen.then(|| (0..tensor.count()).map(value).fold(0.0, f64::max))
}

fn axis_size(shape: &[u64], axis: i64) -> Option<f64> {
    let axis = if axis < 0 { axis + shape.len() as i64 } else { axis };
    usize::try_from(axis).ok().and_then(|axis| shape.get(axis)).map(|size| *size as f64)
}

/// The rows of the table that a lookup's indices choose from.
fn rows(model: &Model<'_>, node: &Node) -> Option<f64> {
    let shape = node.input("x").first().and_then(|id| model.shape(*id))?;
    match node.op {
        Op::Gather | Op::GatherAlongAxis => {
            let symbols = Symbols::default();
            axis_size(shape, model.function.context(node, &symbols).int("axis").ok()?)
        }
        Op::GatherNd => shape.iter().max().map(|size| *size as f64),
        _ => None,
    }
}

fn is_lookup(op: Op) -> bool {
    matches!(op, Op::Gather | Op::GatherAlongAxis | Op::GatherNd)
}

/// Ops that hand elements on as they are.
fn is_moved(op: Op) -> bool {
    matches!(
        op,
        Op::Concat
            | Op::ExpandDims
            | Op::Flatten2d
            | Op::Identity
            | Op::Reshape
            | Op::Reverse
            | Op::SliceByIndex
            | Op::SliceBySize
            | Op::Split
            | Op::Squeeze
            | Op::Stack
            | Op::Tile
            | Op::Transpose
    )
}

/// Whether the last digit of a value matters: as a whole number, and once it was scaled.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Need {
    whole: bool,
    scaled: bool,
}

/// What each value is needed for, from the end backwards. What is only multiplied, as a mask is, is rounded like any
/// other fp16 number; an angle, an index, a comparison and a result are not.
fn needs(model: &Model<'_>, sizes: &[f64]) -> Vec<Need> {
    let mut needs = vec![Need::default(); sizes.len()];
    for id in model.function.outputs() {
        needs[id.index()].whole = true;
    }
    for item in model.items.iter().rev() {
        let node = item.node;
        let after = node.outputs.iter().fold(Need::default(), |all, id| {
            let one = needs[id.index()];
            Need { whole: all.whole || one.whole, scaled: all.scaled || one.scaled }
        });
        for (input, ids) in &node.inputs {
            for id in ids {
                let own = need(model, node, input, *id, after);
                let so_far = &mut needs[id.index()];
                so_far.whole |= own.whole;
                so_far.scaled |= own.scaled;
            }
        }
    }
    needs
}

/// What an op needs of one input, given what is needed of its results.
fn need(model: &Model<'_>, node: &Node, input: &str, id: ValueId, after: Need) -> Need {
    let all = |needed: bool| Need { whole: needed, scaled: needed };
    match node.op {
        Op::Mul | Op::RealDiv | Op::Matmul | Op::Linear | Op::Conv | Op::Einsum => {
            Need { whole: after.scaled, scaled: after.scaled }
        }
        // A difference of two places is small, and keeps the rounding of both.
        Op::Sub if is_cast_from_int(model, node, "x") && is_cast_from_int(model, node, "y") => {
            Need { whole: true, scaled: after.scaled }
        }
        Op::Sin | Op::Cos => all(true),
        Op::Mod | Op::FloorDiv => Need { whole: true, scaled: true },
        Op::Equal | Op::NotEqual | Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual => {
            Need { whole: !is_against_small(model, node, id), scaled: false }
        }
        Op::Cast => match node.outputs.first().and_then(|id| model.dtype(*id)) {
            Some(DataType::Bool) => Need::default(),
            // A scaled number that becomes a whole one must be that one.
            Some(to) if to.is_int() => all(after.whole),
            _ => after,
        },
        op if is_lookup(op) && input == "indices" => {
            all(rows(model, node).is_none_or(|rows| rows > EXACT))
        }
        Op::Add
        | Op::Sub
        | Op::Abs
        | Op::Relu
        | Op::Clip
        | Op::Floor
        | Op::Ceil
        | Op::Round
        | Op::Maximum
        | Op::Minimum
        | Op::ReduceMax
        | Op::ReduceMin
        | Op::Select => after,
        op if is_moved(op) || is_lookup(op) => after,
        _ => Need::default(),
    }
}

/// Whether the input is made of whole numbers by the op before it.
fn is_cast_from_int(model: &Model<'_>, node: &Node, input: &str) -> bool {
    let producer = node.input(input).first().and_then(|id| model.producer(*id));
    let cast = producer.map(|i| &model.items[i]).filter(|item| !item.is_folded);
    let from = cast.filter(|i| i.node.op == Op::Cast).and_then(|i| i.node.input("x").first());
    from.is_some_and(|id| is_int(model, *id))
}

/// Whether a value is compared with a constant that rounding does not reach.
fn is_against_small(model: &Model<'_>, node: &Node, id: ValueId) -> bool {
    let mut others = Model::inputs(node).filter(|other| *other != id);
    others.all(|other| {
        let float =
            super::support::extremes(model, other).map(|(least, most)| least.abs().max(most.abs()));
        constant(model, other).or(float).is_some_and(|most| most < EXACT)
    })
}
