//! Functions that the engine gets wrong beyond a threshold.

use anemone_ir::infer::Symbols;
use anemone_ir::{Node, Op};

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

const TOPK: Text = Text {
    kind: "topk_slow",
    why: "Core ML places it on the engine as if it only moved data; measured on an M4 it took 6 to 10 ms, 200 times \
          the estimate, and longer than the whole network on the CPU",
    class: Class::Measured,
    source: "M6 study, notes/coreml_dispatch.md, topk_timing.txt (M4, macOS 27.0.1)",
    fix: "take the largest outside the model, or in a model of its own for the CPU",
};

pub(super) fn find(model: &Model<'_>, target: &Target) -> Vec<Lint> {
    let of = |op: Op| nodes(model, |node| node.op == op);
    let limit = |at: f64| [("limit", Datum::Number(at))];
    let mut found = SOFTPLUS.for_all("softplus", of(Op::Softplus), limit(10.4));
    let sums = nodes(model, |node| sums_channels(model, node));
    found.extend(LOG_SUM_EXP.for_all("log of a sum of exponentials", sums, limit(7.63)));
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
