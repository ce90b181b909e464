//! Elementwise, activation, reduction and normalisation ops: types, faults, and the arithmetic of
//! shapes that goes through them.

use anemone_ir::{check, text};

/// The type of `y`, which `body` computes from `x`, in this opset.
fn infer_in(opset: &str, inputs: &str, body: &str) -> Result<String, String> {
    let source = format!("program(1.0) {{ func main<{opset}>({inputs}) {{ {body} }} -> (y); }}");
    let program = text::parse(&source, &mut |_, _, _| Err("no weights".to_owned()))
        .unwrap_or_else(|fault| panic!("{source}: {fault}"));
    let checked = check(&program).map_err(|faults| faults.to_string())?;
    let main = &checked.functions()["main"];
    Ok(main.value(main.outputs()[0]).ty().to_string())
}

fn infer(x: &str, op: &str) -> Result<String, String> {
    infer_in("ios18", &format!("tensor<{x}> x"), &format!("@type(\"\") y = {op};"))
}

fn axes(axes: &[i64]) -> String {
    format!("tensor<int32, [{}]>({axes:?})", axes.len())
}

#[test]
fn outputs_have_the_types_that_coremltools_declares() {
    let channels = "tensor<fp16, [3]>([1, 2, 3])";
    for (x, op, expected) in [
        ("fp16, [2, ?]", "relu(x = x)", "fp16[2, s0]"),
        ("fp16, [2, ?]", "cast(x = x, dtype = \"uint8\")", "uint8[2, s0]"),
        ("fp32, [2, ?]", "log(x = x, epsilon = fp16(0))", "fp32[2, s0]"),
        ("bool, [2]", "logical_not(x = x)", "bool[2]"),
        ("int32, [2, 1]", "add(x = x, y = tensor<int32, [3]>([1, 2, 3]))", "int32[2, 3]"),
        ("fp32, [?, 1]", "mul(x = x, y = tensor<fp32, [3]>([1, 2, 3]))", "fp32[s0, 3]"),
        ("fp32, [?]", "add(x = x, y = tensor<fp32, [3]>([1, 2, 3]))", "fp32[3]"),
        ("fp32, [?]", "greater(x = x, y = fp32(0))", "bool[s0]"),
        ("fp16, [1, 3, ?]", &format!("prelu(x = x, alpha = {channels})"), "fp16[1, 3, s0]"),
        ("fp32, [1, ?, 4]", &format!("prelu(x = x, alpha = {channels})"), "fp32[1, s0, 4]"),
        ("fp32, [1, ?, 4]", &format!("reduce_sum(x = x, axes = {})", axes(&[-1, 0])), "fp32[s0]"),
        ("int32, [2, ?, 4]", "reduce_max(x = x, keep_dims = true)", "int32[1, 1, 1]"),
        ("int32, [2, ?, 4]", "reduce_prod(x = x)", "int32[]"),
        ("fp16, [2, ?]", "reduce_argmax(x = x, axis = int32(0))", "int32[s0]"),
        ("fp16, [2]", "reduce_argmin(x = x, output_dtype = \"uint16\")", "uint16[]"),
        ("fp32, [1, 3, ?]", &format!("instance_norm(x = x, gamma = {channels})"), "fp32[1, 3, s0]"),
        (
            "fp16, [?, 3]",
            &format!("layer_norm(x = x, axes = {}, gamma = {channels})", axes(&[-1])),
            "fp16[s0, 3]",
        ),
    ] {
        assert_eq!(infer(x, op).as_deref(), Ok(expected), "{op}");
    }
}

#[test]
fn faults_say_what_does_not_fit() {
    let huge = i64::from(i32::MIN);
    for (x, op, expected) in [
        ("int32, [2]", "relu(x = x)", "input `x` is int32, not fp16 or fp32"),
        ("fp32, [2]", "logical_not(x = x)", "input `x` is fp32, not bool"),
        ("fp32, [2]", "add(x = x, y = fp16(1))", "input `y` is fp16, not fp32, like `x`"),
        (
            "fp32, [2]",
            "add(x = x, y = tensor<fp32, [3]>([1, 2, 3]))",
            "[2] and [3] do not broadcast",
        ),
        ("fp32, [2]", "cast(x = x, dtype = \"int64\")", "no cast to `int64`"),
        ("fp32, [2]", "clip(x = x, alpha = fp32(2), beta = fp32(1))", "2 must be below `beta`, 1"),
        ("fp32, [2]", "gelu(x = x, mode = \"exact\")", "`exact` is not EXACT"),
        ("fp32, [2]", "softmax(x = x, axis = int32(1))", "axis 1 is outside a tensor of rank 1"),
        ("fp32, []", "softmax(x = x)", "axis -1 is outside a tensor of rank 0"),
        ("fp32, [2]", "elu(x = x, alpha = tensor<fp32, [2]>([1, 2]))", "must be a number"),
        ("fp32, [2, 3]", "prelu(x = x, alpha = tensor<fp32, [1]>([1]))", "rank 2"),
        (
            "fp32, [2, 3, 4]",
            "prelu(x = x, alpha = tensor<fp32, [2]>([1, 2]))",
            "`alpha` is [2], not [3]",
        ),
        (
            "fp32, [2]",
            &format!("reduce_sum(x = x, axes = {})", axes(&[0, -1])),
            "axis 0 occurs twice",
        ),
        ("fp32, [2]", &format!("reduce_sum(x = x, axes = {})", axes(&[huge])), "is outside"),
        ("fp32, [2]", "reduce_sum(x = x, axes = tensor<fp32, [1]>([0]))", "a vector of integers"),
        ("fp32, [2]", "reduce_argmax(x = x, output_dtype = \"int8\")", "neither int32 nor uint16"),
        (
            "fp32, [2, 3]",
            &format!("layer_norm(x = x, axes = {}, beta = tensor<fp32, [2]>([1, 2]))", axes(&[1])),
            "`beta` is [2], not [3] as `axes` of `x`",
        ),
        ("fp32, [2, 3]", "l2_norm(x = x)", "rank 2, which must be at least 3"),
        (
            "fp32, [2, 3, 4]",
            "local_response_norm(x = x, size = int32(0))",
            "must be positive, not 0",
        ),
        ("fp32, [2]", "select(cond = x, a = x, b = x)", "input `cond` is fp32, not bool"),
    ] {
        let fault = infer(x, op).unwrap_err();
        assert!(fault.contains(expected), "{op}: {fault}");
    }
}

#[test]
fn older_versions_are_stricter_about_types_and_laxer_about_values() {
    let x = "tensor<fp32, [2]> x";
    let mixed = "@type(\"\") y = elu(x = x, alpha = fp16(1));";
    assert!(infer_in("ios16", x, mixed).unwrap_err().contains("fp32, not fp16, like `alpha`"));
    assert_eq!(infer_in("ios17", x, mixed).as_deref(), Ok("fp32[2]"));
    let reversed = "@type(\"\") y = clip(x = x, alpha = fp32(2), beta = fp32(1));";
    assert_eq!(infer_in("ios16", x, reversed).as_deref(), Ok("fp32[2]"));
    let narrow = "@type(\"\") y = cast(x = x, dtype = \"int8\");";
    assert!(infer_in("ios16", x, narrow).unwrap_err().contains("no cast to `int8`"));
}

/// The shape of a tensor filled with the size that `body` computes in `n` from `s`, the shape
/// of `x`.
fn size(body: &str) -> String {
    let body = format!(
        "@type(\"\") s = shape(x = x); @type(\"\") h = gather(x = s, indices = int32(0), axis = int32(0));
         {body}
         @type(\"\") v = expand_dims(x = n, axes = tensor<int32, [1]>([0]));
         @type(\"\") y = fill(shape = v, value = fp32(0));"
    );
    infer_in("ios18", "tensor<fp32, [?, 6]> x", &body).unwrap_or_else(|fault| fault)
}

#[test]
fn shapes_are_followed_through_arithmetic() {
    for (body, expected) in [
        ("@type(\"\") n = mul(x = h, y = int32(2));", "fp32[2*s0]"),
        ("@type(\"\") n = floor_div(x = h, y = int32(2));", "fp32[floor((s0)/(2))]"),
        ("@type(\"\") n = sub(x = h, y = h);", "fp32[0]"),
        ("@type(\"\") n = reduce_prod(x = s);", "fp32[6*s0]"),
        ("@type(\"\") n = reduce_sum(x = s);", "fp32[s0 + 6]"),
        (
            "@type(\"\") f = cast(x = h, dtype = \"fp32\"); @type(\"\") g = mul(x = f, y = fp32(2));
             @type(\"\") d = floor(x = g); @type(\"\") n = cast(x = d, dtype = \"int32\");",
            "fp32[2*s0]",
        ),
        (
            "@type(\"\") g = add(x = h, y = int32(1)); @type(\"\") t = less(x = h, y = g);
             @type(\"\") n = select(cond = t, a = h, b = int32(3));",
            "fp32[s0]",
        ),
        ("@type(\"\") n = maximum(x = h, y = int32(3));", "fp32[max(3, s0)]"),
        // Half a size is no size that could be told.
        (
            "@type(\"\") f = cast(x = h, dtype = \"fp32\"); @type(\"\") g = mul(x = f, y = fp32(0.5));
             @type(\"\") n = cast(x = g, dtype = \"int32\");",
            "fp32[s1]",
        ),
    ] {
        assert_eq!(size(body), expected, "{body}");
    }
}

#[test]
fn a_formula_that_doubles_in_each_op_is_given_up() {
    let mut body = "@type(\"\") n0 = add(x = h, y = int32(1));".to_owned();
    for i in 0..60 {
        body += &format!("@type(\"\") n{} = mul(x = n{i}, y = n{i});", i + 1);
    }
    body += "@type(\"\") n = add(x = n60, y = int32(0));";
    assert_eq!(size(&body), "fp32[s1]");
}
