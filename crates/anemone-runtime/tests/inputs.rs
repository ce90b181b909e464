//! Requests that are wrong: each is told what is wrong with it, and nothing is spent.

mod world;

use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use anemone_engine::{Array, ErrorKind, Precision, RunError, Value};
use anemone_runtime::artificial::{
    Artificial, ArtificialEngine, ArtificialMemory, ArtificialModel, Fault, Live, When,
};
use anemone_runtime::{Error, InferenceOptions, LoadError, Manager, ModelOptions, Resource, Stage};
use anemone_tensor::{DataType, Tensor};
use world::{batched, config, load, manager, manager_of, on, plain, settled, summary, wait};

fn zeros(shape: &[usize]) -> Value {
    let count = shape.iter().product();
    Value::Tensor(Array::from_f32(shape.to_vec(), &vec![0.0; count]).unwrap())
}

fn integers(shape: &[usize]) -> Value {
    let count = shape.iter().product();
    let numbers = (0..count).map(|_| 1.0);
    Value::Tensor(Tensor::from_f64(DataType::I32, shape.to_vec(), numbers).unwrap().into())
}

/// A model of weights, arena and every kind of limit: by itself, and put together with others.
fn words(options: ModelOptions) -> (Artificial, Manager, anemone_runtime::Model) {
    let world = Artificial::new();
    let memory = ArtificialMemory { constants: 1000, arena: 64, ..ArtificialMemory::default() };
    let words = ArtificialModel { memory, ..ArtificialModel::enumerated(&[1, 8], &[16, 32]) };
    world.add("words", words);
    let manager = manager(&world);
    let model = load(&manager, "words", options);
    (world, manager, model)
}

#[test]
fn each_wrong_input_is_told_what_is_wrong_and_costs_nothing() {
    let cases: [(&str, Vec<Value>, &str); 9] = [
        ("count", vec![], "2 inputs are needed, 0 were given"),
        ("dtype", vec![zeros(&[1, 16]), integers(&[1, 16])], "input `values` is a tensor of fp32"),
        ("kind", vec![integers(&[1, 16]), Value::String("x".into())], "input `mask` is a string"),
        ("rank", vec![integers(&[16]), integers(&[16])], "`values` has shape [16], not [any, any]"),
        ("length", vec![integers(&[1, 17]), integers(&[1, 17])], "[1, 17], not one of [1, 16]"),
        ("rows", vec![integers(&[9, 16]), integers(&[9, 16])], "[9, 16], not one of [1, 16]"),
        ("no rows", vec![integers(&[0, 16]), integers(&[0, 16])], "[0, 16], not"),
        (
            "other rows",
            vec![integers(&[8, 16]), integers(&[1, 16])],
            "`mask` has shape [1, 16], not",
        ),
        ("other length", vec![integers(&[1, 16]), integers(&[1, 32])], "`mask` has shape [1, 32]"),
    ];
    for options in [ModelOptions::default(), batched()] {
        let (world, manager, model) = words(options.clone());
        let before = settled(&manager);
        assert_eq!(before.bytes, 1000);
        for (what, inputs, told) in &cases {
            let error = model.infer_blocking(inputs.clone(), &plain()).unwrap_err();
            let is_right = matches!(error, Error::Input { .. } | Error::Shape { .. });
            assert!(is_right && error.to_string().contains(told), "{what}, {options:?}: {error}");
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
        // Only what the engine alone can tell gets as far as that.
        assert_eq!(settled(&manager).bytes, 1000 + manager.models()[0].idle_bytes);
        let activity = summary(&manager, "words").performance.since_start;
        let refused = activity.rejected.get("invalid_input").copied().unwrap_or(0);
        let failed = activity.failed.get("invalid_input").copied().unwrap_or(0);
        assert_eq!(refused + failed, cases.len() as u64);
        assert_eq!((activity.completed, world.runs().len()), (0, 0));
    }
}

#[test]
fn shapes_beyond_all_bounds_are_refused_before_anything_is_held() {
    let world = Artificial::new();
    let memory = ArtificialMemory { arena_per_token: 1, ..ArtificialMemory::default() };
    world.add("free", ArtificialModel { memory, ..ArtificialModel::tokens() });
    let manager = manager(&world);
    for options in [ModelOptions::default(), batched()] {
        let model = load(&manager, "free", options);
        for shape in [vec![usize::MAX, usize::MAX], vec![1 << 40, 1], vec![usize::MAX, 0]] {
            let shapes = [shape.clone(), shape];
            match wait(model.request_admission(&shapes, &plain())).map(|held| held.bytes()) {
                Err(Error::ResourceLimit { resource: Resource::Memory, needed, limit }) => {
                    assert!(needed > limit);
                }
                // No element, no memory, but rows of outputs.
                other => panic!("{shapes:?}: {other:?}"),
            }
        }
        assert_eq!(settled(&manager).bytes, 0);
    }
}

#[test]
fn a_state_is_needed_where_there_is_one_and_only_there() {
    let world = Artificial::new();
    world.add("sum", ArtificialModel::rows(4));
    world.add("talk", ArtificialModel::sequence(4));
    let manager = manager(&world);
    let (sum, talk) = (load(&manager, "sum", batched()), load(&manager, "talk", batched()));
    let error = talk.infer_blocking(vec![zeros(&[1, 4])], &plain()).unwrap_err();
    assert!(error.to_string().contains("`talk` has states"), "{error}");
    let error = wait(sum.sequence()).err().unwrap();
    assert!(matches!(&error, Error::Input { what } if what.contains("no states")), "{error}");
    // What is wrong in a conversation does not end it.
    let mut sequence = wait(talk.sequence()).unwrap();
    for inputs in [vec![], vec![zeros(&[1, 5])], vec![zeros(&[4])]] {
        assert_eq!(wait(sequence.infer(inputs, &plain())).unwrap_err().kind(), ErrorKind::Invalid);
    }
    let wrong = Array::from_f32(vec![3], &[0.0; 3]).unwrap();
    assert!(sequence.write(0, &wrong).is_err() && sequence.read(1).is_err());
    assert!(wait(sequence.infer(vec![zeros(&[1, 4])], &plain())).is_ok());
}

#[test]
fn outputs_that_are_not_finite_are_refused_where_that_is_asked_for() {
    for (by_default, asked, is_refused) in [
        (false, None, false),
        (false, Some(true), true),
        (true, None, true),
        (true, Some(false), false),
    ] {
        for number in [f32::NAN, f32::INFINITY] {
            let world = Artificial::new();
            world.add("sum", ArtificialModel::rows(4));
            let manager = manager_of(&world, config().reject_non_finite(by_default));
            let model = load(&manager, "sum", ModelOptions::default());
            world.fault("sum", Fault::OutputValue(number), When::Next(1));
            let options = InferenceOptions { reject_non_finite: asked, ..plain() };
            match model.infer_blocking(vec![zeros(&[2, 4])], &options) {
                Err(Error::Precision { asked: None, what }) if is_refused => {
                    assert_eq!(what, "output `sums` is not finite");
                }
                Ok(_) if !is_refused => {}
                other => panic!("{by_default} {asked:?} {number}: {other:?}"),
            }
            assert!(manager.models()[0].quarantine.is_none());
        }
    }
}

#[test]
fn every_error_is_reachable_and_carries_its_data() {
    let world = Artificial::with_engines(&[ArtificialEngine::SECOND]);
    let arena_per_row = 1 << 20;
    let memory = ArtificialMemory { constants: 100, arena_per_row, ..ArtificialMemory::default() };
    world.add("sum", ArtificialModel { memory, ..ArtificialModel::rows(4) });
    for name in ["broken", "refused", "panics", "falls"] {
        world.add(name, ArtificialModel::rows(4));
    }
    world.fault("broken", Fault::LoadError(ErrorKind::Invalid), When::Always);
    world.fault("refused", Fault::LoadError(ErrorKind::Unsupported), When::Always);
    world.fault("panics", Fault::MemoryPanic, When::Always);
    world.fault("falls", Fault::LoadPanic, When::Always);
    let manager = manager(&world);
    let model = load(&manager, "sum", ModelOptions::default());
    let before = (settled(&manager), world.live());
    let loaded = |name: &str, options: ModelOptions| {
        manager.load_blocking(name, Path::new(name), options).unwrap_err()
    };
    let run = |rows: usize, options: &InferenceOptions| {
        model.infer_blocking(vec![zeros(&[rows, 4])], options).unwrap_err()
    };
    let failing = |fault: RunError| {
        world.fault("sum", Fault::Error(fault), When::Next(1));
        let error = run(1, &plain());
        world.heal("sum");
        error
    };

    let error = run(1, &on("abacus"));
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(matches!(&error, Error::Unavailable { what, reason, retry_after: None }
        if what == "engine abacus" && reason.contains("artificial-2")));
    let options = ModelOptions { engines: vec!["abacus".into()], ..ModelOptions::default() };
    let error = loaded("sum", options);
    assert!(matches!(&error, Error::Unavailable { what, .. } if what == "engine abacus"));

    let error = manager.model("nobody").unwrap_err();
    assert_eq!((error.kind(), error.source().is_some()), (ErrorKind::NotFound, false));
    let error = loaded("nowhere", ModelOptions::default());
    assert!(matches!(&error, Error::ModelNotFound { model, source: Some(source) }
        if model == "nowhere" && source.path == Path::new("nowhere")));
    let error = manager.model_version("sum", 9).unwrap_err();
    assert_eq!(error.to_string(), "there is no model `sum version 9`");

    let error = loaded("broken", ModelOptions::default());
    assert!(matches!(&error, Error::InvalidFormat { model, .. } if model == "broken"));
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.source().unwrap().downcast_ref::<LoadError>().is_some());

    let error = loaded("refused", ModelOptions::default());
    assert!(matches!(&error, Error::CompilationFailed { model, engine, .. }
        if model == "refused" && engine == "artificial-2"));
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let error = loaded("falls", ModelOptions::default());
    assert!(matches!(&error, Error::CompilationFailed { source, .. }
        if source.kind == ErrorKind::Internal && source.message.contains("artificial panic")));

    let error = failing(RunError::Internal("smoke".to_owned()));
    assert!(
        matches!(&error, Error::InferenceFailed { model, engine, source: RunError::Internal(_) }
        if model == "sum" && engine == "artificial-2")
    );
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(error.source().unwrap().downcast_ref::<RunError>().is_some());

    let error = run(1, &InferenceOptions::within(Duration::ZERO));
    assert!(matches!(error, Error::TimedOut { limit: Duration::ZERO, stage: Stage::Queued }));
    assert_eq!(error.kind(), ErrorKind::TimedOut);

    let error = run(1024, &plain());
    assert!(matches!(error, Error::ResourceLimit { resource: Resource::Memory, needed, limit }
        if needed >= 1 << 30 && limit < 1 << 30));
    assert_eq!(error.kind(), ErrorKind::Exhausted);

    let error = failing(RunError::Memory { bytes: 77 });
    assert!(matches!(error, Error::Allocation { bytes: 77 }));
    assert_eq!(error.kind(), ErrorKind::Exhausted);

    let error = model.infer_blocking(vec![zeros(&[1, 5])], &plain()).unwrap_err();
    assert!(matches!(&error, Error::Shape { input, found, expected }
        if input == "values" && *found == [1, 5] && expected == "[any, 4]"));
    let error = model.infer_blocking(vec![], &plain()).unwrap_err();
    assert!(matches!(&error, Error::Input { .. }) && error.source().is_none());

    let options = ModelOptions { precision: Some(Precision::Int8), ..ModelOptions::default() };
    let error = loaded("sum", options);
    assert!(matches!(error, Error::Precision { asked: Some(Precision::Int8), .. }));
    assert_eq!(error.kind(), ErrorKind::Unsupported);

    let error = loaded("sum", ModelOptions { version: Some(1), ..ModelOptions::default() });
    assert!(matches!(&error, Error::AlreadyLoaded { model, version: 1 } if model == "sum"));
    assert_eq!(error.kind(), ErrorKind::Conflict);

    let error = loaded("panics", ModelOptions::default());
    assert!(matches!(&error, Error::Internal { what } if what.contains("the engine panicked")));
    assert_eq!(error.kind(), ErrorKind::Internal);

    let after = settled(&manager);
    assert_eq!(after.bytes, before.0.bytes + manager.models()[0].idle_bytes);
    assert_eq!(world.live(), Live { sessions: world.live().sessions, ..before.1 });
    assert_eq!(manager.models().len(), 1);
}

#[test]
fn functions_that_a_model_lacks_are_not_found() {
    let world = Artificial::new();
    world.add("sum", ArtificialModel::rows(4));
    let manager = manager(&world);
    let options = ModelOptions { function: Some("other".into()), ..ModelOptions::default() };
    let error = manager.load_blocking("sum", Path::new("sum"), options).unwrap_err();
    assert!(matches!(&error, Error::ModelNotFound { source: Some(source), .. }
        if source.message.contains("`other`")));
    assert_eq!(settled(&manager).bytes, 0);
}
