//! Ranges hold every value of random programs, exact and emulated, and sums that are said never to
//! overflow do not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use anemone_cpu::{Arithmetic, Compute, CpuEngine, PrepareCtx, Stored};
use anemone_emu::accumulator::Verdict;
use anemone_emu::interval::{Forecast, Range, Ranges, ranges};
use anemone_emu::{Emulator, Options, Recorder};
use anemone_engine::{Array, CompileOptions, Engine, Observer, RunContext, Value};
use anemone_ir::{Checked, CheckedFunction, Origin, check, text};
use anemone_tensor::{DataType, Tensor};
use proptest::prelude::*;

/// Ops on `A` and `B`, tensors of [2, 4], with constants of the preamble.
const OPS: &[&str] = &[
    "add(x = A, y = B)",
    "sub(x = A, y = B)",
    "mul(x = A, y = B)",
    "mul(x = A, y = A)",
    "real_div(x = A, y = B)",
    "maximum(x = A, y = B)",
    "minimum(x = A, y = B)",
    "abs(x = A)",
    "add(x = A, y = row)",
    "mul(x = A, y = row)",
    "cos(x = A)",
    "erf(x = A)",
    "exp(x = A)",
    "exp2(x = A)",
    "floor(x = A)",
    "ceil(x = A)",
    "round(x = A)",
    "sign(x = A)",
    "inverse(x = A, epsilon = small)",
    "log(x = A, epsilon = small)",
    "rsqrt(x = A, epsilon = small)",
    "sqrt(x = A)",
    "square(x = A)",
    "sin(x = A)",
    "tanh(x = A)",
    "atan(x = A)",
    "clip(x = A, alpha = less, beta = more)",
    "threshold(x = A, alpha = less)",
    "pow(x = A, y = two)",
    "pow(x = A, y = more)",
    "relu(x = A)",
    "relu6(x = A)",
    "clamped_relu(x = A, alpha = less, beta = more)",
    "elu(x = A, alpha = more)",
    "gelu(x = A)",
    "leaky_relu(x = A, alpha = less)",
    "linear_activation(x = A, alpha = less, beta = more)",
    "scaled_tanh(x = A, alpha = less, beta = more)",
    "sigmoid(x = A)",
    "sigmoid_hard(x = A, alpha = less, beta = more)",
    "silu(x = A)",
    "softmax(x = A, axis = last)",
    "softplus(x = A)",
    "softsign(x = A)",
    "thresholded_relu(x = A, alpha = less)",
    "layer_norm(x = A, axes = axes, epsilon = small)",
    "layer_norm(x = A, axes = axes, gamma = gamma, beta = gamma, epsilon = small)",
    "linear(x = A, weight = square4)",
    "linear(x = A, weight = square4, bias = gamma)",
    "matmul(x = A, y = square4)",
    "matmul(x = A, y = square4, transpose_y = yes)",
    "matmul(x = square2, y = A)",
    "cumsum(x = A, axis = last)",
    "reverse(x = A, axes = axes)",
    "band_part(x = A)",
];

/// Ops that bring another shape, followed by ops that bring it back.
const PAIRS: &[(&str, &str, &str)] = &[
    ("2, 1", "reduce_sum(x = A, axes = axes, keep_dims = yes)", "add(x = T, y = zeros)"),
    ("2, 1", "reduce_mean(x = A, axes = axes, keep_dims = yes)", "add(x = T, y = zeros)"),
    ("2, 1", "reduce_max(x = A, axes = axes, keep_dims = yes)", "add(x = T, y = zeros)"),
    ("2, 1", "reduce_min(x = A, axes = axes, keep_dims = yes)", "add(x = T, y = zeros)"),
    ("2, 1", "reduce_prod(x = A, axes = axes, keep_dims = yes)", "add(x = T, y = zeros)"),
    ("2, 1", "reduce_l1_norm(x = A, axes = axes, keep_dims = yes)", "add(x = T, y = zeros)"),
    ("2, 1", "reduce_l2_norm(x = A, axes = axes, keep_dims = yes)", "add(x = T, y = zeros)"),
    ("2, 1", "reduce_sum_square(x = A, axes = axes, keep_dims = yes)", "add(x = T, y = zeros)"),
    ("2, 1", "reduce_log_sum_exp(x = A, axes = axes, keep_dims = yes)", "add(x = T, y = zeros)"),
    ("2, 1", "reduce_log_sum(x = A, axes = axes, keep_dims = yes)", "add(x = T, y = zeros)"),
    ("4, 4", "matmul(x = A, y = B, transpose_x = yes)", "matmul(x = A, y = T)"),
    ("2, 2", "matmul(x = A, y = B, transpose_y = yes)", "matmul(x = T, y = A)"),
    ("2, 2", "softmax(x = square2, axis = last)", "matmul(x = T, y = A)"),
    ("1, 2, 4", "reshape(x = A, shape = as_line)", "reshape(x = T, shape = plain)"),
    ("1, 2, 4", "expand_dims(x = A, axes = first)", "squeeze(x = CONV, axes = first)"),
    ("1, 2, 4", "expand_dims(x = A, axes = first)", "squeeze(x = TRANSPOSED, axes = first)"),
    ("1, 2, 4", "expand_dims(x = A, axes = first)", "squeeze(x = NORM, axes = first)"),
    ("1, 2, 4", "expand_dims(x = A, axes = first)", "squeeze(x = ATTENTION, axes = first)"),
    ("1, 2, 4", "expand_dims(x = A, axes = first)", "squeeze(x = MEAN, axes = first)"),
    ("1, 2, 4", "expand_dims(x = A, axes = first)", "squeeze(x = MOST, axes = first)"),
    ("1, 2, 4", "expand_dims(x = A, axes = first)", "squeeze(x = BATCH, axes = first)"),
    ("1, 2, 4", "expand_dims(x = A, axes = first)", "squeeze(x = EINSUM, axes = first)"),
    ("1, 2, 4", "expand_dims(x = A, axes = first)", "squeeze(x = CHOSEN, axes = first)"),
    ("1, 2, 4", "expand_dims(x = A, axes = first)", "squeeze(x = ROWS, axes = first)"),
    (
        "2, 8",
        "concat(values = (A, B), axis = last, interleave = no)",
        "slice_by_size(x = T, begin = begin, size = plain)",
    ),
    ("4, 2", "transpose(x = A, perm = perm)", "reshape(x = T, shape = plain)"),
];

fn half(value: f64) -> f64 {
    Tensor::from_f64(DataType::F16, vec![], [value]).unwrap().get_f64(0)
}

fn constant(ty: &str, name: &str, values: &[f64]) -> String {
    let values = values.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
    let value = if ty.contains('[') && ty.contains("tensor") {
        format!("{ty}([{values}])")
    } else {
        format!("{ty}({values})")
    };
    format!("{ty} {name} = const()[val = {value}];\n")
}

/// A program of the chosen ops, each on earlier values.
fn source(chosen: &[(usize, usize, usize)], weights: &[f64]) -> String {
    let mut ops = [
        constant("fp16", "small", &[1e-5]),
        constant("fp16", "less", &[weights[0] / 16.0]),
        constant("fp16", "more", &[(weights[0].abs() + weights[1].abs()) / 8.0 + 0.5]),
        constant("fp16", "two", &[2.0]),
        constant("int32", "last", &[-1.0]),
        constant("tensor<int32, [1]>", "axes", &[-1.0]),
        constant("tensor<int32, [1]>", "first", &[0.0]),
        constant("tensor<int32, [2]>", "begin", &[0.0, 3.0]),
        constant("tensor<int32, [2]>", "plain", &[2.0, 4.0]),
        constant("tensor<int32, [2]>", "perm", &[1.0, 0.0]),
        constant("tensor<int32, [3]>", "as_line", &[1.0, 2.0, 4.0]),
        "bool yes = const()[val = bool(true)];\nbool no = const()[val = bool(false)];\n".to_owned(),
        "string same = const()[val = string(\"same\")];\n".to_owned(),
        constant("tensor<fp16, [2, 4]>", "zeros", &[0.0; 8]),
        constant("tensor<fp16, [1, 4]>", "row", &weights[..4]),
        constant("tensor<fp16, [4]>", "gamma", &weights[4..8]),
        constant("tensor<fp16, [4, 4]>", "square4", &weights[..16]),
        constant("tensor<fp16, [2, 2]>", "square2", &weights[3..7]),
        constant("tensor<fp16, [2, 2, 3]>", "kernel", &weights[2..14]),
        constant("tensor<fp16, [2]>", "shift", &weights[5..7]),
        constant("tensor<fp16, [2]>", "gain", &weights[9..11]),
        constant("tensor<fp16, [2]>", "variance", &[0.5, weights[2].abs()]),
        constant("tensor<int32, [1]>", "three", &[3.0]),
        constant("tensor<int32, [1]>", "one", &[1.0]),
        constant("tensor<int32, [2]>", "places", &[1.0, 0.0]),
        constant("int32", "middle", &[1.0]),
        constant("tensor<fp16, [4, 2, 4]>", "cube", &[weights, weights].concat()),
        "string equation = const()[val = string(\"chw,whu->chu\")];\n".to_owned(),
    ]
    .concat();
    for (i, (op, a, b)) in chosen.iter().enumerate() {
        let name = |from: usize| match from % (i + 1) {
            0 => "x".to_owned(),
            n => format!("v{n}"),
        };
        let (a, b, out) = (name(*a), name(*b), i + 1);
        let put =
            |text: &str| text.replace('A', &a).replace('B', &b).replace('T', &format!("t{out}"));
        let op = op % (OPS.len() + PAIRS.len());
        if let Some(text) = OPS.get(op) {
            ops += &format!("tensor<fp16, [2, 4]> v{out} = {};\n", put(text));
            continue;
        }
        let (shape, text, back) = PAIRS[op - OPS.len()];
        ops += &format!("tensor<fp16, [{shape}]> t{out} = {};\n", put(text));
        let between = [
            ("CONV", format!("conv(x = t{out}, weight = kernel, bias = shift, pad_type = same)")),
            (
                "TRANSPOSED",
                format!(
                    "conv_transpose(x = t{out}, weight = kernel, bias = shift, pad_type = same)"
                ),
            ),
            (
                "MEAN",
                format!(
                    "avg_pool(x = t{out}, kernel_sizes = three, strides = one, pad_type = same)"
                ),
            ),
            (
                "MOST",
                format!(
                    "max_pool(x = t{out}, kernel_sizes = three, strides = one, pad_type = same)"
                ),
            ),
            (
                "BATCH",
                format!(
                    "batch_norm(x = t{out}, mean = shift, variance = variance, gamma = gain, \
                     beta = shift, epsilon = small)"
                ),
            ),
            ("EINSUM", format!("einsum(values = (t{out}, cube), equation = equation)")),
            ("CHOSEN", format!("select(cond = yes, a = t{out}, b = t{out})")),
            ("ROWS", format!("gather(x = t{out}, indices = places, axis = middle)")),
            ("NORM", format!("instance_norm(x = t{out}, epsilon = small)")),
            (
                "ATTENTION",
                format!(
                    "scaled_dot_product_attention(query = t{out}, key = t{out}, value = t{out})"
                ),
            ),
        ];
        let back = match between.iter().find(|(word, _)| back.contains(word)) {
            Some((word, text)) => {
                ops += &format!("tensor<fp16, [1, 2, 4]> u{out} = {text};\n");
                back.replace(word, &format!("u{out}"))
            }
            None => put(back),
        };
        ops += &format!("tensor<fp16, [2, 4]> v{out} = {back};\n");
    }
    let outputs: Vec<String> = (1..=chosen.len()).map(|i| format!("v{i}")).collect();
    let outputs = outputs.join(", ");
    format!(
        "program(1.0) {{ func main<ios18>(tensor<fp16, [2, 4]> x) {{ {ops} }} -> ({outputs}); }}"
    )
}

fn parsed(source: &str) -> Checked {
    let program = text::parse(source, &mut |_, _, _| Err("no weights".to_owned()));
    check(&program.unwrap_or_else(|error| panic!("{error}\n{source}"))).unwrap_or_else(|error| {
        panic!("{error}\n{source}");
    })
}

struct Exact;

impl Arithmetic for Exact {
    fn engine(&self) -> &'static str {
        "exact"
    }

    fn kernel(&self, _: &mut PrepareCtx<'_>) -> Result<Option<Box<dyn Compute>>, String> {
        Ok(None)
    }

    fn store(&self, _: Stored, _: &mut [f32]) {}
}

/// Checks each value against its range.
struct Judge<'a> {
    function: &'a CheckedFunction,
    ranges: &'a Ranges,
    faults: Mutex<Vec<String>>,
}

impl Observer for Judge<'_> {
    fn wants(&self, _: &Origin, _: usize) -> bool {
        true
    }

    fn observe(&self, origin: &Origin, output: usize, value: &Array) {
        let nodes = self.function.nodes();
        let node = nodes.iter().find(|node| node.origin == *origin).unwrap();
        let range = self.ranges.value(node.outputs[output]);
        for value in value.to_tensor().to_f32() {
            if !range.holds(value.into()) {
                let fault = format!("{origin} ({}): {value} is not in {range:?}", node.op.name());
                self.faults.lock().unwrap().push(fault);
            }
        }
    }
}

fn judge(source: &str, range: Range, values: &[f64]) {
    let program = parsed(source);
    let function = &program.functions()["main"];
    let ranges = ranges(function, &BTreeMap::from([("x".to_owned(), range)]));
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap());
    let recorder = Recorder::default();
    let options = Options::default().with_recorder(recorder.clone());
    let engines: [Box<dyn Engine>; 2] = [
        Box::new(Emulator::new(pool.clone(), options)),
        Box::new(CpuEngine::with_arithmetic(pool, Arc::new(Exact))),
    ];
    let x = Tensor::from_f64(DataType::F16, vec![2, 4], values.iter().copied()).unwrap();
    for engine in engines {
        let plan = engine.compile(&program, &CompileOptions::default()).unwrap();
        let judge = Judge { function, ranges: &ranges, faults: Mutex::default() };
        let context = RunContext { observer: Some(&judge), ..RunContext::default() };
        let inputs = [Value::Tensor(Array::from(x.clone()))];
        plan.session().run(&inputs, None, &context).unwrap();
        let faults = judge.faults.into_inner().unwrap();
        assert!(
            faults.is_empty(),
            "{}: {}\n{source}\nx in {range:?}: {values:?}",
            engine.name(),
            faults[0]
        );
    }
    for bound in ranges.sums() {
        let Some(sums) = recorder.sums(&bound.origin) else { continue };
        assert!(
            bound.lowest <= sums.lowest && sums.highest <= bound.highest,
            "{}: sums from {} to {} are not in {bound:?}\n{source}\n{values:?}",
            bound.origin,
            sums.lowest,
            sums.highest
        );
        if bound.forecast == Forecast::Never {
            assert_eq!(sums.verdict, Verdict::Never);
        }
    }
}

/// Numbers of fp16 within a range of any size, its ends among them.
fn inputs() -> impl Strategy<Value = (Range, Vec<f64>)> {
    let end = (-1.0..1.0f64, -8i32..17).prop_map(|(m, e)| half(m * 2f64.powi(e)));
    let part = prop_oneof![Just(0.0), Just(1.0), 0.0..1.0f64];
    (end.clone(), end, prop::collection::vec(part, 8)).prop_map(|(a, b, parts)| {
        let range = Range::new(a.clamp(-65504.0, 65504.0), b.clamp(-65504.0, 65504.0));
        let (low, high) = (range.lowest, range.highest);
        let at = |part: f64| half(low + part * (high - low)).clamp(low, high);
        (range, parts.into_iter().map(at).collect())
    })
}

fn weights() -> impl Strategy<Value = Vec<f64>> {
    (prop::collection::vec(-1.0..1.0f64, 16), -3i32..9)
        .prop_map(|(all, e)| all.into_iter().map(|w| half(w * 2f64.powi(e))).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_value_of_a_random_program_lies_in_its_range(
        chosen in prop::collection::vec((0usize..1000, 0usize..8, 0usize..8), 1..8),
        (range, values) in inputs(),
        weights in weights(),
    ) {
        judge(&source(&chosen, &weights), range, &values);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_op_alone_keeps_its_range((range, values) in inputs(), weights in weights()) {
        for op in 0..OPS.len() + PAIRS.len() {
            judge(&source(&[(op, 0, 0)], &weights), range, &values);
        }
    }
}

/// The ranges of a function of these inputs, and it.
fn ranges_of(
    inputs: &str,
    ops: &str,
    outputs: &str,
    given: &[(&str, Range)],
) -> (CheckedFunction, Ranges) {
    let source =
        format!("program(1.0) {{ func main<ios18>({inputs}) {{ {ops} }} -> ({outputs}); }}");
    let function = parsed(&source).functions()["main"].clone();
    let given = given.iter().map(|(name, range)| ((*name).to_owned(), *range)).collect();
    let found = ranges(&function, &given);
    (function, found)
}

fn output((function, ranges): &(CheckedFunction, Ranges), index: usize) -> Range {
    ranges.value(function.outputs()[index])
}

#[test]
fn branches_are_joined_and_loops_widened() {
    let found = ranges_of(
        "tensor<fp16, [2]> x, bool p, int32 n",
        "tensor<fp16, [2]> y = cond(pred = p)
           () { tensor<fp16, [2]> a = relu6(x = x); } -> (a)
           () { tensor<fp16, [2]> b = sigmoid(x = x); tensor<fp16, [2]> c = mul(x = b, y = fp16(-2)); } -> (c);
         (int32 k, tensor<fp16, [2]> z, tensor<fp16, [2]> s) = while_loop(loop_vars = (int32(0), x, x))
           (int32 i, tensor<fp16, [2]> v, tensor<fp16, [2]> w) { bool more = less(x = i, y = n); } -> (more)
           (int32 i, tensor<fp16, [2]> v, tensor<fp16, [2]> w) {
             int32 j = add(x = i, y = int32(1));
             tensor<fp16, [2]> next = mul(x = v, y = fp16(2));
             tensor<fp16, [2]> held = tanh(x = w);
           } -> (j, next, held);",
        "y, z, s",
        &[("x", Range::new(-3.0, 50.0))],
    );
    let (y, z, s) = (output(&found, 0), output(&found, 1), output(&found, 2));
    assert_eq!((y.lowest, y.highest), (-2.0, 6.0));
    assert!(!z.is_finite(), "{z:?}");
    assert_eq!((s.lowest, s.highest), (-3.0, 50.0), "what stays in bounds keeps them");
}

#[test]
fn a_state_holds_what_is_written_in_any_run() {
    let ops = |write: &str| {
        format!(
            "tensor<fp16, [2, 4]> old = read_state(input = memory);
             tensor<fp16, [2, 4]> new = {write};
             write_state(data = new, input = memory);"
        )
    };
    let inputs = "tensor<fp16, [1, 4]> x, state<tensor<fp16, [2, 4]>> memory";
    let given = [("x", Range::new(-3.0, 5.0))];
    let update = "slice_update(x = old, update = x, begin = tensor<int32, [2]>([0, 0]), end = tensor<int32, [2]>([1, 4]))";
    let cached = output(&ranges_of(inputs, &ops(update), "new", &given), 0);
    assert_eq!((cached.lowest, cached.highest), (-3.0, 5.0));
    let sums = output(&ranges_of(inputs, &ops("add(x = old, y = x)"), "new", &given), 0);
    assert!(!sums.is_finite(), "{sums:?}");
}

#[test]
fn weights_of_a_softmax_add_up_to_one() {
    let found = ranges_of(
        "tensor<fp16, [2, 4096]> x, tensor<fp16, [4096, 8]> v",
        "tensor<fp16, [2, 4096]> w = softmax(x = x, axis = int32(-1));
         tensor<fp16, [2, 8]> y = matmul(x = w, y = v);
         tensor<fp16, [2, 8]> z = matmul(x = x, y = v);",
        "y, z",
        &[("x", Range::size(10.0)), ("v", Range::size(100.0))],
    );
    let forecasts: Vec<Forecast> = found.1.sums().iter().map(|sums| sums.forecast).collect();
    assert_eq!(forecasts, [Forecast::Never, Forecast::Possible]);
    assert!(output(&found, 0).largest() < 102.0);
}

#[test]
fn what_has_no_rule_or_no_range_is_said() {
    let found = ranges_of(
        "tensor<fp16, [2, 4]> x, tensor<fp16, [2, 4]> open",
        "tensor<fp16, [2, 4]> y = tan(x = x);
         tensor<fp16, [2, 2]> z = matmul(x = y, y = x, transpose_y = bool(true));",
        "y, z, open",
        &[("x", Range::size(1.0))],
    );
    let [without] = found.1.without_rule() else { panic!("one op has no rule") };
    assert_eq!((&*without.origin.path, without.why), ("y", "it has poles"));
    assert_eq!(found.1.sums()[0].forecast, Forecast::Unknown);
    assert_eq!((output(&found, 0), output(&found, 2)), (Range::ANY, Range::ANY));
}
