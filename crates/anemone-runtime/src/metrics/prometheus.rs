//! All metrics as text for Prometheus.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::families::{Kind, METRICS, Metric};
use super::histogram::Snapshot;
use super::readings::Readings;
use super::samples::{Sample, Value};
use super::usage::Usage;

/// The content type of the text: version 0.0.4 of Prometheus's text format.
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// Buckets of exported histograms end at 2^16 ns (66 µs), 2^17 ns, ..., 2^36 ns (69 s), which are
/// edges of the histograms' own buckets: so the counts are exact.
const EDGES: std::ops::RangeInclusive<u32> = 16..=36;

/// All metrics as text. `docs/metrics.md` says what they are.
pub fn prometheus(readings: &Readings, usage: &Usage) -> String {
    let families = METRICS
        .iter()
        .map(|metric| Family { metric, samples: (metric.collect)(readings, usage) })
        .filter(|family| !family.samples.is_empty())
        .collect();
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(families)));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry).expect("a text takes all that is written to it");
    text
}

/// Samples, ready to be written.
#[derive(Debug)]
struct Families(Vec<Family>);

struct Family {
    metric: &'static Metric,
    samples: Vec<Sample>,
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(self.metric.name).field(&self.samples).finish()
    }
}

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for Family { metric, samples } in &self.0 {
            let (name, kind) = match metric.kind {
                // The encoder ends the names of counters.
                Kind::Counter => {
                    (metric.name.strip_suffix("_total").unwrap_or(metric.name), MetricType::Counter)
                }
                Kind::Gauge => (metric.name, MetricType::Gauge),
                Kind::Histogram => (metric.name, MetricType::Histogram),
            };
            let mut encoder = encoder.encode_descriptor(name, metric.help, None, kind)?;
            for sample in samples {
                let labels: Vec<(&str, &str)> = metric
                    .labels
                    .iter()
                    .copied()
                    .zip(sample.labels.iter().map(String::as_str))
                    .collect();
                write(encoder.encode_family(&labels)?, metric.kind, &sample.value)?;
            }
        }
        Ok(())
    }
}

fn write(mut encoder: MetricEncoder, kind: Kind, value: &Value) -> fmt::Result {
    match (kind, value) {
        (Kind::Counter, Value::Whole(n)) => encoder.encode_counter::<NoLabelSet, _, f64>(n, None),
        (Kind::Counter, Value::Real(x)) => encoder.encode_counter::<NoLabelSet, _, f64>(x, None),
        (_, Value::Whole(n)) => encoder.encode_gauge(n),
        (_, Value::Real(x)) => encoder.encode_gauge(x),
        (_, Value::Times(times)) => {
            let sum = times.sum().as_secs_f64();
            encoder.encode_histogram::<NoLabelSet>(sum, times.count(), &buckets(times), None)
        }
    }
}

/// The upper edges in seconds, each with what is in its bucket alone.
fn buckets(times: &Snapshot) -> Vec<(f64, u64)> {
    let mut below = 0;
    let mut bucket = |power: u32| {
        let count = times.count_below(power);
        let here = count - std::mem::replace(&mut below, count);
        ((1_u64 << power) as f64 / 1e9, here)
    };
    let mut buckets: Vec<_> = EDGES.map(&mut bucket).collect();
    buckets.push((f64::INFINITY, times.count() - below));
    buckets
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::{Duration, Instant};

    use super::super::made_up;
    use super::super::manager::ManagerMetrics;
    use super::*;

    /// The table of `docs/metrics.md`.
    fn documented() -> BTreeSet<&'static str> {
        let document = include_str!("../../../../docs/metrics.md");
        document.lines().filter(|line| line.starts_with("| `anemone_")).collect()
    }

    /// The unit, which stands in the name.
    fn unit(name: &str) -> &str {
        let has = |unit: &&str| name.split('_').any(|word| word == *unit);
        ["seconds", "bytes", "ratio"].into_iter().find(has).unwrap_or("number")
    }

    #[test]
    fn the_document_lists_every_metric_and_no_other() {
        let rows: Vec<String> = METRICS
            .iter()
            .map(|metric| {
                let kind = format!("{:?}", metric.kind).to_lowercase();
                let labels = metric.labels.join(", ");
                let unit = unit(metric.name);
                format!("| `{}` | {kind} | {unit} | {labels} | {} |", metric.name, metric.help)
            })
            .collect();
        let expected = rows.iter().map(String::as_str).collect();
        assert_eq!(documented(), expected, "the table shall be:\n{}\n", rows.join("\n"));
    }

    #[test]
    fn names_end_as_their_kind_and_unit_ask() {
        for metric in METRICS {
            let is_counter = metric.kind == Kind::Counter;
            assert_eq!(metric.name.ends_with("_total"), is_counter, "{}", metric.name);
            let is_histogram = metric.kind == Kind::Histogram;
            assert!(!is_histogram || metric.name.ends_with("_seconds"), "{}", metric.name);
        }
    }

    #[test]
    fn every_metric_is_written_with_all_its_labels() {
        let (readings, usage) = made_up::readings();
        let text = prometheus(&readings, &usage);
        for metric in METRICS {
            let samples = (metric.collect)(&readings, &usage);
            assert!(!samples.is_empty(), "{} has no sample", metric.name);
            for sample in samples {
                assert_eq!(sample.labels.len(), metric.labels.len(), "{}", metric.name);
            }
            let kind = format!("{:?}", metric.kind).to_lowercase();
            assert!(text.contains(&format!("# HELP {} {}\n", metric.name, metric.help)));
            assert!(text.contains(&format!("# TYPE {} {kind}\n", metric.name)));
        }
        for line in [
            r#"anemone_requests_completed_total{model="minilm",version="1"} 30"#,
            r#"anemone_requests_failed_total{model="minilm",version="1",cause="timed_out"} 1"#,
            r#"anemone_requests_rejected_total{model="",version="",cause="not_found"} 1"#,
            r#"anemone_request_seconds_bucket{model="minilm",version="1",le="+Inf"} 31"#,
            r#"anemone_device_utilisation_ratio{device="cpu"} 0.15"#,
            r#"anemone_memory_bytes{owner="weights"} 24000000"#,
            r#"anemone_pool_waiting 2"#,
        ] {
            assert!(text.lines().any(|found| found == line), "no `{line}` in\n{text}");
        }
    }

    #[test]
    fn labels_from_outside_are_escaped() {
        let now = Instant::now();
        let metrics = ManagerMetrics::new(now);
        metrics.model("a \"b\"\\c\nd", "é{},=", now).rejected(super::super::Cause::QueueFull);
        let text = prometheus(&metrics.read(now), &Usage::default());
        let labels = r#"{model="a \"b\"\\c\nd",version="é{},=",cause="queue_full"} 1"#;
        assert!(text.contains(&format!("anemone_requests_rejected_total{labels}\n")), "{text}");
    }

    #[test]
    fn buckets_hold_each_time_once() {
        let histogram = super::super::Histogram::default();
        let nanoseconds = [0, 65_535, 65_536, 1 << 20, (1 << 36) - 1, 1 << 36, 1 << 50];
        nanoseconds.iter().for_each(|time| histogram.record(Duration::from_nanos(*time)));
        let buckets = buckets(&histogram.snapshot());
        let filled: Vec<_> = buckets.iter().filter(|(_, count)| *count > 0).copied().collect();
        let seconds = |power: i32| 2_f64.powi(power) / 1e9;
        assert_eq!(
            filled,
            [
                (seconds(16), 2),
                (seconds(17), 1),
                (seconds(21), 1),
                (seconds(36), 1),
                (f64::INFINITY, 2)
            ]
        );
        assert_eq!(buckets.len(), 22);
    }
}
