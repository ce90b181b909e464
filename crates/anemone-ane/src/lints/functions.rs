//! Functions that the engine gets wrong beyond a threshold.

use anemone_ir::infer::Symbols;
use anemone_ir::{Node, Op, ValueId};

use super::support::{Text, nodes};
use super::{Datum, Lint};
use crate::Target;
use crate::evidence::Class;
use crate::model::Model;

const SOFTPLUS: Text = Text {
    kind: "softplus_threshold",
    why: "softplus gives 0 above 10.4 on the engine",
    class: Class::Reported,
    source: "github.com/apple/coremltools/issues/2687",
    fix: "write it as maximum(x, 0) + log(1 + exp(-abs(x)))",
};

const LOG_SUM_EXP: Text = Text {
    kind: "log_sum_exp_threshold",
    why: "over channels it gives 0 above 7.63 on the engine",
    class: Class::Reported,
    source: "github.com/apple/coremltools/issues/2690",
    fix: "subtract the maximum before it and add it after",
};

const INTEGERS: Text = Text {
    kind: "integers_in_fp16",
    why: "fp16 holds whole numbers exactly up to 2048; larger ids and positions are rounded",
    class: Class::Inferred,
    source: "IEEE 754 binary16",
    fix: "keep ids as int32 on the CPU, look them up outside, or split them into two numbers",
};

const TOPK: Text = Text {
    kind: "topk_slow",
    why: "Core ML places it on the engine as if it only moved data; measured on an M4 it took 6 to 10 ms, 200 times \
          the estimate, and longer than the whole network on the CPU",
    class: Class::Measured,
    source: "M6 study, notes/coreml_dispatch.md, topk_timing.txt (M4, macOS 27.0.1)",
    fix: "take the largest outside the model, or in a model of its own for the CPU",
};

/// Ops that hand a value on with another shape.
const SHAPING: [Op; 6] =
    [Op::Concat, Op::ExpandDims, Op::Reshape, Op::Squeeze, Op::Tile, Op::Transpose];

/// Whether a value is only multiplied, or taken from a number and then multiplied, and no angle is made of it: so
/// are masks of zeros and ones used, and not ids or places, whose last digit matters.
fn only_scales(model: &Model<'_>, id: ValueId) -> bool {
    const FAR: usize = 8;
    let mut open = vec![(id, FAR, false)];
    while let Some((id, left, is_scaled)) = open.pop() {
        if !is_scaled && model.function.outputs().contains(&id) {
            return false;
        }
        for user in model.items.iter().filter(|i| Model::inputs(i.node).any(|own| own == id)) {
            let op = user.node.op;
            let multiplies = matches!(op, Op::Mul | Op::Matmul);
            if multiplies || SHAPING.contains(&op) || (op == Op::Sub && !is_scaled) {
                let next = is_scaled || multiplies;
                if left > 0 {
                    open.extend(user.node.outputs.iter().map(|id| (*id, left - 1, next)));
                } else if !next {
                    return false;
                }
            } else if matches!(op, Op::Sin | Op::Cos) || !(is_scaled || op == Op::ReduceSum) {
                return false;
            }
        }
    }
    true
}

pub(super) fn find(model: &Model<'_>, target: &Target) -> Vec<Lint> {
    let of = |op: Op| nodes(model, |node| node.op == op);
    let limit = |at: f64| [("limit", Datum::Number(at))];
    let mut found = SOFTPLUS.for_all("softplus", of(Op::Softplus), limit(10.4));
    let sums = nodes(model, |node| sums_channels(model, node));
    found.extend(LOG_SUM_EXP.for_all("log of a sum of exponentials", sums, limit(7.63)));
    let casts = nodes(model, |node| {
        use anemone_tensor::DataType as D;
        let dtype = |ids: &[ValueId]| ids.first().and_then(|id| model.dtype(*id));
        let from = dtype(node.input("x"));
        node.op == Op::Cast
            && matches!(from, Some(D::I32 | D::I16 | D::U16))
            && dtype(&node.outputs) == Some(D::F16)
            && !node.outputs.iter().all(|id| only_scales(model, *id))
            && !node.input("x").iter().any(|id| is_mask(model, *id))
    });
    found.extend(INTEGERS.for_all("integers are cast to fp16", casts, limit(2048.0)));
    if target.family().name == "h16" {
        found.extend(TOPK.for_all("topk", of(Op::Topk), []));
    }
    found
}

/// A sum over channels, where nothing was subtracted before.
fn sums_channels(model: &Model<'_>, node: &Node) -> bool {
    let from = node.input("x").first();
    let rank = from.and_then(|id| model.shape(*id)).map_or(0, <[u64]>::len) as i64;
    let producer = from.and_then(|id| model.producer(*id)).map(|i| model.items[i].node.op);
    let symbols = Symbols::default();
    let axes = model.function.context(node, &symbols).ints("axes").ok();
    let over = axes.is_none_or(|axes| axes.iter().any(|axis| axis.rem_euclid(rank.max(1)) == 1));
    node.op == Op::ReduceLogSumExp && over && producer != Some(Op::Sub)
}

/// Whether the value is an input whose name says that it is a mask, in another shape or type.
fn is_mask(model: &Model<'_>, id: ValueId) -> bool {
    let moves = |op: Op| {
        matches!(
            op,
            Op::Cast | Op::ExpandDims | Op::Reshape | Op::Squeeze | Op::Tile | Op::Identity
        )
    };
    let mut id = id;
    while let Some(node) = model.producer(id).map(|i| model.items[i].node) {
        match node.input("x").first() {
            Some(from) if moves(node.op) => id = *from,
            _ => return false,
        }
    }
    model.function.value(id).name.to_ascii_lowercase().contains("mask")
}
