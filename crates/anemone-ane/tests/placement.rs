//! Published placements and estimates, reproduced; each case names its source.

use anemone_ane::{Confidence, Place, rules::CanRun};
use programs::{alone, ints, on, places, report, zeros};

mod programs;

const X4: &str = "tensor<fp16, [1, 64, 32, 32]> x";
const TWO: &str = "tensor<fp16, [1, 64, 32, 32]> x, tensor<fp16, [1, 64, 32, 32]> z";

fn conv(x: &str, kernel: &[u64], more: &str) -> String {
    let weight = zeros(&[&[64, 64], kernel].concat());
    format!("conv(x = {x}, weight = {weight}, pad_type = \"same\"{more})")
}

/// m4cml §2.2 and its data: estimated microseconds on the engine and the CPU of an M4.
#[test]
fn published_estimates_of_single_ops() {
    let attention = "tensor<fp16, [1, 8, 128, 64]> q, tensor<fp16, [1, 8, 128, 64]> k, \
                     tensor<fp16, [1, 8, 128, 64]> v";
    let products = "tensor<fp16, [1, 128, 256]> x, tensor<fp16, [1, 256, 128]> z";
    let depthwise = format!(
        "conv(x = x, weight = {}, pad_type = \"same\", groups = int32(64))",
        zeros(&[64, 1, 3, 3])
    );
    let cases = [
        (X4, conv("x", &[3, 3], ""), 4.67, 100.06),
        (X4, conv("x", &[1, 1], ""), 1.17, 21.62),
        (products, "matmul(x = x, y = z)".to_owned(), 2.24, 11.12),
        (
            X4,
            "upsample_bilinear(x = x, scale_factor_height = fp32(2), scale_factor_width = fp32(2))"
                .to_owned(),
            3.31,
            499.64,
        ),
        (
            TWO,
            "concat(values = (x, z), axis = int32(1), interleave = false)".to_owned(),
            2.62,
            22.79,
        ),
        (
            attention,
            "scaled_dot_product_attention(query = q, key = k, value = v)".to_owned(),
            7.18,
            8.62,
        ),
        (X4, "softmax(x = x, axis = int32(1))".to_owned(), 3.59, 4.31),
        (X4, format!("layer_norm(x = x, axes = {})", ints(&[1])), 3.59, 4.31),
        (X4, "relu(x = x)".to_owned(), 2.62, 2.62),
        (X4, format!("transpose(x = x, perm = {})", ints(&[0, 1, 3, 2])), 3.81, 3.00),
        (X4, conv("x", &[7, 7], &format!(", strides = {}", ints(&[2, 2]))), 6.36, 136.2),
        (X4, depthwise, 2.50, 43.55),
        (TWO, "add(x = x, y = z)".to_owned(), 7.29, 12.41),
        (X4, format!("reduce_sum(x = x, axes = {}, keep_dims = true)", ints(&[1])), 1.82, 2.19),
        (X4, format!("reshape(x = x, shape = {})", ints(&[1, 64, 1024])), 3.59, 4.31),
        (TWO, "greater(x = x, y = z)".to_owned(), 4.49, 5.39),
    ];
    for (inputs, call, ane, cpu) in cases {
        let op = alone(inputs, &call);
        let near = |own: f64, published: f64| (own / published).max(published / own) < 1.25;
        let own = op.ane_us.unwrap_or(0.0);
        assert!(near(own, ane) && near(op.cpu_us, cpu), "{call}: {own} {}", op.cpu_us);
    }
}

/// m4cml, data/03_compile/opdispatch/ana/iso: about every second file from `abs` to `matmul_bc` to which no constant
/// was fitted, chosen by name and not by value.
#[test]
fn estimates_that_no_constant_was_fitted_to() {
    let batches = "tensor<fp16, [4, 64, 16, 16]> x";
    let row_and_column = "tensor<fp16, [1, 64, 1, 32]> x, tensor<fp16, [1, 1, 32, 1]> z";
    let width = "tensor<fp16, [1, 64, 32, 32]> x, tensor<fp16, [1, 1, 1, 32]> z";
    let weight = "tensor<fp16, [1, 64, 32, 32]> x, tensor<fp16, [64, 64, 1, 1]> w";
    let masks = "tensor<bool, [1, 64, 32, 32]> x, tensor<bool, [1, 64, 32, 32]> z";
    let heads = "tensor<fp16, [1, 8, 128, 64]> x, tensor<fp16, [1, 1, 64, 128]> z";
    let crops = "tensor<int32, [2, 2]>([[0, 0], [0, 0]])";
    let scale = zeros(&[64]);
    let met = [
        (X4, "abs(x = x)".to_owned(), 3.5903, 4.3084),
        (row_and_column, "add(x = x, y = z)".to_owned(), 0.1156, 0.1969),
        (width, "add(x = x, y = z)".to_owned(), 3.6446, 6.2084),
        (X4, "atan(x = x)".to_owned(), 3.5903, 4.3084),
        (
            batches,
            format!("batch_to_space(x = x, block_shape = {}, crops = {crops})", ints(&[2, 2])),
            3.5906,
            4.3088,
        ),
        (X4, "ceil(x = x)".to_owned(), 3.5903, 4.3084),
        (
            TWO,
            "concat(values = (x, z), axis = int32(1), interleave = true)".to_owned(),
            2.6214,
            22.7908,
        ),
        (
            TWO,
            "concat(values = (x, z), axis = int32(3), interleave = false)".to_owned(),
            2.6214,
            22.7908,
        ),
        (weight, "conv(x = x, weight = w, pad_type = \"valid\")".to_owned(), 1.1715, 21.6167),
        (X4, "depth_to_space(x = x, block_size = int32(2))".to_owned(), 3.5904, 4.3084),
        (TWO, "equal(x = x, y = z)".to_owned(), 4.4879, 5.3855),
        (X4, "exp(x = x)".to_owned(), 3.5903, 4.3084),
        (TWO, "floor_div(x = x, y = z)".to_owned(), 5.3855, 6.4625),
        (X4, "gelu(x = x, mode = \"TANH_APPROXIMATION\")".to_owned(), 3.5903, 6.7747),
        (
            X4,
            format!("reduce_mean(x = x, axes = {}, keep_dims = true)", ints(&[2, 3])),
            1.7970,
            2.1564,
        ),
        (X4, format!("instance_norm(x = x, gamma = {scale}, beta = {scale})"), 3.5938, 4.3126),
        (X4, "l2_norm(x = x)".to_owned(), 3.5903, 4.3084),
        (X4, format!("layer_norm(x = x, axes = {})", ints(&[1, 2, 3])), 3.5903, 4.3084),
        (X4, "leaky_relu(x = x, alpha = fp32(0.1))".to_owned(), 3.5904, 4.3084),
        (X4, "log(x = x, epsilon = fp16(0))".to_owned(), 3.5903, 4.3084),
        (masks, "logical_and(x = x, y = z)".to_owned(), 2.6927, 3.2313),
        (heads, "matmul(x = x, y = z)".to_owned(), 5.6098, 22.2349),
    ];
    let mut worst = 1.0f64;
    for (inputs, call, ane, cpu) in &met {
        let op = alone(inputs, call);
        let off = |own: f64, published: f64| (own / published).max(published / own);
        let found = off(op.ane_us.unwrap_or(0.0), *ane).max(off(op.cpu_us, *cpu));
        assert!(found <= 1.02, "{call}: {found}");
        worst = worst.max(found);
    }
    println!("{} estimates to which nothing was fitted: worst factor {worst:.3}", met.len());
}

/// The same source: what the first formulas missed, and what has no time on the engine at all. The engine's
/// column is none where it refuses the op.
#[test]
fn estimates_that_earlier_formulas_missed() {
    let every_second: Vec<i64> = (0..16).map(|i| 2 * i).collect();
    let pool = |kind: &str, k: i64, more: &str| {
        format!("{kind}(x = x, kernel_sizes = {}, pad_type = \"same\"{more})", ints(&[k, k]))
    };
    let grouped = |groups: u64| {
        let weight = zeros(&[64, 64 / groups, 3, 3]);
        format!("conv(x = x, weight = {weight}, pad_type = \"same\", groups = int32({groups}))")
    };
    let row = "tensor<fp16, [1, 64, 256]> x";
    let cube = "tensor<fp16, [1, 16, 4, 8, 8]> x";
    let transposed = |shape: &[u64], strides: &[i64]| {
        let (weight, strides) = (zeros(shape), ints(strides));
        format!(
            "conv_transpose(x = x, weight = {weight}, strides = {strides}, pad_type = \"valid\")"
        )
    };
    let cases = [
        (
            X4,
            conv("x", &[3, 3], &format!(", dilations = {}", ints(&[2, 2]))),
            Some(2.6358),
            48.6376,
        ),
        (
            X4,
            format!("gather(x = x, indices = {}, axis = int32(3))", ints(&every_second)),
            Some(2.6933),
            5.6994,
        ),
        (X4, pool("max_pool", 15, ""), None, 19.5424),
        (X4, pool("avg_pool", 14, ", exclude_padding_from_average = false"), Some(3.6010), 17.0236),
        (X4, grouped(4), Some(1.1686), 25.0160),
        (X4, grouped(8), Some(1.3179), 24.3188),
        (X4, grouped(16), Some(0.6589), 12.1594),
        (X4, grouped(32), Some(5.0072), 87.1064),
        (X4, conv("x", &[1, 31], ""), None, 344.6645),
        (row, transposed(&[64, 64, 4], &[2]), Some(0.4452), 79.5744),
        (cube, transposed(&[16, 16, 2, 2, 2], &[2, 2, 2]), Some(0.2217), 39.6324),
        (TWO, "stack(values = (x, z), axis = int32(1))".to_owned(), Some(5.3855), 6.4626),
    ];
    for (inputs, call, ane, cpu) in cases {
        let op = alone(inputs, &call);
        let near = |own: f64, published: f64| (own / published).max(published / own) < 1.02;
        assert!(near(op.cpu_us, cpu), "{call}: {} for {cpu}", op.cpu_us);
        match (op.ane_us, ane) {
            (Some(own), Some(published)) => assert!(near(own, published), "{call}: {own}"),
            (own, published) => assert_eq!(own.is_some(), published.is_some(), "{call}"),
        }
    }
}

/// m4cml §0.3: one 3 × 3 convolution stays on the CPU, four go to the engine; with its estimates, three do.
#[test]
fn a_chain_of_convolutions_goes_to_the_engine_when_it_saves_a_quarter_millisecond() {
    for (layers, place) in [(1, Place::Cpu), (2, Place::Cpu), (3, Place::Ane), (4, Place::Ane)] {
        let mut body = String::new();
        for i in 0..layers {
            let from = if i == 0 { "x".to_owned() } else { format!("y{}", i - 1) };
            body += &format!("y{i} = {};", conv(&from, &[3, 3], ""));
        }
        let report = report(X4, &body, &format!("y{}", layers - 1), &on("m4"));
        assert_eq!(places(&report), vec![place; layers], "{layers}");
    }
}

/// vx-lang/Vx#435: an fp16 product of 512³ goes to the engine on M4, 384³ and below do not. One formula has both.
#[test]
fn the_size_from_which_a_product_goes_to_the_engine() {
    for (n, place) in [(128, Place::Cpu), (256, Place::Cpu), (384, Place::Cpu), (512, Place::Ane)] {
        let inputs = format!("tensor<fp16, [{n}, {n}]> x, tensor<fp16, [{n}, {n}]> z");
        assert_eq!(alone(&inputs, "matmul(x = x, y = z)").place, place, "{n}");
    }
}

/// chrishayuk/larql#312 (macOS 15): a product of one fp16 row by k × k goes to the engine from k of about 4992.
/// The formula says 6800, by the fixed ratio of 0.83 between the units' streams (m4cml §2.2, macOS 27), and keeps
/// to that: it is measured, and the issue is of an earlier system.
#[test]
fn the_size_from_which_a_row_goes_to_the_engine() {
    let place = |k: u64| {
        let input = format!("tensor<fp16, [1, {k}]> x");
        alone(&input, &format!("linear(x = x, weight = {})", zeros(&[k, k]))).place
    };
    assert_eq!([4096, 6144, 7168].map(place), [Place::Cpu, Place::Cpu, Place::Ane]);
}

/// m4cml §3.3: what the sweep of limits found on M4.
#[test]
fn limits_of_an_m4() {
    let kernel = |h: u64, w: u64| (X4.to_owned(), conv("x", &[h, w], ""));
    let pool = |h: i64, w: i64| {
        let sizes = ints(&[h, w]);
        (X4.to_owned(), format!("max_pool(x = x, kernel_sizes = {sizes}, pad_type = \"same\")"))
    };
    let product = |k: u64| {
        let inputs = format!("tensor<fp16, [1, 16, {k}]> x, tensor<fp16, [1, {k}, 16]> z");
        (inputs, "matmul(x = x, y = z)".to_owned())
    };
    let relu = |shape: &str| (format!("tensor<fp16, {shape}> x"), "relu(x = x)".to_owned());
    let cases = [
        (kernel(1, 15), true),
        (kernel(1, 16), false),
        (kernel(16, 16), true),
        (kernel(17, 17), false),
        (kernel(31, 1), true),
        (kernel(32, 1), false),
        (pool(8, 8), true),
        (pool(9, 9), false),
        (pool(1, 9), false),
        // max_pool_k15.mil: "must be [1-8] or 32".
        (pool(15, 15), false),
        (pool(1, 32), true),
        (pool(9, 1), true),
        (product(32768), true),
        (product(40000), false),
        (relu("[1, 1, 1, 65536]"), true),
        (relu("[1, 1, 1, 65537]"), false),
        (relu("[1, 65536, 1, 1]"), true),
        (relu("[1, 65537, 1, 1]"), false),
        (relu("[1, 4, 16, 32, 32]"), true),
        (relu("[1, 1, 4, 16, 32, 32]"), false),
    ];
    for ((inputs, call), runs) in cases {
        assert_eq!(alone(&inputs, &call).can_run != CanRun::No, runs, "{inputs} {call}");
    }
}

/// m4cml §3.1 and §3.2: what runs on the engine and what does not.
#[test]
fn support_of_ops_on_an_m4() {
    let int = "tensor<int32, [1, 64, 32, 32]> x";
    let cases = [
        (X4, "tan(x = x)", false),
        (X4, "sinh(x = x)", false),
        (X4, "cumsum(x = x, axis = int32(3))", false),
        (X4, "sin(x = x)", true),
        (X4, "erf(x = x)", true),
        (TWO, "mod(x = x, y = z)", false),
        (TWO, "floor_div(x = x, y = z)", true),
        (int, "add(x = x, y = int32(1))", false),
        (X4, "cast(x = x, dtype = \"int32\")", false),
        (X4, "cast(x = x, dtype = \"fp32\")", true),
        (X4, "reduce_argmax(x = x, axis = int32(1))", false),
    ];
    for (inputs, call, runs) in cases {
        let op = alone(inputs, call);
        assert_eq!(op.can_run != CanRun::No, runs, "{call}: {}", op.reason);
    }
}

/// aneforge, maderix: a kernel 16 wide fails to compile, and the whole model runs elsewhere.
#[test]
fn a_wide_kernel_takes_the_whole_model_off_the_engine() {
    let body = |width: u64| {
        let mut body = format!("y0 = {};", conv("x", &[1, width], ""));
        for i in 1..8 {
            body += &format!("y{i} = {};", conv(&format!("y{}", i - 1), &[3, 3], ""));
        }
        body
    };
    let narrow = report(X4, &body(15), "y7", &on("m4"));
    assert!(places(&narrow).iter().all(|place| *place == Place::Ane));
    assert_eq!(narrow.ane_share_flops, 100.0);
    let wide = report(X4, &body(16), "y7", &on("m4"));
    assert!(places(&wide).iter().all(|place| *place == Place::Cpu));
    // The kernel leaves for sure; on what the rest does, sources differ, and each op says so.
    assert_eq!(
        (wide.ops[0].confidence, wide.ops[2].confidence),
        (Confidence::High, Confidence::Low)
    );
    assert!(wide.ops.iter().filter(|op| op.op == "conv").all(|op| op.reason.contains("differ")));
    let advice = wide.advice.expect("a change");
    assert!(advice.change.contains("kernel") && advice.ane_share_flops == 100.0);
    let old = report(X4, &body(15), "y7", &on("m1"));
    assert!(places(&old).iter().all(|place| *place == Place::Cpu), "13 is the limit there");
}

#[test]
fn older_generations_lack_what_came_later() {
    let sine = |chip| {
        let report = report(X4, "y = sin(x = x);", "y", &on(chip));
        report.ops[0].can_run
    };
    assert_eq!(
        [sine("m1"), sine("m2"), sine("m3"), sine("m6")].map(|c| c != CanRun::No),
        [false, false, true, true]
    );
    let old = report(X4, "y = relu(x = x);", "y", &on("a12"));
    assert_eq!(old.ops[0].can_run, CanRun::No);
    assert!(old.ops[0].reason.contains("ML programs"));
}

#[test]
fn the_report_has_the_names_that_others_read() {
    let report = report(X4, &format!("y = {};", conv("x", &[3, 3], "")), "y", &on("m4"));
    let json = serde_json::to_value(&report).expect("a report is plain data");
    for name in
        ["ops", "segments", "ane_share_flops", "ane_share_ops", "latency_ms", "energy_mj", "lints"]
    {
        assert!(json.get(name).is_some(), "{name}");
    }
    for name in ["path", "op", "place", "reason", "evidence", "confidence", "cost_us"] {
        assert!(json["ops"][0].get(name).is_some(), "{name}");
    }
    for name in ["low", "estimate", "high"] {
        assert!(json["latency_ms"][name].is_number(), "{name}");
    }
}
