//! Every number of a valid program replaced by ones that do not belong there: the program is
//! refused or runs, and nothing panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use anemone_cpu::CpuEngine;
use anemone_engine::{Array, CompileOptions, Engine, RunContext, Value};
use anemone_ir::{check, text};
use anemone_tensor::Tensor;
use rayon::ThreadPool;

const X: &str = "tensor<fp32, [1, 4, 5, 6]> x";

/// Inputs and the one operation of a program.
const PROGRAMS: &[(&str, &str)] = &[
    (
        X,
        "conv(x = x, weight = w, bias = b, strides = tensor<int32, [2]>([2, 1]), pad_type = \"custom\", pad = tensor<int32, [4]>([1, 0, 1, 2]), dilations = tensor<int32, [2]>([1, 2]), groups = int32(2))",
    ),
    (
        X,
        "conv(x = x, weight = w, pad_type = \"same\", strides = tensor<int32, [2]>([2, 3]), groups = int32(2))",
    ),
    (
        "tensor<fp32, [?, 4, 5]> x",
        "conv(x = x, weight = tensor<fp32, [4, 1, 2]>([1, 2, 3, 4, 5, 6, 7, 8]), groups = int32(4))",
    ),
    (
        "tensor<fp32, [?, 2, ?]> x, tensor<fp32, [2, 2, 3]> w",
        "conv(x = x, weight = w, pad_type = \"same_lower\")",
    ),
    (
        X,
        "conv_transpose(x = x, weight = w, bias = b, strides = tensor<int32, [2]>([2, 1]), pad_type = \"custom\", pad = tensor<int32, [4]>([1, 0, 1, 1]), dilations = tensor<int32, [2]>([1, 2]), groups = int32(1))",
    ),
    (X, "conv_transpose(x = x, weight = w, output_shape = tensor<int32, [4]>([1, 2, 6, 7]))"),
    (
        X,
        "conv_quantized(x = x, weight = tensor<uint8, [2, 4, 1, 1]>([1, 2, 3, 4, 5, 6, 7, 8]), quantization_type = \"linear\", quant_scale = fp32(2), quant_bias = tensor<fp32, [2]>([1, 2]))",
    ),
    (
        X,
        "max_pool(x = x, kernel_sizes = tensor<int32, [2]>([2, 3]), strides = tensor<int32, [2]>([2, 1]), pad_type = \"custom\", pad = tensor<int32, [4]>([1, 1, 0, 0]), ceil_mode = true)",
    ),
    (X, "avg_pool(x = x, kernel_sizes = tensor<int32, [2]>([2, 3]), pad_type = \"same\")"),
    (
        "tensor<fp32, [?, 3, 6]> x",
        "l2_pool(x = x, kernel_sizes = tensor<int32, [1]>([2]), pad_type = \"valid\")",
    ),
    (
        "tensor<fp32, [?, 2, 3]> x",
        "linear(x = x, weight = tensor<fp32, [2, 3]>([1, 2, 3, 4, 5, 6]), bias = tensor<fp32, [2]>([1, 2]))",
    ),
    (
        "tensor<int32, [2, 3]> x",
        "linear(x = x, weight = tensor<int32, [2, 3]>([1, 2, 3, 4, 5, 6]))",
    ),
    ("tensor<fp32, [2, 1, 3, 4]> x, tensor<fp32, [3, 4, 2]> y", "matmul(x = x, y = y)"),
    (
        "tensor<fp32, [2, ?, 3]> x, tensor<fp32, [2, ?, 3]> y",
        "matmul(x = x, y = y, transpose_y = true)",
    ),
    ("tensor<int32, [2, 3]> x, tensor<int32, [3, 2]> y", "matmul(x = x, y = y)"),
    (
        "tensor<fp32, [2, 3, 4, 5]> x, tensor<fp32, [2, 5, 4, 6]> y",
        "einsum(values = (x, y), equation = \"nchw,nwhu->nchu\")",
    ),
    (
        "tensor<fp32, [2, ?, 4]> x, tensor<bool, [1, 3]> m",
        "scaled_dot_product_attention(query = x, key = x, value = x, attn_mask = m)",
    ),
    (
        "tensor<fp32, [2, 3]> x",
        "quantize(input = x, scale = tensor<fp32, [3]>([1, 2, 3]), zero_point = tensor<int8, [3]>([1, 2, 3]), axis = int32(1), output_dtype = \"int8\")",
    ),
    (
        "tensor<int8, [2, 3]> x",
        "dequantize(input = x, scale = tensor<fp32, [2]>([1, 2]), axis = int32(0))",
    ),
    (
        "tensor<fp32, [1]> x",
        "constexpr_blockwise_shift_scale(data = tensor<int4, [2, 4]>([1, 2, 3, 4, 5, 6, 7, 0]), scale = tensor<fp32, [1, 2]>([1, 2]), offset = tensor<int4, [1, 2]>([1, 2]))",
    ),
    (
        "tensor<fp32, [1]> x",
        "constexpr_lut_to_dense(indices = tensor<uint2, [2, 2]>([0, 1, 2, 3]), lut = tensor<fp32, [1, 2, 4, 1]>([1, 2, 3, 4, 5, 6, 7, 8]), vector_axis = int32(0))",
    ),
    (
        "tensor<fp32, [1]> x",
        "constexpr_sparse_to_dense(nonzero_data = tensor<fp32, [2]>([1, 2]), mask = tensor<uint1, [2, 2]>([1, 0, 1, 0]))",
    ),
    (X, "upsample_bilinear(x = x, scale_factor_height = fp32(1.5), scale_factor_width = fp32(2))"),
    (
        X,
        "upsample_nearest_neighbor(x = x, scale_factor_height = int32(2), scale_factor_width = int32(3))",
    ),
    (
        X,
        "resize_bilinear(x = x, target_size_height = int32(3), target_size_width = int32(7), sampling_mode = \"ALIGN_CORNERS\")",
    ),
    (X, "resize(x = x, shape = tensor<int32, [2]>([3, 0]), resized_dims = uint32(2))"),
    (
        "tensor<fp32, [1, 2, 3, 4]> x, tensor<int32, [2]> s",
        "resize(x = x, shape = s, resized_dims = uint32(1), interpolation_mode = \"NEAREST_NEIGHBOR\")",
    ),
    (
        X,
        "crop(x = x, crop_height = tensor<int32, [2]>([1, 2]), crop_width = tensor<int32, [2]>([0, 1]))",
    ),
    (
        "tensor<fp32, [2, 3, 4, 5]> x, tensor<fp32, [2, 4]> b",
        "crop_resize(x = x, boxes = b, box_indices = tensor<int32, [2]>([1, 0]), target_height = int32(3), target_width = int32(2))",
    ),
    (
        "tensor<fp32, [2, 3, 4, 5]> x, tensor<fp32, [2, 3, 2, 2]> c",
        "resample(x = x, coordinates = c, sampling_mode = \"bilinear\", padding_mode = \"reflection\", padding_value = fp32(0), coordinates_mode = \"unnormalized\", align_corners = true)",
    ),
    (
        "tensor<fp32, [2, 3, 4, 5]> x, tensor<fp32, [2, 6]> m",
        "affine(x = x, transform_matrix = m, output_height = int32(3), output_width = int32(2), sampling_mode = \"bilinear\", padding_mode = \"constant\", padding_value = fp32(0), coordinates_mode = \"normalized_minus_one_to_one\", align_corners = true)",
    ),
];

const NUMBERS: &[&str] =
    &["0", "1", "2", "3", "7", "-1", "-2", "2147483647", "-2147483648", "1000000000000", "nan"];

/// Results with more elements than this are not computed.
const LARGE: usize = 1 << 16;

/// Where numbers stand in `text`.
fn numbers(text: &str) -> Vec<std::ops::Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let apart = at == 0 || b"[( ,".contains(&bytes[at - 1]);
        let digits = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        if apart && digits > 0 && bytes.get(at + digits).is_some_and(|b| b"]), .".contains(b)) {
            found.push(at..at + digits);
        }
        at += digits.max(1);
    }
    found
}

/// Whether the program was accepted and ran; it may be refused at any step.
fn try_program(source: &str, pool: &Arc<ThreadPool>) -> bool {
    let Ok(program) = text::parse(source, &mut |_, _, _| Err("no weights".to_owned())) else {
        return false;
    };
    let Ok(checked) = check(&program) else { return false };
    let main = &checked.functions()["main"];
    let small = |id: &anemone_ir::ValueId| {
        let shape = main.value(*id).ty().as_tensor().map(|t| t.shape.clone()).unwrap_or_default();
        let count = shape.iter().map(|d| d.known().unwrap_or(2)).try_fold(1, usize::checked_mul);
        count.is_some_and(|count| count <= LARGE)
    };
    if !main.outputs().iter().chain(main.inputs()).all(small) {
        return false;
    }
    let engine = CpuEngine::new(pool.clone());
    let Ok(plan) = engine.compile(&checked, &CompileOptions::default()) else { return false };
    let input = |port: &anemone_engine::Port| {
        let shape: Vec<usize> = port.ty.shape.iter().map(|d| d.known().unwrap_or(3)).collect();
        let values = (0..shape.iter().product::<usize>()).map(|i| (i % 5) as f64);
        let tensor = Tensor::from_f64(port.ty.dtype, shape.clone(), values).unwrap();
        Array::dense(port.ty.dtype, shape, tensor.data().clone()).map(Value::Tensor)
    };
    let inputs: Result<Vec<Value>, _> = plan.signature().inputs.iter().map(input).collect();
    let Ok(inputs) = inputs else { return false };
    plan.session().run(&inputs, None, &RunContext::default()).is_ok()
}

#[test]
fn a_wrong_number_is_refused_or_harmless() {
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap());
    let mut panics = Vec::new();
    for (inputs, call) in PROGRAMS {
        let zeros = |count: usize| vec!["0.5"; count].join(", ");
        let weights = format!(
            "@type(\"\") w = const()[val = tensor<fp32, [4, 2, 2, 2]>([{}])]; \
             @type(\"\") b = const()[val = tensor<fp32, [{}]>([{}])];",
            zeros(32),
            if call.starts_with("conv_transpose") { 2 } else { 4 },
            zeros(if call.starts_with("conv_transpose") { 2 } else { 4 }),
        );
        let weights = if call.contains("weight = w") && !inputs.contains(" w") {
            weights
        } else {
            String::new()
        };
        let opset = if call.contains("roi") { "ios16" } else { "ios18" };
        let source = format!(
            "program(1.0) {{ func main<{opset}>({inputs}) {{ {weights} @type(\"\") z = {call}; }} -> (z); }}"
        );
        assert!(try_program(&source, &pool), "{source}");
        for range in numbers(&source) {
            for number in NUMBERS {
                let mut changed = source.clone();
                changed.replace_range(range.clone(), number);
                let attempt = AssertUnwindSafe(|| try_program(&changed, &pool));
                if catch_unwind(attempt).is_err() {
                    panics.push(changed);
                }
            }
        }
    }
    assert!(panics.is_empty(), "{}", panics.join("\n"));
}
