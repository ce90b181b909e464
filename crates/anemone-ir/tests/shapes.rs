//! Shape rules and shape arithmetic, on programs as exporters write them.

use rules::{ints, one, types};

mod rules;

const INTS: &str = "int32(0)";

#[test]
fn shapes_of_ops_on_one_tensor() {
    let (x, flexible) = ("tensor<fp32, [2, 3, 4]>", "tensor<fp32, [?, 3, ?]>");
    let cases = [
        (x, format!("expand_dims(x = x, axes = {})", ints(&[0, -1])), "fp32[1, 2, 3, 4, 1]"),
        ("tensor<int32, [1, 3, 1]>", "squeeze(x = x)".to_owned(), "int32[3]"),
        ("tensor<int32, [1, 3, 1]>", format!("squeeze(x = x, axes = {})", ints(&[-1, 1])), "int32[1, 3]"),
        (flexible, format!("transpose(x = x, perm = {})", ints(&[2, 0, 1])), "fp32[s1, s0, 3]"),
        (flexible, format!("reshape(x = x, shape = {})", ints(&[0, -1, 4])), "fp32[s0, floor((3*s1)/(4)), 4]"),
        (flexible, format!("reshape(x = x, shape = {})", ints(&[-1, 3])), "fp32[s0*s1, 3]"),
        (x, format!("reshape(x = x, shape = {})", ints(&[4, -1])), "fp32[4, 6]"),
        (x, "sliding_windows(x = x, axis = int32(-1), size = int32(2), stride = int32(2))".to_owned(), "fp32[2, 3, 2, 2]"),
        (flexible, "flatten2d(x = x, axis = int32(-1))".to_owned(), "fp32[3*s0, s1]"),
        ("tensor<fp32, [3]>", "flatten2d(x = x)".to_owned(), "fp32[3, 1]"),
        (flexible, format!("tile(x = x, reps = {})", ints(&[1, 2, 3])), "fp32[s0, 6, 3*s1]"),
        (flexible, format!("pad(x = x, pad = {}, mode = \"reflect\")", ints(&[1, 2, 0, 3])), "fp32[s0, 6, s1 + 3]"),
        (x, "non_zero(x = x)".to_owned(), "int32[s0, 3]"),
        (flexible, "shape(x = x)".to_owned(), "int32[3]"),
        (flexible, "argsort(x = x)".to_owned(), "int32[s0, 3, s1]"),
        (flexible, "fill_like(ref_tensor = x, value = true)".to_owned(), "bool[s0, 3, s1]"),
        ("tensor<int32, [5, ?]>", "one_hot(indices = x, one_hot_vector_size = int32(7), axis = int32(1))".to_owned(), "int32[5, 7, s0]"),
        ("tensor<fp32, [1, 8, 4, ?]>", "pixel_shuffle(x = x, upscale_factor = int32(2))".to_owned(), "fp32[1, 2, 8, 2*s0]"),
        ("tensor<fp32, [?, 2, 4, 6]>", "pixel_unshuffle(x = x, downscale_factor = uint32(2))".to_owned(), "fp32[s0, 8, 2, 3]"),
        ("tensor<fp32, [1, 2, 3, 6]>", "space_to_batch(x = x, block_shape = tensor<int32, [2]>([2, 3]), paddings = tensor<int32, [2, 2]>([1, 0, 0, 3]))".to_owned(), "fp32[6, 2, 2, 3]"),
        ("tensor<fp32, [6, 2, 2, 3]>", "batch_to_space(x = x, block_shape = tensor<int32, [2]>([2, 3]), crops = tensor<int32, [2, 2]>([1, 0, 0, 3]))".to_owned(), "fp32[1, 2, 3, 6]"),
    ];
    for (x, call, expected) in cases {
        assert_eq!(one("ios17", x, &call).as_deref(), Ok(expected), "{call}");
    }
}

#[test]
fn faults_name_the_numbers() {
    let x = "tensor<fp32, [2, 3, 4]>";
    let cases = [
        (
            format!("expand_dims(x = x, axes = {})", ints(&[4])),
            "axis 4 is outside a tensor of rank 4",
        ),
        (
            format!("transpose(x = x, perm = {})", ints(&[0, 1])),
            "has 2 entries for a tensor of rank 3",
        ),
        (format!("transpose(x = x, perm = {})", ints(&[0, 1, -2])), "axis 1 occurs twice"),
        (
            format!("reshape(x = x, shape = {})", ints(&[5, -1])),
            "[5, -1] for [2, 3, 4]: the sizes do not divide",
        ),
        (format!("reshape(x = x, shape = {})", ints(&[5, 5])), "the sizes differ"),
        (format!("reshape(x = x, shape = {})", ints(&[-1, -1])), "-1 occurs twice"),
        (format!("reshape(x = x, shape = {})", ints(&[0, 12])), "the sizes differ"),
        (format!("tile(x = x, reps = {})", ints(&[1, 0, 1])), "0 is not positive"),
        (
            format!("pad(x = x, pad = {}, mode = \"reflect\")", ints(&[0, 4])),
            "4 on a size of 4 (reflect)",
        ),
        (format!("pad(x = x, pad = {})", ints(&[1])), "has 1 entries for rank 3"),
        (
            "sliding_windows(x = x, axis = int32(0), size = int32(3))".to_owned(),
            "is 3, axis 0 has 2",
        ),
        ("topk(x = x, k = int32(5))".to_owned(), "5, axis 2 has 4"),
        ("cumsum(x = x, axis = int32(3))".to_owned(), "axis 3 is outside"),
        ("pixel_shuffle(x = x, upscale_factor = int32(2))".to_owned(), "not of rank 4"),
        (
            format!("slice_by_index(x = x, begin = {0}, end = {0})", ints(&[0, 0])),
            "has 2 entries for rank 3",
        ),
        (
            format!(
                "slice_by_index(x = x, begin = {0}, end = {0}, stride = {0})",
                ints(&[0, 0, 0])
            ),
            "must not be 0",
        ),
        (
            format!(
                "slice_by_size(x = x, begin = {}, size = {})",
                ints(&[1, 0, 0]),
                ints(&[2, 1, 1])
            ),
            "2 elements from 1 on axis 0 of size 2",
        ),
        (
            "gather(x = x, indices = int32(3), axis = int32(1), validate_indices = true)"
                .to_owned(),
            "3 is outside an axis of size 3",
        ),
        (
            "range_1d(start = int32(0), end = int32(3), step = int32(0))".to_owned(),
            "the range has no end",
        ),
        (format!("fill(shape = {})", ints(&[-1])), "-1 is no size"),
    ];
    for (call, expected) in cases {
        let found = one("ios17", x, &call).unwrap_err();
        assert!(found.contains(expected), "{call}: {found}");
    }
}

#[test]
fn slices_by_index() {
    let masks = |begin: bool, end: bool| {
        format!("begin_mask = tensor<bool, [1]>([{begin}]), end_mask = tensor<bool, [1]>([{end}])")
    };
    let open = masks(false, true);
    // begin, end, stride, masks, on a size of 7, on a flexible size
    let cases = [
        (1, 5, 2, masks(false, false), "2", "ceil"),
        (1, 0, 1, open.clone(), "6", "max(0, s0 - 1)"),
        (-3, 0, 1, open.clone(), "3", "min(3, s0)"),
        (-1, 0, 1, open.clone(), "1", "1"),
        (0, -1, 1, masks(false, false), "6", "max(0, s0 - 1)"),
        (0, 3, 1, masks(true, false), "3", "min(3, s0)"),
        (3, 4, 1, masks(false, false), "1", "1"),
        (0, 0, -1, masks(true, true), "7", "s0"),
        (5, 0, -2, masks(false, false), "3", ""),
        (-1, -3, -1, masks(false, false), "2", ""),
        (4, 2_147_483_647, 1, masks(false, false), "3", "max(0, s0 - 4)"),
    ];
    for (begin, end, stride, masks, known, flexible) in cases {
        let call = format!(
            "slice_by_index(x = x, begin = {}, end = {}, stride = {}, {masks})",
            ints(&[begin]),
            ints(&[end]),
            ints(&[stride])
        );
        assert_eq!(
            one("ios17", "tensor<fp32, [7]>", &call),
            Ok(format!("fp32[{known}]")),
            "{call}"
        );
        let found = one("ios17", "tensor<fp32, [?]>", &call).unwrap();
        if !flexible.is_empty() && flexible != "ceil" {
            assert_eq!(found, format!("fp32[{flexible}]"), "{call}");
        }
        assert!(!found.contains("s1"), "{call}: {found}");
    }
}

#[test]
fn a_flexible_batch_goes_through_the_shape_arithmetic_of_exporters() {
    let body = format!(
        "shape = shape(x = x);
         short = cast(x = shape, dtype = \"int16\");
         batch = gather(x = short, indices = {INTS}, axis = {INTS});
         whole = cast(x = batch, dtype = \"int32\");
         seq = slice_by_index(x = shape, begin = {}, end = {}, squeeze_mask = tensor<bool, [1]>([true]));
         both = mul(x = whole, y = seq);
         flat = expand_dims(x = both, axes = {});
         target = concat(values = (flat, {}), axis = {INTS}, interleave = false);
         y = reshape(x = x, shape = target);
         heads = concat(values = (whole, seq, int32(4), int32(16)), axis = {INTS}, interleave = false);
         z = reshape(x = y, shape = heads);
         parts0, parts1 = split(x = target, num_splits = int32(2), axis = {INTS});
         filled = fill(shape = parts0, value = fp32(1));
         end = squeeze(x = parts0);
         counted = range_1d(start = {INTS}, end = end, step = int32(1));",
        ints(&[-2]),
        ints(&[0]),
        ints(&[0]),
        ints(&[64])
    );
    let found = types("ios17", "tensor<fp32, [?, ?, 64]> x", &body, "y, z, filled, counted");
    let expected = "fp32[s0*s1, 64] fp32[s0, s1, 4, 16] fp32[s0*s1] int32[s0*s1]";
    assert_eq!(found.as_deref(), Ok(expected));
}

#[test]
fn run_time_bounds_give_fresh_symbols() {
    let cases = [
        ("range_1d(start = int32(0), end = n, step = int32(1))", "int32[s0]"),
        ("fill(shape = v)", "fp32[s0, s1]"),
        ("tile(x = x, reps = v)", "fp32[s0, s1]"),
        ("reshape(x = x, shape = v)", "fp32[s0, s1]"),
        (
            "slice_by_index(x = x, begin = v, end = v, end_mask = tensor<bool, [2]>([true, false]))",
            "fp32[s0, 1]",
        ),
        ("slice_by_size(x = x, begin = v, size = tensor<int32, [2]>([2, -1]))", "fp32[2, s0]"),
        ("one_hot(indices = v, one_hot_vector_size = n)", "int32[2, s0]"),
    ];
    let inputs = "tensor<fp32, [3, 1]> x, tensor<int32, [2]> v, int32 n";
    for (call, expected) in cases {
        let found = types("ios17", inputs, &format!("y = {call};"), "y");
        assert_eq!(found.as_deref(), Ok(expected), "{call}");
    }
}

#[test]
fn shapes_of_ops_on_several_tensors() {
    let inputs = "tensor<fp16, [?, 3, 4]> a, tensor<fp16, [2, 3, ?]> b, tensor<uint16, [2, 5]> i";
    let cases = [
        (
            "y = concat(values = (a, b), axis = int32(-1), interleave = false);",
            "y",
            "fp16[2, 3, s1 + 4]",
        ),
        ("y = stack(values = (a, b), axis = int32(-1));", "y", "fp16[2, 3, 4, 2]"),
        (
            "p, q = split(x = a, num_splits = int32(2), axis = int32(2));",
            "p, q",
            "fp16[s0, 3, 2] fp16[s0, 3, 2]",
        ),
        (
            "p, q = split(x = a, split_sizes = tensor<int32, [2]>([1, 2]), axis = int32(1));",
            "p, q",
            "fp16[s0, 1, 4] fp16[s0, 2, 4]",
        ),
        ("y = gather(x = a, indices = i, axis = int32(1));", "y", "fp16[s0, 2, 5, 4]"),
        (
            "y = gather(x = a, indices = i, axis = int32(1), batch_dims = int32(1));",
            "y",
            "fp16[2, 5, 4]",
        ),
        (
            "y = gather_nd(x = a, indices = tensor<uint16, [5, 2]>([0,0, 0,0, 0,0, 0,0, 0,0]));",
            "y",
            "fp16[5, 4]",
        ),
        (
            "y = gather_nd(x = b, indices = i, batch_dims = int32(1));",
            "",
            "must be known and at most 2",
        ),
        (
            "v, k = topk(x = b, k = int32(2), axis = int32(1), output_indices_dtype = \"uint16\");",
            "v, k",
            "fp16[2, 2, s1] uint16[2, 2, s1]",
        ),
        (
            "v = topk(x = b, k = int32(-1), axis = int32(1), return_indices = false);",
            "v",
            "fp16[2, 3, s1]",
        ),
        (
            "y = reshape_like(x = b, ref_tensors = (a, b), begins = (int32(1), int32(0)), ends = (int32(2), int32(0)), end_masks = (false, true));",
            "",
            "the sizes differ",
        ),
        (
            "y = concat(values = (a, i), axis = int32(0), interleave = false);",
            "",
            "not fp16, like the first",
        ),
    ];
    for (body, outputs, expected) in cases {
        match types("ios17", inputs, body, if outputs.is_empty() { "y" } else { outputs }) {
            Ok(found) => assert_eq!(found, expected, "{body}"),
            Err(found) => {
                assert!(outputs.is_empty() && found.contains(expected), "{body}: {found}")
            }
        }
    }
}
