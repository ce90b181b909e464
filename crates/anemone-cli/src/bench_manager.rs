//! `anemone bench manager`: what the manager costs, on an engine that computes next to nothing.
//!
//! Every figure is measured anew in each repetition, one after the other, and the median of all
//! repetitions is told: what slows the machine for a while slows them alike.

use std::hint::black_box;
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use anemone::engine::{Precision, RunContext, Session, Value};
use anemone::runtime::artificial::{Artificial, ArtificialModel, Cost};
use anemone::runtime::metrics::{Finished, Histogram, ManagerMetrics, Outcome};
use anemone::runtime::{
    Batching, Capacity, Compilation, Config, Demand, InferenceOptions, Loader, Manager, Model,
    ModelOptions, Pool, Priority,
};
use serde_json::{Map, Value as Json, json};

use crate::arguments::ManagerBenchArguments;
use crate::doctor;
use crate::exit::Failure;
use crate::table::columns;

/// Threads that all want to be admitted, and how many may be at a time.
const CALLERS: usize = 64;
const OPERATIONS: usize = 8;
/// Each of them makes one call for so many of those who are alone.
const CONTENDED_SHARE: u32 = 20;
const DEMAND: Demand = Demand { operations: 1, bytes: 1 << 20 };
/// What a run on the busy engine takes.
const BUSY: Duration = Duration::from_micros(1);

/// A figure: its key, and what it tells.
const FIGURES: [(&str, &str); 6] = [
    ("admission_ns", "admit and release, nobody else there"),
    ("admission_64_callers_ns", "admit and release, 64 threads for 8 operations"),
    ("metric_update_ns", "record a time in a histogram"),
    ("request_done_ns", "count the end of a request"),
    ("infer_overhead_us", "a run through the manager, less the engine's own 1 µs"),
    ("batcher_round_trip_us", "a run in a batch of one, which computes nothing"),
];

/// How much is measured.
struct Effort {
    repetitions: usize,
    /// Calls of what takes nanoseconds.
    short: u32,
    /// Calls of what takes microseconds.
    long: u32,
}

const FULL: Effort = Effort { repetitions: 25, short: 200_000, long: 1500 };
const QUICK: Effort = Effort { repetitions: 1, short: 2000, long: 50 };

/// Measures, and tells the medians.
pub(crate) fn bench(arguments: &ManagerBenchArguments, json: bool) -> Result<String, Failure> {
    let effort = if arguments.quick { QUICK } else { FULL };
    let mut subjects = Subjects::new()?;
    // What is measured first pays for nothing that is made only once.
    subjects.measure(&QUICK)?;
    let mut found = FIGURES.map(|_| Vec::with_capacity(effort.repetitions));
    for _ in 0..effort.repetitions {
        for (all, one) in found.iter_mut().zip(subjects.measure(&effort)?) {
            all.push(one);
        }
    }
    // A thousandth of a nanosecond is more than is known.
    let medians = found.map(|all| (median(all) * 1e3).round() / 1e3);
    if json {
        let figures = FIGURES.iter().zip(medians);
        let mut report: Map<String, Json> =
            figures.map(|((key, _), value)| ((*key).to_owned(), json!(value))).collect();
        report.insert("machine".to_owned(), json!(doctor::machine()));
        return Ok(format!("{}\n", Json::Object(report)));
    }
    let mut rows: Vec<_> =
        FIGURES.iter().zip(medians).map(|(figure, value)| row(figure, value)).collect();
    rows.push(vec!["machine".to_owned(), doctor::machine()]);
    Ok(columns(&rows))
}

fn row((key, meaning): &(&str, &str), value: f64) -> Vec<String> {
    let unit = if key.ends_with("_us") { "µs" } else { "ns" };
    vec![(*key).to_owned(), format!("{value:.1} {unit}"), (*meaning).to_owned()]
}

/// What is measured.
struct Subjects {
    pool: Pool,
    histogram: Histogram,
    metrics: ManagerMetrics,
    /// A model on the busy engine, and that engine without a manager.
    busy: Model,
    direct: Box<dyn Session>,
    batched: Model,
    inputs: Vec<Value>,
}

impl Subjects {
    fn new() -> Result<Subjects, Failure> {
        let (busy, idle) = (Path::new("busy"), Path::new("idle"));
        let world = Artificial::new();
        world.add(busy, ArtificialModel { cost: Cost::busy(BUSY), ..ArtificialModel::rows(4) });
        world.add(idle, ArtificialModel::rows(4));
        let options = Compilation {
            engine: "artificial",
            function: None,
            precision: Precision::Exact,
            artefacts: None,
        };
        let direct = world.load(busy, &options)?.plan.session();
        let manager = Manager::new(Config::default(), Arc::new(world));
        let batched =
            ModelOptions { batching: Some(Batching::default()), ..ModelOptions::default() };
        let now = Instant::now();
        Ok(Subjects {
            pool: Pool::new(Capacity { operations: OPERATIONS, bytes: 1 << 30 }, CALLERS),
            histogram: Histogram::default(),
            metrics: ManagerMetrics::new(now),
            busy: manager.load_blocking("busy", busy, ModelOptions::default())?,
            direct,
            batched: manager.load_blocking("idle", idle, batched)?,
            inputs: ArtificialModel::rows(4).request(1, 4, 0),
        })
    }

    /// Each of [`FIGURES`] once.
    fn measure(&mut self, effort: &Effort) -> Result<[f64; FIGURES.len()], Failure> {
        let short = effort.short;
        let admission = nanoseconds(short, || {
            drop(black_box(black_box(&self.pool).try_admit(black_box(DEMAND))));
        });
        let contended = self.contended(effort.short / CONTENDED_SHARE);
        let mut mixed = 1_u32;
        let metric = nanoseconds(short, || {
            // Another bucket each time, as in life.
            mixed = mixed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            self.histogram.record(black_box(Duration::new(0, mixed >> 8)));
        });
        let now = Instant::now();
        let counted = self.metrics.model("measured", "1", now);
        let request = Finished {
            outcome: Outcome::Completed,
            queue: Duration::from_micros(300),
            compute: Duration::from_millis(5),
            total: Duration::from_micros(5300),
            rows: 2,
            tokens: 250,
        };
        let done = nanoseconds(short, || counted.request_done(black_box(&request), now));
        Ok([
            admission,
            contended,
            metric,
            done,
            self.overhead(effort.long)?,
            self.round_trip(effort.long)?,
        ])
    }

    /// Nanoseconds of one admission among threads that all want to be admitted all the time, from
    /// the first one's beginning to the last one's end.
    fn contended(&self, calls: u32) -> f64 {
        let (pool, start) = (&self.pool, Barrier::new(CALLERS));
        let caller = || {
            start.wait();
            let began = Instant::now();
            for _ in 0..calls {
                let permit = pollster::block_on(pool.admit(DEMAND, Priority::Normal));
                drop(black_box(permit));
            }
            (began, Instant::now())
        };
        let times: Vec<(Instant, Instant)> = thread::scope(|scope| {
            let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(caller)).collect();
            callers.into_iter().filter_map(|caller| caller.join().ok()).collect()
        });
        let began = times.iter().map(|(began, _)| *began).min();
        let ended = times.iter().map(|(_, ended)| *ended).max();
        let elapsed = began.zip(ended).map_or(Duration::ZERO, |(began, ended)| ended - began);
        elapsed.as_secs_f64() * 1e9 / (f64::from(calls) * CALLERS as f64)
    }

    /// Microseconds that the manager adds to a run: calls with it and without it take turns.
    fn overhead(&mut self, calls: u32) -> Result<f64, Failure> {
        let options = InferenceOptions::default();
        let (mut managed, mut direct) = (Vec::new(), Vec::new());
        for _ in 0..calls {
            managed.push(run(&self.busy, &self.inputs, &options)?);
            let start = Instant::now();
            let outputs = self.direct.run(&self.inputs, None, &RunContext::default());
            direct.push(start.elapsed().as_secs_f64() * 1e6);
            drop(black_box(outputs.map_err(anemone::Error::from)?));
        }
        Ok(median(managed) - median(direct))
    }

    fn round_trip(&self, calls: u32) -> Result<f64, Failure> {
        let options = InferenceOptions::default();
        let times = (0..calls).map(|_| run(&self.batched, &self.inputs, &options));
        Ok(median(times.collect::<Result<_, _>>()?))
    }
}

/// Microseconds of one request.
fn run(model: &Model, inputs: &[Value], options: &InferenceOptions) -> Result<f64, Failure> {
    let inputs = inputs.to_vec();
    let start = Instant::now();
    let inference = model.infer_blocking(inputs, options);
    let elapsed = start.elapsed();
    drop(black_box(inference?));
    Ok(elapsed.as_secs_f64() * 1e6)
}

/// Nanoseconds of one of `calls` calls.
fn nanoseconds(calls: u32, mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(|_| call());
    start.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
