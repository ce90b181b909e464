//! Both sides of each condition of the op table: a program of one op that the engine takes, and one that it does
//! not. A row of the table that is conditional has a case here, or is named with the reason why it has none.

use std::collections::BTreeSet;

use anemone_ane::data::{self, Answer, System};
use anemone_ane::rules::CanRun;
use anemone_ane::{Os, Place, Target};
use programs::{ints, on, report, zeros};

mod programs;

const X4: &str = "tensor<fp16, [1, 64, 32, 32]> x";

/// Whether the engine takes the last op that runs, of a program that gives `y`.
fn answer(inputs: &str, body: &str, target: &Target) -> (CanRun, String) {
    let report = report(inputs, body, "y", target);
    let op = report.ops.into_iter().rfind(|op| op.place != Place::Folded).expect("an op that runs");
    (op.can_run, op.reason)
}

/// An input and a body on a chip, and whether it runs there: `Conditional` counts as open.
struct Case(&'static str, String, String, &'static str, CanRun);

use CanRun::{Conditional, No, Yes};

fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    let mut add = |op, inputs: &str, body: &str, sides: &[(&'static str, CanRun)]| {
        for (chip, side) in sides {
            all.push(Case(op, inputs.to_owned(), body.to_owned(), chip, *side));
        }
    };
    let conv = |h: u64, w: u64| {
        format!("y = conv(x = x, weight = {}, pad_type = \"same\")", zeros(&[64, 64, h, w]))
    };
    add("conv", X4, &conv(1, 13), &[("m1", Yes), ("m2", Yes), ("m3", Yes), ("m4", Yes)]);
    add("conv", X4, &conv(1, 14), &[("m1", No), ("m2", No), ("m3", No), ("m4", Yes), ("m5", Yes)]);
    add("conv", X4, &conv(1, 16), &[("m4", No), ("m5", No), ("m6", No), ("a17-pro", No)]);
    add("conv", X4, &conv(31, 1), &[("m4", Yes), ("m1", Conditional)]);
    add("conv", X4, &conv(32, 1), &[("m4", No), ("m1", No)]);
    add("conv", X4, &conv(16, 16), &[("m4", Conditional), ("m1", No)]);
    add("conv", X4, &conv(17, 17), &[("m4", No)]);
    let transposed =
        |w: u64| format!("y = conv_transpose(x = x, weight = {})", zeros(&[64, 64, 1, w]));
    add("conv_transpose", X4, &transposed(13), &[("m1", Yes), ("m4", Yes)]);
    add("conv_transpose", X4, &transposed(16), &[("m1", No), ("m4", No)]);

    let product = |k: u64| format!("tensor<fp16, [1, 16, {k}]> x, tensor<fp16, [1, {k}, 16]> z");
    let matmul = "y = matmul(x = x, y = z)";
    add("matmul", &product(16384), matmul, &[("m1", Yes), ("m4", Yes)]);
    add("matmul", &product(16385), matmul, &[("m1", No), ("m4", Yes)]);
    add("matmul", &product(32768), matmul, &[("m4", Yes), ("a18", Yes)]);
    add("matmul", &product(32769), matmul, &[("m4", No), ("a18", No)]);
    let five = "tensor<fp16, [1, 2, 2, 16, 32]> x, tensor<fp16, [1, 2, 2, 16, 32]> z";
    let four = "tensor<fp16, [1, 2, 16, 32]> x, tensor<fp16, [1, 2, 16, 32]> z";
    let with_transpose = "y = matmul(x = x, y = z, transpose_y = true)";
    add("matmul", four, with_transpose, &[("m5", Yes), ("m4", Yes)]);
    add("matmul", five, with_transpose, &[("m5", No), ("m4", No)]);
    let linear = |k: u64| format!("y = linear(x = x, weight = {})", zeros(&[8, k]));
    add("linear", "tensor<fp16, [1, 32768]> x", &linear(32768), &[("m4", Yes)]);
    add("linear", "tensor<fp16, [1, 40000]> x", &linear(40000), &[("m4", No)]);
    let einsum = "y = einsum(values = (x, z), equation = \"chw,whu->chu\")";
    let summed = |w: u64| format!("tensor<fp16, [2, 4, {w}]> x, tensor<fp16, [{w}, 4, 2]> z");
    add("einsum", &summed(32768), einsum, &[("m4", Yes)]);
    add("einsum", &summed(32769), einsum, &[("m4", No)]);
    let heads = |n: u64| {
        let one = |name: &str| format!("tensor<fp16, [1, 2, {n}, 64]> {name}");
        format!("{}, {}, {}", one("q"), one("k"), one("v"))
    };
    let attention = "y = scaled_dot_product_attention(query = q, key = k, value = v)";
    add("scaled_dot_product_attention", &heads(1023), attention, &[("m2", Yes), ("m4", Yes)]);
    add("scaled_dot_product_attention", &heads(1024), attention, &[("m2", Conditional)]);

    let pool = |kind: &str, h: i64, w: i64| {
        let more = if kind == "avg_pool" { ", exclude_padding_from_average = false" } else { "" };
        format!("y = {kind}(x = x, kernel_sizes = {}, pad_type = \"same\"{more})", ints(&[h, w]))
    };
    add("max_pool", X4, &pool("max_pool", 8, 8), &[("m4", Yes), ("m1", Yes)]);
    add("max_pool", X4, &pool("max_pool", 9, 1), &[("m4", Yes)]);
    add("max_pool", X4, &pool("max_pool", 1, 9), &[("m4", No), ("m1", No)]);
    add("avg_pool", X4, &pool("avg_pool", 14, 14), &[("m4", Yes), ("m1", Yes)]);
    add("avg_pool", X4, &pool("avg_pool", 29, 29), &[("m1", Conditional), ("m4", Conditional)]);
    add("avg_pool", X4, &pool("avg_pool", 30, 30), &[("m1", No), ("m2", Conditional)]);
    add("avg_pool", X4, &pool("avg_pool", 32, 32), &[("m2", No), ("m4", No)]);
    let norm = "y = local_response_norm(x = x, size = int32(3))";
    add("local_response_norm", "tensor<fp16, [1, 15, 8, 8]> x", norm, &[("m5", Yes)]);
    add("local_response_norm", "tensor<fp16, [1, 16, 8, 8]> x", norm, &[("m5", Conditional)]);

    add("sin", X4, "y = sin(x = x)", &[("m1", No), ("m2", No), ("a16", Yes), ("m3", Yes)]);
    add("cos", X4, "y = cos(x = x)", &[("a14", No), ("a15", No), ("m3", Yes), ("m6", Yes)]);
    add(
        "topk",
        X4,
        "y, i = topk(x = x, k = int32(5), axis = int32(3))",
        &[("m1", No), ("m2", Yes), ("m4", Yes)],
    );
    let indices = "v, y = topk(x = x, k = int32(5), axis = int32(3))";
    add("topk", X4, indices, &[("m4", No)]);
    let short =
        "v, y = topk(x = x, k = int32(5), axis = int32(3), output_indices_dtype = \"uint16\")";
    add("topk", X4, short, &[("m4", Yes)]);
    let up =
        "y = upsample_bilinear(x = x, scale_factor_height = fp32(2), scale_factor_width = fp32(2))";
    add("upsample_bilinear", X4, up, &[("m1", Conditional), ("m2", Yes)]);
    let pad = |mode: &str, value: &str| {
        let by = ints(&[0, 0, 0, 0, 1, 1, 1, 1]);
        format!("y = pad(x = x, pad = {by}, mode = \"{mode}\", constant_val = fp16({value}))")
    };
    add("pad", X4, &pad("constant", "0"), &[("m1", Yes), ("m4", Yes)]);
    add("pad", X4, &pad("constant", "1"), &[("m1", No), ("m3", No), ("m4", Conditional)]);
    add("pad", X4, &pad("reflect", "0"), &[("m1", No), ("m2", Yes), ("m4", Yes)]);
    add("pad", X4, &pad("replicate", "0"), &[("m1", Conditional), ("m2", Yes)]);

    let places = format!("y = gather(x = x, indices = {}, axis = int32(1))", ints(&[1, 2]));
    add("gather", X4, &places, &[("m1", Yes), ("m4", Yes)]);
    let batches = "tensor<fp16, [2, 64, 32, 32]> x";
    add("gather", batches, &places, &[("m1", Conditional), ("m4", Yes)]);
    let looked_up = |kind: &str| format!("tensor<fp16, [100, 64]> x, tensor<{kind}, [4, 64]> i");
    let gather = "y = gather(x = x, indices = i, axis = int32(0))";
    add("gather", &looked_up("int32"), gather, &[("m4", No)]);
    add("gather", &looked_up("uint16"), gather, &[("m4", No)]);
    let along = "y = gather_along_axis(x = x, indices = i, axis = int32(0))";
    add("gather_along_axis", &looked_up("uint16"), along, &[("m4", Yes)]);
    add("gather_along_axis", &looked_up("int32"), along, &[("m4", No)]);
    let nd = |kind: &str| format!("tensor<fp16, [100, 64]> x, tensor<{kind}, [4, 2]> i");
    let gather_nd = "y = gather_nd(x = x, indices = i)";
    add("gather_nd", &nd("uint16"), gather_nd, &[("m4", Yes), ("m1", Conditional)]);
    add("gather_nd", &nd("int32"), gather_nd, &[("m4", No)]);
    let size = ints(&[1, 8, 8, 8]);
    let slice = format!("y = slice_by_size(x = x, begin = {}, size = {size})", ints(&[0, 1, 1, 1]));
    add("slice_by_size", X4, &slice, &[("m1", Yes), ("m4", Yes)]);
    let moving = format!("{X4}, tensor<int32, [4]> b");
    let slice = format!("y = slice_by_size(x = x, begin = b, size = {size})");
    add("slice_by_size", &moving, &slice, &[("m4", No)]);
    let both = format!("{X4}, tensor<fp16, [1, 64, 1, 32]> u, tensor<int32, [4]> b");
    let update = |begin: &str| {
        let end = ints(&[1, 64, 4, 32]);
        format!("y = slice_update(x = x, update = u, begin = {begin}, end = {end})")
    };
    add("slice_update", &both, &update(&ints(&[0, 0, 3, 0])), &[("m4", Yes)]);
    add("slice_update", &both, &update("b"), &[("m4", Conditional), ("a18", Conditional)]);
    let tile = |n: i64| format!("y = tile(x = x, reps = {})", ints(&[1, n, 1, 1]));
    add("tile", X4, &tile(4), &[("m4", Yes)]);
    add("tile", X4, &tile(5), &[("m4", Conditional)]);

    add("cast", X4, "y = cast(x = x, dtype = \"fp32\")", &[("m1", Yes), ("m4", Yes)]);
    add("cast", X4, "y = cast(x = x, dtype = \"int32\")", &[("m1", No), ("m4", No)]);
    add("cast", X4, "y = cast(x = x, dtype = \"int8\")", &[("m4", No)]);
    let quantize = |scale: &str| {
        format!(
            "y = quantize(input = x, scale = {scale}, output_dtype = \"int8\"{})",
            if scale.starts_with("fp16(") { "" } else { ", axis = int32(1)" }
        )
    };
    add("quantize", X4, &quantize("fp16(0.1)"), &[("m1", Yes), ("m4", Yes)]);
    let scales = format!("tensor<fp16, [64]>({:?})", [0.5; 64]);
    add("quantize", X4, &quantize(&scales), &[("m4", No)]);
    let bytes = "tensor<int8, [1, 64, 32, 32]> x";
    add("dequantize", bytes, "y = dequantize(input = x, scale = fp16(0.1))", &[("m4", Yes)]);
    add("relu", "tensor<fp32, [1, 64]> x", "y = relu(x = x)", &[("m4", No)]);
    add(
        "squeeze",
        "tensor<int16, [1, 64]> x",
        &format!("y = squeeze(x = x, axes = {})", ints(&[0])),
        &[("m4", Conditional)],
    );

    let state = |sizes: &str| format!("tensor<fp16, [1, 64]> x, state<tensor<fp16, {sizes}>> s");
    let read = "y = read_state(input = s)";
    add("read_state", &state("[1, 8, 256, 64]"), read, &[("m4", Yes)]);
    add("read_state", &state("[1, 8, 270, 64]"), read, &[("m4", No)]);
    let states = ["a", "b", "s"].map(|n| format!("state<tensor<fp16, [1, 64]>> {n}")).join(", ");
    add("read_state", &states, read, &[("m4", No), ("a19-pro", No)]);
    let both = "write_state(input = s, data = x); y = relu(x = x)";
    add("write_state", &state("[1, 64]"), both, &[("m4", Yes)]);

    for (shape, sides) in [
        ("[1, 1, 1, 16384]", [("m1", Yes), ("m3", Yes), ("m4", Yes)]),
        ("[1, 1, 1, 16385]", [("m1", No), ("m3", No), ("m4", Yes)]),
        ("[1, 20000, 1, 8]", [("m1", Conditional), ("m3", Conditional), ("m4", Yes)]),
        ("[1, 65537, 1, 8]", [("m1", No), ("m3", No), ("m4", No)]),
        ("[1, 1, 4, 16, 32]", [("m1", Yes), ("m3", Yes), ("m4", Yes)]),
        ("[1, 1, 1, 4, 16, 32]", [("m1", No), ("m3", No), ("m4", No)]),
    ] {
        add("relu", &format!("tensor<fp16, {shape}> x"), "y = relu(x = x)", &sides);
    }
    all
}

#[test]
fn both_sides_of_each_condition() {
    let mut wrong = Vec::new();
    for Case(op, inputs, body, chip, expected) in cases() {
        let (found, reason) = answer(&inputs, &body, &on(chip));
        if found != expected {
            wrong.push(format!(
                "{op} on {chip}: {found:?} ({reason}) for {expected:?}: {inputs} {body}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Rows that are conditional and have no case: why not.
const WITHOUT: [(&str, &str); 4] = [
    ("affine", "the generation alone decides, as for `resample`"),
    ("resample", "its inputs are many; the same function decides `affine`"),
    ("resize", "the generation's table alone decides, as for `upsample_bilinear`"),
    ("non_maximum_suppression", "its integer results keep it away before the number of boxes does"),
];

#[test]
fn every_conditional_row_has_a_case() {
    let cases = cases();
    let tried: BTreeSet<&str> = cases.iter().map(|case| case.0).collect();
    let rows = data::ops().rows.iter().filter(|row| row.ane == Answer::Conditional);
    let missing: Vec<&str> = rows
        .map(|row| row.name.as_str())
        .filter(|name| !tried.contains(name) && WITHOUT.iter().all(|(op, _)| op != name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    println!("{} cases of {} ops", cases.len(), tried.len());
}

/// An op is there from its system on: attention and states from macOS 15 and iOS 18, quantisation a year before.
#[test]
fn an_op_needs_a_system_that_knows_it() {
    let heads = ["q", "k", "v"].map(|n| format!("tensor<fp16, [1, 2, 64, 64]> {n}")).join(", ");
    let attention = "y = scaled_dot_product_attention(query = q, key = k, value = v)";
    let quantize = "y = quantize(input = x, scale = fp16(0.1), output_dtype = \"int8\")";
    for (inputs, body, system, first) in [
        (heads.as_str(), attention, System::Macos, 15),
        (heads.as_str(), attention, System::Ios, 18),
        (X4, quantize, System::Macos, 14),
        (X4, quantize, System::Ios, 17),
        (X4, "y = relu(x = x)", System::Macos, 12),
    ] {
        let on = |major| on("m1").with_os(Os { system, major });
        assert_eq!(answer(inputs, body, &on(first)).0, Yes);
        let (before, reason) = answer(inputs, body, &on(first - 1));
        assert_eq!(before, No);
        assert!(reason.contains("came with"), "{reason}");
    }
}

/// cadamcat, coreai-models#279: scales by block keep an op on the CPU where they would stream; by channel they do not.
#[test]
fn weights_with_scales_by_block_stay_on_the_cpu() {
    let body = |groups: u64| {
        format!(
            "w = constexpr_blockwise_shift_scale(data = tensor<int8, [64, 64]>(BLOBFILE(path = \"zeros\", offset = 4096)), scale = {}); y = linear(x = x, weight = w)",
            zeros(&[64, groups])
        )
    };
    let x = "tensor<fp16, [1, 64]> x";
    assert_eq!(answer(x, &body(1), &on("m4")).0, Yes);
    assert_eq!(answer(x, &body(2), &on("m4")).0, No);
    assert_eq!(answer(x, &body(2), &on("m2")).0, Conditional);
}

/// coremltools#1909: on the systems of 2023, layer normalisation at listed shapes ran elsewhere.
#[test]
fn layer_norm_at_listed_shapes_depends_on_the_system() {
    let body = format!("y = layer_norm(x = x, axes = {})", ints(&[-1]));
    let at = |inputs: &str, major| {
        answer(inputs, &body, &on("m2").with_os(Os { system: System::Macos, major })).0
    };
    assert_eq!(at("tensor<fp16, [?, 64]> x", 14), No);
    assert_eq!(at("tensor<fp16, [?, 64]> x", 15), Yes);
    assert_eq!(at("tensor<fp16, [8, 64]> x", 14), Yes);
}
