//! Lints: each planted fault is found where it is, and its clean twin raises nothing of its kind.

use anemone_ane::lints::{Datum, Lint};
use programs::{ints, on, report, zeros};

mod programs;

const X: &str = "tensor<fp16, [1, 64, 32, 64]> x";

fn found(inputs: &str, body: &str, chip: &str, kind: &str) -> Vec<Lint> {
    let lints = report(inputs, body, "y", &on(chip)).lints;
    for lint in &lints {
        assert!(!lint.paths.is_empty() && !lint.evidence.source.is_empty() && !lint.fix.is_empty());
    }
    lints.into_iter().filter(|lint| lint.kind == kind).collect()
}

/// (kind, inputs, the body with the fault, the clean twin).
fn cases() -> Vec<(&'static str, String, String, String)> {
    let x = |kind, bad: &str, good: &str| (kind, X.to_owned(), bad.to_owned(), good.to_owned());
    let conv = |width: u64| {
        let weight = zeros(&[64, 64, 1, width]);
        format!("y = conv(x = x, weight = {weight}, pad_type = \"same\")")
    };
    let square = |more: &str| {
        format!("s = square(x = {more}); y = reduce_mean(x = s, axes = {})", ints(&[1]))
    };
    let row = "tensor<fp16, [1, 4, 4096]> x".to_owned();
    let linear = |outputs: u64| format!("y = linear(x = x, weight = {})", zeros(&[outputs, 4096]));
    let sums = |count: usize| {
        let mut body = String::from("a0 = relu(x = x);");
        for i in 0..count {
            body += &format!("b{i} = tanh(x = a{i}); a{} = add(x = a{i}, y = b{i});", i + 1);
        }
        body + &format!("y = relu(x = a{count})")
    };
    vec![
        x("mask_constant", "y = add(x = x, y = fp16(-inf))", "y = add(x = x, y = fp16(-10000))"),
        x("mask_constant", "y = mul(x = x, y = fp16(-65504))", "y = mul(x = x, y = fp16(-1))"),
        x("norm_squares", &square("x"), &square("x").replace("square", "relu")),
        x("softplus_threshold", "y = softplus(x = x)", "y = relu(x = x)"),
        x("exp_overflow", "y = exp(x = x)", "m = sub(x = x, y = fp16(3)); y = exp(x = m)"),
        x("residual_growth", &sums(30), &sums(3)),
        x("large_kernel", &conv(16), &conv(15)),
        x(
            "last_axis_transpose",
            &format!("y = transpose(x = x, perm = {})", ints(&[0, 1, 3, 2])),
            &format!("y = transpose(x = x, perm = {})", ints(&[0, 2, 1, 3])),
        ),
        x(
            "tile",
            &format!("y = tile(x = x, reps = {})", ints(&[1, 2, 1, 1])),
            "y = concat(values = (x, x), axis = int32(1), interleave = false)",
        ),
        x(
            "int32_island",
            "i = cast(x = x, dtype = \"int32\"); y = cast(x = i, dtype = \"fp16\")",
            "i = floor(x = x); y = relu(x = i)",
        ),
        x(
            "integers_in_fp16",
            "i = cast(x = x, dtype = \"int32\"); y = cast(x = i, dtype = \"fp16\")",
            "y = cast(x = x, dtype = \"int32\")",
        ),
        x(
            "fp32_leftover",
            "a = cast(x = x, dtype = \"fp32\"); y = relu(x = a)",
            "a = relu(x = x); y = cast(x = a, dtype = \"fp32\")",
        ),
        (
            "last_axis_padding",
            "tensor<fp16, [1, 64, 2048, 1]> x".to_owned(),
            "y = relu(x = x)".to_owned(),
            String::new(),
        ),
        (
            "rank_above_five",
            X.to_owned(),
            format!("y = reshape(x = x, shape = {})", ints(&[1, 8, 8, 4, 8, 64])),
            format!("y = reshape(x = x, shape = {})", ints(&[1, 8, 8, 32, 64])),
        ),
        (
            "runtime_gather",
            "tensor<fp16, [100, 64]> x, tensor<int32, [4]> i".to_owned(),
            "y = gather(x = x, indices = i, axis = int32(0))".to_owned(),
            format!("y = gather(x = x, indices = {}, axis = int32(0))", ints(&[1, 2])),
        ),
        // ceil(2048 / 16) * 4096 * 2 = 1 MiB.
        ("dma_notch", row, linear(2048), linear(1536)),
        (
            "dynamic_shape",
            "tensor<fp16, [1, ?]> x".to_owned(),
            "y = relu(x = x)".to_owned(),
            String::new(),
        ),
        (
            "batch_above_one",
            "tensor<fp16, [8, 3, 32, 32]> x".to_owned(),
            "y = relu(x = x)".to_owned(),
            String::new(),
        ),
        (
            "states",
            "tensor<fp16, [1, 64]> x, state<tensor<fp16, [1, 8, 270, 64]>> s".to_owned(),
            "y = read_state(input = s)".to_owned(),
            String::new(),
        ),
        (
            "state_written_in_model",
            "tensor<fp16, [1, 64]> x, state<tensor<fp16, [1, 64]>> s".to_owned(),
            "write_state(input = s, data = x); y = relu(x = x)".to_owned(),
            "y = read_state(input = s)".to_owned(),
        ),
    ]
}

#[test]
fn planted_faults_are_found_and_clean_twins_are_not_blamed() {
    for (kind, inputs, bad, good) in cases() {
        assert_eq!(found(&inputs, &bad, "m4", kind).len(), 1, "{kind}: {bad}");
        if !good.is_empty() {
            assert_eq!(found(&inputs, &good, "m4", kind).len(), 0, "{kind}: {good}");
        }
    }
}

#[test]
fn a_lint_says_where_it_is_and_what_a_repair_needs() {
    let lint = &found(X, "y = add(x = x, y = fp16(-inf))", "m4", "mask_constant")[0];
    assert_eq!(lint.paths.len(), 1);
    assert!(lint.paths[0].starts_with("main/"), "{:?}", lint.paths);
    assert_eq!(lint.data["input"], Datum::Text("y".to_owned()));
    assert_eq!(lint.data["replacement"], Datum::Number(-10000.0));
    let conv =
        format!("y = conv(x = x, weight = {}, pad_type = \"same\")", zeros(&[64, 64, 1, 14]));
    assert_eq!(found(X, &conv, "m4", "large_kernel").len(), 0);
    let lint = &found(X, &conv, "m1", "large_kernel")[0];
    assert_eq!(lint.data["kernel"], Datum::Sizes(vec![1, 14]));
    assert_eq!(lint.data["limit"], Datum::Number(13.0));
}
