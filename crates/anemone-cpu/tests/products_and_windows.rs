//! Convolutions, pools, products, attention and compressed weights: rows that depend on nothing
//! but themselves, and results against plain loops.

use anemone_tensor::DataType::{F32, I8};
use programs::{run, run_on, tensor};

#[allow(dead_code)]
mod programs;

/// Numbers between -1 and 1 that look random.
fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from((state >> 40) as f32 / (1 << 23) as f32 - 1.0)
    };
    (0..count).map(|_| next()).collect()
}

fn literal(shape: &[usize], values: &[f64]) -> String {
    let values: Vec<String> = values.iter().map(f64::to_string).collect();
    format!("tensor<fp32, {shape:?}>([{}])", values.join(", "))
}

fn random(shape: &[usize], seed: u64) -> String {
    literal(shape, &numbers(shape.iter().product(), seed))
}

#[test]
fn a_row_is_the_same_in_every_batch_and_on_any_number_of_threads() {
    let cases: Vec<(&[usize], String)> = vec![
        (
            &[300],
            format!(
                "y = linear(x = x, weight = {}, bias = {});",
                random(&[33, 300], 1),
                random(&[33], 2)
            ),
        ),
        (&[40], format!("y = matmul(x = x, y = {});", random(&[40, 20], 3))),
        (
            &[40],
            format!(
                "sum = reduce_sum(x = x); zero = mul(x = sum, y = fp32(0)); \
                 w = add(x = {}, y = zero); y = matmul(x = x, y = w);",
                random(&[40, 20], 3)
            ),
        ),
        (&[3, 5, 16], "y = matmul(x = x, y = x, transpose_y = true);".to_owned()),
        (
            &[2, 70, 8],
            "y = scaled_dot_product_attention(query = x, key = x, value = x);".to_owned(),
        ),
        (&[2, 1, 8], "y = scaled_dot_product_attention(query = x, key = x, value = x);".to_owned()),
        (
            &[6, 9, 7],
            format!("y = conv(x = x, weight = {}, pad_type = \"same\");", random(&[5, 6, 3, 3], 4)),
        ),
        (&[6, 9, 7], format!("y = conv(x = x, weight = {});", random(&[1, 6, 1, 1], 5))),
        (
            &[6, 9, 7],
            format!("y = conv(x = x, weight = {}, groups = int32(6));", random(&[6, 1, 3, 3], 6)),
        ),
        (
            &[6, 9, 7],
            format!(
                "y = conv_transpose(x = x, weight = {}, groups = int32(2));",
                random(&[6, 2, 3, 3], 7)
            ),
        ),
        (
            &[6, 9, 7],
            "y = avg_pool(x = x, kernel_sizes = tensor<int32, [2]>([3, 3]), pad_type = \"same\");"
                .to_owned(),
        ),
    ];
    for (shape, ops) in cases {
        let dims: Vec<String> = shape.iter().map(usize::to_string).collect();
        let input = format!("tensor<fp32, [?, {}]> x", dims.join(", "));
        let size: usize = shape.iter().product();
        let values = numbers(9 * size, 8);
        let result = |threads: usize, from: usize, to: usize| {
            let shape: Vec<usize> = [&[to - from], shape].concat();
            let x = tensor(F32, &shape, &values[from * size..to * size]);
            run_on(threads, "ios18", &input, &ops, "y", &[x]).unwrap().remove(0).1
        };
        let whole = result(2, 0, 9);
        let each = whole.len() / 9;
        for (threads, from, to) in [(1, 0, 9), (2, 0, 1), (1, 8, 9), (2, 3, 8), (1, 4, 6)] {
            let found = result(threads, from, to);
            assert!(found == whole[from * each..to * each], "{threads} {from}..{to} of {ops:.60}");
        }
    }
}

/// A convolution by plain loops, over images of `[channels, height, width]`.
fn loops(
    x: &[f64],
    [channels, height, width]: [usize; 3],
    weight: &[f64],
    [outputs, kernel]: [usize; 2],
    [stride, dilation, pad, groups]: [usize; 4],
) -> (usize, usize, Vec<f64>) {
    let size = |n: usize| (n + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1;
    let (rows, columns, each) = (size(height), size(width), channels / groups);
    let mut result = Vec::new();
    for output in 0..outputs {
        for at in 0..rows * columns {
            let mut sum = 0.0;
            for (i, factor) in weight[output * each * kernel * kernel..][..each * kernel * kernel]
                .iter()
                .enumerate()
            {
                let channel = output / (outputs / groups) * each + i / kernel / kernel;
                let row =
                    (at / columns * stride + i / kernel % kernel * dilation).wrapping_sub(pad);
                let column = (at % columns * stride + i % kernel * dilation).wrapping_sub(pad);
                if row < height && column < width {
                    sum += factor * x[(channel * height + row) * width + column];
                }
            }
            result.push(sum);
        }
    }
    (rows, columns, result)
}

#[test]
fn convolutions_agree_with_plain_loops_whether_weights_are_constant_or_not() {
    // (channels, height, width), (outputs, kernel), (stride, dilation, pad, groups)
    let cases = [
        ([3, 9, 8], [5, 3], [1, 1, 0, 1]),
        ([4, 9, 8], [6, 3], [2, 1, 1, 2]),
        ([4, 9, 8], [8, 2], [1, 3, 2, 4]),
        ([5, 9, 8], [1, 1], [1, 1, 0, 1]),
        ([5, 9, 8], [3, 1], [2, 1, 0, 1]),
        // More unfolded elements than are held at once.
        ([16, 70, 66], [3, 5], [1, 1, 2, 1]),
    ];
    for (input, [outputs, kernel], [stride, dilation, pad, groups]) in cases {
        let [channels, height, width] = input;
        let x = numbers(channels * height * width, 1);
        let weight_shape = [outputs, channels / groups, kernel, kernel];
        let weight = numbers(weight_shape.iter().product(), 2);
        let (rows, columns, expected) =
            loops(&x, input, &weight, [outputs, kernel], [stride, dilation, pad, groups]);
        let options = format!(
            "strides = tensor<int32, [2]>([{stride}, {stride}]), \
             dilations = tensor<int32, [2]>([{dilation}, {dilation}]), groups = int32({groups}), \
             pad_type = \"custom\", pad = tensor<int32, [4]>([{pad}, {pad}, {pad}, {pad}])"
        );
        let values =
            [tensor(F32, &[1, channels, height, width], &x), tensor(F32, &weight_shape, &weight)];
        let x = format!("tensor<fp32, [1, {channels}, {height}, {width}]> x");
        let constant =
            format!("y = conv(x = x, weight = {}, {options});", literal(&weight_shape, &weight));
        let computed = format!("y = conv(x = x, weight = w, {options});");
        let both = [
            run("ios17", &x, &constant, "y", &values[..1]).unwrap(),
            run(
                "ios17",
                &format!("{x}, tensor<fp32, {weight_shape:?}> w"),
                &computed,
                "y",
                &values,
            )
            .unwrap(),
        ];
        assert_eq!(both[0], both[1], "{weight_shape:?} {options}");
        let (shape, found) = &both[0][0];
        assert_eq!(shape, &[1, outputs, rows, columns]);
        for (found, expected) in found.iter().zip(&expected) {
            assert!(
                (found - expected).abs() < 1e-4,
                "{found} {expected} {weight_shape:?} {options}"
            );
        }
    }
}

#[test]
fn pools_count_padding_only_where_they_are_told_to() {
    let x = tensor(F32, &[1, 1, 4], &[1.0, -2.0, 3.0, f64::NAN]);
    let pool = |op: &str, more: &str| {
        let call = format!(
            "y = {op}(x = x, kernel_sizes = tensor<int32, [1]>([2]), strides = tensor<int32, [1]>([2]), \
             pad_type = \"custom\", pad = tensor<int32, [2]>([1, 1]){more});"
        );
        run("ios17", "tensor<fp32, [1, 1, 4]> x", &call, "y", std::slice::from_ref(&x))
            .unwrap()
            .remove(0)
            .1
    };
    let first = |found: Vec<f64>| (found[0], found[1], found[2].is_nan());
    assert_eq!(first(pool("max_pool", "")), (1.0, 3.0, true));
    assert_eq!(first(pool("avg_pool", "")), (0.5, 0.5, true));
    assert_eq!(first(pool("avg_pool", ", exclude_padding_from_average = true")), (1.0, 0.5, true));
    let squares = first(pool("l2_pool", ""));
    assert_eq!(squares, (1.0, f64::from(13f32.sqrt()), true));
}

#[test]
fn integers_wrap_and_quantization_rounds_to_even() {
    let x = tensor(anemone_tensor::DataType::I32, &[1, 2], &[2_147_483_647.0, 1.0]);
    let ops = "y = matmul(x = x, y = tensor<int32, [2, 1]>([2, 1]));";
    let found = run("ios17", "tensor<int32, [1, 2]> x", ops, "y", &[x]).unwrap();
    assert_eq!(found[0].1, [-1.0]);
    let x = tensor(F32, &[2, 3], &[0.5, 1.5, -300.0, 1.0, 3.0, 5.0]);
    let ops = "y = quantize(input = x, scale = tensor<fp32, [2]>([1, 2]), zero_point = tensor<int8, [2]>([0, 1]), axis = int32(0), output_dtype = \"int8\");";
    let found = run("ios17", "tensor<fp32, [2, 3]> x", ops, "y", &[x]).unwrap();
    assert_eq!(found[0].1, [0.0, 2.0, -128.0, 1.0, 3.0, 3.0]);
    let x = tensor(I8, &[2, 2], &[1.0, -1.0, 2.0, 127.0]);
    let ops = "y = dequantize(input = x, scale = tensor<fp32, [2]>([0.5, 2]), axis = int32(-1));";
    let found = run("ios17", "tensor<int8, [2, 2]> x", ops, "y", &[x]).unwrap();
    assert_eq!(found[0].1, [0.5, -2.0, 1.0, 254.0]);
}

#[test]
fn compressed_weights_are_what_they_stand_for() {
    let cases = [
        (
            "w = constexpr_blockwise_shift_scale(data = tensor<int4, [2, 4]>([-8, 7, 1, 2, 3, 4, 5, 6]), scale = tensor<fp32, [1, 2]>([0.5, 2]), offset = tensor<int4, [1, 2]>([1, -1]));",
            [-4.5, 3.0, 4.0, 6.0, 1.0, 1.5, 12.0, 14.0],
        ),
        (
            "w = constexpr_lut_to_dense(indices = tensor<uint1, [2, 2]>([0, 1, 1, 0]), lut = tensor<fp32, [1, 1, 2, 2]>([1, 2, 3, 4]), vector_axis = int32(1));",
            [1.0, 2.0, 3.0, 4.0, 3.0, 4.0, 1.0, 2.0],
        ),
        (
            "m, v = constexpr_sparse_blockwise_shift_scale(data_mask = tensor<uint1, [2, 4]>([1, 0, 0, 1, 0, 1, 0, 0]), nonzero_data = tensor<uint8, [3]>([10, 20, 30]), scale = tensor<fp32, [2, 1]>([0.5, 2])); w = constexpr_sparse_to_dense(nonzero_data = v, mask = m);",
            [5.0, 0.0, 0.0, 10.0, 0.0, 60.0, 0.0, 0.0],
        ),
        (
            "m, v = constexpr_lut_to_sparse(indices_mask = tensor<uint1, [1, 4]>([0, 1, 0, 1]), indices_nonzero_data = tensor<uint1, [2]>([1, 0]), lut = tensor<fp32, [1, 1, 2, 2]>([1, 2, 3, 4]), vector_axis = int32(0)); w = constexpr_sparse_to_dense(nonzero_data = v, mask = m);",
            [0.0, 3.0, 0.0, 1.0, 0.0, 4.0, 0.0, 2.0],
        ),
    ];
    let identity =
        literal(&[4, 4], &(0..16).map(|i| f64::from(u8::from(i % 5 == 0))).collect::<Vec<_>>());
    let x = tensor(F32, &[2, 2], &[1.0, 0.0, 0.0, 1.0]);
    for (ops, expected) in cases {
        let ops = format!("{ops} p = matmul(x = w, y = {identity}); y = matmul(x = x, y = p);");
        let found =
            run("ios18", "tensor<fp32, [2, 2]> x", &ops, "y", std::slice::from_ref(&x)).unwrap();
        assert_eq!(found[0], (vec![2, 4], expected.to_vec()), "{ops}");
    }
}
