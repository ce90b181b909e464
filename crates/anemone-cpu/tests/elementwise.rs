//! Elementwise, reduction and normalisation kernels against plain loops in double precision, run
//! through the engine from MIL text.

use std::sync::Arc;

use anemone_cpu::CpuEngine;
use anemone_engine::{Array, CompileOptions, Engine, RunContext, Value};
use anemone_ir::{check, text};
use anemone_tensor::{DataType, Tensor};

/// Runs `body`, which computes `y` from inputs `a`, `b`, … of these types.
fn run(threads: usize, body: &str, inputs: &[Tensor]) -> Tensor {
    let parameter = |(i, t): (usize, &Tensor)| {
        format!("tensor<{}, {:?}> {}", t.dtype(), t.shape(), char::from(b'a' + i as u8))
    };
    let parameters: Vec<String> = inputs.iter().enumerate().map(parameter).collect();
    let source = format!(
        "program(1) {{ func main<ios18>({}) {{ {body} }} -> (y); }}",
        parameters.join(", ")
    );
    let program = text::parse(&source, &mut |_, _, _| Err("no weights".to_owned())).unwrap();
    let checked = check(&program).unwrap_or_else(|faults| panic!("{body}: {faults}"));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let engine = CpuEngine::new(Arc::new(pool));
    let plan = engine.compile(&checked, &CompileOptions::default()).unwrap();
    let values: Vec<Value> = inputs.iter().map(|t| Value::Tensor(Array::from(t.clone()))).collect();
    let (outputs, _) = plan.session().run(&values, None, &RunContext::default()).unwrap();
    let [Value::Tensor(y)] = outputs.as_slice() else { panic!("{body}: one tensor is expected") };
    y.to_tensor()
}

fn floats(shape: &[usize], seed: u32) -> Tensor {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12345);
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 22) - 2.0
    };
    let count = shape.iter().product();
    Tensor::from_f64(DataType::F32, shape.to_vec(), std::iter::repeat_with(next).take(count))
        .unwrap()
}

fn vector(dtype: DataType, values: &[f64]) -> Tensor {
    Tensor::from_f64(dtype, vec![values.len()], values.iter().copied()).unwrap()
}

fn elements(t: &Tensor) -> Vec<f64> {
    (0..t.count()).map(|i| t.get_f64(i)).collect()
}

fn close(body: &str, found: &Tensor, expected: &[f64], tolerance: f64) {
    let found = elements(found);
    assert_eq!(found.len(), expected.len(), "{body}");
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let same = found == expected
            || found.is_nan() && expected.is_nan()
            || (found - expected).abs() <= tolerance * (1.0 + expected.abs());
        assert!(same, "{body}: element {i} is {found}, not {expected}");
    }
}

#[test]
fn functions_of_one_element() {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    type Case<'a> = (&'a str, &'a dyn Fn(f64) -> f64);
    let cases: &[Case<'_>] = &[
        ("abs(x = a)", &f64::abs),
        ("atan(x = a)", &f64::atan),
        ("ceil(x = a)", &f64::ceil),
        ("clip(x = a, alpha = fp32(-0.5), beta = fp32(1))", &|x| x.clamp(-0.5, 1.0)),
        ("cos(x = a)", &f64::cos),
        ("exp(x = a)", &f64::exp),
        ("exp2(x = a)", &f64::exp2),
        ("inverse(x = a)", &|x| 1.0 / (x + f64::from(1e-4f32))),
        ("round(x = a)", &f64::round_ties_even),
        ("sign(x = a)", &|x| if x == 0.0 { 0.0 } else { x.signum() }),
        ("sin(x = a)", &f64::sin),
        ("square(x = a)", &|x| x * x),
        ("tanh(x = a)", &f64::tanh),
        ("threshold(x = a, alpha = fp32(0.5))", &|x| x.max(0.5)),
        ("clamped_relu(x = a, alpha = fp32(0.5), beta = fp32(1))", &|x| {
            if x < 0.0 { 0.5 * x } else { x.min(1.0) }
        }),
        ("elu(x = a, alpha = fp32(2))", &|x| if x > 0.0 { x } else { 2.0 * x.exp_m1() }),
        ("gelu(x = a, mode = \"TANH_APPROXIMATION\")", &|x| {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
            0.5 * x * (1.0 + inner.tanh())
        }),
        ("gelu(x = a, mode = \"SIGMOID_APPROXIMATION\")", &|x| x * sigmoid(1.702 * x)),
        ("leaky_relu(x = a, alpha = fp32(0.1))", &|x| if x < 0.0 { 0.1 * x } else { x }),
        ("linear_activation(x = a, alpha = fp32(3), beta = fp32(-1))", &|x| 3.0 * x - 1.0),
        ("relu6(x = a)", &|x| x.clamp(0.0, 6.0)),
        ("scaled_tanh(x = a, alpha = fp32(3), beta = fp32(0.5))", &|x| 3.0 * (0.5 * x).tanh()),
        ("sigmoid(x = a)", &sigmoid),
        ("sigmoid_hard(x = a, alpha = fp32(0.3), beta = fp32(0.4))", &|x| {
            (0.3 * x + 0.4).clamp(0.0, 1.0)
        }),
        ("silu(x = a)", &|x| x * sigmoid(x)),
        ("softplus(x = a)", &|x| x.exp().ln_1p()),
        ("softsign(x = a)", &|x| x / (1.0 + x.abs())),
        ("thresholded_relu(x = a, alpha = fp32(0.5))", &|x| if x < 0.5 { 0.0 } else { x }),
    ];
    let x = floats(&[3, 7, 5], 1);
    for (op, f) in cases {
        let body = format!("tensor<fp32, [3, 7, 5]> y = {op};");
        let expected: Vec<f64> = elements(&x).into_iter().map(f).collect();
        close(op, &run(1, &body, std::slice::from_ref(&x)), &expected, 1e-6);
    }
}

#[test]
fn comparisons_and_casts_change_the_type() {
    let x = vector(DataType::F32, &[-1.5, 0.0, 2.5, f64::NAN]);
    let y = vector(DataType::F32, &[-1.5, 1.0, 2.0, 0.0]);
    for (op, expected) in [
        ("bool y = equal(x = a, y = b)", [1.0, 0.0, 0.0, 0.0]),
        ("bool y = not_equal(x = a, y = b)", [0.0, 1.0, 1.0, 1.0]),
        ("bool y = less_equal(x = a, y = b)", [1.0, 1.0, 0.0, 0.0]),
        ("int32 y = cast(x = a, dtype = \"int32\")", [-1.0, 0.0, 2.0, 0.0]),
        ("uint8 y = cast(x = a, dtype = \"uint8\")", [0.0, 0.0, 2.0, 0.0]),
        ("bool y = cast(x = a, dtype = \"bool\")", [1.0, 0.0, 1.0, 1.0]),
        ("fp32 y = maximum(x = a, y = b)", [-1.5, 1.0, 2.5, f64::NAN]),
    ] {
        let (dtype, rest) = op.split_once(' ').unwrap();
        let body = format!("tensor<{dtype}, [4]> {rest};");
        close(op, &run(1, &body, &[x.clone(), y.clone()]), &expected, 0.0);
    }
}

#[test]
fn select_broadcasts_all_three() {
    let cond = Tensor::from_f64(DataType::Bool, vec![2, 1], [1.0, 0.0]).unwrap();
    let a = vector(DataType::F32, &[1.0, 2.0, 3.0]);
    let b = vector(DataType::F32, &[9.0]);
    let body = "tensor<fp32, [2, 3]> y = select(cond = a, a = b, b = c);";
    close(body, &run(1, body, &[cond, a, b]), &[1.0, 2.0, 3.0, 9.0, 9.0, 9.0], 0.0);
}

/// The elements of `x` that are reduced into each output, in order.
fn groups(x: &Tensor, axes: &[usize]) -> Vec<Vec<f64>> {
    let shape = x.shape();
    let mut found = std::collections::BTreeMap::<Vec<usize>, Vec<f64>>::new();
    for i in 0..x.count() {
        let mut rest = i;
        let mut at = vec![0; shape.len()];
        for axis in (0..shape.len()).rev() {
            at[axis] = rest % shape[axis];
            rest /= shape[axis];
        }
        axes.iter().for_each(|&axis| at[axis] = 0);
        found.entry(at).or_default().push(x.get_f64(i));
    }
    found.into_values().collect()
}

#[test]
fn reductions_over_any_axes() {
    type Case<'a> = (&'a str, &'a dyn Fn(&[f64]) -> f64);
    let cases: &[Case<'_>] = &[
        ("reduce_l1_norm", &|x| x.iter().map(|x| x.abs()).sum()),
        ("reduce_l2_norm", &|x| x.iter().map(|x| x * x).sum::<f64>().sqrt()),
        ("reduce_log_sum_exp", &|x| x.iter().map(|x| x.exp()).sum::<f64>().ln()),
        ("reduce_max", &|x| x.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        ("reduce_mean", &|x| x.iter().sum::<f64>() / x.len() as f64),
        ("reduce_min", &|x| x.iter().copied().fold(f64::INFINITY, f64::min)),
        ("reduce_prod", &|x| x.iter().product()),
        ("reduce_sum", &|x| x.iter().sum()),
        ("reduce_sum_square", &|x| x.iter().map(|x| x * x).sum()),
    ];
    let x = floats(&[4, 3, 33, 70], 2);
    for axes in [&[3][..], &[2], &[0, 2], &[1, 3], &[2, 3], &[0, 1, 2, 3], &[0]] {
        let sizes: Vec<usize> =
            (0..4).map(|i| if axes.contains(&i) { 1 } else { x.shape()[i] }).collect();
        let groups = groups(&x, axes);
        for (op, f) in cases {
            let body = format!(
                "tensor<fp32, {sizes:?}> y = {op}(x = a, keep_dims = true, \
                 axes = tensor<int32, [{}]>({axes:?}));",
                axes.len()
            );
            let expected: Vec<f64> = groups.iter().map(|g| f(g)).collect();
            close(&body, &run(2, &body, std::slice::from_ref(&x)), &expected, 1e-5);
        }
    }
}

#[test]
fn positions_of_extremes_are_the_first() {
    let x = Tensor::from_f64(DataType::F32, vec![2, 3], [1.0, 7.0, 7.0, 9.0, 0.0, 7.0]).unwrap();
    for (op, expected) in [
        ("tensor<int32, [2]> y = reduce_argmax(x = a)", &[1.0, 0.0][..]),
        ("tensor<int32, [3]> y = reduce_argmin(x = a, axis = int32(0))", &[0.0, 1.0, 0.0]),
        ("tensor<uint16, [2]> y = reduce_argmin(x = a, output_dtype = \"uint16\")", &[0.0, 1.0]),
    ] {
        close(op, &run(1, &format!("{op};"), std::slice::from_ref(&x)), expected, 0.0);
    }
}

#[test]
fn normalisation_over_any_axes() {
    let x = floats(&[2, 3, 5, 70], 3);
    for axes in [&[3][..], &[1], &[1, 2], &[1, 3], &[0, 2], &[1, 2, 3]] {
        let body = format!(
            "tensor<fp32, [2, 3, 5, 70]> y = layer_norm(x = a, epsilon = fp32(0.001), \
             axes = tensor<int32, [{}]>({axes:?}));",
            axes.len()
        );
        let found = run(2, &body, std::slice::from_ref(&x));
        let normal = |g: Vec<f64>| {
            let mean = g.iter().sum::<f64>() / g.len() as f64;
            let variance = g.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / g.len() as f64;
            g.into_iter().map(move |x| (x - mean) / (variance + 0.001).sqrt())
        };
        let expected: Vec<f64> = groups(&x, axes).into_iter().flat_map(normal).collect();
        let found: Vec<f64> = groups(&found, axes).into_iter().flatten().collect();
        close(&body, &vector(DataType::F32, &found), &expected, 1e-5);
    }
}

#[test]
fn softmax_over_any_axis() {
    let x = floats(&[3, 5, 70], 4);
    for axis in 0..3 {
        let body = format!("tensor<fp32, [3, 5, 70]> y = softmax(x = a, axis = int32({axis}));");
        let found = run(2, &body, std::slice::from_ref(&x));
        let soft = |g: Vec<f64>| {
            let sum: f64 = g.iter().map(|x| x.exp()).sum();
            g.into_iter().map(move |x| x.exp() / sum)
        };
        let expected: Vec<f64> = groups(&x, &[axis]).into_iter().flat_map(soft).collect();
        let found: Vec<f64> = groups(&found, &[axis]).into_iter().flatten().collect();
        close(&body, &vector(DataType::F32, &found), &expected, 1e-6);
    }
}

#[test]
fn a_row_does_not_depend_on_the_others() {
    let x = floats(&[37, 4, 301], 5);
    let row =
        |t: &Tensor, i: usize| elements(t)[i * t.count() / 37..(i + 1) * t.count() / 37].to_vec();
    let alone = Tensor::from_f64(DataType::F32, vec![1, 4, 301], row(&x, 17)).unwrap();
    for (op, after) in [
        ("softmax(x = a)", ", 4, 301"),
        ("softmax(x = a, axis = int32(1))", ", 4, 301"),
        ("layer_norm(x = a, axes = tensor<int32, [1]>([-1]))", ", 4, 301"),
        ("layer_norm(x = a, axes = tensor<int32, [1]>([1]))", ", 4, 301"),
        ("instance_norm(x = a)", ", 4, 301"),
        ("gelu(x = a)", ", 4, 301"),
        ("reduce_mean(x = a, axes = tensor<int32, [1]>([2]))", ", 4"),
        ("reduce_sum(x = a, axes = tensor<int32, [1]>([1]))", ", 301"),
    ] {
        let body = |n: usize| format!("tensor<fp32, [{n}{after}]> y = {op};");
        let one = run(1, &body(1), std::slice::from_ref(&alone));
        let many = run(1, &body(37), std::slice::from_ref(&x));
        let parallel = run(2, &body(37), std::slice::from_ref(&x));
        assert_eq!(elements(&one), row(&many, 17), "{op}");
        assert_eq!(many, parallel, "{op}");
    }
}

#[test]
fn channels_have_their_own_parameters() {
    let x = floats(&[2, 3, 4, 5], 6);
    let three = "tensor<fp32, [3]>";
    let channel = |i: usize| i / 20 % 3;
    let (alpha, beta) = ([0.5, -1.0, 2.0], [1.0, 0.25, 3.0]);
    let body = |op: &str| format!("tensor<fp32, [2, 3, 4, 5]> y = {op};");
    let check = |op: &str, f: &dyn Fn(f64, usize) -> f64| {
        let each = elements(&x).into_iter().enumerate().map(|(i, x)| f(x, channel(i)));
        close(op, &run(1, &body(op), std::slice::from_ref(&x)), &each.collect::<Vec<_>>(), 1e-5);
    };
    check(&format!("prelu(x = a, alpha = {three}([0.5, -1, 2]))"), &|x, c| {
        if x < 0.0 { alpha[c] * x } else { x }
    });
    let both = format!("alpha = {three}([0.5, -1, 2]), beta = {three}([1, 0.25, 3])");
    check(&format!("softplus_parametric(x = a, {both})"), &|x, c| {
        alpha[c] * (beta[c] * x).exp().ln_1p()
    });
    let norm = format!(
        "batch_norm(x = a, mean = {three}([0.5, -1, 2]), variance = {three}([1, 0.25, 3]), \
         gamma = {three}([0.5, -1, 2]), epsilon = fp32(0.01))"
    );
    check(&norm, &|x, c| (x - alpha[c]) / (beta[c] + 0.01).sqrt() * alpha[c]);
    let spread = "local_response_norm(x = a, size = int32(2), alpha = fp32(0.5), k = fp32(2))";
    let values = elements(&x);
    let at = |i: usize, back: usize| (channel(i) >= back).then(|| values[i - 20 * back]);
    let expected = (0..x.count()).map(|i| {
        let squares = values[i].powi(2) + at(i, 1).unwrap_or(0.0).powi(2);
        values[i] / (2.0 + 0.25 * squares).powf(0.75)
    });
    let found = run(1, &body(spread), std::slice::from_ref(&x));
    close(spread, &found, &expected.collect::<Vec<_>>(), 1e-6);
}

#[test]
fn tensors_without_elements_have_results() {
    let x = Tensor::from_f64(DataType::F32, vec![2, 0, 3], []).unwrap();
    for (op, expected) in [
        ("tensor<fp32, [2, 0, 3]> y = softmax(x = a, axis = int32(1))", &[][..]),
        ("tensor<fp32, [2, 0, 3]> y = add(x = a, y = fp32(1))", &[]),
        ("tensor<fp32, [2, 0, 3]> y = layer_norm(x = a)", &[]),
        ("tensor<fp32, [2, 0, 3]> y = instance_norm(x = a)", &[]),
        ("tensor<int32, [2, 0]> y = reduce_argmax(x = a)", &[]),
        ("tensor<fp32, []> y = reduce_sum(x = a)", &[0.0]),
        ("tensor<fp32, []> y = reduce_prod(x = a)", &[1.0]),
    ] {
        close(op, &run(1, &format!("{op};"), std::slice::from_ref(&x)), expected, 0.0);
    }
}
