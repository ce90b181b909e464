//! A planted overflow and its clean twin, masks, states, control flow and flexible shapes.

use std::collections::BTreeMap;
use std::sync::Mutex;

use anemone_emu::accumulator::Verdict;
use anemone_emu::{Options, Recorder};
use anemone_engine::{Array, CompileOptions, Engine, Observer, RunContext, Value};
use anemone_ir::{Checked, Origin};
use anemone_tensor::DataType::F32;
use programs::{elements, emulator, half, literal, outputs, program, read, tensor};

#[allow(dead_code)]
mod programs;

/// Three layers of 4 numbers; those of the second weigh `weight`.
fn layers(weight: f64) -> Checked {
    let diagonal = |w: f64| {
        let each = |i: usize| if i.is_multiple_of(5) { w } else { w / 2.0 };
        literal(&[4, 4], &(0..16).map(each).collect::<Vec<_>>())
    };
    let ops = format!(
        "a = linear(x = x, weight = {}); r = relu(x = a); b = linear(x = r, weight = {}); \
         s = relu(x = b); c = linear(x = s, weight = {}); y = tanh(x = c);",
        diagonal(0.5),
        diagonal(weight),
        diagonal(0.001),
    );
    program("tensor<fp16, [1, 4]> x", &ops, "y")
}

/// Results by op.
#[derive(Default)]
struct Seen(Mutex<BTreeMap<String, Vec<f64>>>);

impl Observer for Seen {
    fn wants(&self, _: &Origin, _: usize) -> bool {
        true
    }

    fn observe(&self, origin: &Origin, _: usize, array: &Array) {
        let values = elements(&Value::Tensor(array.clone()));
        self.0.lock().unwrap().insert(origin.path.to_string(), values);
    }
}

/// Verdicts and results by op.
fn verdicts(program: &Checked, x: &[f64]) -> (BTreeMap<String, Verdict>, Seen) {
    let recorder = Recorder::default();
    let engine = emulator(Options::default().with_recorder(recorder.clone()));
    let plan = engine.compile(program, &CompileOptions::default()).unwrap();
    let seen = Seen::default();
    let context = RunContext { observer: Some(&seen), ..RunContext::default() };
    plan.session().run(&[half(&[1, 4], x)], None, &context).unwrap();
    let found = program.functions()["main"].nodes().iter().filter_map(|node| {
        let sums = recorder.sums(&node.origin)?;
        Some((node.origin.path.to_string(), sums.verdict))
    });
    (found.collect(), seen)
}

#[test]
fn a_planted_overflow_is_found_at_its_op_alone() {
    use Verdict::{Always, DependsOnOrder, Never};
    let by_op = |a, b, c| BTreeMap::from([("a".to_owned(), a), ("b".into(), b), ("c".into(), c)]);
    let x = [60.0, 40.0, 20.0, 80.0];
    let (found, seen) = verdicts(&layers(250.0), &x);
    assert_eq!(found, by_op(Never, Always, Never), "an infinity is 2^16 to the next layer");
    let seen = seen.0.into_inner().unwrap();
    assert!(seen["a"].iter().all(|value| value.is_finite()));
    assert!(seen["b"].iter().all(|value| *value == f64::INFINITY));
    let (found, seen) = verdicts(&layers(15.0), &x);
    assert_eq!(found, by_op(Never, Never, Never));
    assert!(seen.0.into_inner().unwrap().values().flatten().all(|value| value.is_finite()));
    // What cancels overflows in some orders.
    let weight = literal(&[1, 4], &[1.0, 1.0, -1.0, -1.0]);
    let ops = format!("y = linear(x = x, weight = {weight});");
    let (found, _) = verdicts(&program("tensor<fp16, [1, 4]> x", &ops, "y"), &[20000.0; 4]);
    assert_eq!(found["y"], DependsOnOrder);
}

#[test]
fn a_mask_of_minus_a_billion_is_negative_infinity() {
    let emulated = |ops: &str, x: &[f64]| {
        let n = x.len();
        programs::emulated(&format!("tensor<fp32, [{n}]> x"), ops, &[tensor(F32, &[n], x)])
    };
    let found = emulated("y = mul(x = x, y = fp32(-1e9));", &[0.0, 1.0]);
    assert_eq!(found[1], f64::NEG_INFINITY);
    let scores = "s = add(x = x, y = tensor<fp32, [3]>([0, 0, -1e9])); \
                  y = softmax(x = s, axis = int32(0));";
    assert_eq!(emulated(scores, &[2.0, 2.0, 5.0]), [0.5, 0.5, 0.0]);
    let all = "z = mul(x = x, y = fp32(0)); s = add(x = z, y = fp32(-1e9)); \
               y = softmax(x = s, axis = int32(0));";
    let found = emulated(all, &[2.0, 5.0]);
    assert!(found.iter().all(|value| value.is_nan()), "{found:?}");
    assert_eq!(emulated(&all.replace("-1e9", "-10000"), &[2.0, 5.0]), [0.5, 0.5]);
}

#[test]
fn a_state_holds_what_the_engine_stored() {
    let program = read(
        "program(1.0) { func main<ios18>(tensor<fp16, [2]> x, state<tensor<fp16, [2]>> sum) {
            tensor<fp16, [2]> before = read_state(input = sum);
            tensor<fp16, [2]> after = add(x = before, y = x);
            write_state(input = sum, data = after);
            tensor<fp16, [2]> y = read_state(input = sum);
        } -> (y); }",
    );
    let engine = emulator(Options::default());
    let plan = engine.compile(&program, &CompileOptions::default()).unwrap();
    let mut state = plan.new_state();
    let mut session = plan.session();
    for (x, expected) in [([2048.0, 1.0], [2048.0, 1.0]), ([1.0, 1.0], [2050.0, 2.0])] {
        let context = RunContext::default();
        let (found, receipt) =
            session.run(&[half(&[2], &x)], Some(state.as_mut()), &context).unwrap();
        assert_eq!(elements(&found[0]), expected);
        assert_eq!(receipt.engine, "ane-emu");
    }
}

#[test]
fn loops_and_flexible_shapes_compute_alike() {
    let program = read(
        "program(1.0) { func main<ios18>(tensor<fp16, [?, 2]> x) {
            (int32 k, tensor<fp16, [?, 2]> y) = while_loop(loop_vars = (int32(0), x))
              (int32 i, tensor<fp16, [?, 2]> v) { bool more = less(x = i, y = int32(3)); } -> (more)
              (int32 i, tensor<fp16, [?, 2]> v) {
                int32 j = add(x = i, y = int32(1));
                tensor<fp16, [?, 2]> w = linear(x = v,
                    weight = tensor<fp16, [2, 2]>([0, 16, 16, 0]), bias = tensor<fp16, [2]>([0, 0]));
              } -> (j, w);
        } -> (y); }",
    );
    let engine = emulator(Options::default());
    for rows in [1, 3] {
        let x: Vec<f64> = (0..rows).flat_map(|_| [1.0, 8.0]).collect();
        let expected: Vec<f64> = (0..rows).flat_map(|_| [f64::INFINITY, 4096.0]).collect();
        assert_eq!(outputs(&engine, &program, &[half(&[rows, 2], &x)])[0], expected);
    }
}
