//! Verification finds what was planted, where it was planted, and nothing in the clean twin.

use std::sync::Arc;

use anemone_emu::accumulator::Verdict;
use anemone_emu::calibrate::{Calibration, InputSet};
use anemone_emu::interval::{Forecast, Range};
use anemone_emu::verify::{
    Birth, Cause, Findings, OverflowKind, VerifyError, VerifyOptions, analyse, verify,
};
use anemone_engine::{Array, Value};
use anemone_ir::{Checked, check, text};
use anemone_tensor::{DataType, Tensor};
use rayon::ThreadPool;

fn pool() -> Arc<ThreadPool> {
    Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap())
}

fn program(inputs: &str, ops: &str, outputs: &str) -> Checked {
    let text = format!("program(1.0) {{ func main<ios18>({inputs}) {{ {ops} }} -> ({outputs}); }}");
    let program = text::parse(&text, &mut |_, _, _| Err("no weights".to_owned())).unwrap();
    check(&program).unwrap()
}

fn half(shape: &[usize], values: impl IntoIterator<Item = f64>) -> Value {
    let tensor = Tensor::from_f64(DataType::F16, shape.to_vec(), values).unwrap();
    Value::Tensor(Array::from(tensor))
}

fn set(name: &str, inputs: Vec<Value>) -> InputSet {
    InputSet { name: name.to_owned(), steps: vec![inputs] }
}

fn found(program: &Checked, sets: &[InputSet]) -> Findings {
    verify(program, &pool(), sets, &VerifyOptions::default()).unwrap()
}

/// The text of a constant matrix.
fn matrix(name: &str, rows: usize, columns: usize, at: impl Fn(usize, usize) -> f64) -> String {
    let values = (0..rows * columns).map(|i| at(i / columns, i % columns).to_string());
    let values = values.collect::<Vec<_>>().join(", ");
    let ty = format!("tensor<fp16, [{rows}, {columns}]>");
    format!("{ty} {name} = const()[val = {ty}([{values}])];\n")
}

/// Three layers of 8; the second one's weights are `scale` times as large.
fn layers(scale: f64) -> Checked {
    let weight = |i: usize, j: usize| ((i * 5 + j * 3) % 7) as f64 / 8.0 - 0.25;
    let ty = "tensor<fp16, [1, 8]>";
    let ops = [
        matrix("w1", 8, 8, weight),
        matrix("w2", 8, 8, |i, j| scale * weight(j, i)),
        matrix("w3", 8, 8, |i, j| weight(i, j) / scale),
        format!("{ty} l1 = linear(x = x, weight = w1);\n{ty} r1 = relu(x = l1);\n"),
        format!("{ty} l2 = linear(x = r1, weight = w2);\n{ty} r2 = relu(x = l2);\n"),
        format!("{ty} l3 = linear(x = r2, weight = w3);\n"),
    ];
    program("tensor<fp16, [1, 8]> x", &ops.concat(), "l3")
}

#[test]
fn a_planted_overflow_is_found_at_its_layer_with_the_input_that_triggers_it() {
    let sets = [
        set("small", vec![half(&[1, 8], [0.01; 8])]),
        set("large", vec![half(&[1, 8], [40.0; 8])]),
        set("larger", vec![half(&[1, 8], [80.0; 8])]),
    ];
    let findings = found(&layers(1000.0), &sets);
    assert_eq!(findings.first_overflow.as_deref(), Some("main/l2"));
    let overflow = findings.op("main/l2").unwrap().overflow.as_ref().unwrap();
    assert_eq!(overflow.kind, OverflowKind::Accumulator);
    assert_eq!((overflow.verdict, overflow.set.as_deref()), (Verdict::Always, Some("large")));
    assert_eq!(overflow.place.as_ref().unwrap().step, 0);
    let divergence = findings.first_divergence.as_ref().unwrap();
    assert_eq!((divergence.path.as_str(), divergence.birth), ("main/l2", Birth::BornHere));
    assert_eq!(divergence.cause, Cause::Overflow);
    assert_eq!(findings.op("main/l1").unwrap().verdict, Verdict::Never);
    let text = findings.to_string();
    assert!(text.contains("first overflow: `main/l2` (linear): a partial sum reaches"), "{text}");
    assert!(text.contains("input set `large`, run 0"), "{text}");

    let clean = found(&layers(1.0), &sets);
    assert!(clean.is_clean(), "{clean}");
    let nearest = clean.nearest.as_ref().unwrap();
    assert!(nearest.reach_percent > 0.0 && nearest.reach_percent < 100.0);
    let text = clean.to_string();
    assert!(text.contains("no overflow, no NaN, no error above 5.00%"), "{text}");
    assert!(text.contains("nearest to a limit: `"), "{text}");
}

#[test]
fn an_overflow_that_another_order_avoids_depends_on_it() {
    let weight = matrix("w", 1, 4, |_, j| [200.0, -200.0, 200.0, -200.0][j]);
    let ops = format!("{weight} tensor<fp16, [1, 1]> y = linear(x = x, weight = w);");
    let program = program("tensor<fp16, [1, 4]> x", &ops, "y");
    let findings = found(&program, &[set("a", vec![half(&[1, 4], [100.0; 4])])]);
    let op = findings.op("main/y").unwrap();
    assert_eq!(op.verdict, Verdict::DependsOnOrder);
    let overflow = op.overflow.as_ref().unwrap();
    assert_eq!((overflow.value.abs(), &overflow.place), (40000.0, &None));
    assert_eq!(op.sums.unwrap().overflowed_in_index_order, 0);
    assert!(findings.first_divergence.is_none());
}

#[test]
fn a_mask_that_fp16_does_not_hold_is_found_at_the_sum_and_where_a_row_is_masked() {
    let ops = |mask: &str| {
        let vector = "tensor<fp32, [1, 4]>";
        let cond = "tensor<bool, [1, 4]> keep = greater(x = m, y = half);";
        format!(
            "fp32 low = const()[val = fp32({mask})];
             fp32 zero = const()[val = fp32(0)];
             fp32 half = const()[val = fp32(0.5)];
             int32 axis = const()[val = int32(-1)];
             {cond}
             {vector} bias = select(a = zero, b = low, cond = keep);
             {vector} masked = add(x = x, y = bias);
             {vector} y = softmax(x = masked, axis = axis);"
        )
    };
    let inputs = "tensor<fp32, [1, 4]> x, tensor<fp32, [1, 4]> m";
    let single = |values: [f64; 4]| {
        let tensor = Tensor::from_f64(DataType::F32, vec![1, 4], values).unwrap();
        Value::Tensor(Array::from(tensor))
    };
    let sets = [
        set("some", vec![single([1.0, 2.0, 3.0, 4.0]), single([1.0, 1.0, 0.0, 0.0])]),
        set("none", vec![single([1.0, 2.0, 3.0, 4.0]), single([0.0; 4])]),
    ];
    let findings = found(&program(inputs, &ops("-1e9"), "y"), &sets);
    assert_eq!(findings.unheld.len(), 1, "{findings}");
    assert_eq!((findings.unheld[0].path.as_str(), findings.unheld[0].value), ("low", -1e9));
    assert_eq!(findings.first_nan.as_deref(), Some("main/y"));
    assert_eq!(findings.op("main/y").unwrap().nan.as_ref().unwrap().set, "none");
    assert!(!findings.is_clean());
    let clean = found(&program(inputs, &ops("-1e4"), "y"), &sets);
    assert!(clean.unheld.is_empty() && clean.first_nan.is_none(), "{clean}");
}

#[test]
fn a_residual_that_grows_beyond_fp16_is_found_at_the_sum_that_leaves_it() {
    let ty = "tensor<fp16, [1, 4]>";
    let mut ops = "fp16 two = const()[val = fp16(8)];\n".to_owned();
    let mut last = "x".to_owned();
    for i in 1..=6 {
        ops += &format!("{ty} up{i} = mul(x = {last}, y = two);\n");
        ops += &format!("{ty} sum{i} = add(x = {last}, y = up{i});\n");
        last = format!("sum{i}");
    }
    let program = program("tensor<fp16, [1, 4]> x", &ops, &last);
    let findings = found(&program, &[set("a", vec![half(&[1, 4], [1.0, 0.5, -1.0, 0.25])])]);
    // 9^5 = 59049 is held; 8 times that is not.
    assert_eq!(findings.first_overflow.as_deref(), Some("main/up6"));
    let overflow = findings.op("main/up6").unwrap().overflow.as_ref().unwrap();
    assert_eq!((overflow.kind, overflow.value), (OverflowKind::Stored, 8.0 * 59049.0));
    assert_eq!(overflow.place.as_ref().unwrap().element, 0);
    // The sum reads an infinity: it is not the first to overflow.
    assert_eq!(findings.op("main/sum6").unwrap().overflow, None);
}

#[test]
fn squares_in_a_norm_overflow_although_its_result_is_small() {
    let ops = "tensor<int32, [1]> axes = const()[val = tensor<int32, [1]>([-1])];
         bool keep = const()[val = bool(true)];
         fp16 epsilon = const()[val = fp16(1e-5)];
         tensor<fp16, [1, 4]> squares = mul(x = x, y = x);
         tensor<fp16, [1, 1]> mean = reduce_mean(x = squares, axes = axes, keep_dims = keep);
         tensor<fp16, [1, 1]> scale = rsqrt(x = mean, epsilon = epsilon);
         tensor<fp16, [1, 4]> y = mul(x = x, y = scale);";
    let program = program("tensor<fp16, [1, 4]> x", ops, "y");
    let findings = found(
        &program,
        &[
            set("fits", vec![half(&[1, 4], [200.0, -100.0, 50.0, 3.0])]),
            set("large", vec![half(&[1, 4], [10.0, 300.0, 50.0, 3.0])]),
        ],
    );
    assert_eq!(findings.first_overflow.as_deref(), Some("main/squares"));
    let place =
        findings.op("main/squares").unwrap().overflow.as_ref().unwrap().place.clone().unwrap();
    assert_eq!((place.set.as_str(), place.element), ("large", 1));
    // The infinity counts as 65536, not 90000.
    assert!(findings.op("main/y").unwrap().error > 0.1);
    let only = found(&program, &[set("fits", vec![half(&[1, 4], [200.0, -100.0, 50.0, 3.0])])]);
    assert!(only.is_clean(), "{only}");
}

#[test]
fn a_state_is_followed_from_run_to_run() {
    let ops = "fp16 four = const()[val = fp16(4)];
         tensor<fp16, [1, 2]> old = read_state(input = memory);
         tensor<fp16, [1, 2]> scaled = mul(x = old, y = four);
         tensor<fp16, [1, 2]> new = add(x = scaled, y = x);
         write_state(data = new, input = memory);";
    let program = program("tensor<fp16, [1, 2]> x, state<tensor<fp16, [1, 2]>> memory", ops, "new");
    let steps = |count: usize| InputSet {
        name: format!("{count} runs"),
        steps: vec![vec![half(&[1, 2], [1.0, 100.0])]; count],
    };
    let few = found(&program, &[steps(3)]);
    assert!(few.is_clean(), "{few}");
    let many = found(&program, &[steps(3), steps(9)]);
    assert_eq!(many.first_overflow.as_deref(), Some("main/scaled"));
    let overflow = many.op("main/scaled").unwrap().overflow.as_ref().unwrap();
    let place = overflow.place.as_ref().unwrap();
    // 100 (4^n - 1) / 3 is beyond 65504 / 4 from n = 5 on.
    assert_eq!((overflow.set.as_deref(), place.step, place.element), (Some("9 runs"), 5, 1));
}

#[test]
fn an_error_that_is_passed_on_is_not_blamed_on_the_op_that_shows_it() {
    // 1 + 2^-12 loses its fraction where it is stored; the difference shows it.
    let ops = "fp32 small = const()[val = fp32(0.000244140625)];
         fp32 one = const()[val = fp32(1)];
         tensor<fp32, [2]> large = add(x = x, y = small);
         tensor<fp32, [2]> rest = sub(x = large, y = one);";
    let program = program("tensor<fp32, [2]> x", ops, "rest");
    let x = Tensor::from_f64(DataType::F32, vec![2], [1.0, 1.0]).unwrap();
    let findings = found(&program, &[set("a", vec![Value::Tensor(Array::from(x))])]);
    assert!(findings.op("main/large").unwrap().error < 0.001);
    let first = findings.first_divergence.as_ref().unwrap();
    assert_eq!((first.path.as_str(), first.cause), ("main/rest", Cause::Precision));
    let rest = findings.op("main/rest").unwrap();
    assert_eq!((rest.error, rest.max_absolute_error), (1.0, 2f64.powi(-12)));
}

#[test]
fn without_inputs_bounds_hold_for_all_and_random_inputs_show_what_happens() {
    let analysed = |scale: f64, range: Option<Range>| {
        let calibration = Calibration {
            ranges: range.map(|range| ("x".to_owned(), range)).into_iter().collect(),
            ..Calibration::default()
        };
        analyse(&layers(scale), &pool(), &calibration, &VerifyOptions::default()).unwrap()
    };
    let clean = analysed(1.0, None);
    assert!(clean.is_clean(), "{clean}");
    let forecasts = clean.ops.iter().map(|op| op.bound.as_ref().unwrap().forecast);
    assert!(forecasts.into_iter().all(|forecast| forecast == Forecast::Never));
    assert!(clean.to_string().contains("for all inputs within x [-6, 6]: 5 ops never overflow"));
    let large = analysed(1000.0, Some(Range::new(0.0, 255.0)));
    assert_eq!(large.first_overflow.as_deref(), Some("main/l2"));
    let forecast = |path: &str| large.op(path).unwrap().bound.as_ref().unwrap().forecast;
    assert_eq!((forecast("main/l1"), forecast("main/l2")), (Forecast::Never, Forecast::Possible));
}

#[test]
fn findings_are_the_same_each_time_and_can_be_written_as_json() {
    let run = || {
        let findings =
            analyse(&layers(100.0), &pool(), &Calibration::default(), &VerifyOptions::default());
        serde_json::to_value(findings.unwrap()).unwrap()
    };
    let json = run();
    assert_eq!(json, run());
    assert_eq!(json["engine"], "ane-emu");
    assert_eq!(json["ops"][0]["verdict"], "never");
    assert_eq!(json["ops"][0]["histogram"]["exponents"].as_array().unwrap().len(), 41);
}

#[test]
fn a_run_that_fails_says_which() {
    let program = layers(1.0);
    let wrong = [set("short", vec![half(&[1, 2], [1.0, 2.0])])];
    let error = verify(&program, &pool(), &wrong, &VerifyOptions::default()).unwrap_err();
    assert!(matches!(&error, VerifyError::Run { set, step: 0, .. } if set == "short"), "{error}");
    let options = VerifyOptions { function: Some("other".to_owned()), ..VerifyOptions::default() };
    assert!(matches!(verify(&program, &pool(), &[], &options), Err(VerifyError::Compile(_))));
}

#[test]
fn an_overflow_within_a_norm_is_an_overflow_though_its_result_is_finite() {
    let ops = "fp16 scale = const()[val = fp16(900)];
         tensor<fp16, [2, 4]> up = mul(x = x, y = scale);
         tensor<int32, [1]> axes = const()[val = tensor<int32, [1]>([1])];
         fp16 epsilon = const()[val = fp16(0.0001)];
         tensor<fp16, [2, 4]> norm = layer_norm(x = up, axes = axes, epsilon = epsilon);";
    let program = program("tensor<fp16, [2, 4]> x", ops, "norm");
    let rows = |size: f64| half(&[2, 4], (0..8).map(|i| size * f64::from(i % 4)));
    let findings =
        found(&program, &[set("small", vec![rows(0.01)]), set("large", vec![rows(1.0)])]);
    assert_eq!(findings.first_overflow.as_deref(), Some("main/norm"));
    let overflow = findings.op("main/norm").unwrap().overflow.as_ref().unwrap();
    assert_eq!((overflow.kind, overflow.set.as_deref()), (OverflowKind::Step, Some("large")));
    assert_eq!(overflow.value, 1350.0 * 1350.0);
    assert!(findings.to_string().contains("a step within it reaches 1822500"), "{findings}");
    assert!(found(&program, &[set("small", vec![rows(0.01)])]).is_clean());
}

#[test]
fn products_that_cancel_but_are_each_too_large_overflow_in_every_order() {
    let ops = matrix("w", 2, 2, |i, j| if i == 1 && j == 1 { -200.0 } else { 200.0 })
        + "tensor<fp16, [1, 2]> y = linear(x = x, weight = w);";
    let program = program("tensor<fp16, [1, 2]> x", &ops, "y");
    let verdict = |x: [f64; 2]| {
        let findings = found(&program, &[set("a", vec![half(&[1, 2], x)])]);
        findings.op("main/y").unwrap().verdict
    };
    assert_eq!(verdict([200.0, -200.0]), Verdict::Always);
    assert_eq!(verdict([100.0, -100.0]), Verdict::Always, "the other output is their sum: 40000");
    assert_eq!(verdict([80.0, -80.0]), Verdict::Never);
}

#[test]
fn what_goes_into_a_loop_beyond_fp16_is_blamed_on_the_input_and_what_grows_in_it_on_the_op() {
    let ops = "int32 none = const()[val = int32(0)]; int32 one = const()[val = int32(1)];
         int32 turns = const()[val = int32(3)]; fp16 scale = const()[val = fp16(30)];
         (int32 k, tensor<fp16, [2]> z) = while_loop(loop_vars = (none, x))
            (int32 i, tensor<fp16, [2]> v) { bool b = less(x = i, y = turns); } -> (b)
            (int32 i, tensor<fp16, [2]> v) {
                int32 next = add(x = i, y = one);
                tensor<fp16, [2]> grown = mul(x = v, y = scale);
            } -> (next, grown);
         tensor<fp16, [2]> y = abs(x = z);";
    let program = program("tensor<fp16, [2]> x", ops, "y");
    let on = |x: [f64; 2]| found(&program, &[set("a", vec![half(&[2], x)])]);
    assert!(on([1.0, -1.0]).is_clean());
    let grown = on([1.0, 10.0]);
    assert_eq!(grown.first_overflow, Some(grown.ops[1].path.clone()));
    assert!(grown.ops[1].path.ends_with("/grown"), "{grown}");
    let infinite = on([f64::INFINITY, f64::NAN]);
    assert_eq!((infinite.first_overflow, infinite.first_nan), (None, None));
    assert_eq!(infinite.unheld[0].path, "x");
}
