//! Requests with a time limit while something long runs: when they are back.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anemone::engine::Value;
use anemone::runtime::artificial::{Artificial, ArtificialModel, Cost};
use anemone::runtime::{Config, Error, InferenceOptions, Manager, Model, ModelOptions, Monitoring};

use crate::Failure;
use crate::loader::{Both, on};
use crate::report::Report;
use crate::setting;
use crate::texts;

const LIMIT: Duration = Duration::from_millis(100);
const LATEST: Duration = Duration::from_millis(110);
/// How long the artificial model runs.
const LONG: Duration = Duration::from_secs(2);

#[derive(clap::Args)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 50)]
    tries: usize,
    /// Runs at a time; one for each core where it is left out.
    #[arg(long)]
    operations: Option<std::num::NonZeroUsize>,
}

pub(crate) async fn run(path: &Path, options: &Options) -> Result<Report, Failure> {
    let artificial = Artificial::new();
    let busy = ArtificialModel { cost: Cost::busy(LONG), ..ArtificialModel::rows(4) };
    let deaf = ArtificialModel { is_deaf: true, ..busy.clone() };
    let artificial_inputs = busy.request(1, 4, 1);
    artificial.add("artificial/busy", busy);
    artificial.add("artificial/deaf", deaf);
    let loader = Both { real: setting::loader()?, artificial };
    let config = Config::builder()
        .max_concurrent_operations(options.operations)
        .monitoring(Monitoring { sensors: false, ..Monitoring::default() })
        .grace(Duration::from_secs(30))
        .build()?;
    let manager = Manager::new(config, Arc::new(loader));
    let plain = || on("artificial", ModelOptions::default());
    let busy = manager.load("busy", Path::new("artificial/busy"), plain()).await?;
    let deaf = manager.load("deaf", Path::new("artificial/deaf"), plain()).await?;
    let real = on("cpu", ModelOptions::default());
    let real = setting::texts_model(&manager, "texts", path, real).await?;
    let large = texts::rows(32, 256, 1)?;
    let long = real.infer(large.clone(), &InferenceOptions::default()).await?.compute();
    let mut report = Report::default();
    report.number("MiniLM, 32 x 256, one run, ms", crate::report::milliseconds(long));
    let cases = [
        ("busy engine", &busy, &artificial_inputs),
        ("busy engine that does not stop", &deaf, &artificial_inputs),
        ("MiniLM, 32 x 256", &real, &large),
    ];
    for (name, model, inputs) in cases {
        let times = tries(model, inputs, options.tries).await?;
        let latest = times.iter().max().copied().unwrap_or_default();
        report.times(&format!("{name}: back after"), times);
        report.require(latest <= LATEST, || format!("{name}: back after {latest:?}"));
    }
    let shutdown = manager.shutdown(Duration::from_secs(10)).await;
    report.require(shutdown.stuck == 0, || format!("{shutdown:?}"));
    Ok(report)
}

/// How long requests of [`LIMIT`] take while others of the model keep its engine at work.
async fn tries(model: &Model, inputs: &[Value], count: usize) -> Result<Vec<Duration>, Failure> {
    let is_over = Arc::new(AtomicBool::new(false));
    let background = tokio::spawn({
        let (model, inputs, is_over) = (model.clone(), inputs.to_vec(), is_over.clone());
        async move {
            while !is_over.load(Ordering::Relaxed) {
                model.infer(inputs.clone(), &InferenceOptions::default()).await?;
            }
            Ok::<_, Error>(())
        }
    });
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        let outcome = model.infer(inputs.to_vec(), &InferenceOptions::within(LIMIT)).await;
        times.push(start.elapsed());
        match outcome {
            Err(Error::TimedOut { .. }) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Err("a request was faster than its time limit".into()),
        }
    }
    is_over.store(true, Ordering::Relaxed);
    background.await??;
    Ok(times)
}
