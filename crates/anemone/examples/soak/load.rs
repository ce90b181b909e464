//! Many callers at once on models that the memory budget cannot hold together, with queues that get
//! full, time limits that pass and callers that go away: whether each gets its answer, the right
//! one, and whether all of them are counted.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anemone::runtime::{
    Config, InferenceOptions, Manager, Model, ModelOptions, Monitoring, Priority, Queue,
};
use serde_json::json;
use tokio::time::timeout;

use crate::Failure;
use crate::process::{Held, held, mebibytes};
use crate::report::Report;
use crate::setting::{self, Copies, Ends};
use crate::texts::{self, Chance, Text, vector};

/// Distinct texts.
const TEXTS: usize = 200;
/// Time limits of a part of the requests, in milliseconds.
const LIMITS: [u64; 3] = [100, 1000, 4000];
/// How long after the end a caller counts as lost.
const LOST: Duration = Duration::from_secs(120);
/// How much the process may hold beside the budget.
const BEYOND: f64 = 1.1;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Callers that ask again as soon as they have their answer.
    #[arg(long, default_value_t = 1000)]
    callers: usize,
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Memory of the manager, such as `256MiB`.
    #[arg(long, default_value = "256MiB")]
    budget: String,
    /// Models: copies that the manager cannot tell to be one.
    #[arg(long, default_value_t = 3)]
    models: usize,
    /// Requests that may wait for one model.
    #[arg(long, default_value_t = 700)]
    queue: usize,
}

/// What the callers share.
struct Shared {
    models: Vec<Model>,
    texts: Vec<Text>,
    vectors: Vec<Vec<u8>>,
    until: Instant,
}

/// What one caller saw.
#[derive(Default)]
struct Seen {
    asked: u64,
    ends: Ends,
    times: Vec<Duration>,
    /// Times of those that were answered, by the rows of their run: 1, 8 and 32, and others.
    rows: [u64; 4],
    tokens: u64,
    different: u64,
    /// Callers that were never answered.
    lost: u64,
    unexpected: Option<String>,
}

pub(crate) async fn run(path: &Path, options: &Options) -> Result<Report, Failure> {
    let texts = texts::mixed(TEXTS, 1);
    let vectors = {
        let manager = Manager::new(Config::default(), setting::loader()?);
        let model = setting::texts_model(&manager, "alone", path, ModelOptions::default()).await?;
        setting::vectors(&model, &texts).await?
    };
    let before = held()?;
    let copies = Copies::new(path, options.models)?;
    let config = budget(&options.budget)?
        .queue(Queue { requests: options.queue, ..Queue::default() })
        .monitoring(Monitoring { sensors: false, ..Monitoring::default() })
        .build()?;
    let manager = Manager::new(config, setting::loader()?);
    let mut models = Vec::new();
    for (number, path) in copies.paths.iter().enumerate() {
        let name = format!("texts-{number}");
        models.push(setting::texts_model(&manager, &name, path, setting::batched()).await?);
    }
    let loaded = held()?;
    let start = Instant::now();
    let until = start + Duration::from_secs(options.seconds);
    let shared = Arc::new(Shared { models, texts, vectors, until });
    let callers: Vec<_> =
        (0..options.callers).map(|number| tokio::spawn(call(shared.clone(), number))).collect();
    let mut all = Seen::default();
    for caller in callers {
        match timeout(left(until), caller).await {
            Ok(seen) => all.add(seen?.map_err(|fault| fault.to_string())?),
            Err(_) => all.lost += 1,
        }
    }
    let took = start.elapsed();
    let mut report = Report::default();
    all.tell(&mut report, took);
    tell_manager(&mut report, &manager, &all, [before, loaded])?;
    drop(shared);
    let shutdown = manager.shutdown(Duration::from_secs(10)).await;
    report.require(shutdown.is_drained && shutdown.stuck == 0, || format!("{shutdown:?}"));
    Ok(report)
}

/// How long callers may still take.
fn left(until: Instant) -> Duration {
    (until + LOST).saturating_duration_since(Instant::now())
}

/// Settings with a budget that is written as in `docs/anemone.toml`.
fn budget(budget: &str) -> Result<anemone::runtime::ConfigBuilder, Failure> {
    let config: Config = serde_json::from_value(json!({ "memory-budget": budget }))?;
    Ok(Config::builder().memory_budget(config.memory_budget))
}

/// One caller: asks until time is up.
async fn call(shared: Arc<Shared>, number: usize) -> Result<Seen, Failure> {
    let mut chance = Chance::new(number as u64 + 100);
    let mut seen = Seen::default();
    while Instant::now() < shared.until {
        // Most ask the first model.
        let other = chance.below(10) == 0;
        let model = if other { chance.below(shared.models.len() as u64) as usize } else { 0 };
        let at = chance.below(shared.texts.len() as u64) as usize;
        let limit = LIMITS[chance.below(LIMITS.len() as u64) as usize];
        let options = InferenceOptions {
            time_limit: (chance.below(4) == 0).then(|| Duration::from_millis(limit)),
            priority: [Priority::Background, Priority::Normal, Priority::Interactive]
                [chance.below(3) as usize],
            caller: number as u64,
            ..InferenceOptions::default()
        };
        let patience = match chance.below(50) {
            0 => Duration::from_millis(chance.below(500)),
            _ => Duration::from_secs(3600),
        };
        seen.asked += 1;
        let start = Instant::now();
        let infer = shared.models[model].infer(shared.texts[at].inputs()?, &options);
        let end = match timeout(patience, infer).await {
            Err(_) => "cancelled",
            Ok(Ok(inference)) => {
                seen.times.push(start.elapsed());
                seen.tokens += shared.texts[at].tokens() as u64;
                seen.rows[match inference.batch_rows {
                    1 => 0,
                    8 => 1,
                    32 => 2,
                    _ => 3,
                }] += 1;
                seen.different += u64::from(vector(&inference)? != shared.vectors[at]);
                "answered"
            }
            Ok(Err(error)) => {
                let cause = setting::cause(&error);
                if !matches!(cause, "timed_out" | "queue_full") {
                    seen.unexpected.get_or_insert(error.to_string());
                }
                cause
            }
        };
        *seen.ends.entry(end).or_default() += 1;
        if end == "queue_full" {
            // As a polite caller does.
            tokio::time::sleep(Duration::from_millis(50 + chance.below(200))).await;
        }
    }
    Ok(seen)
}

impl Seen {
    fn add(&mut self, other: Seen) {
        self.asked += other.asked;
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
        self.times.extend(other.times);
        for (rows, count) in self.rows.iter_mut().zip(other.rows) {
            *rows += count;
        }
        self.tokens += other.tokens;
        self.different += other.different;
        if let Some(error) = other.unexpected {
            self.unexpected.get_or_insert(error);
        }
    }

    fn tell(&self, report: &mut Report, took: Duration) {
        let seconds = took.as_secs_f64();
        report.number("seconds", seconds);
        report.number("answers/s", self.times.len() as f64 / seconds);
        report.number("tokens/s", self.tokens as f64 / seconds);
        report.times("answered", self.times.clone());
        report.add("asked", self.asked);
        for (end, count) in &self.ends {
            report.add(*end, *count);
        }
        for (name, count) in ["1 row", "8 rows", "32 rows", "others"].iter().zip(self.rows) {
            report.add(format!("answered in runs of {name}"), count);
        }
        report.add("vectors that differ", self.different);
        report.require(self.lost == 0, || format!("{} callers were never answered", self.lost));
        let ended: u64 = self.ends.values().sum();
        report.require(ended == self.asked, || format!("{} asked, {ended} ended", self.asked));
        report.require(self.different == 0, || "vectors differ".to_owned());
        report.require(self.unexpected.is_none(), || self.unexpected.clone().unwrap_or_default());
    }
}

fn tell_manager(
    report: &mut Report,
    manager: &Manager,
    seen: &Seen,
    [before, loaded]: [Held; 2],
) -> Result<(), Failure> {
    let summary = manager.performance_summary();
    let counted = setting::counted(&summary);
    report.require(counted == seen.ends, || {
        format!("callers saw {:?}, the manager counted {counted:?}", seen.ends)
    });
    let all = &summary.overall.since_start;
    report.add("runs", all.batches.count);
    report.number("requests in a run", all.batches.mean_rows.unwrap_or_default());
    report.number("share of filling rows", all.batches.padding_share.unwrap_or_default());
    report.number("engine busy s", all.batches.busy_seconds);
    report.add("evictions", all.evictions);
    report.add("loads again", all.reloads);
    let (budget, after) = (manager.memory_budget(), held()?);
    report.number("budget MiB", mebibytes(budget));
    report.number("granted at most MiB", mebibytes(summary.usage.pool.peak_bytes));
    report.number("memory before MiB", mebibytes(before.memory));
    report.number("memory with the models MiB", mebibytes(loaded.memory));
    report.number("of that not files MiB", mebibytes(loaded.own_memory));
    report.number("memory at the end MiB", mebibytes(after.memory));
    report.number("of it not files MiB", mebibytes(after.own_memory));
    report.number("peak memory MiB", mebibytes(after.peak_memory));
    let most = budget as f64 * BEYOND;
    report.require(after.peak_memory as f64 <= most, || "too much memory was used".to_owned());
    let granted = summary.usage.pool.bytes_in_use;
    report.number("granted at the end MiB", mebibytes(granted));
    Ok(())
}
