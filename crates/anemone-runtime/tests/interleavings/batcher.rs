//! The batcher: everybody gets its own result, whoever leaves, and whatever fails beside it.

use anemone_runtime::artificial::{Fault, When};
use anemone_runtime::{InferenceOptions, Model, ModelOptions, Priority};

use super::managed::{Managed, batched, explore, together};

type Both = (Managed, Model);

fn start(operations: usize) -> Both {
    let managed = Managed::new(operations);
    let model = managed.load("m");
    (managed, model)
}

fn finish((managed, model): Both) {
    drop(model);
    managed.end();
}

fn everybody(operations: usize) {
    let both = start(operations);
    together(
        &both,
        &[
            |(managed, model)| managed.ask(model, 1, 1),
            |(managed, model)| managed.ask(model, 2, 2),
            |(managed, model)| {
                managed.ask(model, 3, 3);
                managed.ask(model, 1, 4);
            },
        ],
    );
    finish(both);
}

#[test]
fn everybody_gets_its_own_result_of_one_operation() {
    explore(|| everybody(1));
}

#[test]
fn everybody_gets_its_own_result_of_two_operations() {
    explore(|| everybody(2));
}

#[test]
fn who_leaves_takes_nothing_from_the_others() {
    explore(|| {
        let both = start(1);
        together(
            &both,
            &[
                |(managed, model)| {
                    for polls in 0..3 {
                        managed.give_up(model, 1, 1, polls);
                    }
                },
                |(managed, model)| managed.give_up(model, 2, 2, 2),
                |(managed, model)| managed.ask(model, 1, 3),
            ],
        );
        finish(both);
    });
}

#[test]
fn who_leaves_alone_leaves_nothing_behind() {
    explore(|| {
        let both = start(2);
        together(
            &both,
            &[
                |(managed, model)| managed.give_up(model, 1, 1, 1),
                |(managed, model)| managed.give_up(model, 1, 2, 4),
            ],
        );
        let (managed, model) = &both;
        managed.ask(model, 1, 5);
        finish(both);
    });
}

#[test]
fn a_newcomer_meets_a_driver_that_retires() {
    explore(|| {
        let both = start(1);
        let again = |(managed, model): &Both| {
            for seed in 0..3 {
                managed.ask(model, 1, seed);
            }
        };
        together(&both, &[again, again]);
        finish(both);
    });
}

#[test]
fn a_model_of_one_instance_serves_all() {
    explore(|| {
        let managed = Managed::new(2);
        managed.world.add("m", managed.own.clone());
        let options = ModelOptions { instances: Some(1), ..batched() };
        let model = managed.manager.load_blocking("m", "m".as_ref(), options).unwrap();
        let both = (managed, model);
        together(
            &both,
            &[
                |(managed, model)| managed.ask(model, 3, 1),
                |(managed, model)| managed.give_up(model, 3, 2, 2),
                |(managed, model)| managed.ask(model, 3, 3),
            ],
        );
        finish(both);
    });
}

#[test]
fn every_level_of_urgency_is_served() {
    explore(|| {
        let both = start(1);
        together(
            &both,
            &[
                |both| urgent(both, 1, Priority::Background),
                |both| urgent(both, 2, Priority::Critical),
                |both| urgent(both, 3, Priority::Normal),
            ],
        );
        finish(both);
    });
}

fn urgent((managed, model): &Both, seed: u64, priority: Priority) {
    let options = InferenceOptions::default().with_priority(priority);
    managed.ask_with(model, 3, seed, &options).unwrap();
}

#[test]
fn a_bad_request_fails_alone() {
    explore(|| {
        let both = start(1);
        let first = both.0.own.request(1, 2, 1);
        let anemone_engine::Value::Tensor(array) = &first[0] else { panic!("{first:?}") };
        let bad = array.to_tensor().to_f32()[0];
        both.0.world.fault("m", Fault::op("a bad row"), When::RowBegins(bad));
        together(
            &both,
            &[
                |(managed, model)| {
                    let options = InferenceOptions::default();
                    assert!(managed.ask_with(model, 1, 1, &options).is_err());
                },
                |(managed, model)| managed.ask(model, 1, 6),
                |(managed, model)| managed.ask(model, 2, 8),
            ],
        );
        finish(both);
    });
}

#[test]
fn an_engine_that_panics_fails_nobody_else() {
    explore(|| {
        let both = start(2);
        both.0.world.fault("m", Fault::Panic, When::Next(1));
        together(
            &both,
            &[
                |(managed, model)| {
                    // Alone it meets the panic, in a batch it is run again.
                    let _ = managed.ask_with(model, 1, 1, &InferenceOptions::default());
                },
                |(managed, model)| {
                    let _ = managed.ask_with(model, 2, 2, &InferenceOptions::default());
                },
                |(managed, model)| {
                    let _ = managed.ask_with(model, 1, 3, &InferenceOptions::default());
                },
            ],
        );
        both.0.ask(&both.1, 1, 4);
        finish(both);
    });
}
