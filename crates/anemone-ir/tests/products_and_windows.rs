//! Shape rules of convolutions, pools, products, attention, quantization, compressed weights,
//! states and resizing.

use rules::{ints, one, types};

mod rules;

/// A constant of zeros, with as many elements as the shape says.
fn zeros(dtype: &str, shape: &[usize]) -> String {
    let count: usize = shape.iter().product();
    format!("tensor<{dtype}, {shape:?}>([{}])", vec!["0"; count].join(", "))
}

#[test]
fn shapes_that_windows_leave() {
    let (x, flexible) = ("tensor<fp32, [2, 3, 9, 8]>", "tensor<fp16, [?, 3, ?, 8]>");
    let weight = zeros("fp32", &[6, 3, 3, 2]);
    let half = zeros("fp16", &[6, 3, 3, 2]);
    let conv = |weight: &str, more: &str| format!("conv(x = x, weight = {weight}{more})");
    let steps = format!(", strides = {}, dilations = {}", ints(&[2, 1]), ints(&[1, 3]));
    let pads = format!(", pad_type = \"custom\", pad = {}", ints(&[1, 2, 0, 3]));
    let pool = |op: &str, more: &str| {
        format!("{op}(x = x, kernel_sizes = {}, strides = {}{more})", ints(&[3, 2]), ints(&[2, 2]))
    };
    let transposed = |more: &str| {
        let weight = zeros("fp32", &[3, 2, 3, 2]);
        let strides = ints(&[2, 2]);
        format!("conv_transpose(x = x, weight = {weight}, strides = {strides}{more})")
    };
    let cases = [
        (x, conv(&weight, ""), "fp32[2, 6, 7, 7]"),
        (x, conv(&weight, &steps), "fp32[2, 6, 4, 5]"),
        (x, conv(&weight, &format!("{steps}, pad_type = \"same\"")), "fp32[2, 6, 5, 8]"),
        (x, conv(&weight, &format!("{steps}{pads}")), "fp32[2, 6, 5, 8]"),
        (flexible, conv(&half, ", pad_type = \"same_lower\""), "fp16[s0, 6, s1, 8]"),
        (flexible, conv(&weight, ""), "fp16[s0, 6, s1 - 2, 7]"),
        (flexible, conv(&half, &steps), "fp16[s0, 6, floor((s1 - 3)/(2)) + 1, 5]"),
        (x, pool("max_pool", ", pad_type = \"valid\""), "fp32[2, 3, 4, 4]"),
        (x, pool("avg_pool", ", pad_type = \"valid\", ceil_mode = true"), "fp32[2, 3, 4, 4]"),
        (x, pool("l2_pool", ", pad_type = \"same\""), "fp32[2, 3, 5, 4]"),
        (flexible, pool("max_pool", ", pad_type = \"same\""), "fp16[s0, 3, -floor((-s1)/(2)), 4]"),
        (x, transposed(""), "fp32[2, 2, 19, 16]"),
        (x, transposed(&pads), "fp32[2, 2, 16, 13]"),
        (x, transposed(", pad_type = \"same\""), "fp32[2, 2, 18, 16]"),
        (
            x,
            transposed(&format!(", output_shape = {}", ints(&[2, 2, 20, 16]))),
            "fp32[2, 2, 20, 16]",
        ),
        (
            flexible,
            format!(
                "conv_transpose(x = x, weight = {}, groups = int32(3))",
                zeros("fp16", &[3, 2, 1, 1])
            ),
            "fp16[s0, 6, s1, 8]",
        ),
        (
            x,
            "upsample_bilinear(x = x, scale_factor_width = fp32(1.5))".to_owned(),
            "fp32[2, 3, 9, 12]",
        ),
        (
            flexible,
            "upsample_nearest_neighbor(x = x, scale_factor_height = fp32(1.5), scale_factor_width = fp32(0.7))".to_owned(),
            "fp16[s0, 3, floor((3*s1)/(2)), 5]",
        ),
        (
            flexible,
            format!("resize(x = x, shape = {}, resized_dims = uint32(2))", ints(&[0, 5])),
            "fp16[s0, 3, s1, 5]",
        ),
        (
            flexible,
            format!("crop(x = x, crop_height = {}, crop_width = {})", ints(&[1, 2]), ints(&[0, 7])),
            "fp16[s0, 3, s1 - 3, 1]",
        ),
    ];
    for (x, call, expected) in cases {
        assert_eq!(one("ios17", x, &call).as_deref(), Ok(expected), "{call}");
    }
}

#[test]
fn shapes_of_products() {
    let pair = |x: &str, y: &str| format!("tensor<fp32, {x}> x, tensor<fp32, {y}> y");
    let linear = format!("z = linear(x = x, weight = {});", zeros("fp32", &[5, 4]));
    let (plain, turned) =
        ("z = matmul(x = x, y = y);", "z = matmul(x = x, y = y, transpose_x = true);");
    let product = "z = einsum(values = (x, y), equation = \"abcd,adce -> abce\");";
    let cases = [
        (pair("[?, 3, 4]", "[1]"), linear.as_str(), "fp32[s0, 3, 5]"),
        (pair("[4]", "[1]"), &linear, "fp32[5]"),
        (pair("[2, ?, 4]", "[5, 1, 4, 6]"), plain, "fp32[5, 2, s0, 6]"),
        (pair("[?, 4, 3]", "[?, 4, 6]"), turned, "fp32[broadcast(s0, s1), 3, 6]"),
        (pair("[4]", "[3, 4, 6]"), plain, "fp32[3, 6]"),
        (pair("[3, 2, 4]", "[4]"), plain, "fp32[3, 2]"),
        (pair("[4]", "[4]"), plain, "fp32[]"),
        (pair("[?, 2, 3, 4]", "[5, 4, 1, 6]"), product, "fp32[5, 2, 3, 6]"),
    ];
    for (inputs, body, expected) in cases {
        assert_eq!(types("ios17", &inputs, body, "z").as_deref(), Ok(expected), "{inputs} {body}");
    }
    let attention =
        "z = scaled_dot_product_attention(query = q, key = k, value = v, attn_mask = m);";
    let inputs = "tensor<fp16, [?, 4, ?, 8]> q, tensor<fp16, [?, 4, 7, 8]> k, \
                  tensor<fp16, [?, 4, 7, 6]> v, tensor<bool, [1, 7]> m";
    assert_eq!(types("ios18", inputs, attention, "z").as_deref(), Ok("fp16[s0, 4, s1, 6]"));
}

#[test]
fn compressed_weights_have_the_shape_and_type_of_what_they_stand_for() {
    let cases = [
        (
            format!(
                "constexpr_affine_dequantize(quantized_data = {}, zero_point = uint8(3), scale = {}, axis = int32(-1))",
                zeros("int8", &[2, 3]),
                zeros("fp16", &[3])
            ),
            "fp16[2, 3]",
        ),
        (
            format!(
                "constexpr_blockwise_shift_scale(data = {}, scale = {}, offset = {})",
                zeros("int4", &[4, 6]),
                zeros("fp16", &[2, 6]),
                zeros("int4", &[2, 6])
            ),
            "fp16[4, 6]",
        ),
        (
            format!(
                "constexpr_lut_to_dense(indices = {}, lut = {}, vector_axis = int32(0))",
                zeros("uint3", &[4, 6]),
                zeros("int8", &[2, 1, 8, 3])
            ),
            "int8[12, 6]",
        ),
        (
            format!(
                "constexpr_lut_to_dense(indices = {}, lut = {}, shape = tensor<uint32, [2]>([3, 3]))",
                zeros("uint8", &[7]),
                zeros("fp32", &[64])
            ),
            "fp32[3, 3]",
        ),
        (
            "constexpr_sparse_to_dense(nonzero_data = tensor<fp16, [3]>([1, 2, 3]), mask = tensor<uint1, [2, 3]>([1, 0, 0, 1, 1, 0]))".to_owned(),
            "fp16[2, 3]",
        ),
        (
            format!("constexpr_cast(source_val = {}, output_dtype = \"fp32\")", zeros("fp16", &[2])),
            "fp32[2]",
        ),
    ];
    for (call, expected) in cases {
        let x = "tensor<fp32, [1]>";
        let opset = if call.contains("shape =") { "ios16" } else { "ios18" };
        assert_eq!(one(opset, x, &call).as_deref(), Ok(expected), "{call}");
    }
    let sparse = format!(
        "m, z = constexpr_lut_to_sparse(indices_mask = tensor<uint1, [2, 2]>([1, 0, 0, 1]), indices_nonzero_data = {}, lut = {}, vector_axis = int32(1));",
        zeros("uint2", &[2]),
        zeros("fp16", &[1, 1, 4, 3])
    );
    let found = types("ios18", "tensor<fp32, [1]> x", &sparse, "m, z");
    assert_eq!(found.as_deref(), Ok("uint1[2, 6] fp16[6]"));
}

#[test]
fn faults_say_what_does_not_fit() {
    let x = "tensor<fp32, [2, 3, 9, 8]>";
    let weight = zeros("fp32", &[4, 3, 3, 3]);
    let conv = |more: &str| format!("conv(x = x, weight = {weight}, {more})");
    let pool = |more: &str| format!("max_pool(x = x, kernel_sizes = {}, {more})", ints(&[2, 2]));
    let huge = i64::from(i32::MAX);
    let cases = [
        (conv(&format!("strides = {}", ints(&[1]))), "has 1 elements, not 2"),
        (conv(&format!("strides = {}", ints(&[0, 1]))), "0 is not a size of at least 1"),
        (conv(&format!("dilations = {}", ints(&[huge, 1]))), "would have -"),
        (conv("groups = int32(0)"), "0 is not at least 1"),
        (conv("groups = int32(2)"), "`x` has 3 channels, `weight` and `groups` ask for 6"),
        (conv(&format!("bias = {}", zeros("fp32", &[3]))), "3 elements for 4 output channels"),
        (conv("pad_type = \"full\""), "`full` is not `valid`"),
        (
            conv(&format!("pad_type = \"custom\", pad = {}", ints(&[0, 0, -1, 0]))),
            "-1 is not a size of at least 0",
        ),
        (
            conv(&format!("pad_type = \"custom\", pad = {}", ints(&[huge, huge, huge, huge]))),
            "Ok",
        ),
        (pool("pad_type = \"same\", ceil_mode = true"), "cannot be with `pad_type` `same`"),
        (
            pool(&format!("pad_type = \"custom\", pad = {}, ceil_mode = true", ints(&[0, 1, 0, 0]))),
            "as much padding before as after",
        ),
        (
            format!(
                "conv_transpose(x = x, weight = {}, output_shape = {})",
                zeros("fp32", &[3, 2, 3, 3]),
                ints(&[2, 2, 12, 10])
            ),
            "does not fit [2, 2, 11, 10]",
        ),
        (
            format!("linear(x = x, weight = {})", zeros("fp32", &[5, 4])),
            "the last axis of `x` has 8 elements, that of `weight` 4",
        ),
        (format!("matmul(x = x, y = {})", zeros("fp32", &[9, 2])), "inner sizes differ: 8 and 9"),
        ("matmul(x = x, y = fp32(1))".to_owned(), "`y` is a scalar"),
        (
            "einsum(values = (x, x), equation = \"abcd,abcd->a\")".to_owned(),
            "is not of the form `nchw,nwhu->nchu`",
        ),
        (
            "scaled_dot_product_attention(query = x, key = x, value = x, attn_mask = tensor<bool, [2]>([true, true]))".to_owned(),
            "do not broadcast",
        ),
        (
            format!(
                "constexpr_blockwise_shift_scale(data = {}, scale = {})",
                zeros("int4", &[4, 6]),
                zeros("fp16", &[3, 6])
            ),
            "`scale` of [3, 6] does not divide [4, 6]",
        ),
        (
            format!(
                "constexpr_lut_to_dense(indices = {}, lut = {})",
                zeros("uint3", &[4]),
                zeros("fp16", &[1, 4, 1])
            ),
            "`lut` has 4 entries, uint3 indices need 8",
        ),
        (
            "constexpr_sparse_to_dense(nonzero_data = tensor<fp16, [2]>([1, 2]), mask = tensor<uint1, [3]>([1, 0, 0]))".to_owned(),
            "`mask` has 1 set bits, `nonzero_data` 2 elements",
        ),
        (
            "quantize(input = x, scale = tensor<fp32, [2]>([1, 1]), output_dtype = \"int8\", axis = int32(1))".to_owned(),
            "axis 1 has 3 elements, not 2",
        ),
        ("crop(x = x, crop_height = tensor<int32, [2]>([5, 4]), crop_width = tensor<int32, [2]>([0, 0]))".to_owned(), "leaves 0 elements"),
        ("resize_nearest_neighbor(x = x, target_size_height = int32(0), target_size_width = int32(1))".to_owned(), "0 is not at least 1"),
    ];
    for (call, expected) in cases {
        match one("ios18", x, &call) {
            Ok(_) => assert_eq!(expected, "Ok", "{call}"),
            Err(found) => assert!(found.contains(expected), "{call}: {found}"),
        }
    }
    let packed = format!(
        "constexpr_lut_to_dense(indices = {}, lut = {}, shape = tensor<uint32, [3]>([4000000000, 4000000000, 4000000000]))",
        zeros("uint8", &[7]),
        zeros("fp32", &[16])
    );
    assert!(one("ios16", x, &packed).unwrap_err().contains("is not a shape"));
    let lower = conv("pad_type = \"same_lower\"");
    assert!(one("ios15", x, &lower).unwrap_err().contains("needs opset iOS16"));
}

#[test]
fn a_state_takes_what_it_holds() {
    let inputs = "tensor<fp16, [2, 3]> x, state<tensor<fp16, [2, 3]>> s";
    let body = "write_state(input = s, data = x); y = read_state(input = s);";
    assert_eq!(types("ios18", inputs, body, "y").as_deref(), Ok("fp16[2, 3]"));
    let inputs = "tensor<fp32, [2, 3]> x, state<tensor<fp16, [2, 3]>> s";
    let fault = types("ios18", inputs, body, "y").unwrap_err();
    assert!(fault.contains("input `data` is fp32[2, 3], not fp16[2, 3]"), "{fault}");
}
