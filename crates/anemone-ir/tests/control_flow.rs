//! Nested blocks, lists, recurrent and random ops: what `check` says of them.

use anemone_ir::{check, text};

/// The types of the outputs of a function with these inputs and this body.
fn types(inputs: &str, body: &str, outputs: &str) -> Result<String, String> {
    let text =
        format!("program(1.0) {{ func main<ios18>({inputs}) {{ {body} }} -> ({outputs}); }}");
    let program = text::parse(&text, &mut |_, _, _| Err("no weights".to_owned()))
        .map_err(|e| format!("{text}: {e}"))?;
    let checked = check(&program).map_err(|faults| faults.to_string())?;
    let main = &checked.functions()["main"];
    let types = main.outputs().iter().map(|id| main.value(*id).ty().to_string());
    Ok(types.collect::<Vec<_>>().join(" "))
}

/// `loop` doubles `x` along its axis while its counter is small.
fn growing(x: &str, inner: &str, result: &str) -> Result<String, String> {
    let body = format!(
        "(int32 i, {result} y) = while_loop(loop_vars = (int32(0), x))
           (int32 n, {inner} v) {{ bool more = less(x = n, y = int32(3)); }} -> (more)
           (int32 n, {inner} v) {{
             int32 next = add(x = n, y = int32(1));
             {result} w = concat(values = (v, v), axis = int32(0), interleave = false);
           }} -> (next, w);"
    );
    types(&format!("{x} x"), &body, "i, y")
}

#[test]
fn a_size_that_a_loop_changes_is_a_symbol() {
    let (two, any) = ("tensor<fp32, [2]>", "tensor<fp32, [?]>");
    for (x, inner, result) in [(two, any, any), (any, any, any), (two, "@type(\"\")", any)] {
        let found = growing(x, inner, result).unwrap();
        assert!(found.starts_with("int32[] fp32[s"), "{found}");
    }
    let fault = growing(two, two, two).unwrap_err();
    assert!(fault.contains("`main/w` (`concat`)") || fault.contains("declared"), "{fault}");
}

#[test]
fn what_a_loop_leaves_alone_keeps_its_size_and_value() {
    let body = "
        (int32 i, tensor<fp32, [?]> y, int32 k) = while_loop(loop_vars = (int32(0), x, int32(5)))
          (int32 n, tensor<fp32, [?]> v, int32 c) { bool more = less(x = n, y = c); } -> (more)
          (int32 n, tensor<fp32, [?]> v, int32 c) {
            int32 next = add(x = n, y = int32(1));
            tensor<fp32, [?]> w = mul(x = v, y = fp32(2));
            tensor<fp32, [5]> unused = fill(shape = c, value = fp32(0));
          } -> (next, w, c);";
    let body = body.replace("shape = c", "shape = cs").replace(
        "tensor<fp32, [5]>",
        "tensor<int32, [1]> cs = expand_dims(x = c, axes = tensor<int32, [1]>([0])); tensor<fp32, [5]>",
    );
    assert_eq!(types("tensor<fp32, [?]> x", &body, "y, k").as_deref(), Ok("fp32[s0] int32[]"));
}

#[test]
fn branches_agree_or_meet_in_a_symbol() {
    let branches = |a: &str, b: &str| {
        let body = format!(
            "bool p = greater(x = n, y = int32(2));
             tensor<fp32, [?]> y = cond(pred = p) () {{ }} -> ({a}) () {{ }} -> ({b});"
        );
        let inputs = "int32 n, tensor<fp32, [3]> u, tensor<fp32, [?]> v, tensor<int32, [3]> w";
        types(inputs, &body, "y")
    };
    assert_eq!(branches("u", "u").as_deref(), Ok("fp32[3]"));
    assert_eq!(branches("v", "v").as_deref(), Ok("fp32[s0]"));
    assert_eq!(branches("u", "v").as_deref(), Ok("fp32[s1]"));
    for (a, b, part) in [
        ("u", "w", "fp32[3] and int32[3]"),
        ("u", "n", "and int32[]"),
        ("u", "u, u", "1 and 2 values"),
    ] {
        let fault = branches(a, b).unwrap_err();
        assert!(fault.contains(part), "{fault}");
    }
}

#[test]
fn lists_keep_a_fixed_length_and_learn_their_elements() {
    let make = |fixed: bool, shape: &str| {
        let body = format!(
            "list<tensor<fp32, [?]>, ?> a = make_list(init_length = int32(4), dynamic_length = {}, elem_shape = {shape}, dtype = \"fp32\");
             @type(\"\") b = list_write(ls = a, index = int32(1), value = x);
             @type(\"\") n = list_length(ls = b);
             @type(\"\") r = list_read(ls = b, index = int32(1));
             @type(\"\") g = list_gather(ls = b, indices = tensor<int32, [2]>([0, 1]));
             @type(\"\") s = list_scatter(ls = b, indices = tensor<int32, [2]>([0, 1]), value = g);",
            !fixed
        );
        types("tensor<fp32, [3]> x", &body, "b, n, r, g, s")
    };
    assert_eq!(
        make(true, "\"unknown\"").as_deref(),
        Ok("list<fp32[3], 4> int32[] fp32[3] fp32[2, 3] list<fp32[3], 4>")
    );
    let open = make(false, "int32(3)").unwrap();
    assert_eq!(open, "list<fp32[3], s1> int32[] fp32[3] fp32[2, 3] list<fp32[3], s2>");
    let fault = make(true, "int32(2)").unwrap_err();
    assert!(fault.contains("elements are fp32[2], the value fp32[3]"), "{fault}");
}

#[test]
fn names_of_a_block_end_with_it() {
    let block = "() { tensor<fp32, [3]> w = relu(x = x); } -> (w)";
    let body = format!("tensor<fp32, [3]> y = cond(pred = true) {block} {block};");
    assert_eq!(types("tensor<fp32, [3]> x", &body, "y").as_deref(), Ok("fp32[3]"));
    let fault = types("tensor<fp32, [3]> x", &body, "y, w").unwrap_err();
    assert!(fault.contains("`w`"), "{fault}");
}

#[test]
fn blocks_stand_only_where_they_belong() {
    let x = "tensor<fp32, [3]> x";
    let cases = [
        ("tensor<fp32, [3]> y = relu(x = x) () { } -> (x);", "has 1 blocks, not 0"),
        ("tensor<fp32, [3]> y = cond(pred = true) () { } -> (x);", "has 1 blocks, not 2"),
        (
            "tensor<fp32, [3]> y = cond(pred = true) (fp32 a) { } -> (x) () { } -> (x);",
            "a block has 1 inputs, not 0",
        ),
        (
            "tensor<fp32, [3]> y = while_loop(loop_vars = x) () { } -> (x) () { } -> (x);",
            "the condition has 0 inputs, the loop 1 variables",
        ),
        (
            "tensor<fp32, [3]> y = while_loop(loop_vars = x)
               (tensor<fp32, [3]> a) { } -> (a) (tensor<fp32, [3]> a) { } -> (a);",
            "must give one boolean",
        ),
    ];
    for (body, part) in cases {
        let fault = types(x, body, "y").unwrap_err();
        assert!(fault.contains(part), "{fault}");
    }
}

#[test]
fn nested_loops_that_all_change_sizes_are_bounded() {
    let nested = |depth: usize, ty: &str| {
        let mut body =
            format!("{ty} r0 = concat(values = (v0, v0), axis = int32(0), interleave = false);");
        for level in 0..depth {
            let next = level + 1;
            body = format!(
                "{ty} r{next} = while_loop(loop_vars = v{next})
                   ({ty} v{level}) {{ bool more = less(x = int32(0), y = k); }} -> (more)
                   ({ty} v{level}) {{ {body} }} -> (r{level});"
            );
        }
        let body = body.replace(&format!("v{depth})"), "x)");
        types("tensor<fp32, [2]> x, int32 k", &body, &format!("r{depth}"))
    };
    let (known, stripped) = ("tensor<fp32, [?]>", "@type(\"\")");
    for found in [nested(6, known), nested(6, stripped)] {
        assert!(found.as_ref().is_ok_and(|t| t.starts_with("fp32[s")), "{found:?}");
    }
    let fault = nested(40, stripped).unwrap_err();
    assert!(fault.contains("nested too deep"), "{fault}");
}

fn weights(rows: usize, columns: usize) -> String {
    format!("tensor<fp32, [{rows}, {columns}]>(@raw(\"{}\"))", "00".repeat(4 * rows * columns))
}

#[test]
fn recurrent_layers_check_their_weights() {
    let (x, h) = ("tensor<fp32, [?, 1, 2]> x", "tensor<fp32, [1, 3]> h");
    let layer = |op: &str, gates: usize, rest: &str| {
        let (ih, hh) = (weights(gates * 3, 2), weights(gates * 3, 3));
        let outputs = if op == "lstm" { "a, b, c" } else { "a, b" };
        let typed: Vec<String> = outputs.split(", ").map(|n| format!("@type(\"\") {n}")).collect();
        let body = format!(
            "({}) = {op}(x = x, initial_h = h, weight_ih = {ih}, weight_hh = {hh}{rest});",
            typed.join(", ")
        );
        types(&format!("{x}, {h}, tensor<fp32, [1, 6]> hc"), &body, outputs)
    };
    let sequence = ", output_sequence = true";
    assert_eq!(layer("rnn", 1, sequence).as_deref(), Ok("fp32[s0, 1, 3] fp32[1, 3]"));
    assert_eq!(layer("gru", 3, "").as_deref(), Ok("fp32[1, 1, 3] fp32[1, 3]"));
    let one = ", initial_c = h, direction = \"reverse\"";
    assert_eq!(layer("lstm", 4, one).as_deref(), Ok("fp32[1, 1, 3] fp32[1, 3] fp32[1, 3]"));
    let cases = [
        ("gru", 4, "", "`weight_hh` is [12, 3], not [9, 3]"),
        ("rnn", 1, ", direction = \"bidirectional\"", "is none of forward, reverse"),
        ("rnn", 1, ", activation = \"gelu\"", "`gelu` is none of"),
        ("lstm", 4, ", initial_c = hc", "`initial_c` is [1, 6], not [1, 3]"),
        ("lstm", 4, ", initial_c = h, direction = \"bidirectional\"", "`weight_hh_back`"),
    ];
    for (op, gates, rest, part) in cases {
        let fault = layer(op, gates, rest).unwrap_err();
        assert!(fault.contains(part), "{fault}");
    }
}

#[test]
fn random_tensors_have_the_shape_that_they_are_given() {
    let cases = [
        ("random_uniform(shape = s)", "fp32[s0, s1]"),
        ("random_normal(shape = tensor<int32, [2]>([3, 4]), stddev = fp16(2))", "fp16[3, 4]"),
        ("random_bernoulli(shape = tensor<int32, [1]>([3]))", "fp32[3]"),
        ("random_categorical(x = x, size = int32(7))", "fp32[5, 7]"),
    ];
    for (call, expected) in cases {
        let body = format!("@type(\"\") y = {call};");
        let found = types("tensor<int32, [2]> s, tensor<fp32, [5, 3]> x", &body, "y");
        assert_eq!(found.as_deref(), Ok(expected), "{call}");
    }
}

#[test]
fn a_classifier_has_as_many_classes_as_probabilities() {
    let classify = |classes: &str| {
        let body = format!(
            "(@type(\"\") label, @type(\"\") all) = classify(probabilities = x, classes = {classes});"
        );
        types("tensor<fp32, [1, 2]> x", &body, "label, all")
    };
    assert_eq!(
        classify("list<string, 2>([\"a\", \"b\"])").as_deref(),
        Ok("string[] dict<string, fp64>")
    );
    assert_eq!(classify("list<int64, 2>([7, 9])").as_deref(), Ok("int64[] dict<int64, fp64>"));
    let fault = classify("list<string, 1>([\"a\"])").unwrap_err();
    assert!(fault.contains("[1, 2] for 1 classes"), "{fault}");
}
