//! The end of a manager while requests come, wait and run: each is answered.

use std::time::Duration;

use anemone_runtime::{Error, InferenceOptions, Model};
use shuttle::future::block_on;

use super::managed::{Managed, batched, explore, is_empty, together};

/// A request to a manager that may close.
fn ask(managed: &Managed, model: &Model, seed: u64) {
    match managed.ask_with(model, 1, seed, &InferenceOptions::default()) {
        Ok(_) | Err(Error::Unavailable { .. } | Error::ModelNotFound { .. }) => {}
        Err(error) => panic!("{error:?}"),
    }
}

fn check(managed: &Managed) {
    let usage = managed.manager.performance_summary();
    assert_eq!(usage.overall.recent.in_flight, 0);
    is_empty(&managed.world, managed.manager.pool());
}

#[test]
fn who_comes_while_the_manager_closes_is_answered() {
    explore(|| {
        let managed = Managed::new(1);
        let model = managed.load("m");
        let both = (managed, model);
        together(
            &both,
            &[
                |(managed, model)| ask(managed, model, 1),
                |(managed, model)| ask(managed, model, 2),
                |(managed, _)| {
                    let shutdown = block_on(managed.manager.shutdown(Duration::MAX));
                    assert_eq!((shutdown.is_drained, shutdown.stuck), (true, 0));
                },
            ],
        );
        check(&both.0);
    });
}

#[test]
fn who_waits_for_a_model_that_was_taken_out_is_answered_at_the_end() {
    explore(|| {
        let managed = Managed::new(1);
        let model = managed.load("m");
        let both = (managed, model);
        together(
            &both,
            &[
                |(managed, model)| ask(managed, model, 1),
                |(managed, model)| ask(managed, model, 2),
                |(managed, _)| {
                    managed.manager.unload("m", None).unwrap();
                    let shutdown = block_on(managed.manager.shutdown(Duration::ZERO));
                    assert_eq!(shutdown.stuck, 0);
                },
            ],
        );
        check(&both.0);
    });
}

#[test]
fn an_admission_that_is_used_while_the_manager_closes_is_answered() {
    explore(|| {
        let managed = Managed::new(1);
        let model = managed.load("m");
        let both = (managed, model);
        together(
            &both,
            &[
                |(managed, model)| {
                    let options = InferenceOptions::default();
                    let Ok(admission) = block_on(model.request_admission(&[vec![1, 2]], &options))
                    else {
                        return;
                    };
                    let (inputs, expected) = managed.request(1, 1);
                    if let Ok(inference) = block_on(admission.execute(inputs, &options)) {
                        assert_eq!(inference.outputs, expected);
                    }
                },
                |(managed, _)| {
                    block_on(managed.manager.shutdown(Duration::ZERO));
                },
            ],
        );
        check(&both.0);
    });
}

#[test]
fn who_loads_while_the_manager_closes_is_answered() {
    explore(|| {
        let managed = Managed::new(1);
        let model = managed.load("a");
        managed.world.add("b", managed.own.clone());
        let both = (managed, model);
        together(
            &both,
            &[
                |(managed, model)| ask(managed, model, 1),
                |(managed, _)| {
                    let _ = block_on(managed.manager.load("b", "b".as_ref(), batched()));
                },
                |(managed, _)| {
                    block_on(managed.manager.shutdown(Duration::ZERO));
                },
            ],
        );
        check(&both.0);
    });
}
