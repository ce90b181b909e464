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

/// Faults whose clean twin has other inputs, or that show on some chips alone: (kind, chip, inputs and body with
/// the fault, the same without).
fn pairs() -> Vec<(&'static str, &'static str, [String; 2], [String; 2])> {
    let relu = |shape: &str| [format!("tensor<fp16, {shape}> x"), "y = relu(x = x)".to_owned()];
    let x = |body: String| [X.to_owned(), body];
    let row = |body: String| ["tensor<fp16, [1, 64]> x".to_owned(), body];
    let heads = |body: &str| {
        let one = |name: &str| format!("tensor<fp16, [1, 8, 128, 64]> {name}");
        let read = "q = relu(x = a); k = relu(x = b);";
        [format!("{}, {}", one("a"), one("b")), format!("{read} {body}")]
    };
    let scores =
        "s = matmul(x = q, y = k, transpose_y = true); y = softmax(x = s, axis = int32(-1))";
    let scaled = "t = mul(x = q, y = fp16(0.125)); s = matmul(x = t, y = k, transpose_y = true); y = softmax(x = s, axis = int32(-1))";
    let after = "s = matmul(x = q, y = k, transpose_y = true); t = mul(x = s, y = fp16(0.125)); y = softmax(x = t, axis = int32(-1))";
    let norm = |epsilon: &str| {
        x(format!("y = layer_norm(x = x, axes = {}, epsilon = fp32({epsilon}))", ints(&[1])))
    };
    let sum = |op: &str| x(format!("y = {op}(x = x, axes = {})", ints(&[1])));
    let by_block = |groups: u64| {
        let data = "tensor<int8, [64, 64]>(BLOBFILE(path = \"zeros\", offset = 4096))";
        let scale = zeros(&[64, groups]);
        let weight = format!("w = constexpr_blockwise_shift_scale(data = {data}, scale = {scale})");
        row(format!("{weight}; y = linear(x = x, weight = w)"))
    };
    let slice = |begin: &[i64]| {
        let (begin, size) = (ints(begin), ints(&[1, 64, 32, 32]));
        x(format!("y = slice_by_size(x = x, begin = {begin}, size = {size})"))
    };
    vec![
        ("last_axis_padding", "m4", relu("[1, 64, 2048, 1]"), relu("[1, 64, 1, 2048]")),
        ("dynamic_shape", "m4", relu("[1, ?]"), relu("[1, 8]")),
        ("batch_above_one", "m4", relu("[8, 3, 32, 32]"), relu("[1, 3, 32, 32]")),
        ("softmax_unscaled", "m4", heads(scores), heads(scaled)),
        ("softmax_unscaled", "m4", heads(scores), heads(after)),
        ("norm_epsilon", "m4", norm("1e-12"), norm("1e-5")),
        ("log_sum_exp_threshold", "m4", sum("reduce_log_sum_exp"), sum("reduce_sum")),
        ("per_block_weights", "m4", by_block(2), by_block(1)),
        ("last_axis_slice", "m1", slice(&[0, 0, 0, 32]), slice(&[0, 0, 0, 0])),
        ("last_axis_slice", "m2", slice(&[0, 0, 0, 32]), slice(&[0, 0, 0, 0])),
    ]
}

#[test]
fn planted_faults_and_twins_that_differ_in_more() {
    for (kind, chip, [inputs, bad], [other, good]) in pairs() {
        assert_eq!(found(&inputs, &bad, chip, kind).len(), 1, "{kind}: {bad}");
        assert_eq!(found(&other, &good, chip, kind).len(), 0, "{kind}: {good}");
    }
}

/// What one generation decodes as it streams, an older one decodes before; and a slice is exact on later ones.
#[test]
fn what_a_chip_has_is_no_fault_on_it() {
    let data = "tensor<int8, [64, 64]>(BLOBFILE(path = \"zeros\", offset = 4096))";
    let scale = zeros(&[64, 1]);
    let x = "tensor<fp16, [1, 64]> x";
    let body = format!(
        "w = constexpr_blockwise_shift_scale(data = {data}, scale = {scale}); y = linear(x = x, weight = w)"
    );
    let folds = |chip| found(x, &body, chip, "weights_fold").len();
    assert_eq!(["m1", "m2", "m3", "m4"].map(folds), [1, 1, 0, 0]);
    let (begin, size) = (ints(&[0, 0, 0, 32]), ints(&[1, 64, 32, 32]));
    let slice = format!("y = slice_by_size(x = x, begin = {begin}, size = {size})");
    assert_eq!(found(X, &slice, "m4", "last_axis_slice").len(), 0);
}

/// eeane 2.1.0: 1 GiB on macOS 27. A hundred products of 8 MiB each, or 150; their bytes are the same zeros.
#[test]
fn a_model_above_the_limit_of_its_system_is_said_to_be() {
    let body = |layers: usize| {
        let weight = zeros(&[2048, 2048]);
        let mut body = format!("y0 = linear(x = x, weight = {weight});");
        for i in 1..layers {
            body += &format!("y{i} = linear(x = y{}, weight = {weight});", i - 1);
        }
        body + &format!("y = relu(x = y{})", layers - 1)
    };
    let x = "tensor<fp16, [1, 2048]> x";
    assert_eq!(found(x, &body(100), "m4", "model_size").len(), 0);
    assert_eq!(found(x, &body(150), "m4", "model_size").len(), 1);
}

/// A mask of whole numbers that is multiplied is exact enough; ids that are compared or given back are not.
#[test]
fn a_mask_is_not_blamed_for_its_integers() {
    let inputs = "tensor<int32, [1, 128]> m, tensor<fp16, [1, 128]> x";
    let cast = "c = cast(x = m, dtype = \"fp16\");";
    let at = |body: &str| found(inputs, &format!("{cast} {body}"), "m4", "integers_in_fp16").len();
    assert_eq!(
        at("s = sub(x = fp16(1), y = c); t = mul(x = s, y = fp16(-10000)); y = add(x = x, y = t)"),
        0
    );
    assert_eq!(at("y = mul(x = x, y = c)"), 0);
    assert_eq!(at("t = add(x = c, y = fp16(1)); y = mul(x = x, y = t)"), 1);
    assert_eq!(at("y = relu(x = c)"), 1);
    assert_eq!(at("a = mul(x = c, y = fp16(0.01)); y = sin(x = a)"), 1);
}

/// A state's first axis counts layers as often as it counts requests.
#[test]
fn a_state_is_no_batch() {
    let inputs = "tensor<fp16, [1, 64]> x, state<tensor<fp16, [2, 1, 64, 64]>> s";
    assert_eq!(found(inputs, "y = read_state(input = s)", "m4", "batch_above_one").len(), 0);
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
