//! What tests of the manager share: a manager without clockwork of its own, and waiting for a state.
#![allow(dead_code, reason = "each file of tests uses a part of it")]

use std::future::Future;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use anemone_engine::Value;
use anemone_runtime::artificial::Artificial;
use anemone_runtime::metrics::ModelSummary;
use anemone_runtime::sensors::NoSensors;
use anemone_runtime::{
    Batching, Config, ConfigBuilder, Demand, InferenceOptions, Manager, Model, ModelOptions,
    Monitoring,
};

/// Two operations, a gibibyte, no time limit, nothing that ticks by itself, no patience for runs
/// that were abandoned.
pub(crate) fn config() -> ConfigBuilder {
    let monitoring = Monitoring { sensors: false, interval: Duration::from_secs(3600) };
    Config::builder()
        .max_concurrent_operations(Some(2.try_into().unwrap()))
        .memory_budget(Some(1 << 30))
        .default_time_limit(None)
        .grace(Duration::from_millis(1))
        .monitoring(monitoring)
}

pub(crate) fn manager_of(world: &Artificial, config: ConfigBuilder) -> Manager {
    let config = config.build().unwrap();
    Manager::with_sensors(config, Arc::new(world.clone()), Box::new(NoSensors))
}

pub(crate) fn manager(world: &Artificial) -> Manager {
    manager_of(world, config())
}

/// Loads the model that is known by `name` under that name.
pub(crate) fn load(manager: &Manager, name: &str, options: ModelOptions) -> Model {
    manager.load_blocking(name, Path::new(name), options).unwrap()
}

pub(crate) fn plain() -> InferenceOptions {
    InferenceOptions::default()
}

pub(crate) fn on(engine: &str) -> InferenceOptions {
    InferenceOptions { engine: Some(engine.to_owned()), ..plain() }
}

/// Batches that wait for nobody.
pub(crate) fn batched() -> ModelOptions {
    let batching = Batching { max_delay: Duration::ZERO, ..Batching::default() };
    ModelOptions { batching: Some(batching), ..ModelOptions::default() }
}

/// Waits until something is so that comes by itself.
pub(crate) fn until(holds: impl Fn() -> bool) {
    while !holds() {
        std::thread::yield_now();
    }
}

/// Waits until nothing runs or waits, and tells what is in use then.
pub(crate) fn settled(manager: &Manager) -> Demand {
    until(|| {
        let busy = manager.models().iter().map(|model| model.queued + model.running).sum::<usize>();
        busy == 0 && manager.pool().statistics().in_use.operations == 0
    });
    manager.pool().statistics().in_use
}

/// What the summary says of a model.
pub(crate) fn summary(manager: &Manager, name: &str) -> ModelSummary {
    let mut all = manager.performance_summary().models;
    all.retain(|model| model.model == name);
    assert_eq!(all.len(), 1, "{name}");
    all.remove(0)
}

/// Polls a future once, for nobody.
pub(crate) fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Waits for a future on this thread.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return answer;
        }
        std::thread::park();
    }
}

/// The numbers of the first output.
pub(crate) fn numbers(outputs: &[Value]) -> Vec<f32> {
    match &outputs[0] {
        Value::Tensor(array) => array.to_tensor().to_f32(),
        other => panic!("no tensor: {other:?}"),
    }
}
