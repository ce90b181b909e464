//! Managers for the tests of this folder: no clock, no sensors, models that cost nothing.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use anemone_engine::Value;
use anemone_runtime::artificial::{Artificial, ArtificialMemory, ArtificialModel, Live};
use anemone_runtime::sensors::NoSensors;
use anemone_runtime::{
    Batching, Config, Demand, Error, Inference, InferenceOptions, Manager, Model, ModelOptions,
    Monitoring, Pool, Queue,
};
use shuttle::thread;

/// Bytes that models and runs may have.
pub(crate) const CAPACITY: u64 = 3000;
/// Bytes that inputs may have that wait.
const QUEUED: u64 = 1000;

/// Schedules of each kind for each test of a manager.
const SCHEDULES: usize = 10_000;

pub(crate) fn explore(test: fn()) {
    super::explore(SCHEDULES, test);
}

/// A manager, its models, and what is left of it at the end.
#[derive(Clone)]
pub(crate) struct Managed {
    pub(crate) world: Artificial,
    pub(crate) own: ArtificialModel,
    pub(crate) manager: Manager,
}

impl Managed {
    /// A manager of so many operations. Of its models two do not fit at a time, one and its runs do.
    pub(crate) fn new(operations: usize) -> Managed {
        let memory = ArtificialMemory { constants: 2000, arena: 300, ..Default::default() };
        Managed::of(operations, ArtificialModel { memory, ..ArtificialModel::rows(2) })
    }

    /// A manager whose models are all like `own`.
    pub(crate) fn of(operations: usize, own: ArtificialModel) -> Managed {
        let world = Artificial::new();
        let config = Config::builder()
            .max_concurrent_operations(Some(operations.try_into().unwrap()))
            .memory_budget(Some(CAPACITY + QUEUED))
            .queue(Queue { bytes: QUEUED, ..Queue::default() })
            .default_time_limit(None)
            .monitoring(Monitoring { sensors: false, ..Monitoring::default() })
            .idle_sessions(1);
        let config = config.build().unwrap();
        let sensors = Box::new(NoSensors);
        let manager = Manager::with_sensors(config, Arc::new(world.clone()), sensors);
        Managed { world, own, manager }
    }

    /// Loads a batched model of this name.
    pub(crate) fn load(&self, name: &str) -> Model {
        self.world.add(name, self.own.clone());
        self.manager.load_blocking(name, Path::new(name), batched()).unwrap()
    }

    /// A request of so many rows; who gets something else than its own result panics.
    pub(crate) fn ask(&self, model: &Model, rows: usize, seed: u64) {
        let options = InferenceOptions { caller: seed, ..InferenceOptions::default() };
        self.ask_with(model, rows, seed, &options).unwrap();
    }

    pub(crate) fn ask_with(
        &self,
        model: &Model,
        rows: usize,
        seed: u64,
        options: &InferenceOptions,
    ) -> Result<Inference, Error> {
        let (inputs, expected) = self.request(rows, seed);
        let inference = model.infer_blocking(inputs, options)?;
        assert_eq!(inference.outputs, expected);
        Ok(inference)
    }

    /// A request that is taken back after so many polls, if it is not answered before.
    pub(crate) fn give_up(&self, model: &Model, rows: usize, seed: u64, polls: usize) {
        let (inputs, expected) = self.request(rows, seed);
        let options = InferenceOptions::default();
        let mut future = pin!(model.infer(inputs, &options));
        for _ in 0..polls {
            match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(inference) => {
                    assert_eq!(inference.unwrap().outputs, expected);
                    return;
                }
                Poll::Pending => thread::yield_now(),
            }
        }
    }

    /// Inputs, and what they give.
    pub(crate) fn request(&self, rows: usize, seed: u64) -> (Vec<Value>, Vec<Value>) {
        let inputs = self.own.request(rows, 2, seed);
        let expected = self.own.expected(&inputs).unwrap();
        (inputs, expected)
    }

    /// Ends the manager; nothing is left of it.
    pub(crate) fn end(self) {
        let Managed { world, manager, .. } = self;
        let pool = manager.pool().clone();
        assert_eq!(manager.performance_summary().overall.recent.in_flight, 0);
        drop(manager);
        is_empty(&world, &pool);
    }
}

/// Nothing is in use.
pub(crate) fn is_empty(world: &Artificial, pool: &Pool) {
    assert_eq!(pool.statistics().in_use, Demand::default());
    assert_eq!(world.live(), Live::default());
}

pub(crate) fn batched() -> ModelOptions {
    let batching = Batching { max_rows: 4, max_delay: Duration::ZERO, ..Batching::default() };
    ModelOptions { batching: Some(batching), ..ModelOptions::default() }
}

/// Runs each function in a thread of its own, all at once, and waits for them.
pub(crate) fn together<T: Clone + Send + 'static>(own: &T, parts: &[fn(&T)]) {
    let threads: Vec<_> = parts
        .iter()
        .map(|&part| {
            let own = own.clone();
            thread::spawn(move || part(&own))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}
