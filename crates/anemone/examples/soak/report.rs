//! What a task found: figures by name, and what is not as it must be.

use std::time::Duration;

use serde_json::{Map, Value, json};

/// Figures in the order in which they were added.
#[derive(Default)]
pub(crate) struct Report {
    figures: Map<String, Value>,
    faults: Vec<String>,
}

impl Report {
    /// Adds a figure.
    pub(crate) fn add(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.figures.insert(name.into(), value.into());
    }

    /// Adds a number with three digits after the point.
    pub(crate) fn number(&mut self, name: impl Into<String>, value: f64) {
        self.add(name, (value * 1e3).round() / 1e3);
    }

    /// Adds the middle, the 99th of a hundred and the longest of these times, in milliseconds.
    pub(crate) fn times(&mut self, name: &str, mut times: Vec<Duration>) {
        times.sort_unstable();
        self.number(format!("{name} p50 ms"), milliseconds(quantile(&times, 0.5)));
        self.number(format!("{name} p99 ms"), milliseconds(quantile(&times, 0.99)));
        self.number(format!("{name} max ms"), milliseconds(quantile(&times, 1.0)));
    }

    /// Notes a fault unless `holds`.
    pub(crate) fn require(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            self.faults.push(fault());
        }
    }

    /// Whether all is as it must be.
    pub(crate) fn is_good(&self) -> bool {
        self.faults.is_empty()
    }

    /// The figures, one on each line, and the faults.
    pub(crate) fn text(&self) -> String {
        let width = self.figures.keys().map(String::len).max().unwrap_or_default();
        let mut text = String::new();
        for (name, value) in &self.figures {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text += &format!("{name:width$}  {value}\n");
        }
        for fault in &self.faults {
            text += &format!("FAULT: {fault}\n");
        }
        text
    }

    /// The same as one JSON object.
    pub(crate) fn json(&self) -> String {
        format!("{}\n", json!({ "figures": self.figures, "faults": self.faults }))
    }
}

/// The time that this share of the sorted `times` does not exceed.
pub(crate) fn quantile(times: &[Duration], share: f64) -> Duration {
    let last = times.len().saturating_sub(1);
    let place = (share * times.len() as f64).ceil() as usize;
    times.get(place.saturating_sub(1).min(last)).copied().unwrap_or_default()
}

/// The middle of the numbers.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A time in milliseconds.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
