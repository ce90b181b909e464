//! What an op costs on each unit: one formula for each class of op, its constants in the data.
//!
//! The times are those that Core ML's segmenter would expect, since they decide the place. Other chips than
//! the M4 scale by the engine's peak and by its weight bandwidth; the CPU's share is not known to scale.

use std::collections::BTreeSet;

use anemone_ir::infer::Symbols;
use anemone_ir::{Node, Op, ValueId};

use crate::Target;
use crate::data::{Rate, Rates, estimates};
use crate::model::{Model, elements};

/// The capacity of the engine's own memory: what fits needs no stream from outside.
pub const RESIDENT_BYTES: u64 = 2 << 20;

/// An op's expected time on each unit, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// On the Neural Engine; none where the chip's figures are not known.
    pub ane_us: Option<f64>,
    /// On the CPU.
    pub cpu_us: f64,
    /// The fastest and slowest that the engine's figures allow.
    pub ane_bounds_us: Option<(f64, f64)>,
}

/// How a chip differs from the M4, whose estimates are published.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    compute: Option<f64>,
    memory: f64,
    peak_tflops: Option<f64>,
}

impl Scale {
    pub(crate) fn new(target: &Target) -> Scale {
        let m4 = Target::new("m4").expect("a test asks for the M4's row");
        let (own, base) = (target.row(), m4.row());
        let ratio = |own: Option<f64>, base: Option<f64>| Some(own? / base?);
        let peak_tflops = own.peak_fp16_tflops();
        Scale {
            compute: ratio(peak_tflops, base.peak_fp16_tflops()),
            memory: ratio(own.weight_gbps, base.weight_gbps).unwrap_or(1.0),
            peak_tflops,
        }
    }
}

/// Operations for each byte from which a convolution runs at its full rate: published estimates change between
/// 56 and 67.
const FULL_RATE: f64 = 61.0;
/// The same for a transposed convolution, whose rate falls there: between 128 and 195.
const TRANSPOSED_RATE: f64 = 160.0;
/// Input channels of a group from which a convolution is no longer slow: 2 are, 4 are not.
const NARROW_GROUP: u64 = 3;

/// The class whose formula an op follows.
fn class(model: &Model<'_>, node: &Node, work: f64, bytes: u64) -> &'static str {
    let intensity = work / bytes.max(1) as f64;
    match node.op {
        Op::Conv if is_narrow(model, node) => "narrow",
        Op::Conv if intensity < FULL_RATE => "conv_low",
        Op::Conv => "conv",
        Op::ConvTranspose if intensity < TRANSPOSED_RATE => "conv_transpose_low",
        Op::ConvTranspose => "conv_transpose",
        Op::Linear => linear(model, node, work, bytes),
        Op::Matmul | Op::Einsum => "product",
        Op::ScaledDotProductAttention => "attention",
        Op::Relu | Op::Relu6 => "simple",
        Op::Gelu => "function",
        Op::Add | Op::Sub => "binary",
        Op::Mul => "mul",
        Op::Concat => "concat",
        Op::Gather | Op::GatherAlongAxis | Op::GatherNd => "gather",
        Op::Transpose => "transpose",
        Op::UpsampleBilinear => "upsample",
        _ => "stream",
    }
}

/// Operations for each byte below which a linear layer is bound by its weights: published estimates change between
/// 11 and 15.
const BY_WEIGHTS: f64 = 13.0;
/// The same, from which it runs at its full rate: between 51 and 56.
const LINEAR_RATE: f64 = 54.0;
/// The operations in all that the full rate needs: between 17 and 34 million.
const FULL_LINEAR: f64 = 24e6;
/// Bytes of weights from which it runs at half of that: between 256 and 512 KiB.
const LARGE_LINEAR: u64 = 384 << 10;

/// A linear layer's class.
fn linear(model: &Model<'_>, node: &Node, work: f64, bytes: u64) -> &'static str {
    let each = work / bytes.max(1) as f64;
    let weight = node.input("weight").first().and_then(|id| model.shape(*id)).map_or(0, elements);
    match () {
        () if each >= BY_WEIGHTS && (each < LINEAR_RATE || work < FULL_LINEAR) => "linear_low",
        () if 2 * weight >= LARGE_LINEAR => "linear_large",
        () => "linear",
    }
}

/// The operations that the estimate counts. Of a dilated kernel it takes the undilated convolutions of one
/// phase; of a transposed one, all that the larger output would take.
fn work(model: &Model<'_>, node: &Node, flops: u64) -> f64 {
    let spread = |input: &str| {
        let symbols = Symbols::default();
        let sizes = model.function.context(node, &symbols).ints(input).unwrap_or_default();
        sizes.iter().fold(1.0, |product, size| product * size.unsigned_abs().max(1) as f64)
    };
    match node.op {
        Op::Conv => flops as f64 / spread("dilations"),
        Op::ConvTranspose => flops as f64 * spread("strides"),
        _ => flops as f64,
    }
}

/// What an op costs. Bytes are those of inputs and outputs, weights as they are stored.
pub(crate) fn cost(
    model: &Model<'_>,
    target: &Target,
    scale: &Scale,
    node: &Node,
    flops: u64,
) -> Cost {
    let Traffic { streamed, weights, outputs } = traffic(model, target, node);
    let work = work(model, node, flops);
    let class = class(model, node, work, streamed + weights + outputs);
    let rates = estimates().classes.get(class).expect("a test asks for every class");
    let counted = match class {
        "binary" | "mul" | "concat" => streamed + weights,
        _ => streamed + weights + outputs,
    };
    let whole = (streamed + weights + outputs) as f64;
    Cost {
        ane_us: ane(rates, scale, work, counted as f64),
        cpu_us: outside(rates.cpu, stream().cpu, work, counted as f64),
        ane_bounds_us: bounds(scale, flops as f64, whole, weights as f64),
    }
}

fn ane(rates: &Rates, scale: &Scale, flops: f64, bytes: f64) -> Option<f64> {
    let (flops, bytes) = (flops / scale.compute?, bytes / scale.memory);
    Some(outside(rates.ane, stream().ane, flops, bytes))
}

/// A class whose rate tells nothing of bytes is bound by memory too, once it works on more than stays inside.
fn outside(rate: Rate, stream: Rate, flops: f64, bytes: f64) -> f64 {
    let inside = bytes <= RESIDENT_BYTES as f64 || rate.gbps.is_some();
    let streamed = if inside { 0.0 } else { stream.time_us(0.0, bytes) };
    rate.time_us(flops, bytes).max(streamed)
}

fn stream() -> &'static Rates {
    estimates().classes.get("stream").expect("a test asks for every class")
}

/// From the peak to a single op's share of it (ANEForge's rooflines: about 0.27), and from the fastest stream
/// measured to the slowest (24 GB/s of activations on M1, by Bryngelson).
fn bounds(scale: &Scale, flops: f64, bytes: f64, weights: f64) -> Option<(f64, f64)> {
    let peak = scale.peak_tflops? * 1e6;
    let (fast, slow) = (150e3, 24e3);
    let low = (flops / peak).max(weights / fast);
    let high = (flops / (0.27 * peak)).max(bytes / slow);
    Some((low, high))
}

/// Bytes of inputs that are computed, of constants in the form in which they stream, and of outputs.
struct Traffic {
    streamed: u64,
    weights: u64,
    outputs: u64,
}

fn traffic(model: &Model<'_>, target: &Target, node: &Node) -> Traffic {
    let mut bytes = Traffic { streamed: 0, weights: 0, outputs: written(model, node) };
    let gathers = matches!(node.op, Op::Gather | Op::GatherAlongAxis | Op::GatherNd);
    let takes_part = gathers || matches!(node.op, Op::SliceByIndex | Op::SliceBySize | Op::Split);
    for id in Model::inputs(node) {
        if model.is_constant(id) {
            bytes.weights += weight_bytes(model, target, id);
        } else if names_state(model, node, id) {
            // A read, a write and an update in place move none of the state.
        } else if takes_part && model.state_of(id).is_some() {
            bytes.streamed += model.bytes(id).min(bytes.outputs);
        } else {
            bytes.streamed += model.bytes(id);
        }
    }
    // Of a table, only the rows that are looked up are read.
    if gathers {
        bytes.weights = bytes.weights.min(bytes.outputs);
    }
    bytes
}

/// Whether an input of an op only says which state it means.
fn names_state(model: &Model<'_>, node: &Node, id: ValueId) -> bool {
    let is = |input: &str| node.input(input).first() == Some(&id);
    match node.op {
        Op::ReadState => true,
        Op::WriteState => is("input") || is_written_in_place(model, node),
        _ => is_update_in_place(model, node) && (is("x") || is("data")),
    }
}

fn is_update_in_place(model: &Model<'_>, node: &Node) -> bool {
    let is_update = node.op == Op::SliceUpdate || is_scatter(node.op);
    is_update && node.outputs.first().is_some_and(|id| model.state_of(*id).is_some())
}

/// Whether what is written stands in that state already.
fn is_written_in_place(model: &Model<'_>, node: &Node) -> bool {
    let data = node.input("data").first().and_then(|id| model.state_of(*id));
    data.is_some() && data.as_ref() == node.input("input").first()
}

fn is_scatter(op: Op) -> bool {
    matches!(op, Op::Scatter | Op::ScatterAlongAxis | Op::ScatterNd)
}

/// The bytes that an op writes.
fn written(model: &Model<'_>, node: &Node) -> u64 {
    let first = |input: &str| node.input(input).first().map_or(0, |id| model.bytes(*id));
    match node.op {
        Op::ReadState => 0,
        Op::WriteState if is_written_in_place(model, node) => 0,
        Op::WriteState => first("data"),
        _ if is_update_in_place(model, node) => {
            first(if is_scatter(node.op) { "updates" } else { "update" })
        }
        // Its output counts as one input more.
        Op::Stack => first("values"),
        _ => node.outputs.iter().map(|id| model.bytes(*id)).sum(),
    }
}

/// The bytes of all constants that ops use, each once.
pub(crate) fn model_bytes(model: &Model<'_>, target: &Target) -> u64 {
    let live = model.items.iter().filter(|item| !item.is_folded);
    let used: BTreeSet<_> =
        live.flat_map(|i| Model::inputs(i.node)).filter(|id| model.is_constant(*id)).collect();
    used.into_iter().map(|id| weight_bytes(model, target, id)).sum()
}

/// The bytes of a constant: encoded where the chip decodes as it streams, else two for each element.
pub(crate) fn weight_bytes(model: &Model<'_>, target: &Target, id: ValueId) -> u64 {
    let dense = model.shape(id).map_or(0, elements) * 2;
    let Some(item) = model.producer(id).map(|i| &model.items[i]) else {
        return dense.min(model.bytes(id));
    };
    let is_native = streams(model, target, item.node);
    let encoded: u64 = Model::inputs(item.node).map(|id| model.bytes(id)).sum();
    if is_native { encoded.min(dense) } else { dense }
}

/// Whether weights of this form are decoded as they stream; false for what is no compressed form.
pub(crate) fn streams(model: &Model<'_>, target: &Target, node: &Node) -> bool {
    let has = |form: &str| target.family().weight_streams.iter().any(|s| s == form);
    match node.op {
        Op::ConstexprLutToDense => has("lut"),
        Op::ConstexprAffineDequantize => has("int8"),
        Op::ConstexprSparseToDense => has("sparse") && is_half_zero(model, node),
        Op::ConstexprBlockwiseShiftScale => has("blockwise"),
        // By the catalogue, sparse tables stream from h15 on, though sparse weights do before.
        Op::ConstexprLutToSparse => has("lut") && has("sparse") && target.since(15),
        Op::ConstexprSparseBlockwiseShiftScale => has("sparse") && has("blockwise"),
        _ => false,
    }
}

/// Sparse weights pay from half of them zero on.
fn is_half_zero(model: &Model<'_>, node: &Node) -> bool {
    let count = |id: Option<&ValueId>| id.and_then(|id| model.shape(*id)).map(elements);
    let (kept, all) = (count(node.input("nonzero_data").first()), count(node.outputs.first()));
    kept.zip(all).is_some_and(|(kept, all)| 2 * kept <= all)
}

/// Whether the scales of these weights differ along more than one axis.
pub(crate) fn is_by_block(model: &Model<'_>, node: &Node) -> bool {
    let scale = node.input("scale").first().and_then(|id| model.shape(*id));
    let axes = scale.map_or(0, |s| s.iter().filter(|n| **n > 1).count());
    node.op == Op::ConstexprBlockwiseShiftScale && axes > 1
}

/// Whether a convolution has groups of so few channels that the estimate counts it as slow.
fn is_narrow(model: &Model<'_>, node: &Node) -> bool {
    let shape = |input| node.input(input).first().and_then(|id| model.shape(*id));
    let (Some([_, group, ..]), Some([_, channels, ..])) = (shape("weight"), shape("x")) else {
        return false;
    };
    *group < NARROW_GROUP && group < channels
}
