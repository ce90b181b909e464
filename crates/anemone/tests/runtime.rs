//! Models through the manager: blocking and async callers get the same results.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anemone::engine::{Array, ErrorKind, Rounding, Value};
use anemone::runtime::{Config, Error, InferenceOptions, Manager, Model, ModelOptions, Shapes};
use anemone::{Engines, ModelLoader};

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models")
}

fn manager() -> Manager {
    let engines = Arc::new(Engines::new(None).unwrap());
    Manager::new(Config::default(), Arc::new(ModelLoader::new(engines, Rounding::default())))
}

fn digits(manager: &Manager) -> Model {
    let path = models().join("tiny-digits/tiny-digits.mlpackage");
    manager.load_blocking("digits", &path, ModelOptions::default()).unwrap()
}

fn picture(shade: f32) -> Vec<Value> {
    vec![Value::Tensor(Array::from_f32(vec![1, 1, 28, 28], &[shade; 784]).unwrap())]
}

#[test]
fn async_and_blocking_callers_get_the_same() {
    let manager = manager();
    let model = digits(&manager);
    let options = InferenceOptions::default();
    let blocking = model.infer_blocking(picture(0.5), &options).unwrap();
    let waiting: Vec<_> =
        (0..8).map(|i| model.infer(picture(0.125 * i as f32), &options)).collect();
    let answers: Vec<_> =
        waiting.into_iter().map(|future| pollster::block_on(future).unwrap()).collect();
    assert_eq!(answers[4].outputs, blocking.outputs);
    assert_ne!(answers[0].outputs, blocking.outputs);
    let wrong = model.infer_blocking(Vec::new(), &options).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Invalid);
}

#[test]
fn a_result_tells_where_it_ran_and_why_not_elsewhere() {
    let manager = manager();
    let inference =
        digits(&manager).infer_blocking(picture(0.5), &InferenceOptions::default()).unwrap();
    assert_eq!(inference.receipt.engine, "cpu");
    assert!(inference.device_used().starts_with("cpu"));
    assert!(inference.receipt.fallbacks.iter().any(|why| why.contains("neural engine")));
    assert_eq!(inference.fallback_reason, None);
}

#[test]
fn a_loaded_model_tells_its_shapes_and_its_hash() {
    let manager = manager();
    let package = models().join("all-MiniLM-L6-v2/model.mlpackage");
    let model = manager.load_blocking("texts", &package, ModelOptions::default()).unwrap();
    let shapes = model.shapes().unwrap();
    let [Shapes::Listed(ids), Shapes::Listed(mask)] = &shapes[..] else { panic!("{shapes:?}") };
    assert_eq!(ids.len(), 30);
    assert!(mask.contains(&vec![32, 128]));
    assert_eq!(model.hash().unwrap(), anemone::formats::content(&package).unwrap().hash);
    let missing =
        manager.load_blocking("no", Path::new("no/such.mlpackage"), ModelOptions::default());
    let missing = missing.unwrap_err();
    assert!(matches!(missing, Error::ModelNotFound { .. }), "{missing}");
    assert!(missing.to_string().contains("no/such.mlpackage"), "{missing}");
}
