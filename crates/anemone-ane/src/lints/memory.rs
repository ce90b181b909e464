//! Weights, sizes and states: what streams slowly, what is too large, what is written in the model.

use anemone_ir::{Op, Type};

use super::support::{Text, nodes};
use super::{Datum, Lint};
use crate::Target;
use crate::cost::{is_by_block, model_bytes, streams};
use crate::evidence::Class;
use crate::model::{Model, elements};
use crate::rules::{MAX_STATES, STATE_MULTIPLE};

const NOTCH: Text = Text {
    kind: "dma_notch",
    why: "when a core's share of the weights is within 16 KiB of a multiple of 1 MiB, they stream at 17 to 19 GB/s \
          in place of 45 to 60",
    class: Class::Measured,
    source: "eiln, by kasper0406/stablehlo-coreml#110 (M4)",
    fix: "split the contraction in two and add the halves",
};
const SIZE: Text = Text {
    kind: "model_size",
    why: "above 1 GiB (macOS 27) or 2 GiB (before) all of a model runs elsewhere, in silence",
    class: Class::Measured,
    source: "eeane 2.1.0 (M2, macOS 27.0.1); coremltools' guide (1 GB on iPhone)",
    fix: "split the model into parts below the limit, or palettise its weights",
};
const STATES: Text = Text {
    kind: "states",
    why: "three states failed when the model predicted (A19 Pro); inner sizes that are no multiples of 32 fail (M4)",
    class: Class::Reported,
    source: "john-rocky/CoreML-LLM; coremltools#2631",
    fix: "keep all in one state, and fill its inner sizes up to multiples of 32",
};
const WRITES: Text = Text {
    kind: "state_written_in_model",
    why: "Apple's rules advise against writes of the cache in the model",
    class: Class::Documented,
    source: "Apple's neural_engine_rules.md",
    fix: "return the new keys and values, and write the cache outside",
};
const BLOCKS: Text = Text {
    kind: "per_block_weights",
    why: "scales by block gave wrong results on the engine, or keep the op on the CPU",
    class: Class::Reported,
    source: "apple/coreai-models#279 (cosine 0.367); cadamcat",
    fix: "quantise by channel or by tensor, or palettise",
};
const FOLDED: Text = Text {
    kind: "weights_fold",
    why: "this chip's compiler decodes this form before it runs: no bandwidth and no memory is saved",
    class: Class::Reported,
    source: "aneforge's catalogue (hardware ladder)",
    fix: "palettise: tables stream on every generation from h13 on",
};

pub(super) fn find(model: &Model<'_>, target: &Target) -> Vec<Lint> {
    let mut found = notch(model);
    found.extend(size(model, target));
    found.extend(states(model));
    let writes = nodes(model, |node| node.op == Op::WriteState);
    found.extend(WRITES.for_all("states are written in the model", writes, []));
    found.extend(compressed(model, target));
    found
}

/// Bytes that one of 16 cores streams: ceil(outputs / 16) × the rest × 2.
fn notch(model: &Model<'_>) -> Vec<Lint> {
    const MIB: u64 = 1 << 20;
    const NEAR: u64 = 16 << 10;
    let mut found = Vec::new();
    for item in model.items.iter().filter(|item| !item.is_folded) {
        let name = if item.node.op == Op::Matmul { "y" } else { "weight" };
        let id = item.node.input(name).first().filter(|id| model.is_constant(**id));
        let Some(shape) = id.and_then(|id| model.shape(*id)) else { continue };
        let (outputs, rest) = match (item.node.op, shape) {
            (Op::Matmul, [.., inner, outputs]) => (*outputs, *inner),
            (Op::Conv | Op::Linear, [outputs, rest @ ..]) => (*outputs, elements(rest)),
            _ => continue,
        };
        let payload = outputs.div_ceil(16).saturating_mul(rest).saturating_mul(2);
        let beyond = payload % MIB;
        if payload + NEAR >= MIB && beyond.min(MIB - beyond) <= NEAR {
            let data = [
                ("payload_bytes", Datum::Number(payload as f64)),
                ("weight", Datum::Sizes(shape.to_vec())),
            ];
            let what = format!("each core streams {payload} bytes of weights");
            found.push(NOTCH.at(what, vec![item.node.origin.to_string()], data));
        }
    }
    found
}

fn size(model: &Model<'_>, target: &Target) -> Vec<Lint> {
    let Some(limit) = target.model_limit() else { return Vec::new() };
    let bytes = model_bytes(model, target);
    if bytes <= limit.bytes {
        return Vec::new();
    }
    let data =
        [("bytes", Datum::Number(bytes as f64)), ("limit", Datum::Number(limit.bytes as f64))];
    let what = format!("weights take {bytes} bytes of {}", limit.bytes);
    vec![SIZE.at(what, vec![model.function.name().to_owned()], data)]
}

fn states(model: &Model<'_>) -> Vec<Lint> {
    let function = model.function;
    let states = function.inputs().iter();
    let states: Vec<_> =
        states.filter(|id| matches!(function.value(**id).ty(), Type::State(_))).collect();
    let is_odd = |id: &anemone_ir::ValueId| {
        let inner = model.shape(*id).and_then(|s| s.get(1..)).unwrap_or(&[]);
        inner.iter().rev().take(2).any(|n| !n.is_multiple_of(STATE_MULTIPLE))
    };
    let name = |id: &anemone_ir::ValueId| function.value(*id).name.clone();
    let odd: Vec<String> = states.iter().filter(|id| is_odd(id)).map(|id| name(id)).collect();
    let all: Vec<String> = states.iter().map(|id| name(id)).collect();
    let data = |most: f64| {
        [("states", Datum::Number(states.len() as f64)), ("limit", Datum::Number(most))]
    };
    let mut found = STATES.for_all("inner sizes are no multiples of 32", odd, data(32.0));
    if all.len() > MAX_STATES {
        found.extend(STATES.for_all("more than two states", all, data(MAX_STATES as f64)));
    }
    found
}

fn compressed(model: &Model<'_>, target: &Target) -> Vec<Lint> {
    let (mut blocks, mut folded) = (Vec::new(), Vec::new());
    for item in &model.items {
        let node = item.node;
        let is_compressed = matches!(
            node.op,
            Op::ConstexprAffineDequantize
                | Op::ConstexprBlockwiseShiftScale
                | Op::ConstexprSparseToDense
                | Op::ConstexprLutToDense
                | Op::ConstexprLutToSparse
                | Op::ConstexprSparseBlockwiseShiftScale
        );
        if is_compressed && !streams(model, target, node) {
            folded.push(node.origin.to_string());
        }
        if is_by_block(model, node) {
            blocks.push(node.origin.to_string());
        }
    }
    let mut found = BLOCKS.for_all("weights have scales by block", blocks, []);
    found.extend(FOLDED.for_all("compressed weights become fp16 on this chip", folded, []));
    found
}
