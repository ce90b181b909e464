//! Tests of artificial engines through the traits that the manager sees.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anemone_engine::{
    Array, Cancel, ErrorKind, MemoryEstimate, Plan, Precision, Receipt, RunContext, RunError, Value,
};
use anemone_tensor::{DataType, Tensor};

use super::*;
use crate::loader::{Artefacts, Compilation, LoadError, Loaded, Loader, Shapes};

const EXACT: Compilation<'static> = Compilation {
    engine: "artificial",
    function: None,
    precision: Precision::Exact,
    artefacts: None,
};

fn world(model: &ArtificialModel) -> Artificial {
    let world = Artificial::with_engines(&[ArtificialEngine::FIRST, ArtificialEngine::SECOND]);
    world.add("m", model.clone());
    world
}

fn load(world: &Artificial) -> Result<Loaded, LoadError> {
    world.load(Path::new("m"), &EXACT)
}

fn plan(world: &Artificial) -> Arc<dyn Plan> {
    load(world).unwrap().plan
}

fn run(plan: &Arc<dyn Plan>, inputs: &[Value]) -> Result<(Vec<Value>, Receipt), RunError> {
    plan.clone().session().run(inputs, None, &RunContext::default())
}

fn panics<T>(act: impl FnOnce() -> T) -> bool {
    catch_unwind(AssertUnwindSafe(act)).is_err()
}

fn numbers(value: &Value) -> Vec<f32> {
    let Value::Tensor(array) = value else { panic!("{value:?} is no tensor") };
    array.to_tensor().to_f32()
}

fn ints(shape: [usize; 2], values: &[i32]) -> Value {
    let values = values.iter().map(|&value| f64::from(value));
    Value::Tensor(Array::from(Tensor::from_f64(DataType::I32, shape.to_vec(), values).unwrap()))
}

#[test]
fn each_row_of_a_batch_is_what_the_row_alone_gives() {
    let model = ArtificialModel { has_positions: true, ..ArtificialModel::tokens() };
    let plan = plan(&world(&model));
    let batch = model.request(5, 6, 1);
    let (outputs, _) = run(&plan, &batch).unwrap();
    assert_eq!(outputs, model.expected(&batch).unwrap());
    let values = numbers(&batch[0]);
    let mut seen = Vec::new();
    for row in 0..5 {
        let alone: Vec<i32> = values[row * 6..][..6].iter().map(|&value| value as i32).collect();
        let (alone, _) = run(&plan, &[ints([1, 6], &alone), ints([1, 6], &[1; 6])]).unwrap();
        for (alone, all) in alone.iter().zip(&outputs) {
            let width = numbers(alone).len();
            assert_eq!(numbers(alone), numbers(all)[row * width..][..width]);
        }
        seen.push(numbers(&alone[0]));
    }
    seen.dedup();
    assert_eq!(seen.len(), 5, "rows can be told apart");
}

#[test]
fn the_order_of_values_in_a_row_shows() {
    let plan = plan(&world(&ArtificialModel::tokens()));
    let sums = |values: [i32; 3]| {
        numbers(&run(&plan, &[ints([1, 3], &values), ints([1, 3], &[1; 3])]).unwrap().0[0])
    };
    assert_ne!(sums([1, 2, 3]), sums([2, 1, 3]));
    // Weights by position are 1, 8 and 2 for the first sum.
    assert_eq!(sums([1, 2, 3])[0], 1.0 + 16.0 + 6.0);
}

#[test]
fn what_is_masked_at_the_end_changes_nothing() {
    let plan = plan(&world(&ArtificialModel::tokens()));
    let short = [ints([1, 2], &[5, 6]), ints([1, 2], &[1, 1])];
    let long = [ints([1, 4], &[5, 6, 9, 9]), ints([1, 4], &[1, 1, 0, 0])];
    assert_eq!(run(&plan, &short).unwrap().0, run(&plan, &long).unwrap().0);
}

#[test]
fn inputs_that_are_not_the_models_are_refused() {
    let plan = plan(&world(&ArtificialModel::enumerated(&[1, 8], &[4])));
    let right = ints([1, 4], &[1; 4]);
    let float = Value::Tensor(Array::from_f32(vec![1, 4], &[0.0; 4]).unwrap());
    for (inputs, expected) in [
        (vec![right.clone()], "2 inputs are needed, 1 were given"),
        (vec![right.clone(), float], "input `mask` is a tensor of fp32, not a tensor of int32"),
        (vec![right.clone(), Value::String(String::new())], "input `mask` is a string, not"),
        (vec![ints([1, 3], &[1; 3]), right.clone()], "has shape [1, 3], not one of [[1, 4],"),
        (vec![right, ints([8, 4], &[1; 32])], "input `mask` has shape [8, 4], not [1, 4]"),
    ] {
        let error = run(&plan, &inputs).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn the_signature_tells_free_and_listed_sizes() {
    let loaded = load(&world(&ArtificialModel::enumerated(&[1, 8], &[4]))).unwrap();
    let signature = loaded.plan.signature();
    let types = |ports: &[anemone_engine::Port]| -> Vec<String> {
        ports.iter().map(|port| format!("{} {}", port.name, port.ty)).collect()
    };
    assert_eq!(signature.symbols.len(), 4);
    assert_eq!(types(&signature.inputs), ["values int32[s0, s1]", "mask int32[s2, s3]"]);
    assert_eq!(types(&signature.outputs), ["sums fp32[s0, 4]"]);
    let listed = Shapes::Listed(vec![vec![1, 4], vec![8, 4]]);
    assert_eq!(loaded.shapes, [listed.clone(), listed]);
    let rows = plan(&world(&ArtificialModel::sequence(3)));
    assert_eq!(types(&rows.signature().inputs), ["values fp32[s0, 3]"]);
    assert_eq!(types(&rows.signature().states), ["sum fp32[1]"]);
}

#[test]
fn a_sequence_runs_on_from_its_state() {
    let model = ArtificialModel::sequence(2);
    let world = world(&model);
    let plan = plan(&world);
    let (mut session, mut state) = (plan.clone().session(), plan.new_state());
    let (first, second) = (model.request(2, 2, 1), model.request(1, 2, 2));
    let context = RunContext::default();
    session.run(&first, Some(&mut *state), &context).unwrap();
    let after_first = state.read(0).unwrap();
    let (outputs, _) = session.run(&second, Some(&mut *state), &context).unwrap();
    assert_eq!(outputs, model.expected_after(&[&first], &second).unwrap());
    state.write(0, &after_first).unwrap();
    assert_eq!(session.run(&second, Some(&mut *state), &context).unwrap().0, outputs);
    assert!(matches!(session.run(&second, None, &context), Err(RunError::State(_))));
    assert!(state.read(1).is_err());
    assert!(state.write(0, &Array::from_f32(vec![2], &[0.0; 2]).unwrap()).is_err());

    let live = Live { plans: 1, sessions: 1, states: 1 };
    assert_eq!(world.live(), live);
    drop((plan, session, state));
    assert_eq!(world.live(), Live::default());
}

#[test]
fn the_receipt_tells_the_cost_on_its_engine() {
    let us = Duration::from_micros;
    let cost = Cost { fixed: us(5), per_row: us(1), ..Cost::default() };
    let slow = Cost { fixed: us(50), ..Cost::default() };
    let model =
        ArtificialModel { cost, costs: vec![("artificial-2", slow)], ..ArtificialModel::rows(2) };
    let world = world(&model);
    for (engine, compute) in [("artificial", us(8)), ("artificial-2", us(50))] {
        let options = Compilation { engine, ..EXACT };
        let plan = world.load(Path::new("m"), &options).unwrap().plan;
        let (_, receipt) = run(&plan, &model.request(3, 2, 0)).unwrap();
        assert_eq!((receipt.engine, receipt.compute), (engine, compute));
    }
    let engines: Vec<_> = world.runs().iter().map(|run| (run.engine, run.rows)).collect();
    assert_eq!(engines, [("artificial", 3), ("artificial-2", 3)]);
    world.forget();
    assert!(world.runs().is_empty());
}

#[test]
fn every_fault_of_a_run_happens_and_passes() {
    let model = ArtificialModel { has_positions: true, ..ArtificialModel::rows(2) };
    let world = world(&model);
    let plan = plan(&world);
    let inputs = model.request(2, 2, 0);
    let next = |fault| {
        world.fault("m", fault, When::Next(1));
        run(&plan, &inputs)
    };
    assert!(panics(|| next(Fault::Panic)));
    for error in [
        RunError::Memory { bytes: 9 },
        RunError::Cancelled,
        RunError::TimedOut(Duration::ZERO),
        RunError::Internal("x".to_owned()),
    ] {
        assert_eq!(next(Fault::Error(error.clone())), Err(error));
    }
    assert_eq!(next(Fault::op("x")).unwrap_err().to_string(), "`main/sums` (`reduce_sum`): x");
    assert_eq!(next(Fault::OutputCount).unwrap().0.len(), 1);
    for (fault, dtype, shape) in [
        (Fault::OutputShape, DataType::F32, [3, 1]),
        (Fault::OutputType, DataType::I32, [2, 1]),
        (Fault::OutputValue(f32::NAN), DataType::F32, [2, 1]),
    ] {
        let (outputs, _) = next(fault).unwrap();
        let Value::Tensor(array) = &outputs[0] else { panic!("{outputs:?}") };
        assert_eq!((array.dtype(), array.shape()), (dtype, &shape[..]));
    }
    assert!(numbers(&next(Fault::OutputValue(f32::INFINITY)).unwrap().0[0])[1].is_infinite());
    assert_eq!(run(&plan, &inputs).unwrap().0, model.expected(&inputs).unwrap());
}

#[test]
fn a_fault_may_come_with_a_row() {
    let model = ArtificialModel::rows(1);
    let world = world(&model);
    let plan = plan(&world);
    world.fault("m", Fault::op("a bad row"), When::RowBegins(7.0));
    let rows =
        |values: &[f32]| [Value::Tensor(Array::from_f32(vec![values.len(), 1], values).unwrap())];
    assert!(run(&plan, &rows(&[1.0, 7.0])).is_err());
    assert!(run(&plan, &rows(&[1.0, 8.0])).is_ok());
    world.heal("m");
    assert!(run(&plan, &rows(&[7.0])).is_ok());
}

#[test]
fn faults_on_one_engine_spare_the_other() {
    let model = ArtificialModel::rows(2);
    let world = world(&model);
    world.fault_on("artificial-2", "m", Fault::op("broken"), When::Always);
    let second = Compilation { engine: "artificial-2", ..EXACT };
    let inputs = model.request(1, 2, 0);
    assert!(run(&world.load(Path::new("m"), &second).unwrap().plan, &inputs).is_err());
    assert!(run(&plan(&world), &inputs).is_ok());
}

#[test]
fn loading_memory_and_sessions_fail_as_they_are_told() {
    let world = world(&ArtificialModel::rows(2));
    world.fault("m", Fault::LoadError(ErrorKind::Device), When::Next(1));
    assert_eq!(load(&world).err().map(|error| error.kind), Some(ErrorKind::Device));
    world.fault("m", Fault::LoadPanic, When::Next(1));
    assert!(panics(|| load(&world)));
    let plan = plan(&world);
    world.fault("m", Fault::MemoryPanic, When::Next(1));
    assert!(panics(|| plan.memory(&[vec![1, 2]])));
    world.fault("m", Fault::MemoryError(RunError::Memory { bytes: 1 }), When::Next(1));
    assert!(plan.memory(&[vec![1, 2]]).is_err());
    world.fault("m", Fault::SessionPanic, When::Next(1));
    assert!(panics(|| plan.clone().session()));
    drop(plan);
    assert_eq!(world.live(), Live::default());
}

#[test]
fn what_is_not_there_cannot_be_loaded() {
    let world = world(&ArtificialModel::rows(2));
    for (path, options, kind) in [
        ("other", EXACT, ErrorKind::NotFound),
        ("m", Compilation { function: Some("f"), ..EXACT }, ErrorKind::NotFound),
        ("m", Compilation { engine: "artificial-3", ..EXACT }, ErrorKind::Unsupported),
        (
            "m",
            Compilation { engine: "artificial-2", precision: Precision::Int8, ..EXACT },
            ErrorKind::Unsupported,
        ),
    ] {
        let error = world.load(Path::new(path), &options).err().unwrap();
        assert_eq!((error.kind, error.path.as_path()), (kind, Path::new(path)));
    }
    world.remove("m");
    assert!(world.identify(Path::new("m")).is_err());
}

#[test]
fn memory_grows_with_the_shape() {
    let memory = ArtificialMemory {
        constants: 1000,
        packed: 100,
        arena: 10,
        arena_per_row: 3,
        arena_per_token: 2,
        state: 7,
    };
    let plan = plan(&world(&ArtificialModel { memory, ..ArtificialModel::tokens() }));
    let estimate = MemoryEstimate {
        constants: 1000,
        packed: 100,
        arena: 10 + 12 + 40,
        outputs: 4 * 4 * 4,
        state: 7,
    };
    assert_eq!(plan.memory(&[vec![4, 5], vec![4, 5]]), Ok(estimate));
    assert!(plan.memory(&[vec![4, 5]]).is_err());
    assert!(plan.memory(&[vec![4], vec![4]]).is_err());
}

#[test]
fn a_run_at_a_gate_ends_when_it_is_cancelled() {
    let gate = Gate::new();
    let model = ArtificialModel { cost: Cost::gate(&gate), ..ArtificialModel::rows(2) };
    let (plan, cancel) = (plan(&world(&model)), Cancel::default());
    let (inputs, flag) = (model.request(1, 2, 0), cancel.clone());
    let thread = std::thread::spawn(move || {
        let context = RunContext { cancel: Some(&flag), ..RunContext::default() };
        plan.session().run(&inputs, None, &context).map(|_| ())
    });
    gate.wait_for_started(1);
    cancel.cancel();
    assert_eq!(thread.join().unwrap(), Err(RunError::Cancelled));
    assert_eq!(gate.finished(), 1);
}

#[test]
fn a_deaf_run_sees_neither_cancellation_nor_deadline() {
    let cancel = Cancel::default();
    cancel.cancel();
    let deadline = Some(Instant::now());
    let context = RunContext { cancel: Some(&cancel), deadline, ..RunContext::default() };
    for is_deaf in [false, true] {
        let model = ArtificialModel { is_deaf, ..ArtificialModel::rows(2) };
        let mut session = plan(&world(&model)).session();
        let ran = session.run(&model.request(1, 2, 0), None, &context).map(|_| ());
        assert_eq!(ran, if is_deaf { Ok(()) } else { Err(RunError::Cancelled) });
    }
}

#[test]
fn a_hang_lasts_until_it_is_let_through() {
    let model = ArtificialModel::rows(2);
    let world = world(&model);
    let (plan, gate) = (plan(&world), Gate::new());
    world.fault("m", Fault::Hang(gate.clone()), When::Next(1));
    let inputs = model.request(1, 2, 0);
    let thread = std::thread::spawn(move || {
        let deadline = Some(Instant::now());
        plan.session().run(&inputs, None, &RunContext { deadline, ..RunContext::default() })
    });
    gate.wait_for_started(1);
    gate.open();
    assert!(matches!(thread.join().unwrap(), Err(RunError::TimedOut(_))));
}

#[test]
fn a_plan_is_kept_among_the_artefacts() {
    #[derive(Default)]
    struct Kept(Mutex<HashMap<String, Vec<u8>>>);
    impl Artefacts for Kept {
        fn get(&self, name: &str) -> Option<Vec<u8>> {
            self.0.lock().unwrap().get(name).cloned()
        }
        fn put(&self, name: &str, bytes: &[u8]) {
            self.0.lock().unwrap().insert(name.to_owned(), bytes.to_vec());
        }
    }
    let world = world(&ArtificialModel::rows(2));
    let kept = Kept::default();
    let options = Compilation { artefacts: Some(&kept), ..EXACT };
    let first = world.identify(Path::new("m")).unwrap();
    world.load(Path::new("m"), &options).unwrap();
    world.load(Path::new("m"), &options).unwrap();
    world.add("m", ArtificialModel { version: 1, ..ArtificialModel::rows(2) });
    assert_ne!(world.identify(Path::new("m")).unwrap().hash, first.hash);
    world.load(Path::new("m"), &options).unwrap();
    let kept: Vec<bool> = world.loads().iter().map(|load| load.was_kept).collect();
    assert_eq!(kept, [false, true, false]);
}
