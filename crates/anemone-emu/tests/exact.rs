//! Where numbers are small and no bit is lost, the emulator and the CPU engine agree exactly: what
//! is left are shapes, groups, padding, broadcasting and orientation.

use anemone_engine::Value;
use programs::{emulated, half, halves, literal, on_cpu};

#[allow(dead_code)]
mod programs;

fn weights(shape: &[usize], seed: u64) -> String {
    literal(shape, &halves(shape.iter().product(), seed))
}

fn agree(shapes: &[(&str, &[usize])], ops: &str) {
    let input = |(name, shape): &(&str, &[usize])| format!("tensor<fp16, {shape:?}> {name}");
    let inputs: Vec<String> = shapes.iter().map(input).collect();
    let inputs = inputs.join(", ");
    let value = |(i, (_, shape)): (usize, &(&str, &[usize]))| {
        half(shape, &halves(shape.iter().product(), 7 + i as u64))
    };
    let values: Vec<Value> = shapes.iter().enumerate().map(value).collect();
    let (found, expected) = (emulated(&inputs, ops, &values), on_cpu(&inputs, ops, &values));
    assert_eq!(found, expected, "{ops}");
    assert!(found.iter().any(|value| *value != 0.0), "{ops}");
}

#[test]
fn convolutions_of_every_rank_group_step_and_padding() {
    let ints = |values: &[usize]| format!("tensor<int32, [{}]>({values:?})", values.len());
    let (two, pads) = (ints(&[2, 1]), ints(&[1, 2, 0, 1]));
    for (shape, ops) in [
        (vec![2, 4, 9], format!("weight = {}", weights(&[6, 4, 3], 1))),
        (vec![2, 4, 9], format!("weight = {}, groups = int32(2)", weights(&[6, 2, 3], 1))),
        (vec![2, 3, 7, 8], format!("weight = {}", weights(&[5, 3, 1, 1], 2))),
        (
            vec![2, 3, 7, 8],
            format!("weight = {}, bias = {}", weights(&[5, 3, 3, 2], 2), weights(&[5], 3)),
        ),
        (
            vec![1, 4, 7, 8],
            format!(
                "weight = {}, pad_type = \"same\", groups = int32(4)",
                weights(&[8, 1, 3, 3], 4)
            ),
        ),
        (
            vec![1, 4, 7, 8],
            format!(
                "weight = {}, pad_type = \"same_lower\", strides = {two}, dilations = {two}",
                weights(&[3, 4, 2, 3], 4)
            ),
        ),
        (
            vec![1, 4, 7, 8],
            format!("weight = {}, pad_type = \"custom\", pad = {pads}", weights(&[3, 4, 2, 3], 5)),
        ),
        (vec![1, 2, 4, 5, 6], format!("weight = {}", weights(&[3, 2, 2, 2, 3], 6))),
    ] {
        agree(&[("x", &shape)], &format!("y = conv(x = x, {ops});"));
    }
    agree(&[("x", &[1, 3, 5, 6]), ("w", &[4, 3, 2, 2])], "y = conv(x = x, weight = w);");
}

#[test]
fn a_convolution_of_many_windows_is_computed_in_blocks() {
    let ops =
        format!("y = conv(x = x, weight = {}, pad_type = \"same\");", weights(&[2, 60, 5, 5], 8));
    agree(&[("x", &[1, 60, 17, 19])], &ops);
}

#[test]
fn transposed_convolutions_of_every_rank_group_step_and_padding() {
    let ints = |values: &[usize]| format!("tensor<int32, [{}]>({values:?})", values.len());
    let (two, pads) = (ints(&[2, 3]), ints(&[1, 0, 1, 1]));
    for (shape, ops) in [
        (vec![2, 4, 5], format!("weight = {}", weights(&[4, 3, 3], 1))),
        (
            vec![2, 4, 5],
            format!(
                "weight = {}, groups = int32(2), bias = {}",
                weights(&[4, 3, 3], 1),
                weights(&[6], 9)
            ),
        ),
        (vec![1, 3, 4, 5], format!("weight = {}, strides = {two}", weights(&[3, 2, 3, 4], 2))),
        (
            vec![2, 3, 4, 5],
            format!(
                "weight = {}, strides = {two}, pad_type = \"custom\", pad = {pads}",
                weights(&[3, 2, 3, 4], 2)
            ),
        ),
        (
            vec![1, 3, 4, 5],
            format!(
                "weight = {}, dilations = {two}, pad_type = \"same\"",
                weights(&[3, 2, 3, 2], 3)
            ),
        ),
        (
            vec![1, 2, 3, 4],
            format!(
                "weight = {}, strides = {two}, output_shape = {}",
                weights(&[2, 2, 3, 3], 3),
                ints(&[1, 2, 8, 12])
            ),
        ),
        (vec![1, 2, 3, 2, 4], format!("weight = {}", weights(&[2, 3, 2, 2, 2], 6))),
    ] {
        agree(&[("x", &shape)], &format!("y = conv_transpose(x = x, {ops});"));
    }
    agree(&[("x", &[1, 3, 5, 6]), ("w", &[3, 2, 2, 2])], "y = conv_transpose(x = x, weight = w);");
}

#[test]
fn products_of_every_orientation_and_stack() {
    let t = |x: bool, y: bool| format!("transpose_x = {x}, transpose_y = {y}");
    let cases: &[(&[usize], &[usize], String)] = &[
        (&[3, 5], &[5, 4], t(false, false)),
        (&[5, 3], &[5, 4], t(true, false)),
        (&[3, 5], &[4, 5], t(false, true)),
        (&[5, 3], &[4, 5], t(true, true)),
        (&[2, 6, 3, 5], &[5, 4], t(false, false)),
        (&[2, 6, 5, 3], &[5, 4], t(true, false)),
        (&[3, 5], &[2, 6, 5, 4], t(false, false)),
        (&[2, 1, 3, 5], &[1, 6, 5, 4], t(false, false)),
        (&[2, 6, 5, 3], &[6, 4, 5], t(true, true)),
        (&[5], &[5, 4], t(false, false)),
        (&[2, 3, 5], &[5], t(false, false)),
        (&[5], &[5], t(false, false)),
    ];
    for (x, y, ops) in cases {
        agree(&[("x", x), ("w", y)], &format!("y = matmul(x = x, y = w, {ops});"));
        let constant = weights(y, 4);
        agree(&[("x", x)], &format!("y = matmul(x = x, y = {constant}, {ops});"));
        let constant = weights(x, 5);
        agree(&[("w", y)], &format!("y = matmul(x = {constant}, y = w, {ops});"));
    }
    for (x, y) in [
        (&[2, 3, 4, 5][..], &[2, 5, 4, 6][..]),
        (&[1, 3, 4, 5], &[2, 5, 1, 6]),
        (&[3, 4, 5], &[5, 4, 6]),
    ] {
        let equation = if x.len() == 4 { "nchw,nwhu->nchu" } else { "chw,whu->chu" };
        let ops = format!("y = einsum(values = (x, w), equation = \"{equation}\");");
        agree(&[("x", x), ("w", y)], &ops);
    }
    let ops = format!(
        "y = linear(x = x, weight = {}, bias = {});",
        weights(&[4, 6], 1),
        weights(&[4], 2)
    );
    agree(&[("x", &[2, 3, 6])], &ops);
    agree(&[("x", &[6])], &ops);
}

#[test]
fn sums_and_element_by_element_ops_broadcast_alike() {
    for ops in [
        "y = add(x = x, y = w);",
        "y = sub(x = w, y = x);",
        "y = mul(x = x, y = w);",
        "z = add(x = x, y = fp16(1.5)); y = reduce_sum(x = z, axes = tensor<int32, [2]>([0, 2]));",
        "z = square(x = x); y = add(x = z, y = w);",
        "y = reduce_l1_norm(x = x, axes = tensor<int32, [1]>([1]), keep_dims = true);",
        "y = reduce_sum_square(x = x);",
        "y = leaky_relu(x = x, alpha = fp16(0.25));",
        "y = linear_activation(x = x, alpha = fp16(0.5), beta = fp16(1));",
        "y = sigmoid_hard(x = x, alpha = fp16(0.25), beta = fp16(0.5));",
        "y = slice_by_index(x = x, begin = tensor<int32, [3]>([0, 1, 2]), end = tensor<int32, [3]>([2, 3, 4]));",
        "z = concat(values = (x, x), axis = int32(1), interleave = false); y = max_pool(x = z, kernel_sizes = tensor<int32, [1]>([2]), pad_type = \"valid\");",
    ] {
        agree(&[("x", &[2, 3, 4]), ("w", &[3, 1])], ops);
    }
}

#[test]
fn functions_norms_and_attention_are_near_those_of_the_cpu() {
    for (ops, tolerance) in [
        ("y = softmax(x = x, axis = int32(1));", 2e-3),
        ("y = softmax(x = x, axis = int32(-1));", 2e-3),
        ("y = layer_norm(x = x, axes = tensor<int32, [1]>([-1]));", 6e-3),
        ("y = layer_norm(x = x, axes = tensor<int32, [2]>([1, 2]));", 6e-3),
        ("y = instance_norm(x = x);", 6e-3),
        ("y = l2_norm(x = x);", 6e-3),
        ("y = reduce_log_sum_exp(x = x, axes = tensor<int32, [1]>([1]));", 1e-2),
        ("y = reduce_l2_norm(x = x, axes = tensor<int32, [1]>([2]));", 6e-3),
        ("y = reduce_mean(x = x);", 1e-3),
        ("y = elu(x = x, alpha = fp16(0.5));", 4e-3),
        ("y = scaled_tanh(x = x, alpha = fp16(1.5), beta = fp16(0.5));", 4e-3),
        ("y = softsign(x = x);", 2e-3),
        ("y = cos(x = x);", 2e-3),
        ("z = square(x = x); y = rsqrt(x = z, epsilon = fp16(0.5));", 4e-3),
        (
            "y = softplus_parametric(x = x, alpha = tensor<fp16, [3]>([1, 2, 0.5]), beta = tensor<fp16, [3]>([1, 0.5, 2]));",
            2e-2,
        ),
        ("y = scaled_dot_product_attention(query = x, key = x, value = x);", 4e-3),
        (
            "y = scaled_dot_product_attention(query = x, key = x, value = x, attn_mask = tensor<fp16, [3, 3]>([0, -10000, 1, 0, 0, -1, 2, 0, 0]));",
            4e-3,
        ),
        (
            "y = scaled_dot_product_attention(query = x, key = x, value = x, attn_mask = tensor<bool, [2, 1, 3]>([true, true, false, true, false, true]));",
            4e-3,
        ),
    ] {
        let (inputs, values) = ("tensor<fp16, [2, 3, 4]> x", [half(&[2, 3, 4], &halves(24, 3))]);
        let (found, expected) = (emulated(inputs, ops, &values), on_cpu(inputs, ops, &values));
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() <= tolerance, "{found} for {expected}: {ops}");
        }
    }
}
