//! Layouts that waste memory or force copies: the last axis, ranks, transposes, tiles, batches.

use std::collections::BTreeSet;

use anemone_ir::{Node, Op, ValueId};

use super::support::{Text, nodes};
use super::{Datum, Lint};
use crate::Target;
use crate::evidence::Class;
use crate::model::{Model, elements};
use crate::rules::MAX_RANK;

/// The last axis of what goes in and out is a multiple of this.
pub const ALIGNMENT_BYTES: u64 = 64;
/// Tensors smaller than this are not worth a word.
const WORTH_BYTES: u64 = 1 << 16;

const APPLE: &str = "Apple's neural_engine_rules.md";

const PADDING: Text = Text {
    kind: "last_axis_padding",
    why: "the last axis is filled up to 64 bytes: a last axis of one takes 32 times the memory in fp16",
    class: Class::Documented,
    source: APPLE,
    fix: "put a long axis last, such as (B, C, 1, S)",
};
const RANK: Text = Text {
    kind: "rank_above_five",
    why: "the engine takes tensors of at most five dimensions",
    class: Class::Documented,
    source: APPLE,
    fix: "merge dimensions by a reshape before, and split them after",
};
const TRANSPOSE: Text = Text {
    kind: "last_axis_transpose",
    why: "a transpose that moves the last axis copies the whole tensor",
    class: Class::Documented,
    source: "aneforge's catalogue; Apple's neural_engine_rules.md",
    fix: "choose a layout in which the last axis stays, such as per-head attention by bchq,bkhc->bkhq",
};
const HEADS: Text = Text {
    kind: "rank_changing_transpose",
    why: "a reshape to another rank beside a transpose, as where heads are split, copies the whole tensor",
    class: Class::Documented,
    source: APPLE,
    fix: "keep (B, C, 1, S) and 1 × 1 convolutions, and split heads along the channels",
};
const TILE: Text = Text {
    kind: "tile",
    why: "tile copies, and on a private path it spoiled later runs of the same process (M3 Max)",
    class: Class::Reported,
    source: "skyfallsin/apple-neural-engine-field-guide; aneforge's catalogue",
    fix: "let elementwise ops broadcast, or concat",
};
const BATCH: Text = Text {
    kind: "batch_above_one",
    why: "one task runs at a time: a batch gains little, and takes memory",
    class: Class::Reported,
    source: "M6 study and maderix: independent branches never overlap",
    fix: "use a batch of one, and several requests in a queue",
};

const SLICE: Text = Text {
    kind: "last_axis_slice",
    why: "on h13 and h14 a slice that begins inside the last axis turns values beyond 4094 into infinities",
    class: Class::Measured,
    source: "aneforge's catalogue (M1, M2; exact from h16 on)",
    fix: "slice along another axis, or transpose before and after",
};

pub(super) fn find(model: &Model<'_>, target: &Target) -> Vec<Lint> {
    let mut found = padding(model);
    if !target.since(15) {
        let slices = nodes(model, |node| cuts_last_axis(model, node));
        let limit = [("limit", Datum::Number(4094.0))];
        found.extend(SLICE.for_all("slices begin inside the last axis", slices, limit));
    }
    let rank = |ids: &[ValueId]| {
        ids.iter().filter_map(|id| model.shape(*id)).map(<[u64]>::len).max().unwrap_or(0)
    };
    let most = model.items.iter().map(|item| rank(&item.node.outputs)).max().unwrap_or(0);
    let high = nodes(model, |node| rank(&node.outputs) > MAX_RANK);
    let data = [("rank", Datum::Number(most as f64))];
    found.extend(RANK.for_all("tensors of more than five dimensions", high, data));
    let moved = nodes(model, |node| {
        let shape = node.input("x").first().and_then(|id| model.shape(*id));
        let perm = node.input("perm").first();
        let perm = perm.and_then(|id| model.function.value(*id).known.value.as_ref()?.tensor());
        let (Some(shape), Some(perm)) = (shape, perm) else { return false };
        let last = perm.count().checked_sub(1).map(|i| perm.get_i64(i));
        let rank = shape.len() as i64;
        node.op == Op::Transpose
            && last.is_some_and(|axis| axis.rem_euclid(rank.max(1)) != rank - 1)
    });
    found.extend(TRANSPOSE.for_all("transposes move the last axis", moved, []));
    let heads = nodes(model, |node| changes_rank(model, node));
    found.extend(HEADS.for_all("transposes stand beside reshapes to another rank", heads, []));
    let tiles = nodes(model, |node| node.op == Op::Tile);
    found.extend(TILE.for_all("tile", tiles, []));
    found.extend(batch(model));
    found
}

/// Whether a slice begins behind the start of the last axis, as far as its start is constant.
fn cuts_last_axis(model: &Model<'_>, node: &Node) -> bool {
    let is_slice = matches!(node.op, Op::SliceBySize | Op::SliceByIndex);
    let begin = node.input("begin").first().filter(|_| is_slice);
    let begin = begin.and_then(|id| model.function.value(*id).known.value.as_ref()?.tensor());
    let mask = node.input("begin_mask").first();
    let mask = mask.and_then(|id| model.function.value(*id).known.value.as_ref()?.tensor());
    let Some((begin, last)) = begin.and_then(|b| Some((b, b.count().checked_sub(1)?))) else {
        return false;
    };
    let is_masked = mask.is_some_and(|m| m.count() > last && m.get_i64(last) != 0);
    begin.get_i64(last) != 0 && !is_masked
}

/// A transpose of what a reshape just gave another rank.
fn changes_rank(model: &Model<'_>, node: &Node) -> bool {
    let rank = |id: Option<&ValueId>| id.and_then(|id| model.shape(*id)).map(<[u64]>::len);
    let from = node.input("x").first();
    let before = from.and_then(|id| model.producer(*id)).map(|i| model.items[i].node);
    node.op == Op::Transpose
        && before.is_some_and(|before| {
            before.op == Op::Reshape && rank(before.input("x").first()) != rank(from)
        })
}

fn padding(model: &Model<'_>) -> Vec<Lint> {
    let (mut paths, mut wasted, mut worst) = (Vec::new(), 0u64, 1u64);
    let ports = model.function.inputs().iter().chain(model.function.outputs());
    for id in ports {
        let (Some(shape), Some(dtype)) = (model.shape(*id), model.dtype(*id)) else { continue };
        let Some(last) = shape.last() else { continue };
        let row = last * dtype.bits() as u64 / 8;
        if row == 0 || row.is_multiple_of(ALIGNMENT_BYTES) {
            continue;
        }
        let padded = row.next_multiple_of(ALIGNMENT_BYTES);
        let bytes = elements(shape) / last * padded;
        if bytes >= WORTH_BYTES && padded >= 2 * row {
            paths.push(model.function.value(*id).name.clone());
            wasted += bytes - elements(shape) / last * row;
            worst = worst.max(padded / row);
        }
    }
    let data = [
        ("wasted_bytes", Datum::Number(wasted as f64)),
        ("times", Datum::Number(worst as f64)),
        ("align_bytes", Datum::Number(ALIGNMENT_BYTES as f64)),
    ];
    let what =
        format!("inputs and outputs with short last axes take up to {worst} times their size");
    PADDING.for_all(&what, paths, data)
}

fn batch(model: &Model<'_>) -> Vec<Lint> {
    let mut most = 0;
    let ended = not_carried(model);
    let inputs = model.function.inputs().iter().filter(|id| {
        // The first axis of a state is not a batch: often it counts layers.
        if model.function.value(**id).ty().as_tensor().is_none() || ended.contains(id) {
            return false;
        }
        let first = first_size(model, **id).unwrap_or(1);
        most = most.max(first);
        first > 1
    });
    let paths: Vec<String> = inputs.map(|id| model.function.value(*id).name.clone()).collect();
    BATCH.for_all("inputs have a batch", paths, [("batch", Datum::Number(most as f64))])
}

/// The first of at least four sizes.
fn first_size(model: &Model<'_>, id: ValueId) -> Option<u64> {
    model.shape(id).filter(|shape| shape.len() >= 4)?.first().copied()
}

/// Values whose first axis an op ends or takes for something else than a batch: weights, tables, layers of which
/// one is cut out. Casts hand it on.
fn not_carried(model: &Model<'_>) -> BTreeSet<ValueId> {
    let mut ends = BTreeSet::new();
    for item in model.items.iter().rev().filter(|item| !item.is_folded) {
        let node = item.node;
        for (input, ids) in &node.inputs {
            for id in ids {
                let keeps = |output: &ValueId| match node.op {
                    Op::Cast => !ends.contains(output),
                    _ => {
                        let sizes = model.shape(*output).zip(model.shape(*id));
                        sizes.is_none_or(|(new, old)| new.first() == old.first())
                    }
                };
                let is_weight = *input == "weight" || (is_lookup(node.op) && *input == "x");
                if is_weight || !node.outputs.iter().all(keeps) {
                    ends.insert(*id);
                }
            }
        }
    }
    ends
}

fn is_lookup(op: Op) -> bool {
    matches!(op, Op::Gather | Op::GatherAlongAxis | Op::GatherNd)
}
