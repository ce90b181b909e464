//! The manager from outside: what callers get, alone and many at once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anemone_runtime::artificial::{Artificial, ArtificialModel};
use anemone_runtime::{Batching, Config, Error, InferenceOptions, Manager, ModelOptions};

fn manager(world: &Artificial) -> Manager {
    let config = Config::builder().max_concurrent_operations(Some(2.try_into().unwrap()));
    let config = config.memory_budget(Some(1 << 30)).build().unwrap();
    Manager::new(config, Arc::new(world.clone()))
}

fn batched() -> ModelOptions {
    let batching = Batching { max_delay: Duration::from_millis(1), ..Batching::default() };
    ModelOptions { batching: Some(batching), ..ModelOptions::default() }
}

#[test]
fn one_caller_gets_its_result() {
    let world = Artificial::new();
    let model = ArtificialModel::rows(4);
    let (inputs, expected) = {
        let inputs = model.request(3, 4, 7);
        let expected = model.expected(&inputs).unwrap();
        (inputs, expected)
    };
    world.add("sum", model);
    let manager = manager(&world);
    let model = manager.load_blocking("sum", Path::new("sum"), ModelOptions::default()).unwrap();
    let options = InferenceOptions::default();
    let inference = model.infer_blocking(inputs, &options).unwrap();
    assert_eq!(inference.outputs, expected);
    assert_eq!(inference.version, 1);
    let wrong = model.infer_blocking(Vec::new(), &options).unwrap_err();
    assert!(matches!(wrong, Error::Input { .. }), "{wrong}");
}

#[test]
fn every_caller_of_many_gets_its_own_result() {
    let world = Artificial::new();
    world.add("words", ArtificialModel::enumerated(&[1, 8, 32], &[16, 32]));
    let own = ArtificialModel::enumerated(&[1, 8, 32], &[16, 32]);
    let manager = manager(&world);
    let model = manager.load_blocking("words", Path::new("words"), batched()).unwrap();
    std::thread::scope(|scope| {
        for caller in 0..16u64 {
            let (model, own) = (&model, &own);
            scope.spawn(move || {
                for turn in 0..50 {
                    let length = if turn % 3 == 0 { 32 } else { 16 };
                    let inputs = own.request(1, length, 1000 * caller + turn);
                    let expected = own.expected(&inputs).unwrap();
                    let options = InferenceOptions { caller, ..InferenceOptions::default() };
                    assert_eq!(model.infer_blocking(inputs, &options).unwrap().outputs, expected);
                }
            });
        }
    });
    let runs = world.runs();
    // The last answers came before their operations were given back.
    while manager.pool().statistics().in_use.operations > 0 {
        std::thread::yield_now();
    }
    assert!(runs.len() < 800, "{} runs of 800 requests", runs.len());
}
