//! Ops that move elements about.

use anemone_tensor::DataType::{self, Bool, F32, I32};
use programs::{Found, counting, run, tensor};

mod programs;

/// Shape of the input, call, and shape and elements of the output.
type Case<'a> = (&'a [usize], String, &'a [usize], &'a [f64]);

/// One output of `call` on the input `x`, which counts.
fn one(dtype: DataType, shape: &[usize], call: &str) -> Found {
    let declared: Vec<String> = shape.iter().map(usize::to_string).collect();
    let input = format!("tensor<{dtype}, [{}]> x", declared.join(", "));
    let call = format!("y = {call};");
    let found = run("ios18", &input, &call, "y", &[counting(dtype, shape)]).unwrap();
    found.into_iter().next().unwrap()
}

fn ints(values: &[i64]) -> String {
    format!("tensor<int32, [{}]>({values:?})", values.len())
}

#[test]
fn elements_come_where_the_references_put_them() {
    let cases: [Case<'_>; 21] = [
        (
            &[2, 3],
            format!("transpose(x = x, perm = {})", ints(&[1, 0])),
            &[3, 2],
            &[0., 3., 1., 4., 2., 5.],
        ),
        (
            &[2, 3],
            format!("reverse(x = x, axes = {})", ints(&[-1])),
            &[2, 3],
            &[2., 1., 0., 5., 4., 3.],
        ),
        (&[2, 2], "reverse(x = x)".to_owned(), &[2, 2], &[3., 2., 1., 0.]),
        (
            &[2, 3],
            format!("tile(x = x, reps = {})", ints(&[2, 2])),
            &[4, 6],
            &[
                0., 1., 2., 0., 1., 2., 3., 4., 5., 3., 4., 5., 0., 1., 2., 0., 1., 2., 3., 4., 5.,
                3., 4., 5.,
            ],
        ),
        (
            &[5],
            "sliding_windows(x = x, axis = int32(0), size = int32(3), stride = int32(2))".to_owned(),
            &[2, 3],
            &[0., 1., 2., 2., 3., 4.],
        ),
        (
            &[6],
            format!(
                "slice_by_index(x = x, begin = {}, end = {}, stride = {})",
                ints(&[-2]),
                ints(&[0]),
                ints(&[-2])
            ),
            &[2],
            &[4., 2.],
        ),
        (
            &[1],
            format!(
                "slice_by_index(x = x, begin = {}, end = {}, stride = {0})",
                ints(&[-1]),
                ints(&[-2])
            ),
            &[1],
            &[0.],
        ),
        (
            &[2, 3],
            format!(
                "slice_by_index(x = x, begin = {}, end = {}, squeeze_mask = tensor<bool, [2]>([true, false]))",
                ints(&[-1, 1]),
                ints(&[0, 3])
            ),
            &[2],
            &[4., 5.],
        ),
        (
            &[2, 3],
            format!("slice_by_size(x = x, begin = {}, size = {})", ints(&[1, -2]), ints(&[1, -1])),
            &[1, 2],
            &[4., 5.],
        ),
        (
            &[1, 3],
            format!("pad(x = x, pad = {}, mode = \"reflect\")", ints(&[2, 1])),
            &[1, 6],
            &[2., 1., 0., 1., 2., 1.],
        ),
        (
            &[2, 2],
            format!("pad(x = x, pad = {}, mode = \"replicate\")", ints(&[1, 0, 0, 1])),
            &[3, 3],
            &[0., 1., 1., 0., 1., 1., 2., 3., 3.],
        ),
        (
            &[1, 2],
            format!("pad(x = x, pad = {}, constant_val = fp32(9))", ints(&[1, 1, 0, 1])),
            &[3, 3],
            &[9., 9., 9., 0., 1., 9., 9., 9., 9.],
        ),
        (
            &[2, 3],
            "band_part(x = x, lower = int32(0), upper = int32(1))".to_owned(),
            &[2, 3],
            &[0., 1., 0., 0., 4., 5.],
        ),
        (
            &[1, 4, 1, 1],
            "pixel_shuffle(x = x, upscale_factor = int32(2))".to_owned(),
            &[1, 1, 2, 2],
            &[0., 1., 2., 3.],
        ),
        (
            &[1, 8, 1, 1],
            "depth_to_space(x = x, block_size = int32(2))".to_owned(),
            &[1, 2, 2, 2],
            &[0., 2., 4., 6., 1., 3., 5., 7.],
        ),
        (
            &[1, 2, 2, 2],
            "space_to_depth(x = x, block_size = int32(2))".to_owned(),
            &[1, 8, 1, 1],
            &[0., 4., 1., 5., 2., 6., 3., 7.],
        ),
        (
            &[1, 2, 2, 2],
            "pixel_unshuffle(x = x, downscale_factor = uint32(2))".to_owned(),
            &[1, 8, 1, 1],
            &[0., 1., 2., 3., 4., 5., 6., 7.],
        ),
        (
            &[1, 1, 2, 2],
            "space_to_batch(x = x, block_shape = tensor<int32, [2]>([2, 1]), paddings = tensor<int32, [2, 2]>([1, 1, 0, 1]))".to_owned(),
            &[2, 1, 2, 3],
            &[0., 0., 0., 2., 3., 0., 0., 1., 0., 0., 0., 0.],
        ),
        (
            &[4, 1, 1, 2],
            "batch_to_space(x = x, block_shape = tensor<int32, [2]>([2, 2]), crops = tensor<int32, [2, 2]>([0, 1, 1, 0]))".to_owned(),
            &[1, 1, 1, 3],
            &[2., 1., 3.],
        ),
        (
            &[2, 3],
            "cumsum(x = x, axis = int32(1), exclusive = true, reverse = true)".to_owned(),
            &[2, 3],
            &[3., 2., 0., 9., 5., 0.],
        ),
        (
            &[2, 2],
            format!(
                "slice_update(x = x, update = tensor<fp32, [2]>([7, 8]), begin = {}, end = {}, stride = {}, end_mask = tensor<bool, [2]>([true, true]), squeeze_mask = tensor<bool, [2]>([false, true]))",
                ints(&[1, 1]),
                ints(&[0, 0]),
                ints(&[-1, 1])
            ),
            &[2, 2],
            &[0., 8., 2., 7.],
        ),
    ];
    for (shape, call, expected_shape, expected) in cases {
        let (found_shape, found) = one(F32, shape, &call);
        assert_eq!(
            (found_shape.as_slice(), found.as_slice()),
            (expected_shape, expected),
            "{call}"
        );
    }
}

#[test]
fn joining_and_splitting() {
    let inputs = "tensor<int32, [2, 2]> a, tensor<int32, [2, 1]> b, tensor<int32, [2, 2]> c";
    let values = [counting(I32, &[2, 2]), counting(I32, &[2, 1]), counting(I32, &[2, 2])];
    let cases: [(&str, &str, &[&[f64]]); 5] = [
        (
            "y = concat(values = (a, b), axis = int32(1), interleave = false);",
            "y",
            &[&[0., 1., 0., 2., 3., 1.]],
        ),
        (
            "y = concat(values = (a, c), axis = int32(0), interleave = true);",
            "y",
            &[&[0., 1., 0., 1., 2., 3., 2., 3.]],
        ),
        ("y = stack(values = (a, c), axis = int32(1));", "y", &[&[0., 1., 0., 1., 2., 3., 2., 3.]]),
        (
            "p, q = split(x = a, num_splits = int32(2), axis = int32(-1));",
            "p, q",
            &[&[0., 2.], &[1., 3.]],
        ),
        (
            "y = concat(values = (b, b, b), axis = int32(1), interleave = true);",
            "y",
            &[&[0., 0., 0., 1., 1., 1.]],
        ),
    ];
    for (ops, outputs, expected) in cases {
        let found = run("ios17", inputs, ops, outputs, &values).unwrap();
        let found: Vec<&[f64]> = found.iter().map(|(_, values)| values.as_slice()).collect();
        assert_eq!(found, expected, "{ops}");
    }
}

#[test]
fn gathers_and_scatters() {
    let inputs = "tensor<fp32, [2, 3]> x, tensor<int32, [2]> i, tensor<int32, [2, 2]> j";
    let i = |a, b| tensor(I32, &[2], &[a, b]);
    let j = tensor(I32, &[2, 2], &[0., 2., 1., 1.]);
    let x = counting(F32, &[2, 3]);
    let ok: [(&str, &[f64]); 8] = [
        ("gather(x = x, indices = i, axis = int32(1))", &[2., 0., 5., 3.]),
        ("gather(x = x, indices = j, axis = int32(1), batch_dims = int32(1))", &[0., 2., 4., 4.]),
        ("gather_along_axis(x = x, indices = j, axis = int32(1))", &[0., 2., 4., 4.]),
        ("gather_nd(x = x, indices = j)", &[2., 4.]),
        (
            "scatter(data = x, indices = i, updates = tensor<fp32, [2, 2]>([10, 20, 30, 40]), axis = int32(1), mode = \"update\")",
            &[20., 1., 10., 40., 4., 30.],
        ),
        (
            "scatter_along_axis(data = x, indices = j, updates = tensor<fp32, [2, 2]>([10, 20, 30, 40]), axis = int32(1))",
            &[10., 1., 22., 3., 74., 5.],
        ),
        (
            "scatter_nd(data = x, indices = j, updates = tensor<fp32, [2]>([10, 20]), mode = \"sub\")",
            &[0., 1., -8., 3., -16., 5.],
        ),
        (
            "scatter_nd(data = x, indices = tensor<int32, [2, 1]>([1, 1]), updates = tensor<fp32, [2, 3]>([1, 2, 3, 4, 5, 6]), mode = \"max\")",
            &[0., 1., 2., 4., 5., 6.],
        ),
    ];
    for (call, expected) in ok {
        let values = [x.clone(), i(-1., 0.), j.clone()];
        let found = run("ios17", inputs, &format!("y = {call};"), "y", &values).unwrap();
        assert_eq!(found[0].1, expected, "{call}");
    }
    let outside = [
        ("gather(x = x, indices = i, axis = int32(1), validate_indices = true)", -1.),
        ("gather(x = x, indices = i, axis = int32(1))", 3.),
        ("gather(x = x, indices = i, axis = int32(1))", -4.),
        (
            "scatter(data = x, indices = i, updates = tensor<fp32, [2, 2]>([1, 2, 3, 4]), axis = int32(1))",
            3.,
        ),
    ];
    for (call, index) in outside {
        let values = [x.clone(), i(0., index), j.clone()];
        let found = run("ios17", inputs, &format!("y = {call};"), "y", &values).unwrap_err();
        assert!(found.contains("is outside an axis of size 3"), "{found}");
    }
}

#[test]
fn sorting_is_stable_and_puts_nan_last() {
    let nan = f64::NAN;
    let x = tensor(F32, &[2, 3], &[1., nan, 1., 3., 2., 5.]);
    let ops = "a = argsort(x = x, axis = int32(1));
        b = argsort(x = x, axis = int32(1), ascending = true);
        v, k = topk(x = x, k = int32(2), axis = int32(1));
        w, l = topk(x = x, k = int32(1), axis = int32(0), ascending = true);";
    let found = run("ios17", "tensor<fp32, [2, 3]> x", ops, "a, b, v, k, w, l", &[x]).unwrap();
    let expected: [&[f64]; 6] = [
        &[0., 2., 1., 2., 0., 1.],
        &[0., 2., 1., 1., 0., 2.],
        &[1., 1., 5., 3.],
        &[0., 2., 2., 0.],
        &[1., 2., 1.],
        &[0., 1., 0.],
    ];
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.1, expected);
    }
}

#[test]
fn sizes_that_only_the_data_tells() {
    let inputs = "tensor<fp32, [2, 2]> x, tensor<int32, [2]> v, int32 n, tensor<bool, [3]> m";
    let values = [
        counting(F32, &[2, 2]),
        tensor(I32, &[2], &[1., 2.]),
        tensor(I32, &[], &[3.]),
        tensor(Bool, &[3], &[1., 0., 1.]),
    ];
    let cases: [(&str, &[usize], &[f64]); 9] = [
        ("range_1d(start = int32(1), end = n, step = int32(2))", &[1], &[1.]),
        ("non_zero(x = m)", &[2, 1], &[0., 2.]),
        ("fill(shape = v, value = int32(7))", &[1, 2], &[7., 7.]),
        ("tile(x = x, reps = v)", &[2, 4], &[0., 1., 0., 1., 2., 3., 2., 3.]),
        ("reshape(x = tensor<int32, [2]>([8, 9]), shape = v)", &[1, 2], &[8., 9.]),
        ("one_hot(indices = v, one_hot_vector_size = n)", &[2, 3], &[0., 1., 0., 0., 0., 1.]),
        (
            "slice_by_index(x = x, begin = v, end = v, end_mask = tensor<bool, [2]>([true, true]), begin_mask = tensor<bool, [2]>([false, true]))",
            &[1, 2],
            &[2., 3.],
        ),
        ("slice_by_size(x = x, begin = tensor<int32, [2]>([0, 0]), size = v)", &[1, 2], &[0., 1.]),
        ("pad(x = x, pad = tensor<int32, [4]>([0, 0, 1, 0]))", &[2, 3], &[0., 0., 1., 0., 2., 3.]),
    ];
    for (call, shape, expected) in cases {
        let found = run("ios17", inputs, &format!("y = {call};"), "y", &values).unwrap();
        assert_eq!((found[0].0.as_slice(), found[0].1.as_slice()), (shape, expected), "{call}");
    }
    let chain = "rows = fill(shape = v, value = fp32(2));
        wide = transpose(x = rows, perm = tensor<int32, [2]>([1, 0]));
        flat = squeeze(x = wide, axes = tensor<int32, [1]>([0]));
        y = concat(values = (wide, flat), axis = int32(1), interleave = false);";
    let found = run("ios17", inputs, chain, "y", &values).unwrap();
    assert_eq!(found[0], (vec![2, 2], vec![2.; 4]));
}

#[test]
fn boxes_that_overlap_are_left_out() {
    let inputs = "tensor<fp32, [1, 4, 4]> b, tensor<fp32, [1, 4, 1]> s";
    let boxes = [
        0., 0., 2., 2., //
        0.1, 0., 2., 2., //
        5., 5., 2., 2., //
        9., 9., 1., 1.,
    ];
    let values = [tensor(F32, &[1, 4, 4], &boxes), tensor(F32, &[1, 4, 1], &[0.5, 0.9, 0.7, 0.1])];
    let call = "a, c, i, n = non_maximum_suppression(boxes = b, scores = s, iou_threshold = fp32(0.5), score_threshold = fp32(0.2), max_boxes = int32(3));";
    let found = run("ios15", inputs, call, "a, c, i, n", &values).unwrap();
    assert_eq!(found[2].1, [1., 2., -1.]);
    assert_eq!(found[3].1, [2.]);
    assert_eq!(&found[0].1[8..], [0.; 4]);
}
