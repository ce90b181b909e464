//! Small models that ask a Mac what the forecast and the emulator claim to know.
//!
//! Each asks one question. `tools/mac-report` runs them through Core ML, and
//! [`compare`](crate::compare) tells where we were wrong. Ops that would not be worth a launch of the
//! engine stand beside convolutions that are, on an M4 (`anemone_ane::segment`).

mod build;

use anemone_ir::Package;
use half::f16;

use crate::NamedValues;
use build::{Builder, COUNT, SHAPE, halves};

/// A model, and what it is asked with.
pub struct Probe {
    /// Its name, and that of its file.
    pub name: &'static str,
    /// What it asks.
    pub question: &'static str,
    /// The model.
    pub package: Package,
    /// Its inputs.
    pub inputs: NamedValues,
}

/// Every probe, made anew: always the same.
pub fn probes() -> Vec<Probe> {
    vec![
        convolutions("conv-1", "does one convolution alone stay on the CPU?", 1),
        convolutions("conv-4", "do four convolutions go to the engine?", 4),
        product("matmul-384", "does a product of 384 stay on the CPU?", 384),
        product("matmul-512", "does a product of 512 go to the engine?", 512),
        tables(),
        accumulator(),
        planar(),
        softmax(),
        norms(),
        island(),
        runtime_index(),
        offset_slice(),
        wide_kernel(),
        high_rank(),
    ]
}

/// Numbers that look like chance and are always the same (Steele et al., splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From -1 to 1.
    fn signed(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn many(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.signed()).collect()
    }
}

fn convolutions(name: &'static str, question: &'static str, layers: usize) -> Probe {
    let mut model = Builder::default();
    let mut random = Random(1);
    model.input("x", &SHAPE, &random.many(COUNT));
    let weight: Vec<f32> = random.many(64 * 64 * 9).iter().map(|w| w / 16.0).collect();
    let weight = model.weight(&[64, 64, 3, 3], &weight);
    let mut last = "x".to_owned();
    for layer in 0..layers {
        let name = format!("layer_{layer}");
        model.conv(&name, &last, &weight, [3, 3]);
        last = name;
    }
    model.finish_with(name, question, &[&last])
}

fn product(name: &'static str, question: &'static str, size: usize) -> Probe {
    let mut model = Builder::default();
    let mut random = Random(2);
    model.input("x", &[size, size], &random.many(size * size));
    model.input("w", &[size, size], &random.many(size * size));
    let no = "bool(false)";
    let arguments = [("transpose_x", no), ("transpose_y", no), ("x", "x"), ("y", "w")];
    model.op(&halves(&[size, size]), "y", "matmul", &arguments);
    model.output("y", &[size, size]);
    model.finish(name, question)
}

/// All halves, by their bits.
fn all_halves() -> Vec<f32> {
    (0..=u16::MAX).map(|bits| f16::from_bits(bits).to_f32()).collect()
}

fn tables() -> Probe {
    let mut model = Builder::default();
    model.input("x", &SHAPE, &all_halves());
    model.input("beside", &SHAPE, &[0.5; COUNT]);
    let smallest = "fp16(0x1p-24)";
    for op in ["sigmoid", "tanh", "erf", "sin", "exp", "sqrt", "silu"] {
        model.answer(op, op, &[("x", "x")]);
    }
    for op in ["log", "rsqrt", "inverse"] {
        model.answer(op, op, &[("epsilon", smallest), ("x", "x")]);
    }
    for (name, mode) in [("gelu_exact", "EXACT"), ("gelu_tanh", "TANH_APPROXIMATION")] {
        model.answer(name, "gelu", &[("mode", &format!("string(\"{mode}\")")), ("x", "x")]);
    }
    let last = model.work("work", "beside", 6);
    model.finish_with("tables", "what do the engine's functions give for every half?", &[&last])
}

/// Products from far below the smallest that is kept to far above the largest sum.
fn accumulator() -> Probe {
    let mut model = Builder::default();
    let mut random = Random(3);
    let mut number = |exponent: i32| {
        let jitter = (random.next() % 5) as i32 - 2;
        random.signed() * 2f32.powi(exponent + jitter)
    };
    let pixels = 32 * 32;
    let x = (0..COUNT).map(|i| number((i % pixels) as i32 % 21 - 11)).collect::<Vec<_>>();
    let weight = (0..64 * 64).map(|i| number(i / 64 % 19 - 10)).collect::<Vec<_>>();
    let bias = (0..64).map(|i| number(i % 25 - 10)).collect::<Vec<_>>();
    model.input("x", &SHAPE, &x);
    model.input("beside", &SHAPE, &[0.5; COUNT]);
    let weight = model.weight(&[64, 64, 1, 1], &weight);
    let bias = model.weight(&[64], &bias);
    model.conv("without_bias", "x", &weight, [1, 1]);
    model.conv_with_bias("with_bias", "x", &weight, &bias, [1, 1]);
    let last = model.work("work", "beside", 6);
    let outputs = ["without_bias", "with_bias", &last];
    model.finish_with("accumulator", "how do sums round, vanish and overflow?", &outputs)
}

fn planar() -> Probe {
    let mut model = Builder::default();
    let x = all_halves();
    let mut random = Random(4);
    let y: Vec<f32> = (0..COUNT).map(|_| x[(random.next() % 65536) as usize]).collect();
    model.input("x", &SHAPE, &x);
    model.input("y", &SHAPE, &y);
    model.input("beside", &SHAPE, &[0.5; COUNT]);
    for op in ["add", "sub", "mul", "real_div", "maximum", "minimum"] {
        model.answer(op, op, &[("x", "x"), ("y", "y")]);
    }
    let last = model.work("work", "beside", 6);
    model.finish_with("planar", "how do element-wise ops round, and treat NaN?", &[&last])
}

/// Rows of logits in which every other one is masked, each channel with another mask.
fn softmax() -> Probe {
    let mut model = Builder::default();
    let mut random = Random(5);
    let masks = [0.0, -1e4, -4e4, -65504.0, f32::NEG_INFINITY, 3e4];
    let x: Vec<f32> = (0..COUNT)
        .map(|i| {
            let (channel, row, column) = (i / 1024, i / 32 % 32, i % 32);
            // Row 31 is masked as a whole.
            let is_masked = column % 2 == 1 || row == 31;
            4.0 * random.signed() + if is_masked { masks[channel % masks.len()] } else { 0.0 }
        })
        .collect();
    model.input("x", &SHAPE, &x);
    model.input("beside", &SHAPE, &[0.5; COUNT]);
    model.answer("softmax", "softmax", &[("axis", "int32(-1)"), ("x", "x")]);
    let last = model.work("work", "beside", 6);
    model.finish_with("softmax", "what does softmax make of masks?", &[&last])
}

/// Channels of values that grow from one to the next until their squares overflow.
fn norms() -> Probe {
    let mut model = Builder::default();
    let mut random = Random(6);
    let x: Vec<f32> = (0..COUNT)
        .map(|i| random.signed() * 2f32.powf(-12.0 + 28.0 * (i / 1024) as f32 / 63.0))
        .collect();
    model.input("x", &SHAPE, &x);
    model.input("beside", &SHAPE, &[0.5; COUNT]);
    let last_axis = "tensor<int32, [1]>([-1])";
    let arguments = [("axes", last_axis), ("epsilon", "fp16(0x1p-17)"), ("x", "x")];
    model.answer("layer_norm", "layer_norm", &arguments);
    for op in ["reduce_mean", "reduce_sum", "reduce_sum_square", "reduce_l2_norm", "reduce_max"] {
        let shape = [1, 64, 32, 1];
        let arguments = [("axes", last_axis), ("keep_dims", "bool(true)"), ("x", "x")];
        model.op(&halves(&shape), op, op, &arguments);
        model.output(op, &shape);
    }
    let last = model.work("work", "beside", 6);
    model.finish_with("norms", "where do norms and sums lose their range?", &[&last])
}

fn island() -> Probe {
    let mut model = Builder::default();
    model.input("x", &SHAPE, &Random(7).many(COUNT));
    let before = model.work("before", "x", 6);
    let ints = "tensor<int32, [1, 64, 32, 32]>";
    model.op(ints, "whole", "cast", &[("dtype", "string(\"int32\")"), ("x", &before)]);
    model.op(ints, "sum", "add", &[("x", "whole"), ("y", "int32(1)")]);
    model.op(&halves(&SHAPE), "back", "cast", &[("dtype", "string(\"fp16\")"), ("x", "sum")]);
    let last = model.work("after", "back", 6);
    model.finish_with("int32-island", "do integers split the engine's segment?", &[&last])
}

fn runtime_index() -> Probe {
    let mut model = Builder::default();
    model.input("x", &SHAPE, &Random(8).many(COUNT));
    let indices: Vec<i32> = (0..64).map(|i| (i * 37) % 64).collect();
    model.int_input("indices", &[64], &indices);
    let before = model.work("before", "x", 6);
    let arguments = [
        ("axis", "int32(1)"),
        ("batch_dims", "int32(0)"),
        ("indices", "indices"),
        ("validate_indices", "bool(false)"),
        ("x", &before),
    ];
    model.op(&halves(&SHAPE), "gathered", "gather", &arguments);
    let last = model.work("after", "gathered", 6);
    model.finish_with(
        "runtime-index",
        "does a gather with a given index leave the engine?",
        &[&last],
    )
}

/// Values on both sides of what an offset slice of the last axis is said to clamp.
fn offset_slice() -> Probe {
    let mut model = Builder::default();
    model.input("x", &SHAPE, &Random(9).many(COUNT).iter().map(|x| x * 8192.0).collect::<Vec<_>>());
    model.input("beside", &SHAPE, &[0.5; COUNT]);
    let shape = [1, 64, 32, 16];
    let arguments = [
        ("begin", "tensor<int32, [4]>([0, 0, 0, 8])"),
        ("end", "tensor<int32, [4]>([1, 64, 32, 24])"),
        ("x", "x"),
    ];
    model.op(&halves(&shape), "slice", "slice_by_index", &arguments);
    model.output("slice", &shape);
    let last = model.work("work", "beside", 6);
    model.finish_with("offset-slice", "does a slice of the last axis clamp?", &[&last])
}

fn wide_kernel() -> Probe {
    let mut model = Builder::default();
    let mut random = Random(10);
    model.input("x", &SHAPE, &random.many(COUNT));
    let before = model.work("before", "x", 6);
    let weight: Vec<f32> = random.many(64 * 64 * 17).iter().map(|w| w / 32.0).collect();
    let weight = model.weight(&[64, 64, 1, 17], &weight);
    model.conv("wide", &before, &weight, [1, 17]);
    let last = model.work("after", "wide", 6);
    model.finish_with("wide-kernel", "does a kernel of width 17 leave the engine?", &[&last])
}

fn high_rank() -> Probe {
    let mut model = Builder::default();
    model.input("x", &SHAPE, &Random(11).many(COUNT));
    let before = model.work("before", "x", 6);
    let (split, moved) = ([1, 8, 8, 4, 8, 32], [1, 8, 8, 4, 8, 32]);
    let shape = "tensor<int32, [6]>([1, 8, 8, 4, 8, 32])";
    model.op(&halves(&split), "split", "reshape", &[("shape", shape), ("x", &before)]);
    let order = "tensor<int32, [6]>([0, 2, 1, 3, 4, 5])";
    model.op(&halves(&moved), "moved", "transpose", &[("perm", order), ("x", "split")]);
    let shape = "tensor<int32, [4]>([1, 64, 32, 32])";
    model.op(&halves(&SHAPE), "joined", "reshape", &[("shape", shape), ("x", "moved")]);
    let last = model.work("after", "joined", 6);
    model.finish_with("rank-6", "does a value of rank 6 leave the engine?", &[&last])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Engines, LoadOptions, load_package};

    #[test]
    fn every_probe_runs_and_gives_what_it_says() {
        let engines = Engines::new(None).expect("threads");
        for probe in probes() {
            let model = load_package(&engines, &probe.package, &LoadOptions::default());
            let model = model.unwrap_or_else(|error| panic!("{}: {}", probe.name, error.told()));
            let prediction = model.predict(&probe.inputs, None);
            let prediction = prediction.unwrap_or_else(|e| panic!("{}: {}", probe.name, e.told()));
            let named: Vec<&str> =
                prediction.outputs.iter().map(|(name, _)| name.as_str()).collect();
            let described = &probe.package.description.outputs;
            assert_eq!(named, described.iter().map(|f| f.name.as_str()).collect::<Vec<_>>());
        }
    }
}
