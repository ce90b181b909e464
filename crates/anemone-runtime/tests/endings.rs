//! The end of a manager: what it waits for, whom it refuses, and that nothing of it stays. One test
//! alone, as it counts the threads of its process.
#![allow(clippy::disallowed_methods, reason = "threads are counted by their files")]

mod world;

use std::path::Path;
use std::time::Duration;

use anemone_runtime::artificial::{
    Artificial, ArtificialEngine, ArtificialModel, Cost, Fault, Gate, Live, When,
};
use anemone_runtime::{
    Error, HealthReason, InferenceOptions, Manager, Model, ModelOptions, Shadow,
};
use world::{config, load, manager, manager_of, plain, poll_once, settled, until, wait};

fn own_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").map(|tasks| tasks.flatten().collect());
    let tasks: Vec<std::fs::DirEntry> = tasks.unwrap_or_default();
    let names =
        tasks.iter().filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("anemone-")).count()
}

fn inputs(seed: u64) -> Vec<anemone_engine::Value> {
    ArtificialModel::rows(4).request(1, 4, seed)
}

/// Long enough for every thread that can end to do so.
const GRACE: Duration = Duration::from_secs(3600);

fn gated(grace: Duration) -> (Artificial, Gate, Manager, Model) {
    let (world, gate) = (Artificial::new(), Gate::new());
    world.add("sum", ArtificialModel { cost: Cost::gate(&gate), ..ArtificialModel::rows(4) });
    let one = config().max_concurrent_operations(Some(1.try_into().unwrap()));
    let manager = manager_of(&world, one.grace(grace));
    let model = load(&manager, "sum", ModelOptions::default());
    (world, gate, manager, model)
}

fn is_gone(world: &Artificial) {
    assert_eq!(world.live(), Live::default());
    until(|| own_threads() == 0);
}

#[test]
fn nothing_stays_of_a_manager_that_ends() {
    what_was_let_in_is_served_and_newcomers_are_refused();
    what_is_left_when_the_time_is_up_is_refused();
    a_deaf_run_is_left_behind_and_told();
    what_waits_for_a_model_that_was_taken_out_is_told_too();
    a_load_that_ends_too_late_is_refused();
    the_last_handle_ends_it_without_a_shutdown();
    the_last_handle_may_be_one_of_its_own_threads();
}

fn what_was_let_in_is_served_and_newcomers_are_refused() {
    let (world, gate, manager, model) = gated(GRACE);
    let limited = InferenceOptions::within(Duration::from_secs(3600));
    std::thread::scope(|scope| {
        let ask = |seed| {
            let (model, limited) = (&model, &limited);
            scope.spawn(move || model.infer_blocking(inputs(seed), limited))
        };
        let callers = [ask(1), ask(2), ask(3)];
        gate.wait_for_started(1);
        until(|| manager.models()[0].queued == 2);
        let mut end = Box::pin(manager.shutdown(Duration::MAX));
        assert!(poll_once(end.as_mut()).is_pending());
        let health = manager.health_check();
        assert!(health.live && !health.ready && health.reasons.contains(&HealthReason::Closing));
        for error in [
            model.infer_blocking(inputs(4), &plain()).err(),
            manager.load_blocking("new", Path::new("sum"), ModelOptions::default()).err(),
            wait(manager.load("new", Path::new("sum"), ModelOptions::default())).err(),
            wait(model.request_admission(&[vec![1, 4]], &plain())).err(),
            wait(model.sequence()).err(),
        ] {
            assert!(
                matches!(&error, Some(Error::Unavailable { what, .. }) if what == "manager"),
                "{error:?}"
            );
        }
        gate.open();
        let ended = wait(end);
        assert_eq!((ended.is_drained, ended.refused, ended.stuck), (true, 0, 0));
        callers.into_iter().for_each(|caller| drop(caller.join().unwrap().unwrap()));
    });
    // All while the manager and the model are still there.
    is_gone(&world);
    assert_eq!(settled(&manager).bytes, 0);
    let rejected = manager.performance_summary().rejected;
    assert_eq!(rejected.get("closed"), Some(&1), "{rejected:?}");
    assert!(wait(manager.shutdown(Duration::ZERO)).is_drained);
}

fn what_is_left_when_the_time_is_up_is_refused() {
    let (world, gate, manager, model) = gated(GRACE);
    std::thread::scope(|scope| {
        let ask = |seed| {
            let model = &model;
            scope.spawn(move || model.infer_blocking(inputs(seed), &plain()))
        };
        let callers = [ask(1), ask(2)];
        gate.wait_for_started(1);
        until(|| manager.models()[0].queued == 1);
        let ended = wait(manager.shutdown(Duration::from_millis(5)));
        assert_eq!((ended.is_drained, ended.refused), (false, 2));
        for caller in callers {
            let refused = caller.join().unwrap();
            assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
        }
    });
    gate.open();
    until(|| world.live() == Live::default());
    is_gone(&world);
}

fn a_deaf_run_is_left_behind_and_told() {
    let (world, gate, manager, model) = gated(Duration::from_millis(500));
    let deaf = Gate::new();
    world.fault("sum", Fault::Hang(deaf.clone()), When::Next(1));
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| model.infer_blocking(inputs(1), &plain()));
        deaf.wait_for_started(1);
        let ended = wait(manager.shutdown(Duration::from_millis(5)));
        assert_eq!((ended.is_drained, ended.refused, ended.stuck), (false, 1, 1));
        // It has no time limit, and is told all the same.
        assert!(matches!(caller.join().unwrap(), Err(Error::Unavailable { .. })));
    });
    until(|| own_threads() == 1);
    deaf.open();
    gate.open();
    until(|| world.live() == Live::default());
    is_gone(&world);
}

fn what_waits_for_a_model_that_was_taken_out_is_told_too() {
    let (world, gate, manager, model) = gated(GRACE);
    std::thread::scope(|scope| {
        let ask = |seed| {
            let model = &model;
            scope.spawn(move || model.infer_blocking(inputs(seed), &plain()))
        };
        let callers = [ask(1), ask(2)];
        gate.wait_for_started(1);
        until(|| manager.models()[0].queued == 1);
        manager.unload("sum", None).unwrap();
        assert_eq!(wait(manager.shutdown(Duration::ZERO)).refused, 2);
        callers.into_iter().for_each(|caller| assert!(caller.join().unwrap().is_err()));
    });
    gate.open();
    until(|| world.live() == Live::default());
    is_gone(&world);
}

fn a_load_that_ends_too_late_is_refused() {
    let (world, gate) = (Artificial::new(), Gate::new());
    world.add("sum", ArtificialModel::rows(4));
    world.fault("sum", Fault::LoadHang(gate.clone()), When::Next(1));
    let manager = manager(&world);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            manager.load_blocking("sum", Path::new("sum"), ModelOptions::default()).map(drop)
        });
        gate.wait_for_started(1);
        assert!(wait(manager.shutdown(Duration::ZERO)).is_drained);
        gate.open();
        assert!(matches!(load.join().unwrap(), Err(Error::Unavailable { .. })));
    });
    assert!(manager.models().is_empty());
    is_gone(&world);
}

fn the_last_handle_ends_it_without_a_shutdown() {
    let (world, gate, manager, model) = gated(GRACE);
    gate.open();
    let limited = InferenceOptions::within(Duration::from_secs(3600));
    assert!(model.infer_blocking(inputs(1), &limited).is_ok());
    drop(manager);
    assert!(model.infer_blocking(inputs(2), &limited).is_ok(), "a model keeps its manager");
    drop(model);
    is_gone(&world);
}

fn the_last_handle_may_be_one_of_its_own_threads() {
    let world = Artificial::with_engines(&[ArtificialEngine::FIRST, ArtificialEngine::SECOND]);
    let gate = Gate::new();
    world.add("sum", ArtificialModel::rows(4));
    let shadow = Shadow {
        fraction: 1.0,
        engine: Some("artificial-2".to_owned()),
        model: None,
        version: None,
        tolerance: Default::default(),
    };
    let engines = vec!["artificial".to_owned(), "artificial-2".to_owned()];
    let options = ModelOptions { shadow: Some(shadow), engines, ..ModelOptions::default() };
    let manager = manager(&world);
    let model = load(&manager, "sum", options);
    world.fault_on("artificial-2", "sum", Fault::Hang(gate.clone()), When::Always);
    assert!(model.infer_blocking(inputs(1), &world::on("artificial")).is_ok());
    gate.wait_for_started(1);
    drop((manager, model));
    gate.open();
    until(|| world.live() == Live::default());
    is_gone(&world);
}
