//! What one model did in some time, in rates, shares and quantiles.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::cause::Cause;
use super::engines::EngineIndex;
use super::histogram::Snapshot;
use super::readings::Readings;
use super::totals::{BatchTally, ByCause, Tally, Totals};

/// What was done in some time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Activity {
    /// Length of that time.
    pub seconds: f64,
    /// Requests that gave outputs.
    pub completed: u64,
    /// Requests that were admitted and gave none, by cause.
    pub failed: BTreeMap<&'static str, u64>,
    /// Requests that were not admitted, by cause.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Completed requests a second.
    pub requests_per_second: f64,
    /// Their rows a second.
    pub rows_per_second: f64,
    /// Their tokens a second.
    pub tokens_per_second: f64,
    /// Waiting of requests that ended.
    pub queue: Times,
    /// Computation of requests that ended.
    pub compute: Times,
    /// Whole requests that ended.
    pub total: Times,
    /// Batches.
    pub batches: Batches,
    /// Engines passed over for others.
    pub fallbacks: Vec<Fallbacks>,
    /// First loads.
    pub loads: u64,
    /// Loads after an eviction.
    pub reloads: u64,
    /// Seconds that loading took.
    pub load_seconds: f64,
    /// Evictions.
    pub evictions: u64,
    /// Copies of inputs and outputs.
    pub copies: u64,
    /// Shadow runs.
    pub shadows: Shadows,
}

/// Times in milliseconds; quantiles are at most 6.25 % too high and never too low.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Times {
    /// How many.
    pub count: u64,
    /// Their mean.
    pub mean_ms: f64,
    /// What half of them do not exceed.
    pub p50_ms: f64,
    /// What 90 % do not exceed.
    pub p90_ms: f64,
    /// What 99 % do not exceed.
    pub p99_ms: f64,
    /// The longest; in a window at most 6.25 % too high.
    pub max_ms: f64,
}

/// Batches of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Batches {
    /// How many.
    pub count: u64,
    /// Rows of requests in a batch, on average.
    pub mean_rows: Option<f64>,
    /// The share of computed rows that only fill up batches.
    pub padding_share: Option<f64>,
    /// Seconds of computation.
    pub busy_seconds: f64,
}

/// How often one engine was passed over for another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fallbacks {
    /// The engine passed over.
    pub from: String,
    /// The engine taken.
    pub to: String,
    /// Why.
    pub cause: &'static str,
    /// How often.
    pub count: u64,
}

/// Runs made to compare two engines or versions.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Shadows {
    /// How many.
    pub count: u64,
    /// The share whose outputs agreed.
    pub agreement: Option<f64>,
    /// Time of the shadow runs over time of the runs that they are compared with.
    pub time_ratio: Option<f64>,
}

/// What `totals` say was done in `time`.
pub(super) fn activity(readings: &Readings, totals: &Totals, time: Duration) -> Activity {
    let seconds = time.as_secs_f64();
    let rate = |tally| ratio(totals.of(tally) as f64, seconds).unwrap_or(0.0);
    let fallbacks = totals.fallbacks.iter().map(|(fallback, count)| Fallbacks {
        from: engine_name(readings, fallback.from).to_owned(),
        to: engine_name(readings, fallback.to).to_owned(),
        cause: fallback.cause.name(),
        count: *count,
    });
    Activity {
        seconds,
        completed: totals.of(Tally::Completed),
        failed: by_cause(&totals.failed),
        rejected: by_cause(&totals.rejected),
        requests_per_second: rate(Tally::Completed),
        rows_per_second: rate(Tally::Rows),
        tokens_per_second: rate(Tally::Tokens),
        queue: times(&totals.queue),
        compute: times(&totals.compute),
        total: times(&totals.total),
        batches: batches(totals),
        fallbacks: fallbacks.collect(),
        loads: totals.of(Tally::Loads),
        reloads: totals.of(Tally::Reloads),
        load_seconds: totals.time_of(Tally::LoadNanoseconds).as_secs_f64(),
        evictions: totals.of(Tally::Evictions),
        copies: totals.of(Tally::Copies),
        shadows: shadows(totals),
    }
}

/// The engine's name.
pub(super) fn engine_name(readings: &Readings, engine: EngineIndex) -> &str {
    readings.engines.get(engine.place()).map_or("other", String::as_str)
}

/// Causes that occurred.
pub(super) fn by_cause(counts: &ByCause) -> BTreeMap<&'static str, u64> {
    let named = Cause::EACH.into_iter().map(|cause| (cause.name(), counts[cause as usize]));
    named.filter(|(_, count)| *count > 0).collect()
}

/// A share or a rate; none of nothing.
pub(super) fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

fn times(snapshot: &Snapshot) -> Times {
    let count = snapshot.count();
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    Times {
        count,
        mean_ms: ratio(milliseconds(snapshot.sum()), count as f64).unwrap_or(0.0),
        p50_ms: milliseconds(snapshot.quantile(0.5)),
        p90_ms: milliseconds(snapshot.quantile(0.9)),
        p99_ms: milliseconds(snapshot.quantile(0.99)),
        max_ms: milliseconds(snapshot.max()),
    }
}

fn batches(totals: &Totals) -> Batches {
    let of = |tally| totals.of_batches(tally) as f64;
    let rows = of(BatchTally::Rows);
    let computed = of(BatchTally::PaddedRows);
    Batches {
        count: totals.of_batches(BatchTally::Batches),
        mean_rows: ratio(rows, of(BatchTally::Batches)),
        // Counts of a batch that ends meanwhile may be read in part.
        padding_share: ratio((computed - rows).max(0.0), computed),
        busy_seconds: of(BatchTally::ComputeNanoseconds) / 1e9,
    }
}

fn shadows(totals: &Totals) -> Shadows {
    let agreed = totals.of(Tally::ShadowsAgreed);
    let count = agreed + totals.of(Tally::ShadowsDisagreed);
    let seconds = |tally| totals.time_of(tally).as_secs_f64();
    Shadows {
        count,
        agreement: ratio(agreed as f64, count as f64),
        time_ratio: ratio(seconds(Tally::ShadowNanoseconds), seconds(Tally::PrimaryNanoseconds)),
    }
}
