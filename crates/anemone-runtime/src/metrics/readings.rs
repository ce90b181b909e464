//! All that the manager measured, at one moment.

use std::time::Duration;

use serde::Serialize;

use super::cause::{CacheKind, Cause};
use super::totals::{ByCause, Tally, Totals, less};

/// All measurements at one moment, to be shown as a [`PerformanceSummary`](super::PerformanceSummary)
/// or as [`prometheus`](super::prometheus) text.
#[derive(Clone, Debug)]
pub struct Readings {
    pub(super) uptime: Duration,
    /// How far the window reaches back.
    pub(super) window: Duration,
    /// By name and version.
    pub(super) models: Vec<ModelReading>,
    /// Names of engines by place.
    pub(super) engines: Vec<String>,
    pub(super) shared: Since<SharedTotals>,
}

/// What was counted since the start, and what of it in the window.
#[derive(Clone, Debug, Default)]
pub(super) struct Since<T> {
    pub(super) start: T,
    pub(super) window: T,
}

/// What was measured of a model.
#[derive(Clone, Debug)]
pub(super) struct ModelReading {
    pub(super) name: String,
    pub(super) version: String,
    /// How long it has been measured.
    pub(super) age: Duration,
    pub(super) totals: Since<Totals>,
    pub(super) recent: Recent,
}

/// What was counted of no model in particular.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct SharedTotals {
    /// Requests for models that are not known.
    pub(super) rejected: ByCause,
    pub(super) hits: [u64; CacheKind::EACH.len()],
    pub(super) misses: [u64; CacheKind::EACH.len()],
}

/// Levels, rates over the last ten seconds, and averages in which a request weighs a tenth.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Recent {
    /// Requests that were admitted and have not ended.
    pub in_flight: u64,
    /// Completed requests a second.
    pub requests_per_second: f64,
    /// Their rows a second.
    pub rows_per_second: f64,
    /// Their tokens a second.
    pub tokens_per_second: f64,
    /// Waiting, average in milliseconds.
    pub queue_ms: Option<f64>,
    /// Computation, average in milliseconds.
    pub compute_ms: Option<f64>,
    /// The whole request, average in milliseconds.
    pub total_ms: Option<f64>,
    /// The difference of shadow runs, average.
    pub shadow_difference: Option<f64>,
    /// The largest difference of shadow runs since the start.
    pub largest_shadow_difference: f64,
}

impl Readings {
    /// For each model the requests of the window that the engine failed, and all that ended.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (String, u64, u64)> {
        self.models.iter().map(|model| {
            let window = &model.totals.window;
            let failed =
                window.failed[Cause::Failed as usize] + window.failed[Cause::Memory as usize];
            let all = window.of(Tally::Completed) + window.failed.iter().sum::<u64>();
            (model.name.clone(), failed, all)
        })
    }
}

impl SharedTotals {
    /// What came after `earlier`.
    pub(super) fn since(mut self, earlier: &SharedTotals) -> SharedTotals {
        less(&mut self.rejected, &earlier.rejected);
        less(&mut self.hits, &earlier.hits);
        less(&mut self.misses, &earlier.misses);
        self
    }
}
