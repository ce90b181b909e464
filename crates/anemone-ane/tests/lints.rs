//! Lints: each planted fault is found where it is, and its clean twin raises nothing of its kind.

use anemone_ane::lints::{Datum, Lint};
use programs::{constant, ints, on, report, zeros};

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
    let scores = |query: &str| {
        let weight = zeros(&[64, 64]);
        format!(
            "q = linear(x = r, weight = {weight}); k = linear(x = r, weight = {weight}); s = mul(x = q, y = fp16(0.125)); \
             p = matmul(x = {query}, y = k, transpose_y = true); y = softmax(x = p)"
        )
        .replacen("q = ", &format!("r = reshape(x = x, shape = {}); q = ", ints(&[1, 2048, 64])), 1)
    };
    let split = |groups: i64| {
        let shape =
            if groups == 64 { vec![1, 64, 64, 32] } else { vec![1, groups, 64 / groups, 32, 64] };
        format!("h = reshape(x = x, shape = {})", ints(&shape))
    };
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
        x(
            "log_sum_exp_threshold",
            &format!("y = reduce_log_sum_exp(x = x, axes = {})", ints(&[1])),
            &format!(
                "a = reduce_max(x = x, axes = {axes}, keep_dims = true); b = sub(x = x, y = a); \
                 c = reduce_log_sum_exp(x = b, axes = {axes}, keep_dims = true); y = add(x = c, y = a)",
                axes = ints(&[1])
            ),
        ),
        x(
            "log_sum_exp_threshold",
            "y = reduce_log_sum_exp(x = x)",
            &format!("y = reduce_log_sum_exp(x = x, axes = {})", ints(&[3])),
        ),
        // 1e-8 is zero in fp16.
        x(
            "norm_epsilon",
            &format!("y = layer_norm(x = x, axes = {}, epsilon = fp16(0x0p+0))", ints(&[1])),
            &format!("y = layer_norm(x = x, axes = {}, epsilon = fp16(0x1p-14))", ints(&[1])),
        ),
        x(
            "norm_epsilon",
            "y = rsqrt(x = x, epsilon = fp16(0x0p+0))",
            "a = add(x = x, y = fp16(0x1p-10)); y = rsqrt(x = a, epsilon = fp16(0x0p+0))",
        ),
        x("softmax_unscaled", &scores("q"), &scores("s")),
        x(
            "rank_changing_transpose",
            &format!("{}; y = transpose(x = h, perm = {})", split(4), ints(&[0, 1, 3, 2, 4])),
            &format!("{}; y = transpose(x = h, perm = {})", split(64), ints(&[0, 2, 1, 3])),
        ),
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
        (
            "integers_in_fp16",
            "tensor<int32, [1, 64]> x".to_owned(),
            "y = cast(x = x, dtype = \"fp16\")".to_owned(),
            "y = cast(x = x, dtype = \"fp32\")".to_owned(),
        ),
        x(
            "fp32_leftover",
            "a = cast(x = x, dtype = \"fp32\"); y = relu(x = a)",
            "a = relu(x = x); y = cast(x = a, dtype = \"fp32\")",
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
        assert_eq!(found(&inputs, &good, "m4", kind).len(), 0, "{kind}: {good}");
    }
}

/// A chip, inputs and a body.
type Program = (&'static str, String, String);

/// Faults whose clean twin differs in more than its ops.
fn twins() -> Vec<(&'static str, Program, Program)> {
    let on = |chip, inputs: &str, body: &str| (chip, inputs.to_owned(), body.to_owned());
    let relu = |inputs: &str| on("m4", inputs, "y = relu(x = x)");
    let both = |kind, bad: &str, good: &str| (kind, relu(bad), relu(good));
    let reads = |inputs: &str| on("m4", inputs, "y = read_state(input = s)");
    let state = |shape: &str| format!("state<tensor<fp16, {shape}>>");
    let blocks = |count: u64| {
        let data = constant("int8", 1, &[64, 64]);
        let scale = zeros(&[64, count]);
        format!(
            "w = constexpr_blockwise_shift_scale(data = {data}, scale = {scale}); y = linear(x = x, weight = w)"
        )
    };
    // 128 MiB of weights in each layer.
    let layers = |count: usize| {
        let mut body = String::from("a0 = relu(x = x);");
        for i in 0..count {
            let weight = zeros(&[8192, 8192]);
            body += &format!("a{} = linear(x = a{i}, weight = {weight});", i + 1);
        }
        body + &format!("y = relu(x = a{count})")
    };
    let row = "tensor<fp16, [1, 1, 64]> x";
    let wide = "tensor<fp16, [1, 8192]> x";
    let slice = |begin: i64| {
        format!(
            "y = slice_by_size(x = x, begin = {}, size = {})",
            ints(&[0, 0, 0, begin]),
            ints(&[1, 64, 32, 8])
        )
    };
    let topk = "y, i = topk(x = x, k = int32(8), axis = int32(1))";
    vec![
        both(
            "last_axis_padding",
            "tensor<fp16, [1, 64, 2048, 1]> x",
            "tensor<fp16, [1, 64, 1, 2048]> x",
        ),
        both("dynamic_shape", "tensor<fp16, [1, ?]> x", "tensor<fp16, [1, 64]> x"),
        both("batch_above_one", "tensor<fp16, [8, 3, 32, 32]> x", "tensor<fp16, [1, 3, 32, 32]> x"),
        (
            "batch_above_one",
            relu("tensor<fp16, [2, 3, 32, 32]> x"),
            // Layers of a cache are no batch.
            reads(&format!("{row}, {} s", state("[8, 1, 128, 64]"))),
        ),
        (
            "states",
            reads(&format!("{row}, {} s", state("[1, 8, 270, 64]"))),
            reads(&format!("{row}, {} s", state("[1, 8, 256, 64]"))),
        ),
        (
            "states",
            reads(&format!("{row}, {0} s, {0} t, {0} u", state("[1, 64]"))),
            reads(&format!("{row}, {0} s, {0} t", state("[1, 64]"))),
        ),
        ("per_block_weights", on("m4", row, &blocks(2)), on("m4", row, &blocks(1))),
        ("weights_fold", on("m2", row, &blocks(1)), on("m3", row, &blocks(1))),
        ("model_size", on("m4", wide, &layers(9)), on("m4", wide, &layers(7))),
        ("last_axis_slice", on("m2", X, &slice(4)), on("m2", X, &slice(0))),
        ("last_axis_slice", on("m1", X, &slice(4)), on("m4", X, &slice(4))),
        ("topk_slow", on("m4", X, topk), on("m2", X, topk)),
    ]
}

#[test]
fn faults_of_whole_programs_are_found_and_their_twins_are_not_blamed() {
    for (kind, (chip, inputs, bad), good) in twins() {
        assert_eq!(found(&inputs, &bad, chip, kind).len(), 1, "{kind}: {inputs} {bad}");
        let (chip, inputs, good) = good;
        assert_eq!(found(&inputs, &good, chip, kind).len(), 0, "{kind}: {inputs} {good}");
    }
}

#[test]
fn every_lint_has_a_planted_fault() {
    let sources = [
        include_str!("../src/lints/fallback.rs"),
        include_str!("../src/lints/functions.rs"),
        include_str!("../src/lints/layout.rs"),
        include_str!("../src/lints/mask.rs"),
        include_str!("../src/lints/memory.rs"),
        include_str!("../src/lints/range.rs"),
    ];
    let planted: Vec<&str> =
        cases().iter().map(|case| case.0).chain(twins().iter().map(|twin| twin.0)).collect();
    for kind in sources.iter().flat_map(|source| source.split("kind: \"").skip(1)) {
        let kind = kind.split('"').next().expect("a name ends");
        assert!(planted.contains(&kind), "`{kind}` has no planted fault");
    }
}

/// A mask of whole numbers that is multiplied is exact enough; ids that are compared or given back are not.
#[test]
fn only_whole_numbers_whose_last_digit_matters_are_blamed() {
    let inputs = "tensor<int32, [1, 128]> m, tensor<fp16, [1, 128]> x";
    let cast = "c = cast(x = m, dtype = \"fp16\");";
    for (body, expected) in [
        ("s = sub(x = fp16(1), y = c); t = mul(x = s, y = fp16(-10000)); y = add(x = x, y = t)", 0),
        ("y = mul(x = x, y = c)", 0),
        ("t = add(x = c, y = fp16(1)); y = mul(x = x, y = t)", 0),
        ("g = greater(x = c, y = fp16(0.5)); y = select(cond = g, a = x, b = fp16(0))", 0),
        ("g = equal(x = c, y = x); y = select(cond = g, a = x, b = fp16(0))", 1),
        ("y = relu(x = c)", 1),
        ("a = mul(x = c, y = fp16(0.01)); y = sin(x = a)", 1),
        ("a = mul(x = c, y = fp16(0.5)); y = cast(x = a, dtype = \"int32\")", 1),
        ("g = floor_div(x = c, y = fp16(64)); y = mul(x = g, y = x)", 1),
    ] {
        let body = format!("{cast} {body}");
        assert_eq!(found(inputs, &body, "m4", "integers_in_fp16").len(), expected, "{body}");
    }
}

/// Ids of a table of 30000 words can pass 2048, places of one of 512 cannot, nor what fp16 or a truth value held.
#[test]
fn whole_numbers_that_stay_small_are_not_blamed() {
    let inputs = "tensor<int32, [1, 128]> m, tensor<fp16, [1, 128]> x";
    let cast = |from: &str| format!("y = cast(x = {from}, dtype = \"fp16\")");
    let table =
        |rows| format!("w = gather(x = {}, indices = m, axis = int32(0))", zeros(&[rows, 8]));
    for (body, expected) in [
        (format!("{}; {}", table(30000), cast("m")), 1),
        (format!("{}; {}", table(512), cast("m")), 0),
        (format!("n = add(x = m, y = int32(2)); {}; {}", table(512), cast("n")), 0),
        (format!("n = mul(x = m, y = int32(768)); {}; {}", table(512), cast("n")), 1),
        (format!("i = cast(x = x, dtype = \"int32\"); {}", cast("i")), 0),
        (
            format!(
                "g = greater(x = m, y = int32(5)); i = cast(x = g, dtype = \"int32\"); {}",
                cast("i")
            ),
            0,
        ),
        (format!("i = reduce_argmax(x = x, axis = int32(1)); {}", cast("i")), 0),
    ] {
        assert_eq!(found(inputs, &body, "m4", "integers_in_fp16").len(), expected, "{body}");
    }
}

/// An index that passes through fp16 on its way to a table.
#[test]
fn an_index_in_fp16_is_blamed_by_the_size_of_its_table() {
    let body = |rows| {
        let table = zeros(&[rows, 8]);
        format!(
            "c = cast(x = m, dtype = \"fp16\"); r = relu(x = c); i = cast(x = r, dtype = \"int32\"); \
             y = gather(x = {table}, indices = i, axis = int32(0))"
        )
    };
    let at = |rows| found("tensor<int32, [1, 128]> m", &body(rows), "m4", "integers_in_fp16").len();
    assert_eq!((at(30000), at(512)), (1, 0));
}

/// A state's first axis counts layers as often as it counts requests.
#[test]
fn a_state_is_no_batch() {
    let inputs = "tensor<fp16, [1, 64]> x, state<tensor<fp16, [2, 1, 64, 64]>> s";
    assert_eq!(found(inputs, "y = read_state(input = s)", "m4", "batch_above_one").len(), 0);
}

/// What is cut into layers, looked up or taken as weights has no batch.
#[test]
fn a_stack_of_layers_or_weights_is_no_batch() {
    let row = "tensor<fp16, [1, 8, 16, 64]> q";
    let (begin, end) = (ints(&[3, 0, 0, 0]), ints(&[4, 8, 16, 64]));
    let layer =
        format!("l = slice_by_index(x = c, begin = {begin}, end = {end}); y = add(x = q, y = l)");
    let inputs = format!("{row}, tensor<fp16, [12, 8, 16, 64]> c");
    assert_eq!(found(&inputs, &layer, "m4", "batch_above_one").len(), 0);
    let inputs = format!("{row}, tensor<fp16, [32, 8, 1, 1]> w");
    let conv = "y = conv(x = q, weight = w, pad_type = \"valid\")";
    assert_eq!(found(&inputs, conv, "m4", "batch_above_one").len(), 0);
    let cast = "i = cast(x = x, dtype = \"fp16\"); y = relu(x = i)";
    assert_eq!(found("tensor<fp32, [8, 3, 32, 32]> x", cast, "m4", "batch_above_one").len(), 1);
}

/// MiniLM's end: a mean of normed vectors, weighted by a mask, and its length. A scale of 100 makes it long.
#[test]
fn the_length_of_a_mean_of_normed_vectors_is_known() {
    let inputs = "tensor<fp16, [1, 128, 384]> x, tensor<fp16, [1, 128]> m";
    let (last, ones) = (ints(&[-1]), ints(&[1]));
    let at = |scale: f32, mean: &str| {
        let norm = format!(
            "n = layer_norm(x = x, axes = {last}); h = mul(x = n, y = fp16({scale})); \
             s = reduce_sum(x = m, axes = {last}, keep_dims = true); g = maximum(x = s, y = fp16(0.0001)); "
        );
        let body = format!("{norm} {mean}; y = reduce_l2_norm(x = p, axes = {last})");
        found(inputs, &body, "m4", "norm_squares").len()
    };
    let product = format!(
        "w = real_div(x = m, y = g); e = expand_dims(x = w, axes = {ones}); p = matmul(x = e, y = h)"
    );
    let sums = format!(
        "e = expand_dims(x = m, axes = {last}); q = mul(x = h, y = e); \
         a = reduce_sum(x = q, axes = {ones}); p = real_div(x = a, y = g)"
    );
    let plain = format!("p = reduce_mean(x = h, axes = {ones})");
    for mean in [product.as_str(), &sums, &plain, "p = relu(x = h)"] {
        assert_eq!((at(2.0, mean), at(100.0, mean)), (0, 1), "{mean}");
    }
    assert_eq!(at(2.0, "p = matmul(x = m, y = h)"), 1);
    assert_eq!(at(2.0, "p = add(x = h, y = x)"), 1);
}

/// Behind a norm nothing has grown yet; and where it does grow, the sums are named, not what follows them.
#[test]
fn growth_is_told_by_the_sums_of_a_stream_that_nothing_bounds() {
    let body = |between: &str| {
        let mut body = String::from("a0 = relu(x = x);");
        for i in 0..30 {
            body += &format!("b{i} = tanh(x = a{i}); s{i} = add(x = a{i}, y = b{i});");
            body += &format!("a{} = {between}(x = s{i});", i + 1);
        }
        body + "y = cast(x = a30, dtype = \"fp32\")"
    };
    let lint = &found(X, &body("relu"), "m4", "residual_growth")[0];
    assert_eq!((lint.paths.len(), &*lint.paths[0], &*lint.paths[29]), (30, "main/s0", "main/s29"));
    assert_eq!(lint.data["depth"], Datum::Number(30.0));
    assert_eq!(found(X, &body("relu6"), "m4", "residual_growth").len(), 0);
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
