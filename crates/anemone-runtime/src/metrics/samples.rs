//! Values of metrics with the values of their labels, taken from the readings.

use std::time::Duration;

use super::activity::engine_name;
use super::cause::{CacheKind, Cause};
use super::histogram::Snapshot;
use super::readings::{ModelReading, Readings};
use super::summary::utilisation;
use super::totals::{BatchTally, ByCause, Tally, Totals};
use super::usage::{DeviceUsage, PoolUsage, Usage};

/// A value, with the values of the metric's labels in their order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) labels: Vec<String>,
    pub(super) value: Value,
}

/// The value of a sample.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Whole(u64),
    Real(f64),
    Times(Snapshot),
}

pub(super) fn sample<const N: usize>(labels: [&str; N], value: Value) -> Sample {
    Sample { labels: labels.map(str::to_owned).into(), value }
}

pub(super) fn whole<const N: usize>(labels: [&str; N], value: u64) -> Sample {
    sample(labels, Value::Whole(value))
}

/// A value of each model.
pub(super) fn each(readings: &Readings, value: impl Fn(&ModelReading) -> Value) -> Vec<Sample> {
    readings
        .models
        .iter()
        .map(|model| sample([&model.name, &model.version], value(model)))
        .collect()
}

pub(super) fn tally(readings: &Readings, tally: Tally) -> Vec<Sample> {
    each(readings, |model| Value::Whole(model.totals.start.of(tally)))
}

pub(super) fn seconds(readings: &Readings, tally: Tally) -> Vec<Sample> {
    each(readings, |model| Value::Real(model.totals.start.time_of(tally).as_secs_f64()))
}

/// Requests refused, also those for no known model.
pub(super) fn rejected(readings: &Readings) -> Vec<Sample> {
    let mut samples = by_cause(readings, |totals| &totals.rejected);
    for cause in Cause::EACH {
        let count = readings.shared.start.rejected[cause as usize];
        samples.push(whole(["", "", cause.name()], count));
    }
    samples
}

pub(super) fn by_cause(readings: &Readings, counts: fn(&Totals) -> &ByCause) -> Vec<Sample> {
    let mut samples = Vec::new();
    for model in &readings.models {
        for cause in Cause::EACH {
            let count = counts(&model.totals.start)[cause as usize];
            samples.push(whole([&model.name, &model.version, cause.name()], count));
        }
    }
    samples
}

/// A number of each model's batches on each engine that computed some.
pub(super) fn batches(readings: &Readings, tally: BatchTally) -> Vec<Sample> {
    let mut samples = Vec::new();
    for model in &readings.models {
        for (engine, counts) in readings.engines.iter().zip(&model.totals.start.batches) {
            if counts[BatchTally::Batches as usize] == 0 {
                continue;
            }
            let count = counts[tally as usize];
            let value = match tally {
                BatchTally::ComputeNanoseconds => {
                    Value::Real(Duration::from_nanos(count).as_secs_f64())
                }
                _ => Value::Whole(count),
            };
            samples.push(sample([&model.name, &model.version, engine], value));
        }
    }
    samples
}

pub(super) fn fallbacks(readings: &Readings) -> Vec<Sample> {
    let mut samples = Vec::new();
    for model in &readings.models {
        for (fallback, count) in &model.totals.start.fallbacks {
            let [from, to] = [fallback.from, fallback.to].map(|place| engine_name(readings, place));
            let cause = fallback.cause.name();
            samples.push(whole([&model.name, &model.version, from, to, cause], *count));
        }
    }
    samples
}

pub(super) fn caches(counts: &[u64; CacheKind::EACH.len()]) -> Vec<Sample> {
    CacheKind::EACH.map(|kind| whole([kind.name()], counts[kind as usize])).into()
}

pub(super) fn pool(usage: &Usage, value: fn(&PoolUsage) -> u64) -> Vec<Sample> {
    vec![whole([], value(&usage.pool))]
}

pub(super) fn devices(usage: &Usage, value: fn(&DeviceUsage) -> u64) -> Vec<Sample> {
    usage.devices.iter().map(|device| whole([&device.name], value(device))).collect()
}

/// How busy each device was in the window.
pub(super) fn busy_devices(readings: &Readings, usage: &Usage) -> Vec<Sample> {
    let share = |device: &DeviceUsage| {
        let share = utilisation(readings, device, false)?;
        Some(sample([&device.name], Value::Real(share)))
    };
    usage.devices.iter().filter_map(share).collect()
}
