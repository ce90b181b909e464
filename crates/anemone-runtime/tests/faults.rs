//! Engines that fail: who learns of it, who is spared, and that nothing is lost or told wrongly.

mod world;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anemone_engine::{ErrorKind, RunError, Value};
use anemone_runtime::artificial::{
    Artificial, ArtificialEngine, ArtificialMemory, ArtificialModel, Cost, Fault, Gate, Live, Size,
    When,
};
use anemone_runtime::{
    Batching, Error, HealthReason, HealthState, InferenceOptions, Manager, Model, ModelOptions,
    Priority, Shadow, Stage, Timer, Tolerance, Unit,
};
use world::{batched, config, load, manager, manager_of, on, plain, settled, summary, until, wait};

fn held(arena: usize) -> ArtificialMemory {
    ArtificialMemory { constants: 1000, arena, ..ArtificialMemory::default() }
}

fn sum() -> ArtificialModel {
    ArtificialModel { memory: held(64), ..ArtificialModel::rows(4) }
}

/// A world with one model, `sum`.
fn one(options: ModelOptions) -> (Artificial, Manager, Model) {
    let world = Artificial::new();
    world.add("sum", sum());
    let manager = manager(&world);
    let model = load(&manager, "sum", options);
    (world, manager, model)
}

/// A world with two engines, where the second may stand in.
fn two(options: ModelOptions) -> (Artificial, Manager, Model) {
    let world = Artificial::with_engines(&[ArtificialEngine::FIRST, ArtificialEngine::SECOND]);
    world.add("sum", sum());
    let manager = manager(&world);
    let model = load(&manager, "sum", options);
    (world, manager, model)
}

fn with_fallback() -> ModelOptions {
    ModelOptions { fallback: Some(vec![Unit::Gpu]), ..ModelOptions::default() }
}

fn without_fallback() -> ModelOptions {
    ModelOptions { fallback: Some(Vec::new()), ..ModelOptions::default() }
}

/// A request that is right, and its answer.
fn right(model: &Model, seed: u64) {
    let inputs = sum().request(2, 4, seed);
    let expected = sum().expected(&inputs).unwrap();
    assert_eq!(model.infer_blocking(inputs, &plain()).unwrap().outputs, expected);
}

fn failure(model: &Model) -> Error {
    model.infer_blocking(sum().request(1, 4, 1), &plain()).unwrap_err()
}

#[test]
fn each_fault_of_a_run_fails_its_request_and_leaves_nothing_behind() {
    let op = Fault::op("it divides by zero");
    for (fault, kind) in [
        (Fault::Panic, ErrorKind::Internal),
        (Fault::SessionPanic, ErrorKind::Internal),
        (Fault::MemoryPanic, ErrorKind::Internal),
        (Fault::MemoryError(RunError::Memory { bytes: 5 }), ErrorKind::Exhausted),
        (op, ErrorKind::Invalid),
        (Fault::Error(RunError::Internal("x".into())), ErrorKind::Internal),
        (Fault::Error(RunError::Memory { bytes: 5 }), ErrorKind::Exhausted),
        (Fault::Error(RunError::Cancelled), ErrorKind::Cancelled),
        (Fault::Error(RunError::TimedOut(Duration::ZERO)), ErrorKind::TimedOut),
        (Fault::Error(RunError::State("x".into())), ErrorKind::Invalid),
        (Fault::Error(RunError::InputCount { expected: 1, found: 2 }), ErrorKind::Invalid),
        (Fault::OutputCount, ErrorKind::Internal),
        (Fault::OutputShape, ErrorKind::Internal),
        (Fault::OutputType, ErrorKind::Internal),
    ] {
        for options in [ModelOptions::default(), batched()] {
            // Nothing is put together with others here: `sum` gives any rows in a run by itself.
            let is_shape = matches!(fault, Fault::OutputShape) && options.batching.is_none();
            let (world, manager, model) = one(options);
            world.fault("sum", fault.clone(), When::Next(1));
            if is_shape {
                world.heal("sum");
                world.fault("sum", Fault::OutputCount, When::Next(1));
            }
            let error = failure(&model);
            assert_eq!(error.kind(), kind, "{fault:?}: {error}");
            assert_eq!(settled(&manager).bytes, 1000 + manager.models()[0].idle_bytes);
            world.heal("sum");
            right(&model, 3);
            let activity = summary(&manager, "sum").performance.since_start;
            assert_eq!(activity.completed, 1);
            assert_eq!(activity.failed.values().sum::<u64>(), 1, "{fault:?}");
            assert_eq!(summary(&manager, "sum").performance.recent.in_flight, 0);
            assert_eq!(manager.health_check().state, HealthState::Healthy);
            manager.unload("sum", None).unwrap();
            until(|| world.live() == Live::default());
            assert_eq!(settled(&manager).bytes, 0);
        }
    }
}

#[test]
fn a_load_that_fails_leaves_nothing_and_can_be_tried_again() {
    for fault in [
        Fault::LoadPanic,
        Fault::MemoryPanic,
        Fault::LoadError(ErrorKind::Device),
        Fault::LoadError(ErrorKind::Exhausted),
    ] {
        let world = Artificial::new();
        world.add("sum", sum());
        world.fault("sum", fault, When::Next(1));
        let manager = manager(&world);
        assert!(manager.load_blocking("sum", Path::new("sum"), ModelOptions::default()).is_err());
        assert_eq!((settled(&manager).bytes, world.live()), (0, Live::default()));
        assert!(manager.models().is_empty());
        right(&load(&manager, "sum", ModelOptions::default()), 1);
    }
}

#[test]
fn of_a_batch_only_who_causes_its_failure_fails() {
    let poisons = [Fault::Panic, Fault::op("no"), Fault::OutputCount, Fault::OutputType];
    for poison in poisons {
        let (world, gate) = (Artificial::new(), Gate::new());
        world.add("sum", ArtificialModel { cost: Cost::gate(&gate), ..sum() });
        let manager = manager(&world);
        let batching = Batching { max_delay: Duration::ZERO, ..Batching::default() };
        let instances = Some(1);
        let options =
            ModelOptions { batching: Some(batching), instances, ..ModelOptions::default() };
        let model = load(&manager, "sum", options);
        world.fault("sum", poison.clone(), When::RowBegins(1000.0));
        std::thread::scope(|scope| {
            let first = scope.spawn(|| right(&model, 0));
            gate.wait_for_started(1);
            let (right, bad) = (
                (1..8)
                    .map(|seed| {
                        scope.spawn({
                            let model = &model;
                            move || right(model, seed)
                        })
                    })
                    .collect::<Vec<_>>(),
                scope.spawn(|| {
                    let bad = anemone_engine::Array::from_f32(vec![1, 4], &[1000.0; 4]).unwrap();
                    model.infer_blocking(vec![Value::Tensor(bad)], &plain())
                }),
            );
            until(|| manager.models()[0].queued == 8);
            gate.open();
            first.join().unwrap();
            right.into_iter().for_each(|caller| caller.join().unwrap());
            let error = bad.join().unwrap().unwrap_err();
            assert!(matches!(error, Error::InferenceFailed { .. }), "{error}");
        });
        settled(&manager);
        // Alone, together, and then each by itself.
        assert_eq!(world.runs()[1].rows, 15, "{poison:?}");
        assert_eq!(world.runs().len(), 10);
        let activity = summary(&manager, "sum").performance.since_start;
        assert_eq!((activity.completed, activity.failed.get("failed")), (8, Some(&1)));
        assert!(manager.models()[0].quarantine.is_none());
    }
}

#[test]
fn a_run_that_hangs_frees_its_caller_and_is_told_until_it_ends() {
    let (world, gate) = (Artificial::new(), Gate::new());
    world.add("deaf", sum());
    world.add("sum", sum());
    // One operation: it must come back for others to run at all.
    let config = config().max_concurrent_operations(Some(1.try_into().unwrap()));
    let manager = manager_of(&world, config);
    let deaf = load(&manager, "deaf", ModelOptions::default());
    let other = load(&manager, "sum", ModelOptions::default());
    let before = settled(&manager);
    world.fault("deaf", Fault::Hang(gate.clone()), When::Next(1));
    let limit = Duration::from_millis(20);
    let hung = deaf.infer_blocking(sum().request(1, 4, 1), &InferenceOptions::within(limit));
    assert!(matches!(hung, Err(Error::TimedOut { stage: Stage::Running, .. })), "{hung:?}");
    gate.wait_for_started(1);
    // Not stuck before its grace is over, and then for good.
    until(|| {
        manager.tick();
        manager.models()[0].quarantine.is_some()
    });
    let in_use = manager.pool().statistics().in_use;
    assert_eq!(in_use.operations, 0);
    assert!(in_use.bytes > before.bytes, "its memory is still in use");
    let health = manager.health_check();
    assert_eq!((health.live, health.ready, health.state), (true, true, HealthState::Degraded));
    assert!(
        health
            .reasons
            .iter()
            .any(|reason| matches!(reason, HealthReason::Stuck { model, .. } if model == "deaf"))
    );
    assert!(health.to_string().contains("has not ended"), "{health}");
    let error = deaf.infer_blocking(sum().request(1, 4, 1), &plain()).unwrap_err();
    assert!(
        matches!(&error, Error::Unavailable { what, reason, .. }
            if what == "deaf" && reason.contains("stuck")),
        "{error}"
    );
    // The only thread for runs hangs, and others run.
    right(&other, 5);
    gate.open();
    until(|| manager.models()[0].quarantine.is_none());
    right(&deaf, 6);
    let after = settled(&manager).bytes;
    let idle: u64 = manager.models().iter().map(|model| model.idle_bytes).sum();
    assert_eq!(after, before.bytes + idle);
    assert_eq!(manager.health_check().state, HealthState::Healthy);
    let activity = summary(&manager, "deaf").performance.since_start;
    assert_eq!((activity.failed.get("timed_out"), activity.completed), (Some(&1), 1));
    assert!(wait(manager.shutdown(Duration::MAX)).is_drained);
}

#[test]
fn a_model_that_fails_three_times_is_refused_until_a_probe_succeeds() {
    let (world, manager, model) = one(ModelOptions::default());
    world.add("other", sum());
    let other = load(&manager, "other", ModelOptions::default());
    world.fault("sum", Fault::Panic, When::Next(4));
    for _ in 0..3 {
        assert!(matches!(failure(&model), Error::InferenceFailed { .. }));
    }
    let refused = failure(&model);
    let Error::Unavailable { what, reason, retry_after: Some(after) } = &refused else {
        panic!("{refused:?}");
    };
    assert!(what == "sum" && reason.contains("3 times in a row"), "{reason}");
    assert!(*after <= Duration::from_secs(1));
    let health = manager.health_check();
    assert_eq!((health.ready, health.state), (true, HealthState::Degraded));
    assert!(
        health
            .reasons
            .iter()
            .any(|r| matches!(r, HealthReason::Quarantined { model, .. } if model == "sum"))
    );
    let counted = summary(&manager, "sum").performance.since_start;
    assert_eq!(counted.rejected.get("quarantined"), Some(&1));
    assert_eq!(counted.failed.get("failed"), Some(&3));
    right(&other, 1);
    // When its time is over one request may try, and others are refused meanwhile.
    let gate = Gate::new();
    world.heal("sum");
    world.fault("sum", Fault::Hang(gate.clone()), When::Next(1));
    wait(Timer::default().sleep_until(Instant::now() + *after)).unwrap();
    std::thread::scope(|scope| {
        let probe = scope.spawn(|| right(&model, 2));
        gate.wait_for_started(1);
        let error = failure(&model);
        assert!(error.to_string().contains("a probe is under way"), "{error}");
        gate.open();
        probe.join().unwrap();
    });
    right(&model, 3);
    assert!(manager.models().iter().all(|model| model.quarantine.is_none()));
    assert_eq!(manager.health_check().state, HealthState::Healthy);
}

#[test]
fn mistakes_of_callers_put_no_model_in_quarantine() {
    let (world, manager, model) = one(ModelOptions::default());
    for fault in [Fault::op("no"), Fault::Error(RunError::Memory { bytes: 1 })] {
        world.heal("sum");
        world.fault("sum", fault, When::Always);
        (0..10).for_each(|_| drop(failure(&model)));
    }
    assert!(manager.models()[0].quarantine.is_none());
    world.heal("sum");
    right(&model, 1);
}

#[test]
fn memory_that_cannot_be_estimated_again_and_again_puts_a_model_in_quarantine() {
    let (world, manager, model) = one(ModelOptions::default());
    world.fault("sum", Fault::MemoryPanic, When::Always);
    (0..3).for_each(|_| assert_eq!(failure(&model).kind(), ErrorKind::Internal));
    assert!(matches!(failure(&model), Error::Unavailable { retry_after: Some(_), .. }));
    assert!(manager.models()[0].quarantine.is_some());
}

#[test]
fn another_engine_stands_in_where_that_is_permitted_and_says_so() {
    for fault in [Fault::Panic, Fault::SessionPanic, Fault::OutputCount] {
        let (world, manager, model) = two(with_fallback());
        world.fault_on("artificial", "sum", fault, When::Always);
        let inputs = sum().request(2, 4, 1);
        let inference = model.infer_blocking(inputs.clone(), &plain()).unwrap();
        assert_eq!(inference.outputs, sum().expected(&inputs).unwrap());
        let reason = inference.fallback_reason.clone().unwrap();
        assert!(reason.contains("`artificial` failed"), "{reason}");
        assert_eq!(inference.receipt.engine, "artificial-2");
        assert_eq!(inference.device_used(), "artificial");
        let activity = summary(&manager, "sum").performance.since_start;
        let told = &activity.fallbacks;
        assert_eq!(told.len(), 1);
        assert_eq!(
            (told[0].from.as_str(), told[0].to.as_str(), told[0].cause, told[0].count),
            ("artificial", "artificial-2", "failed", 1)
        );
        assert_eq!((activity.completed, activity.failed.len()), (1, 0));
        // Two plans' weights, and no session of the engine that only stood in.
        let status = &manager.models()[0];
        assert_eq!(settled(&manager).bytes, status.weight_bytes + status.idle_bytes);
        assert_eq!(status.weight_bytes, 2000);
        // Who names the engine gets that or nothing.
        let forced = model.infer_blocking(inputs.clone(), &on("artificial")).unwrap_err();
        assert!(
            matches!(&forced, Error::InferenceFailed { engine, .. } if engine == "artificial"),
            "{forced}"
        );
        assert!(model.infer_blocking(inputs, &on("artificial-2")).is_ok());
    }
}

#[test]
fn nothing_falls_back_where_that_is_not_permitted() {
    let (world, manager, model) = two(without_fallback());
    world.fault_on("artificial", "sum", Fault::Panic, When::Always);
    let error = failure(&model);
    assert!(matches!(&error, Error::InferenceFailed { engine, .. } if engine == "artificial"));
    assert!(summary(&manager, "sum").performance.since_start.fallbacks.is_empty());
    // Nor does what is the caller's fault, or the model's.
    let (world, _manager, model) = two(with_fallback());
    world.fault_on("artificial", "sum", Fault::op("no"), When::Always);
    assert_eq!(failure(&model).kind(), ErrorKind::Invalid);
    assert!(world.runs().iter().all(|run| run.engine == "artificial"));
}

#[test]
fn where_all_engines_fail_the_last_one_is_named_and_the_model_is_at_fault() {
    let (world, manager, model) = two(with_fallback());
    world.fault("sum", Fault::Panic, When::Always);
    for _ in 0..3 {
        let error = failure(&model);
        assert!(
            matches!(&error, Error::InferenceFailed { engine, .. } if engine == "artificial-2")
        );
    }
    assert!(matches!(failure(&model), Error::Unavailable { .. }));
    assert!(manager.models()[0].quarantine.is_some());
}

#[test]
fn an_engine_that_cannot_compile_is_passed_over_in_loading_and_never_for_who_names_it() {
    let world = Artificial::with_engines(&[ArtificialEngine::FIRST, ArtificialEngine::SECOND]);
    world.add("sum", sum());
    let refuse = Fault::LoadError(ErrorKind::Unsupported);
    world.fault_on("artificial", "sum", refuse, When::Always);
    let manager = manager(&world);
    let model = load(&manager, "sum", with_fallback());
    let inference = model.infer_blocking(sum().request(1, 4, 1), &plain()).unwrap();
    assert_eq!(inference.receipt.engine, "artificial-2");
    let told = inference.receipt.fallbacks.join("; ");
    assert!(told.contains("artificial:"), "{told}");
    let fallbacks = summary(&manager, "sum").performance.since_start.fallbacks;
    assert_eq!((fallbacks[0].cause, fallbacks[0].count), ("unsupported", 1));
    let error = model.infer_blocking(sum().request(1, 4, 1), &on("artificial")).unwrap_err();
    assert!(
        matches!(&error, Error::CompilationFailed { engine, .. } if engine == "artificial"),
        "{error}"
    );
    // Where that is not permitted the load fails.
    let error = manager.load_blocking("other", Path::new("sum"), without_fallback()).unwrap_err();
    assert!(matches!(error, Error::CompilationFailed { .. }));
}

#[test]
fn a_fallback_that_has_no_memory_fails_at_once_instead_of_waiting_for_it() {
    let world = Artificial::with_engines(&[ArtificialEngine::FIRST, ArtificialEngine::SECOND]);
    world.add("sum", ArtificialModel { memory: held(64), ..sum() });
    let queue = anemone_runtime::Queue { bytes: 100, ..Default::default() };
    // One plan fits, and a run; not two plans.
    let manager = manager_of(&world, config().memory_budget(Some(1900)).queue(queue));
    let model = load(&manager, "sum", with_fallback());
    world.fault_on("artificial", "sum", Fault::Panic, When::Always);
    let error = failure(&model);
    assert!(
        matches!(&error, Error::InferenceFailed { engine, .. } if engine == "artificial"),
        "{error}"
    );
    let error = model.infer_blocking(sum().request(1, 4, 1), &on("artificial-2")).unwrap_err();
    assert!(matches!(error, Error::ResourceLimit { .. }), "{error}");
    // Engines are compared only where there is room for both.
    world.heal("sum");
    (0..8).for_each(|seed| right(&model, seed));
}

fn shadowed(engine: &str, tolerance: Tolerance) -> ModelOptions {
    let shadow = Shadow {
        fraction: 1.0,
        engine: Some(engine.to_owned()),
        model: None,
        version: None,
        tolerance,
    };
    ModelOptions {
        shadow: Some(shadow),
        engines: vec!["artificial".to_owned(), "artificial-2".to_owned()],
        ..without_fallback()
    }
}

#[test]
fn a_shadow_run_is_counted_apart_and_casts_no_shadow_itself() {
    let (world, manager, model) = two(shadowed("artificial-2", Tolerance::default()));
    let shadows = || summary(&manager, "sum").performance.since_start.shadows;
    let ask = |seed| {
        let inputs = sum().request(1, 4, seed);
        model.infer_blocking(inputs, &on("artificial")).unwrap()
    };
    ask(1);
    until(|| shadows().count == 1);
    assert_eq!(shadows().agreement, Some(1.0));
    world.fault_on("artificial-2", "sum", Fault::OutputValue(1e9), When::Always);
    ask(2);
    until(|| shadows().count == 2);
    assert_eq!(shadows().agreement, Some(0.5));
    settled(&manager);
    let runs = |engine| world.runs().iter().filter(|run| run.engine == engine).count();
    assert_eq!((runs("artificial"), runs("artificial-2")), (2, 2));
    let activity = summary(&manager, "sum").performance.since_start;
    assert_eq!((activity.completed, activity.failed.len()), (2, 0));
    assert_eq!(wait(manager.shutdown(Duration::MAX)).refused, 0);
    assert_eq!(world.runs().len(), 4);
}

#[test]
fn a_shadow_that_fails_touches_no_caller() {
    let (world, manager, model) = two(shadowed("artificial-2", Tolerance::default()));
    let gate = Gate::new();
    // All shadows fail one after another, with no good run between.
    world.fault_on("artificial-2", "sum", Fault::Panic, When::Always);
    world.fault_on("artificial", "sum", Fault::Hang(gate.clone()), When::Next(1));
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..6)
            .map(|seed| {
                let inputs = sum().request(1, 4, seed);
                let model = &model;
                scope.spawn(move || model.infer_blocking(inputs, &on("artificial")))
            })
            .collect();
        gate.wait_for_started(1);
        gate.open();
        callers.into_iter().for_each(|caller| drop(caller.join().unwrap().unwrap()));
    });
    until(|| world.runs().iter().filter(|run| run.engine == "artificial-2").count() == 6);
    settled(&manager);
    assert!(manager.models()[0].quarantine.is_none());
    let activity = summary(&manager, "sum").performance.since_start;
    assert_eq!((activity.completed, activity.failed.len(), activity.shadows.count), (6, 0, 0));
    // A shadow that is not there is no fault of the caller's either.
    let (_world, _manager, model) = two(shadowed("abacus", Tolerance::default()));
    right(&model, 1);
}

#[test]
fn shadows_go_after_what_somebody_waits_for() {
    let world = Artificial::with_engines(&[ArtificialEngine::FIRST, ArtificialEngine::SECOND]);
    let gate = Gate::new();
    world.add("sum", ArtificialModel { rows: Size::Free, cost: Cost::gate(&gate), ..sum() });
    let config = config().max_concurrent_operations(Some(1.try_into().unwrap()));
    let manager = Arc::new(manager_of(&world, config));
    let model = load(&manager, "sum", shadowed("artificial-2", Tolerance::default()));
    std::thread::scope(|scope| {
        let ask = |seed: u64, priority: Priority| {
            let (model, inputs) = (&model, sum().request(1, 4, seed));
            let options = on("artificial").with_priority(priority);
            scope.spawn(move || model.infer_blocking(inputs, &options).unwrap())
        };
        let first = ask(1, Priority::Normal);
        gate.wait_for_started(1);
        let second = ask(2, Priority::Normal);
        until(|| manager.models()[0].queued == 1);
        gate.open();
        first.join().unwrap();
        second.join().unwrap();
    });
    until(|| summary(&manager, "sum").performance.since_start.shadows.count == 2);
    let engines: Vec<_> = world.runs().iter().map(|run| run.engine).collect();
    assert_eq!(engines, ["artificial", "artificial", "artificial-2", "artificial-2"]);
}
