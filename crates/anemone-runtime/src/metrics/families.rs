//! Every metric that is exported: its name, meaning and labels, and where its values come from.
//! `docs/metrics.md` holds the same list for people; a test compares the two.

use super::readings::Readings;
use super::samples::{
    Sample, Value, batches, busy_devices, by_cause, caches, devices, each, fallbacks, pool,
    rejected, sample, seconds, tally, whole,
};
use super::totals::{BatchTally, Tally};
use super::usage::Usage;

/// A metric.
pub(super) struct Metric {
    /// As it is exported: `_total` ends the name of a counter, a unit stands before that.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) labels: &'static [&'static str],
    pub(super) help: &'static str,
    pub(super) collect: fn(&Readings, &Usage) -> Vec<Sample>,
}

/// Kinds of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

const MODEL: &[&str] = &["model", "version"];
const CAUSE: &[&str] = &["model", "version", "cause"];
const ENGINE: &[&str] = &["model", "version", "engine"];
const DEVICE: &[&str] = &["device"];

/// Every metric, in the order of the text.
pub(super) const METRICS: &[Metric] = &[
    counter("anemone_requests_completed_total", MODEL, "Requests that gave outputs", |r, _| {
        tally(r, Tally::Completed)
    }),
    counter(
        "anemone_requests_failed_total",
        CAUSE,
        "Requests that were admitted and gave no outputs, by cause",
        |r, _| by_cause(r, |totals| &totals.failed),
    ),
    counter(
        "anemone_requests_rejected_total",
        CAUSE,
        "Requests that were not admitted, by cause; the model is empty where it is not known",
        |r, _| rejected(r),
    ),
    gauge(
        "anemone_requests_in_flight",
        MODEL,
        "Requests that were admitted and have not ended",
        |r, _| each(r, |model| Value::Whole(model.recent.in_flight)),
    ),
    counter("anemone_rows_total", MODEL, "Rows of completed requests", |r, _| {
        tally(r, Tally::Rows)
    }),
    counter(
        "anemone_tokens_total",
        MODEL,
        "Tokens of completed requests, padding left out",
        |r, _| tally(r, Tally::Tokens),
    ),
    histogram(
        "anemone_queue_seconds",
        MODEL,
        "From a request's coming to the start of its computation",
        |r, _| each(r, |model| Value::Times(model.totals.start.queue.clone())),
    ),
    histogram(
        "anemone_compute_seconds",
        MODEL,
        "Computation of the batch that a request was in",
        |r, _| each(r, |model| Value::Times(model.totals.start.compute.clone())),
    ),
    histogram(
        "anemone_request_seconds",
        MODEL,
        "From a request's coming to its end, however it ended",
        |r, _| each(r, |model| Value::Times(model.totals.start.total.clone())),
    ),
    counter("anemone_batches_total", ENGINE, "Batches that were computed", |r, _| {
        batches(r, BatchTally::Batches)
    }),
    counter("anemone_batch_rows_total", ENGINE, "Rows of requests in batches", |r, _| {
        batches(r, BatchTally::Rows)
    }),
    counter(
        "anemone_batch_padded_rows_total",
        ENGINE,
        "Rows that were computed, those that only fill up batches among them",
        |r, _| batches(r, BatchTally::PaddedRows),
    ),
    counter("anemone_batch_tokens_total", ENGINE, "Tokens of requests in batches", |r, _| {
        batches(r, BatchTally::Tokens)
    }),
    counter(
        "anemone_batch_compute_seconds_total",
        ENGINE,
        "Time for which engines were busy with batches",
        |r, _| batches(r, BatchTally::ComputeNanoseconds),
    ),
    counter(
        "anemone_fallbacks_total",
        &["model", "version", "from", "to", "cause"],
        "Engines passed over for others, by cause",
        |r, _| fallbacks(r),
    ),
    counter("anemone_model_loads_total", MODEL, "First loads of a model", |r, _| {
        tally(r, Tally::Loads)
    }),
    counter("anemone_model_reloads_total", MODEL, "Loads of a model after an eviction", |r, _| {
        tally(r, Tally::Reloads)
    }),
    counter("anemone_model_load_seconds_total", MODEL, "Time that loading took", |r, _| {
        seconds(r, Tally::LoadNanoseconds)
    }),
    counter(
        "anemone_model_evictions_total",
        MODEL,
        "Times that a model was dropped to free its memory",
        |r, _| tally(r, Tally::Evictions),
    ),
    counter("anemone_copies_total", MODEL, "Copies of inputs and outputs", |r, _| {
        tally(r, Tally::Copies)
    }),
    counter(
        "anemone_shadow_agreed_total",
        MODEL,
        "Comparisons of two runs whose outputs agreed",
        |r, _| tally(r, Tally::ShadowsAgreed),
    ),
    counter(
        "anemone_shadow_disagreed_total",
        MODEL,
        "Comparisons of two runs whose outputs did not agree",
        |r, _| tally(r, Tally::ShadowsDisagreed),
    ),
    counter(
        "anemone_shadow_primary_seconds_total",
        MODEL,
        "Time of the runs that shadow runs were compared with",
        |r, _| seconds(r, Tally::PrimaryNanoseconds),
    ),
    counter("anemone_shadow_seconds_total", MODEL, "Time of shadow runs", |r, _| {
        seconds(r, Tally::ShadowNanoseconds)
    }),
    gauge(
        "anemone_shadow_largest_difference",
        MODEL,
        "Largest difference between the outputs of two runs",
        |r, _| each(r, |model| Value::Real(model.recent.largest_shadow_difference)),
    ),
    counter("anemone_cache_hits_total", &["cache"], "Things found in a cache", |r, _| {
        caches(&r.shared.start.hits)
    }),
    counter("anemone_cache_misses_total", &["cache"], "Things not found in a cache", |r, _| {
        caches(&r.shared.start.misses)
    }),
    gauge("anemone_memory_bytes", &["owner"], "Memory by owner", |_, usage| {
        usage.memory.iter().map(|owned| whole([&owned.owner], owned.bytes)).collect()
    }),
    gauge("anemone_memory_budget_bytes", &[], "What all owners together may have", |_, usage| {
        usage.budget_bytes.iter().map(|bytes| whole([], *bytes)).collect()
    }),
    gauge("anemone_pool_operations", &[], "Operations that may go on at once", |_, usage| {
        pool(usage, |pool| pool.operations)
    }),
    gauge("anemone_pool_operations_in_use", &[], "Operations that go on", |_, usage| {
        pool(usage, |pool| pool.operations_in_use)
    }),
    gauge("anemone_pool_bytes_in_use", &[], "Bytes granted to requests", |_, usage| {
        pool(usage, |pool| pool.bytes_in_use)
    }),
    gauge("anemone_pool_peak_bytes", &[], "Most bytes ever granted at once", |_, usage| {
        pool(usage, |pool| pool.peak_bytes)
    }),
    gauge("anemone_pool_waiting", &[], "Requests that wait for admission", |_, usage| {
        pool(usage, |pool| pool.waiting)
    }),
    counter(
        "anemone_pool_admitted_total",
        &["waited"],
        "Requests that were admitted, by whether they had to wait",
        |_, usage| {
            vec![
                whole(["false"], usage.pool.admitted_at_once),
                whole(["true"], usage.pool.admitted_after_waiting),
            ]
        },
    ),
    counter(
        "anemone_pool_cancelled_total",
        &[],
        "Requests that went away while they waited",
        |_, usage| pool(usage, |pool| pool.cancelled),
    ),
    gauge(
        "anemone_device_utilisation_ratio",
        DEVICE,
        "Busy time over the time of all operations at once, over about a minute, from 0 to 1",
        busy_devices,
    ),
    gauge(
        "anemone_device_operations",
        DEVICE,
        "Batches that a device may compute at once",
        |_, usage| devices(usage, |device| device.operations),
    ),
    gauge("anemone_device_running", DEVICE, "Batches that a device computes", |_, usage| {
        devices(usage, |device| device.running)
    }),
    gauge("anemone_device_waiting", DEVICE, "Batches that wait for a device", |_, usage| {
        devices(usage, |device| device.waiting)
    }),
    gauge("anemone_device_healthy", DEVICE, "Whether a device works: 1 or 0", |_, usage| {
        devices(usage, |device| device.is_healthy.into())
    }),
    gauge("anemone_live", &[], "Whether the manager works: 1 or 0", |_, usage| {
        vec![whole([], usage.health.is_live.into())]
    }),
    gauge("anemone_ready", &[], "Whether new requests are taken: 1 or 0", |_, usage| {
        vec![whole([], usage.health.is_ready.into())]
    }),
    gauge("anemone_health", &["state"], "1 for the state that the manager is in", |_, usage| {
        vec![whole([&usage.health.state], 1)]
    }),
    gauge("anemone_uptime_seconds", &[], "Time since the start", |r, _| {
        vec![sample([], Value::Real(r.uptime.as_secs_f64()))]
    }),
];

type Collect = fn(&Readings, &Usage) -> Vec<Sample>;
type Labels = &'static [&'static str];

const fn counter(name: &'static str, labels: Labels, help: &'static str, of: Collect) -> Metric {
    Metric { name, kind: Kind::Counter, labels, help, collect: of }
}

const fn gauge(name: &'static str, labels: Labels, help: &'static str, of: Collect) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, help, collect: of }
}

const fn histogram(name: &'static str, labels: Labels, help: &'static str, of: Collect) -> Metric {
    Metric { name, kind: Kind::Histogram, labels, help, collect: of }
}
