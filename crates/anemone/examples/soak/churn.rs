//! Everything at once for minutes: callers that go away, models that are replaced, taken out and
//! evicted, conversations. What the process holds at the end against what it held before.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anemone::engine::Value;
use anemone::runtime::artificial::{Artificial, ArtificialModel};
use anemone::runtime::{Config, Error, InferenceOptions, Manager, ModelOptions, Monitoring};
use tokio::time::{interval, timeout};

use crate::Failure;
use crate::loader::{Both, on};
use crate::process::{Held, held, mebibytes};
use crate::report::{Report, median};
use crate::setting::{self, Copies, Ends};
use crate::texts::{self, Chance, Text, vector};

/// How much the memory may grow after the first minute.
const GROWTH: f64 = 1.05;
const CALLERS: u64 = 16;
const TALKERS: u64 = 4;
/// Names of the models that come and go, one that is asked so seldom that it can be evicted, and of those with states.
const NAMES: [&str; 2] = ["texts", "others"];
const RARE: &str = "rare";
const TALKS: [&str; 2] = ["artificial/talk", "artificial/chat"];
/// How long after the end somebody counts as lost.
const LOST: Duration = Duration::from_secs(60);
const SHUTDOWN: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Memory of the manager in MiB: too little for the models together.
    #[arg(long, default_value_t = 256)]
    budget: u64,
}

struct Shared {
    manager: Manager,
    texts: Vec<Text>,
    vectors: Vec<Vec<u8>>,
    paths: Vec<PathBuf>,
    until: Instant,
}

/// What the tasks saw.
#[derive(Default)]
struct Seen {
    ends: Ends,
    faults: Vec<String>,
}

pub(crate) async fn run(path: &Path, options: &Options) -> Result<Report, Failure> {
    let copies = Copies::new(path, 4)?;
    let texts = texts::mixed(64, 5);
    let real = setting::loader()?;
    let vectors = {
        let manager = Manager::new(Config::default(), real.clone());
        let model = setting::texts_model(&manager, "alone", path, ModelOptions::default()).await?;
        setting::vectors(&model, &texts).await?
    };
    // What the threads of the engine need they have now.
    let before = held()?;
    let until = Instant::now() + Duration::from_secs_f64(options.minutes * 60.0);
    let mut memory = Vec::new();
    let mut report = Report::default();
    let shutdown = {
        let artificial = Artificial::new();
        for talk in TALKS {
            artificial.add(talk, ArtificialModel::sequence(8));
        }
        let config = Config::builder()
            .memory_budget(Some(options.budget << 20))
            .monitoring(Monitoring { interval: Duration::from_millis(100), sensors: true })
            .build()?;
        let manager = Manager::new(config, Arc::new(Both { real, artificial }));
        for (name, path) in NAMES.iter().zip(&copies.paths) {
            load(&manager, name, path).await?;
        }
        load(&manager, RARE, &copies.paths[3]).await?;
        for talk in TALKS {
            manager.load(talk, Path::new(talk), on("artificial", ModelOptions::default())).await?;
        }
        let paths = copies.paths[..3].to_vec();
        let shared = Arc::new(Shared { manager: manager.clone(), texts, vectors, paths, until });
        let mut tasks = vec![tokio::spawn(change(shared.clone()))];
        tasks.extend((0..CALLERS).map(|number| tokio::spawn(call(shared.clone(), number))));
        tasks.extend((0..TALKERS).map(|number| tokio::spawn(talk(shared.clone(), number))));
        drop(shared);
        let mut second = interval(Duration::from_secs(1));
        while Instant::now() < until {
            second.tick().await;
            memory.push(held()?.memory);
        }
        let mut all = Seen::default();
        for task in tasks {
            let late = (until + LOST).saturating_duration_since(Instant::now());
            let Ok(seen) = timeout(late, task).await else {
                all.faults.push("somebody was never answered".to_owned());
                continue;
            };
            let seen = seen?.map_err(|fault| fault.to_string())?;
            seen.ends.iter().for_each(|(end, count)| *all.ends.entry(end).or_default() += count);
            all.faults.extend(seen.faults);
        }
        for (end, count) in &all.ends {
            report.add(*end, *count);
        }
        report.require(all.faults.is_empty(), || all.faults[0].clone());
        let activity = manager.performance_summary().overall.since_start;
        report.add("loads", activity.loads);
        report.add("loads again", activity.reloads);
        report.add("evictions", activity.evictions);
        let start = Instant::now();
        let shutdown = manager.shutdown(SHUTDOWN).await;
        let took = start.elapsed();
        report.number("shutdown ms", crate::report::milliseconds(took));
        report.require(took <= SHUTDOWN, || format!("the shutdown took {took:?}"));
        shutdown
    };
    report.require(shutdown.is_drained && shutdown.stuck == 0, || format!("{shutdown:?}"));
    tell(&mut report, &memory, &before)?;
    Ok(report)
}

async fn load(manager: &Manager, name: &str, path: &Path) -> Result<(), Failure> {
    setting::texts_model(manager, name, path, on("cpu", setting::batched())).await?;
    Ok(())
}

/// Replaces models, and takes them out and loads them again.
async fn change(shared: Arc<Shared>) -> Result<Seen, Failure> {
    let mut chance = Chance::new(9);
    let mut seen = Seen::default();
    let mut often = interval(Duration::from_millis(200));
    while Instant::now() < shared.until {
        often.tick().await;
        let name = NAMES[chance.below(2) as usize];
        let path = &shared.paths[chance.below(shared.paths.len() as u64) as usize];
        let options = on("cpu", setting::batched());
        let outcome = if chance.below(3) == 0 {
            shared.manager.unload(name, None)?;
            shared.manager.load(name, path, options).await
        } else {
            shared.manager.replace(name, path, options).await
        };
        seen.note(outcome.map(|_| "changed"), &[]);
        if chance.below(20) == 0 {
            let model = shared.manager.model(RARE)?;
            let rare = model.infer(shared.texts[0].inputs()?, &InferenceOptions::default()).await;
            seen.note(rare.map(|_| "answered rarely"), &[]);
        }
    }
    Ok(seen)
}

/// Asks the models, and goes away sometimes.
async fn call(shared: Arc<Shared>, number: u64) -> Result<Seen, Failure> {
    let mut chance = Chance::new(20 + number);
    let mut seen = Seen::default();
    while Instant::now() < shared.until {
        let name = NAMES[usize::from(chance.below(4) == 0)];
        let at = chance.below(shared.texts.len() as u64) as usize;
        let limit = Duration::from_millis(20 + chance.below(3000));
        let options = InferenceOptions { caller: number, ..InferenceOptions::within(limit) };
        let patience = match chance.below(10) {
            0 => Duration::from_millis(chance.below(50)),
            _ => Duration::from_secs(3600),
        };
        let asked = async {
            let model = shared.manager.model(name)?;
            let inputs = shared.texts[at].inputs().map_err(|_| wrong("a text"))?;
            model.infer(inputs, &options).await
        };
        let outcome = match timeout(patience, asked).await {
            Err(_) => Ok("cancelled"),
            Ok(Ok(inference)) if vector(&inference)? == shared.vectors[at] => Ok("answered"),
            Ok(Ok(_)) => Err(wrong("a vector")),
            Ok(Err(error)) => Err(error),
        };
        if seen.note(outcome, &["timed_out", "not_found"]) == "not_found" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(seen)
}

/// Has conversations, and leaves some in the middle of a run.
async fn talk(shared: Arc<Shared>, number: u64) -> Result<Seen, Failure> {
    let mut chance = Chance::new(50 + number);
    let mut seen = Seen::default();
    let own = ArtificialModel::sequence(8);
    let options = InferenceOptions::default();
    while Instant::now() < shared.until {
        let model = shared.manager.model(TALKS[(number % 2) as usize])?;
        let mut sequence = match model.sequence().await {
            Ok(sequence) => sequence,
            Err(error) => {
                seen.note(Err(error), &[]);
                continue;
            }
        };
        let mut earlier: Vec<Vec<Value>> = Vec::new();
        for _ in 0..1 + chance.below(20) {
            let inputs = own.request(1, 8, chance.below(1000));
            let said: Vec<&[Value]> = earlier.iter().map(Vec::as_slice).collect();
            let expected = own.expected_after(&said, &inputs)?;
            earlier.push(inputs.clone());
            let run = sequence.infer(inputs, &options);
            let outcome = match timeout(Duration::from_millis(1 + chance.below(200)), run).await {
                Err(_) => Ok("talk left"),
                Ok(Ok(inference)) if inference.outputs == expected => Ok("said"),
                Ok(Ok(_)) => Err(wrong("a sum")),
                Ok(Err(error)) => Err(error),
            };
            if seen.note(outcome, &[]) != "said" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(chance.below(10))).await;
        }
    }
    Ok(seen)
}

impl Seen {
    /// Counts how something ended; a fault where that is none of those `permitted`.
    fn note(&mut self, outcome: Result<&'static str, Error>, permitted: &[&str]) -> &'static str {
        let end = match outcome {
            Ok(end) => end,
            Err(error) => {
                let cause = setting::cause(&error);
                if !permitted.contains(&cause) {
                    self.faults.push(error.to_string());
                }
                cause
            }
        };
        *self.ends.entry(end).or_default() += 1;
        end
    }
}

fn wrong(what: &str) -> Error {
    Error::Internal { what: format!("{what} is not what it is alone") }
}

fn tell(report: &mut Report, memory: &[u64], before: &Held) -> Result<(), Failure> {
    let after = held()?;
    // Middles of ten seconds each: a single reading depends on what runs just then.
    let middle = |part: &[u64]| median(part.iter().map(|&bytes| mebibytes(bytes)).collect());
    let minute = memory.len().min(60);
    let first = middle(&memory[minute.saturating_sub(10)..minute]);
    let last = middle(&memory[memory.len().saturating_sub(10)..]);
    report.number("memory before MiB", mebibytes(before.memory));
    report.number("memory after the first minute MiB", first);
    report.number("memory at the end MiB", last);
    report.number("memory, end / first minute", last / first);
    report.number("memory after the shutdown MiB", mebibytes(after.memory));
    report.number("peak memory MiB", mebibytes(after.peak_memory));
    report.add("threads before", before.threads);
    report.add("threads after the shutdown", after.threads);
    report.add("files before", before.files);
    report.add("files after the shutdown", after.files);
    report.require(last <= first * GROWTH, || "the memory grew".to_owned());
    report.require(after.threads <= before.threads, || "threads are left".to_owned());
    report.require(after.files <= before.files, || "files are left open".to_owned());
    Ok(())
}
