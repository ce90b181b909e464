//! `anemone bench`: how long a model takes, and how much memory; `bench_manager` is apart.
#![allow(clippy::disallowed_methods, reason = "what Linux tells of this process stands in files")]

use std::collections::HashMap;
use std::fs;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anemone::engine::{Array, Observer, RunContext};
use anemone::ir::Origin;
use anemone::{Engines, LoadOptions};
use serde_json::json;

use crate::arguments::{BenchArguments, BenchSubject, ModelBenchArguments};
use crate::bench_manager;
use crate::exit::Failure;
use crate::npz;
use crate::table::columns;
use crate::{files, values};

/// Ops that `--ops` shows.
const SHOWN: usize = 20;

/// Measures what is asked for.
pub(crate) fn bench(arguments: &BenchArguments, json: bool) -> Result<String, Failure> {
    match (&arguments.subject, &arguments.model) {
        (Some(BenchSubject::Manager(arguments)), _) => bench_manager::bench(arguments, json),
        (None, Some(arguments)) => bench_model(arguments, json),
        (None, None) => Err(Failure::usage("a model is needed, or `manager`")),
    }
}

/// Loads a model, runs it, and tells the times.
fn bench_model(arguments: &ModelBenchArguments, json: bool) -> Result<String, Failure> {
    let begin = Instant::now();
    let engines = Engines::new(arguments.threads)?;
    let options = LoadOptions {
        engine: arguments.engine.clone().unwrap_or_default(),
        function: arguments.function.clone(),
        ..LoadOptions::default()
    };
    let model = anemone::load(&engines, &arguments.model, &options)?;
    let loaded = begin.elapsed();
    let inputs = values::from_arrays(files::read_npz(&arguments.inputs)?)?;
    let mut session = model.session();
    let mut state = model.new_state();
    let first = session.predict(&inputs, Some(&mut state), &RunContext::default())?;
    let first_result = begin.elapsed();
    if let Some(path) = &arguments.outputs {
        let archive = npz::write(&values::to_arrays(&first.outputs)?);
        let archive = archive.map_err(|error| Failure::new(error.to_string()))?;
        files::write_all(&[(path.clone(), archive)])?;
    }
    let stopwatch = Stopwatch::default();
    let mut times = Vec::with_capacity(arguments.runs.get());
    for _ in 0..arguments.runs.get() {
        let mut state = model.new_state();
        let observer = arguments.ops.then_some(&stopwatch as &dyn Observer);
        let start = Instant::now();
        stopwatch.restart();
        session.predict(
            &inputs,
            Some(&mut state),
            &RunContext { observer, ..RunContext::default() },
        )?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let (median, least) = (times[times.len() / 2], times[0]);
    let ops = stopwatch.slowest(times.len());
    let peak = peak_memory();
    if json {
        let report = json!({
            "threads": engines.threads(),
            "runs": times.len(),
            "load_ms": ms(loaded),
            "first_result_ms": ms(first_result),
            "median_ms": ms(median),
            "min_ms": ms(least),
            "peak_rss_mb": peak,
            "ops": ops.iter().map(|(op, t)| json!({ "op": op, "ms": ms(*t) })).collect::<Vec<_>>(),
        });
        return Ok(format!("{report}\n"));
    }
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows = vec![
        row("load", format!("{:.1} ms", ms(loaded))),
        row("start to first result", format!("{:.1} ms", ms(first_result))),
        row("run, median", format!("{:.2} ms of {} runs", ms(median), times.len())),
        row("run, least", format!("{:.2} ms", ms(least))),
        row("threads", engines.threads().to_string()),
    ];
    rows.extend(peak.map(|mb| row("peak memory", format!("{mb:.0} MB"))));
    rows.extend(ops.iter().map(|(op, t)| row(op, format!("{:.2} ms", ms(*t)))));
    Ok(columns(&rows))
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The most memory that this process has held, in megabytes.
fn peak_memory() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes / 1024.0)
}

/// Sums the time between one op's end and the next one's.
#[derive(Default)]
struct Stopwatch(Mutex<(Option<Instant>, HashMap<Origin, Duration>)>);

impl Stopwatch {
    fn restart(&self) {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).0 = Some(Instant::now());
    }

    /// The ops that take longest, with their time in each of `runs`.
    fn slowest(self, runs: usize) -> Vec<(String, Duration)> {
        let (_, times) = self.0.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut times: Vec<(Origin, Duration)> = times.into_iter().collect();
        times.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
        let each = u32::try_from(runs).unwrap_or(u32::MAX);
        times.into_iter().take(SHOWN).map(|(op, t)| (op.to_string(), t / each)).collect()
    }
}

impl Observer for Stopwatch {
    fn wants(&self, origin: &Origin, output: usize) -> bool {
        if output == 0 {
            let mut lap = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let now = Instant::now();
            let spent = lap.0.replace(now).map_or(Duration::ZERO, |last| now - last);
            *lap.1.entry(origin.clone()).or_default() += spent;
        }
        false
    }

    fn observe(&self, _: &Origin, _: usize, _: &Array) {}
}
