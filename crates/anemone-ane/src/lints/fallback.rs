//! What leaves the engine: integers, fp32, runtime indices, wide kernels, free shapes.

use std::collections::BTreeSet;

use anemone_ir::{Op, SymbolOrigin, ValueId};
use anemone_tensor::DataType;

use super::support::{Text, nodes};
use super::{Datum, Lint};
use crate::Target;
use crate::evidence::Class;
use crate::model::Model;

const M4: &str = "M6 study, notes/coreml_dispatch.md (M4, macOS 27.0.1)";
/// Fixed shapes that one model may list.
const MAX_BUCKETS: f64 = 128.0;

const ISLAND: Text = Text {
    kind: "int32_island",
    why: "every op on an int32 tensor runs on the CPU; amid the engine's ops it costs two switches",
    class: Class::Measured,
    source: M4,
    fix: "compute indices outside the model, or in fp16 where they stay below 2048",
};
const FP32: Text = Text {
    kind: "fp32_leftover",
    why: "the engine computes in fp16; ops in fp32 run elsewhere",
    class: Class::Documented,
    source: "Apple's neural_engine_rules.md",
    fix: "convert with a compute precision of float16",
};
const GATHER: Text = Text {
    kind: "runtime_gather",
    why: "indices that are computed keep the lookup and its arithmetic on the CPU",
    class: Class::Measured,
    source: M4,
    fix: "look rows up outside the model, or put the embedding into a function of its own",
};
const KERNEL: Text = Text {
    kind: "large_kernel",
    why: "kernels wider than the limit fail to compile, and the whole model runs elsewhere; a 16 × 16 one \
          takes minutes and gigabytes to compile",
    class: Class::Measured,
    source: M4,
    fix: "move space to depth first, or split the kernel",
};
const DYNAMIC: Text = Text {
    kind: "dynamic_shape",
    why: "ranges of sizes mostly run on CPU or GPU; lists of fixed shapes run on the engine",
    class: Class::Reported,
    source: "coremltools#2370, #1909, #2730; Apple's neural_engine_rules.md",
    fix: "list the shapes that occur, up to 128, and fill inputs up to the next one",
};

pub(super) fn find(model: &Model<'_>, target: &Target) -> Vec<Lint> {
    let mut found = islands(model);
    let running = |ids: &[ValueId], dtype| ids.iter().any(|id| model.dtype(*id) == Some(dtype));
    let fp32 = nodes(model, |node| running(&node.outputs, DataType::F32) && node.op != Op::Cast);
    found.extend(FP32.for_all("ops compute in fp32", fp32, []));
    let gathers = nodes(model, |node| {
        let is_gather = matches!(node.op, Op::Gather | Op::GatherAlongAxis | Op::GatherNd);
        is_gather && node.input("indices").iter().any(|id| !model.is_constant(*id))
    });
    found.extend(GATHER.for_all("rows are looked up by computed indices", gathers, []));
    found.extend(kernels(model, target));
    found.extend(dynamic(model));
    found
}

/// Integer ops between ops that the engine could run.
fn islands(model: &Model<'_>) -> Vec<Lint> {
    let is_int = |id: &ValueId| model.dtype(*id) == Some(DataType::I32) && !model.is_constant(*id);
    let (mut count, mut inside, mut paths) = (0, false, Vec::new());
    for item in model.items.iter().filter(|item| !item.is_folded) {
        let touches =
            item.node.outputs.iter().any(is_int) || Model::inputs(item.node).any(|id| is_int(&id));
        count += usize::from(touches && !inside);
        inside = touches;
        if touches {
            paths.push(item.node.origin.to_string());
        }
    }
    let data = [("islands", Datum::Number(count as f64))];
    ISLAND.for_all(&format!("{count} runs of ops on int32 tensors"), paths, data)
}

fn kernels(model: &Model<'_>, target: &Target) -> Vec<Lint> {
    let limit = target.family().max_kernel_width.unwrap_or(13);
    let mut found = Vec::new();
    for item in &model.items {
        if !matches!(item.node.op, Op::Conv | Op::ConvTranspose) {
            continue;
        }
        let weight = item.node.input("weight").first().and_then(|id| model.shape(*id));
        let Some(kernel) = weight.and_then(|w| w.get(2..)) else { continue };
        if kernel.last().is_some_and(|width| *width > limit) || kernel.iter().any(|n| *n > 31) {
            let data =
                [("kernel", Datum::Sizes(kernel.to_vec())), ("limit", Datum::Number(limit as f64))];
            let what = format!("a kernel of {kernel:?} against a width of {limit}");
            found.push(KERNEL.at(what, vec![item.node.origin.to_string()], data));
        }
    }
    found
}

fn dynamic(model: &Model<'_>) -> Vec<Lint> {
    let mut inputs = BTreeSet::new();
    for origin in model.function.symbols() {
        if let SymbolOrigin::Input { name, .. } = origin {
            inputs.insert(name.clone());
        }
    }
    let data = [("most", Datum::Number(MAX_BUCKETS))];
    DYNAMIC.for_all("inputs have free dimensions", inputs.into_iter().collect(), data)
}
