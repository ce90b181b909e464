//! Models that come, go, are evicted and are replaced while requests are under way.

use std::path::Path;

use anemone_runtime::artificial::{ArtificialMemory, ArtificialModel};
use anemone_runtime::{InferenceOptions, Model};
use shuttle::future::block_on;

use super::managed::{Managed, batched, explore, together};

#[test]
fn models_that_do_not_fit_together_take_turns() {
    explore(|| {
        let managed = Managed::new(1);
        let models = [managed.load("a"), managed.load("b")];
        let all = (managed, models);
        together(
            &all,
            &[
                |(managed, [a, b])| {
                    managed.ask(a, 1, 1);
                    managed.ask(b, 1, 2);
                },
                |(managed, [a, _])| managed.ask(a, 2, 3),
                |(managed, [_, b])| managed.ask(b, 1, 4),
            ],
        );
        let (managed, models) = all;
        drop(models);
        managed.end();
    });
}

#[test]
fn who_leaves_while_a_model_is_evicted_leaves_nothing_behind() {
    explore(|| {
        let managed = Managed::new(2);
        let models = [managed.load("a"), managed.load("b")];
        let all = (managed, models);
        together(
            &all,
            &[
                |(managed, [a, _])| managed.give_up(a, 1, 1, 3),
                |(managed, [_, b])| managed.ask(b, 1, 2),
            ],
        );
        let (managed, models) = all;
        managed.ask(&models[0], 1, 3);
        drop(models);
        managed.end();
    });
}

/// Neither is idle, so one of them is evicted though a request waits for it, which asks again.
#[test]
fn two_models_that_leave_no_room_for_a_run_do_not_wait_for_each_other() {
    explore(|| {
        // Both fit, but a run only where the other is not loaded.
        let memory = ArtificialMemory { constants: 1400, arena: 300, ..Default::default() };
        let managed = Managed::of(2, ArtificialModel { memory, ..ArtificialModel::rows(2) });
        let models = [managed.load("a"), managed.load("b")];
        let all = (managed, models);
        together(
            &all,
            &[|(managed, [a, _])| managed.ask(a, 1, 1), |(managed, [_, b])| managed.ask(b, 1, 2)],
        );
        let (managed, models) = all;
        drop(models);
        managed.end();
    });
}

#[test]
fn replacing_a_model_loses_no_request() {
    explore(|| {
        let memory = ArtificialMemory { constants: 100, arena: 100, ..Default::default() };
        let managed = Managed::of(1, ArtificialModel { memory, ..ArtificialModel::rows(2) });
        let model = managed.load("m");
        let both = (managed, model);
        together(
            &both,
            &[
                |(managed, model)| managed.ask(model, 1, 1),
                |(managed, model)| managed.ask(model, 2, 2),
                |(managed, _)| {
                    let path = Path::new("m");
                    block_on(managed.manager.replace("m", path, batched())).unwrap();
                },
            ],
        );
        let (managed, model) = both;
        assert_eq!(model.version().unwrap(), 2);
        drop(model);
        managed.end();
    });
}

#[test]
fn a_conversation_goes_on_while_memory_is_short() {
    explore(|| {
        let memory =
            ArtificialMemory { constants: 1400, arena: 100, state: 500, ..Default::default() };
        let own = ArtificialModel { memory, ..ArtificialModel::sequence(2) };
        let managed = Managed::of(1, own);
        let models = [managed.load("a"), managed.load("b")];
        let all = (managed, models);
        together(
            &all,
            &[|(managed, [a, _])| converse(managed, a), |(managed, [_, b])| converse(managed, b)],
        );
        let (managed, models) = all;
        drop(models);
        managed.end();
    });
}

fn converse(managed: &Managed, model: &Model) {
    let mut sequence = block_on(model.sequence()).unwrap();
    let options = InferenceOptions::default();
    let (inputs, expected) = managed.request(1, 1);
    let first = block_on(sequence.infer(inputs, &options)).unwrap();
    assert_eq!(first.outputs, expected);
}
