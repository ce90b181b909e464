//! Batched against unbatched: two managers on the same threads, in turn, 64 callers and one.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anemone::runtime::{Config, InferenceOptions, Manager, Model, ModelOptions, Monitoring};

use crate::Failure;
use crate::report::{Report, median, milliseconds, quantile};
use crate::setting;
use crate::texts::{self, Text};

/// How much worse one caller may fare where requests are batched.
const WORSE: f64 = 1.05;

#[derive(clap::Args)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 64)]
    callers: usize,
    /// Repetitions of all, one after another; medians are told.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Requests of each measurement with many callers.
    #[arg(long, default_value_t = 1280)]
    requests: usize,
    /// Runs at a time; one for each core where it is left out.
    #[arg(long)]
    operations: Option<std::num::NonZeroUsize>,
}

/// Texts as callers ask for them.
struct Load {
    name: String,
    texts: Arc<Vec<Text>>,
}

/// Rates and times of one way, each round's.
#[derive(Default)]
struct Measured {
    many: Vec<f64>,
    one: Vec<f64>,
    p50_ms: Vec<f64>,
}

pub(crate) async fn run(path: &Path, options: &Options) -> Result<Report, Failure> {
    let loader = setting::loader()?;
    let config = Config::builder()
        .max_concurrent_operations(options.operations)
        .monitoring(Monitoring { sensors: false, ..Monitoring::default() })
        .build()?;
    let managers = [Manager::new(config.clone(), loader.clone()), Manager::new(config, loader)];
    let ways = [
        setting::texts_model(&managers[0], "plain", path, ModelOptions::default()).await?,
        setting::texts_model(&managers[1], "batched", path, setting::batched()).await?,
    ];
    let mut loads = vec![Load { name: "mixed".to_owned(), texts: texts::mixed(512, 2).into() }];
    loads.extend([16, 32, 128].map(|length| Load {
        name: format!("length {length}"),
        texts: texts::of_length(64, length, 3).into(),
    }));
    let mut report = Report::default();
    for load in &loads {
        let mut measured = [Measured::default(), Measured::default()];
        // The first round also measures what runs cost, for the choice of rows.
        for round in 0..=options.rounds {
            for (model, measured) in ways.iter().zip(&mut measured) {
                let mut rates = Measured::default();
                measure(model, load, options, &mut rates).await?;
                if round > 0 {
                    measured.many.extend(rates.many);
                    measured.one.extend(rates.one);
                    measured.p50_ms.extend(rates.p50_ms);
                }
            }
        }
        tell(&mut report, &load.name, measured);
    }
    let batches = managers[1].performance_summary().overall.since_start.batches;
    report.number("requests in a batch", batches.mean_rows.unwrap_or_default());
    report.number("share of filling rows", batches.padding_share.unwrap_or_default());
    Ok(report)
}

async fn measure(
    model: &Model,
    load: &Load,
    options: &Options,
    measured: &mut Measured,
) -> Result<(), Failure> {
    let each = options.requests.div_ceil(options.callers);
    let start = Instant::now();
    let callers: Vec<_> = (0..options.callers)
        .map(|number| tokio::spawn(call(model.clone(), load.texts.clone(), number, each)))
        .collect();
    let mut answered = 0;
    for caller in callers {
        answered += caller.await??.len();
    }
    measured.many.push(answered as f64 / start.elapsed().as_secs_f64());
    let start = Instant::now();
    let alone = (options.requests / 8).max(1);
    let mut times = call(model.clone(), load.texts.clone(), 0, alone).await?;
    measured.one.push(times.len() as f64 / start.elapsed().as_secs_f64());
    times.sort_unstable();
    measured.p50_ms.push(milliseconds(quantile(&times, 0.5)));
    Ok(())
}

/// One caller, one request after another.
async fn call(
    model: Model,
    texts: Arc<Vec<Text>>,
    number: usize,
    requests: usize,
) -> Result<Vec<Duration>, Failure> {
    let options = InferenceOptions { caller: number as u64, ..InferenceOptions::default() };
    let mut times = Vec::with_capacity(requests);
    for turn in 0..requests {
        let inputs = texts[(number * 31 + turn) % texts.len()].filled_up()?;
        let start = Instant::now();
        model.infer(inputs, &options).await?;
        times.push(start.elapsed());
    }
    Ok(times)
}

fn tell(report: &mut Report, name: &str, measured: [Measured; 2]) {
    let pairs = |of: fn(&Measured) -> &Vec<f64>| {
        let pairs = of(&measured[1]).iter().zip(of(&measured[0]));
        median(pairs.map(|(batched, plain)| batched / plain).collect())
    };
    let many = pairs(|measured| &measured.many);
    let latency = pairs(|measured| &measured.p50_ms);
    let serial = measured[1].many.iter().zip(&measured[0].one);
    let serial = median(serial.map(|(many, one)| many / one).collect());
    let [plain, batched] = measured;
    report.number(format!("{name}: plain, many callers, answers/s"), median(plain.many));
    report.number(format!("{name}: batched, many callers, answers/s"), median(batched.many));
    report.number(format!("{name}: batched / plain, many callers"), many);
    report.number(format!("{name}: plain, one caller, answers/s"), median(plain.one));
    report.number(format!("{name}: batched, many callers / plain, one caller"), serial);
    report.number(format!("{name}: plain, one caller, p50 ms"), median(plain.p50_ms));
    report.number(format!("{name}: batched / plain, one caller, p50"), latency);
    report.require(latency <= WORSE, || format!("{name}: one caller waits {latency:.3} as long"));
}
