//! How the manager performs, for people and as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::activity::{Activity, activity, by_cause, ratio};
use super::cause::CacheKind;
use super::readings::{ModelReading, Readings, Recent, SharedTotals, Since};
use super::totals::{BatchTally, Totals};
use super::usage::{DeviceUsage, Usage};

/// How the manager performs since its start and over about the last minute. It prints as a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PerformanceSummary {
    /// Seconds since the start.
    pub uptime_seconds: f64,
    /// Seconds that the window reaches back.
    pub window_seconds: f64,
    /// All models together.
    pub overall: Performance,
    /// Each model, by name and version.
    pub models: Vec<ModelSummary>,
    /// How busy each device is.
    pub devices: Vec<DeviceSummary>,
    /// Each cache, since the start.
    pub caches: Vec<CacheSummary>,
    /// Requests since the start that were refused and are for no known model, by cause.
    pub rejected: BTreeMap<&'static str, u64>,
    /// What the manager says of itself.
    pub usage: Usage,
}

/// One version of a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelSummary {
    /// The model's name.
    pub model: String,
    /// Its version; may be empty.
    pub version: String,
    /// How it performs.
    #[serde(flatten)]
    pub performance: Performance,
}

/// Activity since the start, in the window, and now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Performance {
    /// Since the model's, or for all of them the manager's, start.
    pub since_start: Activity,
    /// Over about the last minute.
    pub window: Activity,
    /// Levels, rates and averages. There is no average over models.
    pub recent: Recent,
}

/// How busy a device is: the time of its batches, which count when they end, over the time that it
/// had for all operations that it may do at once. From 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceSummary {
    /// The device.
    pub device: String,
    /// In the window.
    pub utilisation: Option<f64>,
    /// Since the start.
    pub utilisation_since_start: Option<f64>,
}

/// How often something was found in a cache.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CacheSummary {
    /// The cache.
    pub cache: &'static str,
    /// Found.
    pub hits: u64,
    /// Not found.
    pub misses: u64,
    /// The share that was found.
    pub hit_rate: Option<f64>,
}

impl PerformanceSummary {
    /// The summary of these readings.
    pub fn new(readings: &Readings, usage: Usage) -> PerformanceSummary {
        let devices = usage
            .devices
            .iter()
            .map(|device| DeviceSummary {
                device: device.name.clone(),
                utilisation: utilisation(readings, device, false),
                utilisation_since_start: utilisation(readings, device, true),
            })
            .collect();
        PerformanceSummary {
            uptime_seconds: readings.uptime.as_secs_f64(),
            window_seconds: readings.window.as_secs_f64(),
            overall: overall(readings),
            models: readings.models.iter().map(|model| of_model(readings, model)).collect(),
            devices,
            caches: CacheKind::EACH.map(|kind| cache(&readings.shared.start, kind)).into(),
            rejected: by_cause(&readings.shared.start.rejected),
            usage,
        }
    }
}

/// How busy `device` was in the window or since the start.
pub(super) fn utilisation(
    readings: &Readings,
    device: &DeviceUsage,
    since_start: bool,
) -> Option<f64> {
    let places = (0..readings.engines.len())
        .filter(|place| device.engines.contains(&readings.engines[*place]));
    let busy: u64 = places
        .map(|place| {
            let of_model = |model: &ModelReading| {
                let Since { start, window } = &model.totals;
                let totals = if since_start { start } else { window };
                totals.batches[place][BatchTally::ComputeNanoseconds as usize]
            };
            readings.models.iter().map(of_model).sum::<u64>()
        })
        .sum();
    let wall = if since_start { readings.uptime } else { readings.window };
    let share = ratio(busy as f64 / 1e9, wall.as_secs_f64() * device.operations as f64)?;
    Some(share.min(1.0))
}

fn overall(readings: &Readings) -> Performance {
    let (mut totals, mut recent) = (Since::<Totals>::default(), Recent::default());
    for model in &readings.models {
        totals.start.add(&model.totals.start);
        totals.window.add(&model.totals.window);
        recent.in_flight += model.recent.in_flight;
        recent.requests_per_second += model.recent.requests_per_second;
        recent.rows_per_second += model.recent.rows_per_second;
        recent.tokens_per_second += model.recent.tokens_per_second;
        recent.largest_shadow_difference =
            recent.largest_shadow_difference.max(model.recent.largest_shadow_difference);
    }
    Performance {
        since_start: activity(readings, &totals.start, readings.uptime),
        window: activity(readings, &totals.window, readings.window),
        recent,
    }
}

fn of_model(readings: &Readings, model: &ModelReading) -> ModelSummary {
    let window = readings.window.min(model.age);
    ModelSummary {
        model: model.name.clone(),
        version: model.version.clone(),
        performance: Performance {
            since_start: activity(readings, &model.totals.start, model.age),
            window: activity(readings, &model.totals.window, window),
            recent: model.recent.clone(),
        },
    }
}

fn cache(totals: &SharedTotals, kind: CacheKind) -> CacheSummary {
    let (hits, misses) = (totals.hits[kind as usize], totals.misses[kind as usize]);
    let hit_rate = ratio(hits as f64, (hits + misses) as f64);
    CacheSummary { cache: kind.name(), hits, misses, hit_rate }
}

#[cfg(test)]
mod tests {
    use super::super::activity::Batches;
    use super::super::made_up;
    use super::*;

    #[test]
    fn a_summary_holds_rates_shares_and_times_of_what_occurred() {
        let (readings, usage) = made_up::readings();
        let summary = PerformanceSummary::new(&readings, usage);
        let model = &summary.models[0];
        assert_eq!((model.model.as_str(), model.version.as_str()), ("minilm", "1"));
        let Activity { failed, rejected, batches, total, shadows, .. } =
            &model.performance.since_start;
        assert_eq!(failed, &BTreeMap::from([("timed_out", 1)]));
        assert_eq!(rejected, &BTreeMap::from([("queue_full", 1)]));
        assert_eq!(model.performance.since_start.requests_per_second, 0.5);
        assert_eq!(model.performance.since_start.tokens_per_second, 10.0);
        assert_eq!((batches.mean_rows, batches.padding_share), (Some(60.0), Some(0.25)));
        assert_eq!((total.count, total.mean_ms, total.max_ms), (31, 26.0, 41.0));
        assert!((26.0..=26.0 * 1.0625).contains(&total.p50_ms));
        assert_eq!((shadows.agreement, shadows.time_ratio), (Some(1.0), Some(0.5)));
        assert_eq!(summary.overall.since_start, model.performance.since_start);
        assert_eq!(summary.devices[0].utilisation, Some(0.15));
        assert_eq!(summary.caches[0].hit_rate, Some(0.5));
        assert_eq!(summary.rejected, BTreeMap::from([("not_found", 1)]));
    }

    #[test]
    fn a_summary_of_nothing_divides_by_nothing() {
        let now = std::time::Instant::now();
        let metrics = super::super::ManagerMetrics::new(now);
        metrics.model("idle", "", now);
        let summary = PerformanceSummary::new(&metrics.read(now), Usage::default());
        assert_eq!(summary.overall.window.requests_per_second, 0.0);
        assert_eq!(summary.overall.window.batches, Batches::default());
        assert_eq!(summary.caches[1].hit_rate, None);
    }

    #[test]
    fn as_json_a_model_stands_beside_its_figures() {
        let (readings, usage) = made_up::readings();
        let summary = PerformanceSummary::new(&readings, usage);
        let json = serde_json::to_value(&summary).unwrap();
        assert_eq!(json["models"][0]["model"], "minilm");
        assert_eq!(json["models"][0]["window"]["completed"], 30);
        assert_eq!(json["usage"]["pool"]["waiting"], 2);
    }
}
