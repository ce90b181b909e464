//! Time limits and callers that go away: at each stage of a request.

mod world;

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use anemone_runtime::artificial::{
    Artificial, ArtificialMemory, ArtificialModel, Cost, Fault, Gate, Live, When,
};
use anemone_runtime::{
    Batching, Error, Inference, InferenceOptions, Manager, Model, ModelOptions, Queue, Resource,
    Stage,
};
use world::{
    batched, config, load, manager, manager_of, plain, poll_once, settled, summary, until, wait,
};

const SHORT: Duration = Duration::from_millis(20);

fn held() -> ArtificialModel {
    let memory = ArtificialMemory { constants: 1000, arena: 64, ..ArtificialMemory::default() };
    ArtificialModel { memory, ..ArtificialModel::rows(4) }
}

/// A model whose runs wait at a gate, one at a time.
fn gated(options: ModelOptions) -> (Artificial, Gate, Manager, Model) {
    let (world, gate) = (Artificial::new(), Gate::new());
    world.add("sum", ArtificialModel { cost: Cost::gate(&gate), ..held() });
    let config = config().max_concurrent_operations(Some(1.try_into().unwrap()));
    let manager = manager_of(&world, config);
    let model = load(&manager, "sum", options);
    (world, gate, manager, model)
}

fn short() -> InferenceOptions {
    InferenceOptions::within(SHORT)
}

fn inputs(seed: u64) -> Vec<anemone_engine::Value> {
    held().request(1, 4, seed)
}

fn stage(outcome: Result<Inference, Error>) -> Stage {
    match outcome {
        Err(Error::TimedOut { limit, stage }) if limit == SHORT => stage,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_limit_that_passes_in_the_queue_frees_the_place_at_once() {
    let (world, gate, manager, model) = gated(ModelOptions::default());
    std::thread::scope(|scope| {
        let first = scope.spawn(|| model.infer_blocking(inputs(1), &plain()));
        gate.wait_for_started(1);
        assert_eq!(stage(model.infer_blocking(inputs(2), &short())), Stage::Queued);
        let status = &manager.models()[0];
        assert_eq!((status.queued, status.running), (0, 1));
        gate.open();
        assert!(first.join().unwrap().is_ok());
    });
    settled(&manager);
    assert_eq!(world.runs().len(), 1);
    let activity = summary(&manager, "sum").performance.since_start;
    assert_eq!((activity.completed, activity.failed.get("timed_out")), (1, Some(&1)));
}

#[test]
fn a_limit_that_passes_in_a_run_stops_it() {
    let (world, gate, manager, model) = gated(ModelOptions::default());
    assert_eq!(stage(model.infer_blocking(inputs(1), &short())), Stage::Running);
    // The gate stays closed: the run ends since nobody wants it.
    gate.wait_for_finished(1);
    settled(&manager);
    assert_eq!(world.runs().len(), 1);
    assert!(manager.models()[0].quarantine.is_none());
    gate.open();
    assert!(model.infer_blocking(inputs(2), &plain()).is_ok());
}

#[test]
fn memory_of_a_run_that_goes_on_stays_in_use() {
    let (world, gate) = (Artificial::new(), Gate::new());
    world.add("deaf", ArtificialModel { is_deaf: true, cost: Cost::gate(&gate), ..held() });
    let manager = manager_of(&world, config().grace(Duration::from_secs(3600)));
    let model = load(&manager, "deaf", ModelOptions::default());
    let before = settled(&manager);
    assert_eq!(stage(model.infer_blocking(inputs(1), &short())), Stage::Running);
    manager.tick();
    let during = manager.pool().statistics().in_use;
    assert_eq!(during.operations, 1);
    assert!(during.bytes >= before.bytes + 64);
    gate.open();
    let after = settled(&manager);
    assert_eq!(after.bytes, before.bytes + manager.models()[0].idle_bytes);
}

#[test]
fn a_limit_that_passes_while_a_model_is_loaded_leaves_nothing_when_that_ends() {
    let (world, gate) = (Artificial::new(), Gate::new());
    world.add("sum", held());
    world.fault("sum", Fault::LoadHang(gate.clone()), When::Next(1));
    let manager = manager_of(&world, config().default_time_limit(Some(SHORT)));
    let loading = wait(manager.load("sum", Path::new("sum"), ModelOptions::default()));
    assert!(
        matches!(loading, Err(Error::TimedOut { limit: SHORT, stage: Stage::Loading })),
        "{loading:?}"
    );
    assert!(manager.models().is_empty());
    let told = manager.health_check().to_string();
    assert!(told.contains("`sum` is being loaded"), "{told}");
    gate.open();
    until(|| world.live() == Live::default() && manager.pool().statistics().in_use.bytes == 0);
    assert!(manager.health_check().reasons.is_empty());
}

#[test]
fn a_limit_that_passes_while_an_evicted_model_comes_back_says_so() {
    let (world, gate) = (Artificial::new(), Gate::new());
    world.add("a", held());
    world.add("b", held());
    let queue = Queue { bytes: 100, ..Queue::default() };
    let manager = manager_of(&world, config().memory_budget(Some(1900)).queue(queue));
    let a = load(&manager, "a", ModelOptions::default());
    load(&manager, "b", ModelOptions::default());
    assert!(!manager.models()[0].is_loaded, "`a` made room for `b`");
    world.fault("a", Fault::LoadHang(gate.clone()), When::Next(1));
    assert_eq!(stage(a.infer_blocking(inputs(1), &short())), Stage::Loading);
    gate.open();
    assert!(a.infer_blocking(inputs(2), &plain()).is_ok());
}

#[test]
fn loads_that_do_not_end_leave_threads_for_runs() {
    let (world, gate) = (Artificial::new(), Gate::new());
    world.add("sum", held());
    let config = config().max_concurrent_operations(Some(1.try_into().unwrap()));
    let manager = manager_of(&world, config.default_time_limit(Some(SHORT)));
    let model = load(&manager, "sum", ModelOptions::default());
    for name in ["a", "b", "c", "d", "e"] {
        world.add(name, held());
        world.fault(name, Fault::LoadHang(gate.clone()), When::Always);
        assert!(wait(manager.load(name, Path::new(name), ModelOptions::default())).is_err());
    }
    let hour = InferenceOptions::within(Duration::from_secs(3600));
    assert!(model.infer_blocking(inputs(1), &hour).is_ok());
    gate.open();
    until(|| world.live().plans == 1);
}

#[test]
fn a_limit_that_passes_before_admission_says_so() {
    let (_world, gate, manager, model) = gated(ModelOptions::default());
    let shapes = [vec![1, 4]];
    let held = wait(model.request_admission(&shapes, &plain())).unwrap();
    let refused = wait(model.request_admission(&shapes, &short())).err().unwrap();
    assert!(matches!(refused, Error::TimedOut { limit: SHORT, stage: Stage::Admission }));
    assert_eq!(manager.pool().statistics().waiting, 0);
    gate.open();
    assert!(wait(held.execute(inputs(1), &plain())).is_ok());
    let huge = InferenceOptions::within(Duration::MAX);
    assert!(wait(model.request_admission(&shapes, &huge)).is_ok());
    assert!(wait(model.request_admission(&shapes, &plain())).is_ok());
}

#[test]
fn no_time_and_all_the_time_are_limits_too() {
    let (world, gate, manager, model) = gated(ModelOptions::default());
    let none = InferenceOptions::within(Duration::ZERO);
    let late = model.infer_blocking(inputs(1), &none);
    assert!(matches!(late, Err(Error::TimedOut { limit: Duration::ZERO, .. })), "{late:?}");
    settled(&manager);
    gate.open();
    let huge = InferenceOptions::within(Duration::MAX);
    assert!(model.infer_blocking(inputs(2), &huge).is_ok());
    settled(&manager);
    assert!(world.runs().len() <= 2);
}

#[test]
fn a_limit_of_the_configuration_is_for_who_has_none() {
    let (world, gate) = (Artificial::new(), Gate::new());
    world.add("sum", ArtificialModel { cost: Cost::gate(&gate), ..held() });
    let manager = manager_of(&world, config().default_time_limit(Some(SHORT)));
    let model = load(&manager, "sum", ModelOptions::default());
    assert_eq!(stage(model.infer_blocking(inputs(1), &plain())), Stage::Running);
    let longer = InferenceOptions::within(Duration::from_secs(3600));
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| model.infer_blocking(inputs(2), &longer));
        gate.wait_for_started(2);
        gate.open();
        assert!(caller.join().unwrap().is_ok());
    });
}

#[test]
fn a_dropped_future_leaves_the_queue_and_its_bounds_at_once() {
    let (world, gate) = (Artificial::new(), Gate::new());
    world.add("sum", ArtificialModel { cost: Cost::gate(&gate), ..held() });
    let queue = Queue { requests: 1, ..Queue::default() };
    let config = config().max_concurrent_operations(Some(1.try_into().unwrap())).queue(queue);
    let manager = manager_of(&world, config);
    let model = load(&manager, "sum", ModelOptions::default());
    let options = plain();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| model.infer_blocking(inputs(1), &options));
        gate.wait_for_started(1);
        {
            let mut second = Box::pin(model.infer(inputs(2), &options));
            assert!(poll_once(second.as_mut()).is_pending());
            let full = model.infer_blocking(inputs(3), &options).unwrap_err();
            assert!(matches!(
                full,
                Error::ResourceLimit { resource: Resource::QueuedRequests, needed: 2, limit: 1 }
            ));
            let queued = manager.performance_summary().usage.memory;
            assert!(queued.iter().any(|own| own.owner == "queued_inputs" && own.bytes == 16));
        }
        assert_eq!(manager.models()[0].queued, 0);
        let mut third = Box::pin(model.infer(inputs(4), &options));
        assert!(poll_once(third.as_mut()).is_pending());
        gate.open();
        assert!(first.join().unwrap().is_ok());
        assert!(wait(third).is_ok());
    });
    settled(&manager);
    assert_eq!(world.runs().len(), 2);
    let activity = summary(&manager, "sum").performance.since_start;
    assert_eq!(activity.failed.get("cancelled"), Some(&1));
    assert_eq!(activity.rejected.get("queue_full"), Some(&1));
    assert!(manager.performance_summary().rejected.is_empty(), "it is counted once");
}

#[test]
fn a_run_stops_only_when_nobody_wants_it_any_more() {
    let options = ModelOptions { instances: Some(1), ..batched() };
    let (world, gate, manager, model) = gated(options);
    let options = plain();
    let mut first = Box::pin(model.infer(inputs(0), &options));
    assert!(poll_once(first.as_mut()).is_pending());
    gate.wait_for_started(1);
    let mut a = Box::pin(model.infer(inputs(1), &options));
    let mut b = Box::pin(model.infer(inputs(2), &options));
    assert!(poll_once(a.as_mut()).is_pending() && poll_once(b.as_mut()).is_pending());
    gate.let_through(1);
    assert!(wait(first).is_ok());
    gate.wait_for_started(2);
    assert_eq!(world.runs()[1].rows, 2);
    // One goes, and the other still gets its own.
    drop(a);
    gate.let_through(1);
    let answer = wait(b).unwrap();
    assert_eq!(answer.outputs, held().expected(&inputs(2)).unwrap());
    // The last one goes, and the run with it.
    let mut c = Box::pin(model.infer(inputs(3), &options));
    assert!(poll_once(c.as_mut()).is_pending());
    gate.wait_for_started(3);
    drop(c);
    gate.wait_for_finished(3);
    settled(&manager);
    assert!(manager.models()[0].quarantine.is_none());
}

#[test]
fn a_shorter_limit_in_a_batch_stops_nobody_else() {
    let options = ModelOptions {
        instances: Some(1),
        batching: Some(Batching { max_delay: Duration::ZERO, ..Batching::default() }),
        ..ModelOptions::default()
    };
    let (world, gate, manager, model) = gated(options);
    let (long, short) = (plain(), InferenceOptions::within(Duration::from_millis(200)));
    let mut first = pin!(model.infer(inputs(0), &long));
    assert!(poll_once(first.as_mut()).is_pending());
    gate.wait_for_started(1);
    let mut patient = pin!(model.infer(inputs(1), &long));
    let mut hasty = Box::pin(model.infer(inputs(2), &short));
    assert!(poll_once(patient.as_mut()).is_pending() && poll_once(hasty.as_mut()).is_pending());
    gate.let_through(1);
    assert!(wait(first).is_ok());
    let late = wait(hasty);
    assert!(matches!(late, Err(Error::TimedOut { .. })), "{late:?}");
    gate.open();
    assert!(wait(patient).is_ok());
    settled(&manager);
    assert!(world.runs().len() >= 2);
}

#[test]
fn a_caller_that_goes_while_a_model_is_loaded_leaves_nothing() {
    let (world, gate) = (Artificial::new(), Gate::new());
    world.add("sum", held());
    world.fault("sum", Fault::LoadHang(gate.clone()), When::Next(1));
    let manager = manager(&world);
    let mut loading = Box::pin(manager.load("sum", Path::new("sum"), ModelOptions::default()));
    assert!(poll_once(loading.as_mut()).is_pending());
    gate.wait_for_started(1);
    drop(loading);
    gate.open();
    until(|| world.live() == Live::default() && manager.pool().statistics().in_use.bytes == 0);
    assert!(manager.models().is_empty());
    assert!(wait(manager.load("sum", Path::new("sum"), ModelOptions::default())).is_ok());
}
