//! The engine as its callers see it: sessions, states, sizes that only the data tells, rounding,
//! interruption. Programs are MIL text; numbers are simple enough to be known by hand.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anemone_cpu::CpuEngine;
use anemone_engine::{
    Array, Cancel, CompileOptions, Engine, Memory, Observer, OutputBuffer, OutputMemory, Plan,
    Rounding, RunContext, RunError, Value,
};
use anemone_ir::{Origin, check, text};
use anemone_tensor::{Buffer, DataType, Tensor};

fn plan(body: &str, threads: usize, rounding: Rounding) -> Arc<dyn Plan> {
    let source = format!("program(1.0)\n{{\n{body}\n}}");
    let mut no_weights = |_: &str, _: u64, _: &_| -> Result<Buffer, String> { Err("none".into()) };
    let program = text::parse(&source, &mut no_weights).unwrap_or_else(|e| panic!("{e}"));
    let checked = check(&program).unwrap_or_else(|e| panic!("{e}"));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let options = CompileOptions { rounding, ..CompileOptions::default() };
    CpuEngine::new(Arc::new(pool)).compile(&checked, &options).unwrap_or_else(|e| panic!("{e}"))
}

fn tensor(dtype: DataType, shape: &[usize], values: &[f64]) -> Value {
    let tensor = Tensor::from_f64(dtype, shape.to_vec(), values.iter().copied()).unwrap();
    Value::Tensor(Array::from(tensor))
}

fn run(plan: &Arc<dyn Plan>, inputs: &[Value]) -> Result<Vec<Value>, RunError> {
    plan.clone().session().run(inputs, None, &RunContext::default()).map(|(values, _)| values)
}

fn numbers(value: &Value) -> Vec<f64> {
    let Value::Tensor(array) = value else { panic!("not a tensor") };
    let tensor = array.to_tensor();
    (0..tensor.count()).map(|i| tensor.get_f64(i)).collect()
}

/// Branches that are alive at the same time, of sizes that tempt the planner to share memory.
const BRANCHES: &str = "
    func main<ios17>(tensor<fp32, [?, 4]> x) {
        tensor<fp32, [?, 4]> a = add(x = x, y = fp32(1.0));
        tensor<fp32, [?, 4]> b = mul(x = a, y = fp32(2.0));
        tensor<fp32, [?, 4]> c = sub(x = a, y = b);
        tensor<fp32, [4, ?]> d = transpose(x = b, perm = tensor<int32, [2]>([1, 0]));
        tensor<fp32, [?, 4]> e = mul(x = c, y = a);
        tensor<fp32, [4, ?]> f = add(x = d, y = fp32(0.5));
        tensor<fp32, [?, 4]> g = transpose(x = f, perm = tensor<int32, [2]>([1, 0]));
        tensor<fp32, [?, 4]> y = add(x = e, y = g);
    } -> (y, x, c);";

#[test]
fn values_that_live_at_the_same_time_do_not_share_memory() {
    let plan = plan(BRANCHES, 2, Rounding::F32);
    let mut session = plan.clone().session();
    for rows in [3, 1, 70, 3] {
        let values: Vec<f64> = (0..rows * 4).map(|i| i as f64).collect();
        let input = tensor(DataType::F32, &[rows, 4], &values);
        let (outputs, _) = session.run(&[input], None, &RunContext::default()).unwrap();
        let expected = |x: &f64| (x + 1.0) * -(x + 1.0) + 2.0 * (x + 1.0) + 0.5;
        assert_eq!(numbers(&outputs[0]), values.iter().map(expected).collect::<Vec<_>>());
        assert_eq!(numbers(&outputs[1]), values);
        assert_eq!(numbers(&outputs[2]), values.iter().map(|x| -(x + 1.0)).collect::<Vec<_>>());
    }
}

#[test]
fn sessions_of_one_plan_run_side_by_side() {
    let plan = plan(BRANCHES, 2, Rounding::F32);
    let input = tensor(DataType::F32, &[50, 4], &(0..200).map(f64::from).collect::<Vec<_>>());
    let alone = run(&plan, std::slice::from_ref(&input)).unwrap();
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| run(&plan, std::slice::from_ref(&input)).unwrap()))
            .collect();
        for handle in handles {
            assert_eq!(handle.join().unwrap(), alone);
        }
    });
}

#[test]
fn a_state_keeps_its_declared_type_from_run_to_run() {
    let source = "
        func main<ios18>(tensor<fp16, [2]> x, state<tensor<fp16, [2]>> sum) {
            tensor<fp16, [2]> before = read_state(input = sum);
            tensor<fp16, [2]> after = add(x = before, y = x);
            write_state(input = sum, data = after);
            tensor<fp16, [2]> read = read_state(input = sum);
        } -> (read);";
    let plan = plan(source, 1, Rounding::F32);
    assert_eq!(plan.signature().states[0].name, "sum");
    let (mut one, mut other) = (plan.new_state(), plan.new_state());
    let mut session = plan.clone().session();
    let step = tensor(DataType::F16, &[2], &[1.0, 2048.0]);
    for round in 1..=3 {
        let inputs = std::slice::from_ref(&step);
        let (outputs, _) = session.run(inputs, Some(&mut *one), &RunContext::default()).unwrap();
        // 2048 + 2048 + 2048 is exact; the state is rounded to fp16 each time it is written.
        assert_eq!(numbers(&outputs[0]), [f64::from(round), f64::from(round * 2048)]);
    }
    assert_eq!(other.read(0).unwrap().to_tensor().to_i64(), [0, 0]);
    other.write(0, &one.read(0).unwrap()).unwrap();
    assert_eq!(other.read(0).unwrap(), one.read(0).unwrap());
    let missing = session.run(std::slice::from_ref(&step), None, &RunContext::default());
    assert!(matches!(missing, Err(RunError::State(_))));
}

#[test]
fn sizes_that_only_the_data_tells_flow_through_later_ops() {
    let source = "
        func main<ios17>(tensor<fp32, [?]> x) {
            tensor<int32, [?, 1]> where = non_zero(x = x);
            tensor<int32, [?]> flat = squeeze(x = where, axes = tensor<int32, [1]>([1]));
            tensor<int32, [?]> y = add(x = flat, y = int32(10));
        } -> (y);";
    let plan = plan(source, 2, Rounding::F32);
    let mut session = plan.clone().session();
    for (values, expected) in [
        (vec![0.0, 3.0, 0.0, 1.0], vec![11.0, 13.0]),
        (vec![0.0, 0.0], vec![]),
        (vec![5.0], vec![10.0]),
    ] {
        let input = tensor(DataType::F32, &[values.len()], &values);
        let (outputs, _) = session.run(&[input], None, &RunContext::default()).unwrap();
        assert_eq!(numbers(&outputs[0]), expected);
    }
}

#[test]
fn an_overflow_shows_where_results_are_rounded_to_their_type() {
    let source = "
        func main<ios17>(tensor<fp16, [1]> x) {
            tensor<fp16, [1]> large = mul(x = x, y = x);
            tensor<fp16, [1]> y = mul(x = large, y = fp16(0.001));
        } -> (y);";
    let input = [tensor(DataType::F16, &[1], &[1000.0])];
    let exact = run(&plan(source, 1, Rounding::F32), &input).unwrap();
    assert!((numbers(&exact[0])[0] - 1000.0).abs() < 1.0);
    let declared = run(&plan(source, 1, Rounding::Declared), &input).unwrap();
    assert_eq!(numbers(&declared[0]), [f64::INFINITY]);
}

#[test]
fn a_run_stops_when_it_is_cancelled_or_late() {
    let plan = plan(BRANCHES, 1, Rounding::F32);
    let input = [tensor(DataType::F32, &[1, 4], &[0.0; 4])];
    let mut session = plan.clone().session();
    let cancel = Cancel::default();
    cancel.cancel();
    let context = RunContext { cancel: Some(&cancel), ..RunContext::default() };
    assert_eq!(session.run(&input, None, &context).unwrap_err(), RunError::Cancelled);
    let late = Instant::now() - Duration::from_millis(1);
    let context = RunContext { deadline: Some(late), ..RunContext::default() };
    assert!(matches!(session.run(&input, None, &context), Err(RunError::TimedOut(_))));
    assert!(session.run(&input, None, &RunContext::default()).is_ok());
}

#[test]
fn inputs_that_do_not_fit_are_named() {
    let plan = plan(BRANCHES, 1, Rounding::F32);
    let found = run(&plan, &[]).unwrap_err();
    assert_eq!(found, RunError::InputCount { expected: 1, found: 0 });
    let found = run(&plan, &[tensor(DataType::I32, &[1, 4], &[0.0; 4])]).unwrap_err();
    assert_eq!(found.to_string(), "input `x` is a tensor of int32, not a tensor of fp32");
    let found = run(&plan, &[tensor(DataType::F32, &[1, 5], &[0.0; 5])]).unwrap_err();
    assert!(matches!(found, RunError::InputShape { .. }), "{found}");
    let found = run(&plan, &[Value::String("text".into())]).unwrap_err();
    assert!(found.to_string().contains("a string"));
}

#[test]
fn an_observer_sees_values_by_their_origin() {
    #[derive(Default)]
    struct Seen(Mutex<Vec<(String, Vec<f64>)>>);
    impl Observer for Seen {
        fn wants(&self, origin: &Origin, _: usize) -> bool {
            &*origin.path == "b"
        }
        fn observe(&self, origin: &Origin, _: usize, value: &Array) {
            let values = numbers(&Value::Tensor(value.clone()));
            self.0.lock().unwrap().push((origin.to_string(), values));
        }
    }
    let plan = plan(BRANCHES, 1, Rounding::F32);
    let seen = Seen::default();
    let context = RunContext { observer: Some(&seen), ..RunContext::default() };
    let input = [tensor(DataType::F32, &[1, 4], &[0.0, 1.0, 2.0, 3.0])];
    plan.clone().session().run(&input, None, &context).unwrap();
    let seen = seen.0.into_inner().unwrap();
    assert_eq!(seen, [("main/b".to_owned(), vec![2.0, 4.0, 6.0, 8.0])]);
}

#[test]
fn outputs_are_written_to_the_memory_that_a_run_brings() {
    struct Piece(Vec<u8>);
    impl AsRef<[u8]> for Piece {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    impl OutputBuffer for Piece {
        fn as_mut_bytes(&mut self) -> &mut [u8] {
            &mut self.0
        }
        fn into_memory(self: Box<Self>) -> Memory {
            Memory::Foreign(Arc::new(*self))
        }
    }
    /// Has room for one piece of memory, which holds old bytes.
    #[derive(Default)]
    struct One(Mutex<Option<usize>>);
    impl OutputMemory for One {
        fn take(&self, bytes: usize) -> Option<Box<dyn OutputBuffer>> {
            let mut place = self.0.lock().unwrap();
            if place.is_some() {
                return None;
            }
            let piece = Piece(vec![0xff; bytes]);
            *place = Some(piece.0.as_ptr() as usize);
            Some(Box::new(piece))
        }
    }
    let plan = plan(BRANCHES, 1, Rounding::F32);
    let input = [tensor(DataType::F32, &[1, 4], &[0.0, 1.0, 2.0, 3.0])];
    let memory = One::default();
    let context = RunContext { memory: Some(&memory), ..RunContext::default() };
    let (outputs, receipt) = plan.clone().session().run(&input, None, &context).unwrap();
    assert_eq!(outputs, run(&plan, &input).unwrap());
    let Value::Tensor(first) = &outputs[0] else { panic!("not a tensor") };
    let place = first.dense_bytes().unwrap().as_ptr() as usize;
    assert_eq!(memory.0.into_inner().unwrap(), Some(place));
    assert_eq!(receipt.copies, 1 + 3);
}

#[test]
fn constants_are_folded_and_unused_ops_dropped() {
    let source = "
        func main<ios17>(tensor<fp32, [2]> x) {
            tensor<fp32, [2]> half = real_div(x = tensor<fp32, [2]>([1.0, 3.0]), y = fp32(2.0));
            tensor<fp32, [2]> unused = exp(x = x);
            tensor<fp32, [2]> y = add(x = x, y = half);
        } -> (y, half);";
    let plan = plan(source, 1, Rounding::F32);
    let outputs = run(&plan, &[tensor(DataType::F32, &[2], &[1.0, 1.0])]).unwrap();
    assert_eq!(numbers(&outputs[0]), [1.5, 2.5]);
    assert_eq!(numbers(&outputs[1]), [0.5, 1.5]);
    // Memory for `x` and `y` alone, each padded to 64 bytes.
    assert_eq!(plan.memory(&[vec![2]]).unwrap().arena, 128);
}
