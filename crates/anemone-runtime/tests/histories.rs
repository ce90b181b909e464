//! Random histories of a whole manager on real threads: requests that end in every way, beside models
//! that come and go. `ANEMONE_HISTORIES` sets how many; 500 if it is not set.

use std::collections::BTreeMap;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use anemone_engine::{RunError, Value};
use anemone_runtime::artificial::{
    Artificial, ArtificialMemory, ArtificialModel, Cost, Fault, Gate, Live, Size, When,
};
use anemone_runtime::sensors::NoSensors;
use anemone_runtime::{
    Batching, Config, Demand, Error, Inference, InferenceOptions, Manager, Model, ModelOptions,
    Monitoring, Priority, Queue,
};
use pollster::block_on;
use proptest::collection::vec;
use proptest::prelude::*;

/// Models without a state; two of them and a conversation's model fit at a time.
const PLAIN: [&str; 3] = ["a", "b", "c"];
const TALKING: &str = "talking";
/// Its runs wait until their callers have left.
const HELD: &str = "held";

/// Nothing takes that long: a request that ends by it was lost.
const LOST: Duration = Duration::from_secs(30);
/// As many looks at the manager come to rest before they are given up.
const LOOKS: usize = 2_000_000;

#[derive(Clone, Debug)]
struct Request {
    model: usize,
    rows: usize,
    length: usize,
    priority: Priority,
    is_alone: bool,
    seed: u64,
}

#[derive(Clone, Debug)]
enum Step {
    Ask(Request),
    /// Taken back after so many polls.
    GiveUp(Request, usize),
    /// Without any time.
    Late(Request),
    /// Out of time while it runs.
    Held,
    /// With an admission, which is used or not.
    Admit(Request, bool),
    /// A conversation of so many runs.
    Talk(usize),
    Panic(usize),
    Fail(usize),
    SpoilOutputs(usize),
    Replace(usize),
    /// Takes a model out and loads it again.
    Unload(usize),
    Tick,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Ends {
    completed: u64,
    others: u64,
}

#[derive(Clone)]
struct History {
    world: Artificial,
    manager: Manager,
    plain: ArtificialModel,
    talking: ArtificialModel,
}

impl History {
    fn new(operations: usize, queued: usize) -> History {
        let memory = ArtificialMemory {
            constants: 2000,
            arena: 100,
            arena_per_row: 2,
            state: 50,
            ..ArtificialMemory::default()
        };
        let plain = ArtificialModel { memory, length: Size::Free, ..ArtificialModel::default() };
        let talking = ArtificialModel { memory, ..ArtificialModel::sequence(2) };
        let held = ArtificialModel {
            cost: Cost::gate(&Gate::new()),
            memory: ArtificialMemory::default(),
            ..ArtificialModel::rows(2)
        };
        let world = Artificial::new();
        PLAIN.iter().for_each(|name| world.add(name, plain.clone()));
        world.add(TALKING, talking.clone());
        world.add(HELD, held);
        let config = Config::builder()
            .max_concurrent_operations(Some(operations.try_into().unwrap()))
            .memory_budget(Some(8_600))
            .queue(Queue { bytes: 1000, requests: queued, ..Queue::default() })
            .default_time_limit(Some(LOST))
            .monitoring(Monitoring { sensors: false, ..Monitoring::default() })
            .idle_sessions(1)
            .build()
            .unwrap();
        let manager = Manager::with_sensors(config, Arc::new(world.clone()), Box::new(NoSensors));
        let history = History { world, manager, plain, talking };
        PLAIN.iter().chain(&[TALKING, HELD]).for_each(|name| drop(history.load(name)));
        history
    }

    fn load(&self, name: &str) -> Result<Model, Error> {
        self.manager.load_blocking(name, Path::new(name), options())
    }

    /// Does the steps of one caller; how its requests ended.
    fn walk(&self, steps: &[Step]) -> Ends {
        let mut ends = Ends::default();
        steps.iter().for_each(|step| self.step(step, &mut ends));
        ends
    }

    fn step(&self, step: &Step, ends: &mut Ends) {
        match step {
            Step::Ask(request) => {
                self.ask(request, &request.options(), ends);
            }
            Step::GiveUp(request, polls) => self.give_up(request, *polls, ends),
            Step::Late(request) => {
                let limit = Some(Duration::ZERO);
                let late = InferenceOptions { time_limit: limit, ..request.options() };
                self.ask(request, &late, ends);
            }
            Step::Held => {
                let Ok(model) = self.manager.model(HELD) else { return };
                let limit = InferenceOptions::within(Duration::from_micros(200));
                let inputs = ArtificialModel::rows(2).request(1, 2, 1);
                // Out of time, or not let into the queue.
                model.infer_blocking(inputs, &limit).unwrap_err();
                ends.others += 1;
            }
            Step::Admit(request, is_used) => self.admit(request, *is_used, ends),
            Step::Talk(runs) => self.talk(*runs, ends),
            Step::Panic(model) => self.world.fault(PLAIN[*model], Fault::Panic, When::Next(1)),
            Step::Fail(model) => {
                let fault = Fault::Error(RunError::Internal("planted".to_owned()));
                self.world.fault(PLAIN[*model], fault, When::Next(1));
            }
            Step::SpoilOutputs(model) => {
                self.world.fault(PLAIN[*model], Fault::OutputShape, When::Next(1));
            }
            Step::Replace(model) => {
                let name = PLAIN[*model];
                // Another caller may have taken it out, or load it too.
                let _ = block_on(self.manager.replace(name, Path::new(name), options()));
            }
            Step::Unload(model) => {
                let _ = self.manager.unload(PLAIN[*model], None);
                let _ = self.load(PLAIN[*model]);
            }
            Step::Tick => self.manager.tick(),
        }
    }

    fn ask(&self, request: &Request, options: &InferenceOptions, ends: &mut Ends) {
        let Ok(model) = self.manager.model(PLAIN[request.model]) else { return };
        let (inputs, expected) = request.values(&self.plain);
        ends.count(model.infer_blocking(inputs, options), &expected, options);
    }

    fn give_up(&self, request: &Request, polls: usize, ends: &mut Ends) {
        let Ok(model) = self.manager.model(PLAIN[request.model]) else { return };
        let (inputs, expected) = request.values(&self.plain);
        let options = request.options();
        let mut future = pin!(model.infer(inputs, &options));
        for _ in 0..polls {
            match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(answer) => return ends.count(answer, &expected, &options),
                Poll::Pending => thread::yield_now(),
            }
        }
        // What was never polled is no request.
        ends.others += u64::from(polls > 0);
    }

    fn admit(&self, request: &Request, is_used: bool, ends: &mut Ends) {
        let Ok(model) = self.manager.model(PLAIN[request.model]) else { return };
        let (inputs, expected) = request.values(&self.plain);
        let (options, shapes) = (request.options(), [vec![request.rows, request.length]]);
        let Ok(admission) = block_on(model.request_admission(&shapes, &options)) else { return };
        if is_used {
            ends.count(block_on(admission.execute(inputs, &options)), &expected, &options);
        }
    }

    fn talk(&self, runs: usize, ends: &mut Ends) {
        let Ok(model) = self.manager.model(TALKING) else { return };
        let mut sequence = block_on(model.sequence()).unwrap();
        let options = InferenceOptions::default();
        let said: Vec<_> = (0..runs).map(|run| self.talking.request(1, 2, run as u64)).collect();
        for run in 0..runs {
            let earlier: Vec<&[Value]> = said[..run].iter().map(Vec::as_slice).collect();
            let expected = self.talking.expected_after(&earlier, &said[run]).unwrap();
            let answer = block_on(sequence.infer(said[run].clone(), &options));
            let is_over = answer.is_err();
            ends.count(answer, &expected, &options);
            if is_over {
                return;
            }
        }
    }

    /// Whether nothing waits or runs, and what is in use is what models and idle sessions hold.
    fn is_at_rest(&self) -> bool {
        let pool = self.manager.pool().statistics();
        let models = self.manager.models();
        // Versions of one name are of one file, and share its plan.
        let held = models.iter().map(|model| (&model.name, model.weight_bytes + model.idle_bytes));
        let held: BTreeMap<&String, u64> = held.filter(|(_, bytes)| *bytes > 0).collect();
        let held = held.values().sum();
        let are_idle = models.iter().all(|model| (model.queued, model.running) == (0, 0));
        are_idle && pool.waiting == 0 && pool.in_use == Demand { operations: 0, bytes: held }
    }

    fn end(self, ends: Ends) {
        let is_at_rest = (0..LOOKS).any(|_| {
            thread::yield_now();
            self.is_at_rest()
        });
        let statistics = self.manager.pool().statistics();
        assert!(is_at_rest, "{statistics:?} {:?}", self.manager.models());
        let models = self.manager.models();
        let live = self.world.live();
        assert!(live.sessions <= models.len() && live.states == 0, "{live:?}");

        let summary = self.manager.performance_summary();
        let counted = &summary.overall.since_start;
        let sum = |causes: &BTreeMap<&str, u64>| causes.values().sum::<u64>();
        let others = sum(&counted.failed) + sum(&counted.rejected) + sum(&summary.rejected);
        assert_eq!(Ends { completed: counted.completed, others }, ends, "{summary:?}");
        assert_eq!(summary.overall.recent.in_flight, 0);

        let shutdown = block_on(self.manager.shutdown(LOST));
        assert_eq!((shutdown.is_drained, shutdown.refused, shutdown.stuck), (true, 0, 0));
        assert_eq!(self.manager.pool().statistics().in_use, Demand::default());
        assert_eq!(self.world.live(), Live::default());
    }
}

impl Request {
    fn options(&self) -> InferenceOptions {
        let (priority, alone, caller) = (self.priority, self.is_alone, self.seed % 3);
        InferenceOptions { priority, alone, caller, ..InferenceOptions::default() }
    }

    fn values(&self, model: &ArtificialModel) -> (Vec<Value>, Vec<Value>) {
        let inputs = model.request(self.rows, self.length, self.seed);
        let expected = model.expected(&inputs).unwrap();
        (inputs, expected)
    }
}

impl Ends {
    fn count(
        &mut self,
        answer: Result<Inference, Error>,
        expected: &[Value],
        options: &InferenceOptions,
    ) {
        match answer {
            Ok(inference) => {
                assert_eq!(inference.outputs, expected, "somebody else's outputs");
                self.completed += 1;
            }
            Err(error) => {
                let is_late = matches!(error, Error::TimedOut { .. });
                assert!(!is_late || options.time_limit.is_some(), "lost: {error:?}");
                self.others += 1;
            }
        }
    }
}

fn options() -> ModelOptions {
    let batching = Batching { max_rows: 12, max_delay: Duration::ZERO, ..Batching::default() };
    ModelOptions { batching: Some(batching), ..ModelOptions::default() }
}

fn histories() -> ProptestConfig {
    let set = std::env::var("ANEMONE_HISTORIES").ok().and_then(|count| count.parse().ok());
    let cases = set.unwrap_or(500);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn request() -> impl Strategy<Value = Request> {
    let model = prop_oneof![3 => Just(0), 1 => 0..PLAIN.len()];
    let priority = proptest::sample::select(&Priority::EACH[..]);
    (model, 1..=9_usize, 2..=3_usize, priority, proptest::bool::weighted(0.1), 0..1000_u64)
        .prop_map(|(model, rows, length, priority, is_alone, seed)| Request {
            model,
            rows,
            length,
            priority,
            is_alone,
            seed,
        })
}

fn step() -> impl Strategy<Value = Step> {
    let model = 0..PLAIN.len();
    prop_oneof![
        16 => request().prop_map(Step::Ask),
        6 => (request(), 0..4_usize).prop_map(|(request, polls)| Step::GiveUp(request, polls)),
        2 => request().prop_map(Step::Late),
        1 => Just(Step::Held),
        3 => (request(), any::<bool>()).prop_map(|(request, used)| Step::Admit(request, used)),
        2 => (1..4_usize).prop_map(Step::Talk),
        1 => model.clone().prop_map(Step::Panic),
        1 => model.clone().prop_map(Step::Fail),
        1 => model.clone().prop_map(Step::SpoilOutputs),
        1 => model.clone().prop_map(Step::Replace),
        1 => model.prop_map(Step::Unload),
        2 => Just(Step::Tick),
    ]
}

proptest! {
    #![proptest_config(histories())]

    #[test]
    fn every_request_ends_once_and_nothing_is_left_of_it(
        operations in 1..=2_usize,
        queued in prop_oneof![1 => 1..3_usize, 4 => Just(100_usize)],
        callers in vec(vec(step(), 1..6), 2..5),
    ) {
        let history = History::new(operations, queued);
        let ends = thread::scope(|scope| {
            let walks: Vec<_> = callers
                .iter()
                .map(|steps| {
                    let history = &history;
                    scope.spawn(move || history.walk(steps))
                })
                .collect();
            walks.into_iter().fold(Ends::default(), |all, walk| {
                let own = walk.join().unwrap();
                Ends {
                    completed: all.completed + own.completed,
                    others: all.others + own.others,
                }
            })
        });
        history.end(ends);
    }
}
