//! Every published number through the engine, op by op. Sources: 751K's microarchitecture study
//! (MIT), `data/06_numerics/*_m4.txt` and `*_m6.txt`, `notes/numerics.md` (H11, H12, H50, F3);
//! coremltools#2687 and #2690; ANEForge's catalogue for slices. The primitives are tested with more
//! of them in `src/accumulator/tests.rs`, `src/functions/tests.rs`, `src/integers.rs`.

use anemone_emu::Options;
use anemone_tensor::DataType::{F16, F32};
use programs::{emulated, emulator, half, literal, outputs, program, tensor};

#[allow(dead_code)]
mod programs;

const INF: f64 = f64::INFINITY;

/// The sum of `x * weight + bias` by every op that sums products.
fn by_every_op(x: &[f64], weights: &[f64], bias: f64) -> Vec<(&'static str, f64)> {
    let n = x.len();
    let input = format!("tensor<fp16, [1, {n}]> x");
    let values = [half(&[1, n], x)];
    let row = literal(&[1, n], weights);
    let column = literal(&[n, 1], weights);
    let kernel = literal(&[1, n, 1], weights);
    let (last, first) = (literal(&[1, 1, n], weights), literal(&[n, 1, 1], weights));
    let bias_literal = literal(&[1], &[bias]);
    let mut programs = vec![
        ("linear", format!("y = linear(x = x, weight = {row}, bias = {bias_literal});")),
        (
            "conv over channels",
            format!(
                "r = reshape(x = x, shape = tensor<int32, [3]>([1, {n}, 1])); \
                 y = conv(x = r, weight = {kernel}, bias = {bias_literal});"
            ),
        ),
        (
            "conv over a window",
            format!(
                "r = reshape(x = x, shape = tensor<int32, [3]>([1, 1, {n}])); \
                 y = conv(x = r, weight = {last}, bias = {bias_literal});"
            ),
        ),
        (
            "conv_transpose",
            format!(
                "r = reshape(x = x, shape = tensor<int32, [3]>([1, {n}, 1])); \
                 y = conv_transpose(x = r, weight = {first}, bias = {bias_literal});"
            ),
        ),
    ];
    if bias == 0.0 {
        programs.push(("matmul", format!("y = matmul(x = x, y = {column});")));
        programs.push((
            "matmul from the left",
            format!("y = matmul(x = {row}, y = x, transpose_y = true);"),
        ));
        programs.push((
            "einsum",
            format!(
                "r = reshape(x = x, shape = tensor<int32, [3]>([1, 1, {n}])); \
                 y = einsum(values = (r, {first}), equation = \"chw,whu->chu\");"
            ),
        ));
    }
    programs.into_iter().map(|(name, ops)| (name, emulated(&input, &ops, &values)[0])).collect()
}

fn p(exponent: i32) -> f64 {
    2f64.powi(exponent)
}

/// `numerics2_*.txt`, `numerics3_m6.txt`: overflow, stickiness, order, rounding, absorption.
#[test]
fn sums_of_products() {
    let mut last = vec![0.0; 64];
    last[..3].copy_from_slice(&[16384.0, 16384.0, 1.0]);
    last[62..].copy_from_slice(&[-16384.0, -16384.0]);
    let cases: &[(&[f64], f64)] = &[
        (&[32736.0], 32736.0),
        (&[32752.0], 32752.0),
        (&[32768.0], INF),
        (&[65504.0], INF),
        (&[-32752.0], -32752.0),
        (&[-32768.0], -INF),
        (&[16376.0, 16376.0], 32752.0),
        (&[16384.0, 16376.0], 32768.0),
        (&[16384.0, 16384.0], INF),
        (&[30000.0, 2752.0], 32752.0),
        (&[30000.0, 2768.0], INF),
        (&[16384.0, 16384.0, -16384.0, -16384.0, 1.0], INF),
        (&[30000.0, 30000.0, -30000.0, -30000.0, 1.0], INF),
        (&last, INF),
        (&[2048.0, 1.0], 2050.0),
        (&[-2048.0, -1.0], -2050.0),
        (&[4096.0, 2.0], 4100.0),
        (&[1.0, p(-11), 0.0], 1.0 + p(-10)),
        (&[1.0, p(-11), -p(-13)], 1.0),
        (&[1024.0, p(-16), -1024.0], p(-16)),
        (&[16384.0, p(-18), -16384.0], 0.0),
        (&[p(-17)], p(-16)),
        (&[p(-18)], 0.0),
    ];
    for (terms, expected) in cases {
        for (op, found) in by_every_op(terms, &vec![1.0; terms.len()], 0.0) {
            assert_eq!(found, *expected, "{op}: {terms:?}");
        }
    }
    for (x, weight, expected) in [
        (127.0, 256.0, 32512.0),
        (128.0, 256.0, INF),
        (65504.0, 0.0625, 4094.0),
        (p(-10), p(-8), 0.0),
        (p(-14) / 16.0, 16.0, p(-14)),
    ] {
        for (op, found) in by_every_op(&[x], &[weight], 0.0) {
            assert_eq!(found, expected, "{op}: {x} by {weight}");
        }
    }
}

/// H11: the bias is what the accumulator starts with.
#[test]
fn biases() {
    for (bias, terms, expected) in [
        (-16384.0, &[16384.0, 16384.0][..], 16384.0),
        (-16384.0, &[16384.0, 16384.0, 16384.0], INF),
        (-16384.0, &[32752.0], 16368.0),
        (32.0, &[32752.0], INF),
        (32.0, &[32736.0], INF),
        (1000.5, &[0.25], 1001.0),
        (p(-20), &[p(-17)], p(-16)),
        (p(-17), &[p(-16)], 2.0 * p(-16)),
    ] {
        for (op, found) in by_every_op(terms, &vec![1.0; terms.len()], bias) {
            assert_eq!(found, expected, "{op}: {bias} and {terms:?}");
        }
    }
}

/// H12: small products are dropped by the exponents of their factors.
#[test]
fn small_products() {
    for (weight, x, units) in [
        (0.234_375, 0.000_114_440_92, 0.0),
        (0.125, 0.000_183_105_47, 2.0),
        (0.75, 1.019_239_43e-5, 1.0),
        (1.5, 5.066_394_8e-6, 0.0),
        (3.0, 2.562_999_7e-6, 1.0),
        (0.375, 2.032_518_4e-5, 0.0),
    ] {
        for (op, found) in by_every_op(&[x], &[weight], 0.0) {
            assert_eq!(found, units * p(-16), "{op}: {x} by {weight}");
        }
    }
}

/// `numerics4_m6.txt`: infinities and NaN are numbers to the multipliers and to the planar engine.
#[test]
fn infinities_and_nan() {
    for (x, expected) in [(INF, 4096.0), (-INF, -4096.0), (f64::NAN, 6144.0)] {
        for (op, found) in by_every_op(&[x], &[0.0625], 0.0) {
            assert_eq!(found, expected, "{op}: {x}");
        }
        for (op, found) in by_every_op(&[x], &[1.0], 0.0) {
            assert_eq!(found, INF.copysign(expected), "{op}: {x}");
        }
    }
    let found = emulated(
        "tensor<fp16, [2]> x",
        "y = add(x = x, y = fp16(1));",
        &[half(&[2], &[f64::NAN, INF])],
    );
    assert_eq!(found, [INF, INF]);
}

/// The planar engine: ties away from zero, no limit at 32768, subnormal numbers.
#[test]
fn element_by_element() {
    let (x, y) = ([2048.0, -2048.0, 1.0, 30000.0, p(-24)], [1.0, -1.0, p(-11), 30000.0, p(-24)]);
    let found = emulated(
        "tensor<fp16, [5]> x, tensor<fp16, [5]> z",
        "y = add(x = x, y = z);",
        &[half(&[5], &x), half(&[5], &y)],
    );
    assert_eq!(found, [2050.0, -2050.0, 1.0 + p(-10), 60000.0, p(-23)]);
}

/// F3: values of the functions, each within the digits that were published.
#[test]
fn functions() {
    for (op, x, expected, digits) in [
        ("sigmoid(x = x)", -9.9375, 0.0, 0.0),
        ("tanh(x = x)", -0.000_240_3, -0.000_239, 5e-7),
        ("tanh(x = x)", 4.0, 1.0, 0.0),
        ("gelu(x = x, mode = \"EXACT\")", 0.25, 0.1436, 5e-5),
        ("gelu(x = x, mode = \"TANH_APPROXIMATION\")", 0.25, 0.1436, 5e-5),
        ("gelu(x = x, mode = \"EXACT\")", -1.526e-5, -0.000_761, 1e-6),
        ("silu(x = x)", 0.5, 0.296, 5e-4),
        ("erf(x = x)", -0.001_701, -0.001_92, 5e-6),
        ("sin(x = x)", -3.140_625, -0.000_946, 5e-7),
        ("exp(x = x)", 9.703, 16296.0, 0.0),
        ("log(x = x, epsilon = fp16(0))", 1.004, 0.003_73, 5e-6),
        ("sqrt(x = x)", 0.002_054, 0.0453, 5e-5),
        ("rsqrt(x = x, epsilon = fp16(0))", 0.0332, 5.5, 5e-3),
        // The largest error over the published grid: 13.5 steps of 2^-5 at 0.01587.
        ("inverse(x = x, epsilon = fp16(0.0001))", 0.015_87, 1.0 / 0.015_87 - 0.42, 3e-2),
    ] {
        let ops = format!("y = {op};");
        let found = emulated("tensor<fp16, [1]> x", &ops, &[half(&[1], &[x])])[0];
        assert!((found - expected).abs() <= digits, "{op} of {x} is {found}");
    }
}

/// coremltools#2687: 10.4 is the last input of `softplus` that is right, 10.5 the first that is 0.
#[test]
fn softplus_drops_to_zero() {
    let ops = "y = softplus(x = x);";
    let x = [10.0, 10.4, 10.5, 15.0];
    let found = emulated("tensor<fp16, [4]> x", ops, &[half(&[4], &x)]);
    assert!((found[0] - 10.0).abs() < 0.02 && found[2..] == [0.0, 0.0], "{found:?}");
    assert!(found[1] == 0.0 || (found[1] - 10.4).abs() < 0.02, "{found:?}");
}

/// coremltools#2690: over 32 channels, the result drops to 0 above 7.63.
#[test]
fn log_sum_exp_drops_to_zero() {
    let ops = "y = reduce_log_sum_exp(x = x, axes = tensor<int32, [1]>([1]));";
    for (x, is_zero) in [(7.0, false), (7.6, false), (7.65, true), (9.0, true)] {
        let found = emulated("tensor<fp16, [1, 32]> x", ops, &[half(&[1, 32], &[x; 32])])[0];
        assert_eq!(found == 0.0, is_zero, "{x}: {found}");
        let exact = x + 32f64.ln();
        assert!(is_zero || (found - exact).abs() < 0.03, "{x}: {found}");
    }
}

/// Slices inside the last axis lose what is beyond 4094 on h13 and h14.
#[test]
fn slices_are_clamped_on_the_first_generations() {
    let slice = |begin: i32| {
        format!(
            "y = slice_by_size(x = x, begin = tensor<int32, [1]>([{begin}]), \
             size = tensor<int32, [1]>([3]));"
        )
    };
    let values = [half(&[4], &[1.0, 4094.0, -4096.0, 60000.0])];
    let clamping = Options { clamps_slices: true, ..Options::default() };
    for (options, begin, expected) in [
        (clamping.clone(), 1, [4094.0, -INF, INF]),
        (clamping, 0, [1.0, 4094.0, -4096.0]),
        (Options::default(), 1, [4094.0, -4096.0, 60000.0]),
    ] {
        let program = program("tensor<fp16, [4]> x", &slice(begin), "y");
        assert_eq!(outputs(&emulator(options), &program, &values)[0], expected);
    }
    let of = |chip: &str| Options::of(&anemone_ane::Target::new(chip).unwrap());
    assert!(of("m1").clamps_slices && of("m2").clamps_slices && !of("m3").clamps_slices);
    assert!(!of("m3").sums_integers && of("m4").sums_integers);
}

/// There is no other float: what is declared as fp32 is fp16 on the engine.
#[test]
fn fp32_is_fp16_and_hosts_convert_to_even() {
    let x = tensor(F32, &[4], &[2049.0, 2051.0, 1e-9, 70000.0]);
    let found = emulated("tensor<fp32, [4]> x", "y = identity(x = x);", std::slice::from_ref(&x));
    assert_eq!(found, [2048.0, 2052.0, 0.0, INF]);
    let ops = "y = mul(x = x, y = fp32(1));";
    assert_eq!(emulated("tensor<fp32, [4]> x", ops, &[x])[..2], [2048.0, 2052.0]);
    let x = tensor(F16, &[1], &[3.0]);
    let ops = "c = cast(x = x, dtype = \"int32\"); y = mul(x = c, y = int32(1000001));";
    assert_eq!(emulated("tensor<fp16, [1]> x", ops, &[x]), [3_000_003.0]);
}

/// H50: 8-bit activations times 8-bit weights, the scale last. Through fp16 the same sums overflow.
#[test]
fn eight_bit_products() {
    let n = 2048;
    let ints = |shape: &str| format!("tensor<int8, {shape}>([{}])", vec!["127"; n].join(", "));
    let scale = "fp16(0.0078125)";
    for (kind, shape, weights) in [
        ("linear", format!("[1, {n}]"), format!("[1, {n}]")),
        ("conv", format!("[1, {n}, 1]"), format!("[1, {n}, 1]")),
    ] {
        let ops = format!(
            "q = quantize(input = x, scale = {scale}, output_dtype = \"int8\"); \
             d = dequantize(input = q, scale = {scale}); \
             w = constexpr_affine_dequantize(quantized_data = {}, zero_point = int8(0), \
                 scale = fp16(0.125), axis = int32(0)); \
             y = {kind}(x = d, weight = w);",
            ints(&weights)
        );
        let dims: Vec<usize> = if kind == "conv" { vec![1, n, 1] } else { vec![1, n] };
        let program = program(&format!("tensor<fp16, {shape}> x"), &ops, "y");
        let x = [half(&dims, &vec![127.0 / 128.0; n])];
        let found = |sums_integers| {
            let options = Options { sums_integers, ..Options::default() };
            outputs(&emulator(options), &program, &x)[0][0]
        };
        // 2048 * 127 * 127 * 2^-7 * 2^-3 is 32258.
        assert_eq!(found(true), 32256.0, "{kind}");
        assert_eq!(found(false), 32256.0, "{kind}");
        let large = program_with(&ops, "fp16(0.125)", "fp16(0.1875)", &shape);
        let options = |sums_integers| Options { sums_integers, ..Options::default() };
        assert_eq!(outputs(&emulator(options(true)), &large, &x)[0], [48384.0], "{kind}");
        assert_eq!(outputs(&emulator(options(false)), &large, &x)[0], [INF], "{kind}");
    }
}

fn program_with(ops: &str, old: &str, new: &str, shape: &str) -> anemone_ir::Checked {
    program(&format!("tensor<fp16, {shape}> x"), &ops.replace(old, new), "y")
}
