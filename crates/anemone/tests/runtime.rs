//! Models through the manager: blocking and async callers get the same results.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use anemone::engine::{Array, ErrorKind, RunContext, Value};
use anemone::runtime::Runtime;
use anemone::{Engines, LoadOptions, ModelLoader};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future without any executor.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models")
}

fn runtime() -> Runtime {
    let engines = Arc::new(Engines::new(None).unwrap());
    Runtime::new(Arc::new(ModelLoader::new(engines, LoadOptions::default())))
}

fn picture(shade: f32) -> Vec<Value> {
    vec![Value::Tensor(Array::from_f32(vec![1, 1, 28, 28], &[shade; 784]).unwrap())]
}

#[test]
fn async_and_blocking_callers_get_the_same() {
    let runtime = runtime();
    let model = runtime.load(&models().join("tiny-digits/tiny-digits.mlpackage")).unwrap();
    let blocking = model.infer_blocking(&picture(0.5), &RunContext::default()).unwrap();
    let waiting: Vec<_> = (0..8).map(|i| model.infer(picture(0.125 * i as f32))).collect();
    let answers: Vec<_> = waiting.into_iter().map(|future| wait(future).unwrap()).collect();
    assert_eq!(answers[4].outputs, blocking.outputs);
    assert_ne!(answers[0].outputs, blocking.outputs);
    let wrong = wait(model.infer(Vec::new())).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Invalid);
}

#[test]
fn a_dropped_future_ends_nothing_but_itself() {
    let runtime = runtime();
    let model = runtime.load(&models().join("tiny-digits/tiny-digits.mlpackage")).unwrap();
    {
        let mut future = pin!(model.infer(picture(0.0)));
        let mut context = Context::from_waker(Waker::noop());
        drop(future.as_mut().poll(&mut context));
    }
    assert!(wait(model.infer(picture(0.0))).is_ok());
}

#[test]
fn a_loaded_model_tells_its_shapes_and_its_hash() {
    let runtime = runtime();
    let package = models().join("all-MiniLM-L6-v2/model.mlpackage");
    let model = runtime.load(&package).unwrap();
    assert_eq!(model.shapes().len(), 2);
    assert_eq!(model.shapes()[0].len(), 30);
    assert!(model.shapes()[1].contains(&vec![32, 128]));
    assert_eq!(model.hash(), anemone::formats::content_hash(&package).unwrap());
    let error = runtime.load(Path::new("no/such.mlpackage")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.message.contains("no/such.mlpackage"), "{error}");
}
