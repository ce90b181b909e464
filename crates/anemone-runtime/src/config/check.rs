//! Which values settings may have, alone and together.

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::forms::{show_budget, show_bytes, show_duration, show_units};
use super::{Config, ConfigErrors, ConfigFault, ConfigOrigin};

/// Counts go no further, so that sums of them cannot overflow.
const COUNT: usize = u32::MAX as usize;
/// Times go no further, so that they can be added to any instant.
const TIME: Duration = Duration::from_secs(365 * 24 * 3600);
const MILLISECOND: Duration = Duration::from_millis(1);

/// Gathers faults.
#[derive(Default)]
pub(super) struct Faults(pub(super) Vec<ConfigFault>);

impl Config {
    /// Fails if a value is not allowed, with all that are not.
    pub fn check(&self) -> Result<(), ConfigErrors> {
        let mut faults = Faults::default();
        self.gather(&mut faults);
        faults.result()
    }

    pub(super) fn gather(&self, faults: &mut Faults) {
        let count = |n: usize| n.to_string();
        let cores = Some("`auto` takes one for each core");
        let operations = self.max_concurrent_operations.map(NonZeroUsize::get);
        faults.within("max-concurrent-operations", operations, 1..=65_536, count, cores);
        faults.within("threads", self.threads.map(NonZeroUsize::get), 1..=1024, count, cores);
        let budget = Some("`auto` leaves it to the manager, `unlimited` is no bound");
        faults.within("memory-budget", self.memory_budget, 1..=u64::MAX, show_budget, budget);
        let none = Some("`none` is no limit");
        let limit = self.default_time_limit;
        faults.within("default-time-limit", limit, MILLISECOND..=TIME, show_duration, none);
        let shutdown = Some(self.shutdown_time_limit);
        let zero = Duration::ZERO;
        faults.within("shutdown-time-limit", shutdown, zero..=TIME, show_duration, None);
        faults.within("grace", Some(self.grace), MILLISECOND..=TIME, show_duration, None);
        faults.within("max-waiting", Some(self.max_waiting), 0..=COUNT, count, None);
        faults.within("idle-sessions", Some(self.idle_sessions), 0..=1024, count, None);

        let queue = &self.queue;
        faults.within("queue.requests", Some(queue.requests), 1..=COUNT, count, None);
        faults.within("queue.rows", Some(queue.rows), 1..=COUNT, count, None);
        faults.within("queue.tokens", Some(queue.tokens), 1..=COUNT, count, None);
        faults.within("queue.bytes", Some(queue.bytes), 1..=1 << 60, show_bytes, None);

        let batching = &self.batching;
        let unlimited = Some("`unlimited` is no bound");
        faults.within("batching.max-rows", Some(batching.max_rows), 1..=COUNT, count, None);
        faults.within("batching.max-tokens", batching.max_tokens, 1..=COUNT, count, unlimited);
        let (field, delay) = ("batching.max-delay", Some(batching.max_delay));
        faults.within(field, delay, zero..=Duration::from_secs(60), show_duration, None);
        let interval = Some(self.monitoring.interval);
        let times = Duration::from_millis(10)..=Duration::from_secs(3600);
        faults.within("monitoring.interval", interval, times, show_duration, None);
        let folder = self.cache_folder.as_ref().filter(|folder| folder.as_os_str().is_empty());
        if folder.is_some() {
            faults.push("cache-folder", "empty", "a folder's path", Some("`none` keeps nothing"));
        }
        self.gather_together(faults);
    }

    fn gather_together(&self, faults: &mut Faults) {
        let (queue, batching) = (&self.queue, &self.batching);
        if batching.max_rows > queue.rows {
            let most = format!("at most {}, which is `queue.rows`", queue.rows);
            faults.together("batching.max-rows", "queue.rows", batching.max_rows, most);
        }
        if let Some(tokens) = batching.max_tokens.filter(|&tokens| tokens > queue.tokens) {
            let most = format!("at most {}, which is `queue.tokens`", queue.tokens);
            faults.together("batching.max-tokens", "queue.tokens", tokens, most);
        }
        if let Some(limit) = self.default_time_limit.filter(|&limit| batching.max_delay >= limit) {
            let less = format!("less than {}, the `default-time-limit`", show_duration(limit));
            let delay = show_duration(batching.max_delay);
            faults.together("batching.max-delay", "default-time-limit", delay, less);
        }
        let refused = self.fallback.iter().find(|unit| !unit.is_permitted(self.device));
        if let Some(unit) = refused {
            let permitted = format!("what `device` permits, which is `{}`", self.device);
            faults.together("fallback", "device", unit.name(), permitted);
        }
        let twice =
            (1..self.fallback.len()).any(|i| self.fallback[..i].contains(&self.fallback[i]));
        if twice {
            let units = show_units(&self.fallback).join(", ");
            faults.push("fallback", units, "each kind of hardware once", None);
        }
    }
}

impl Faults {
    pub(super) fn result(self) -> Result<(), ConfigErrors> {
        if self.0.is_empty() { Ok(()) } else { Err(ConfigErrors(self.0)) }
    }

    pub(super) fn push(
        &mut self,
        field: impl Into<String>,
        value: impl ToString,
        allowed: impl Into<String>,
        hint: Option<&str>,
    ) {
        self.0.push(ConfigFault::Value {
            field: field.into(),
            value: value.to_string(),
            origin: ConfigOrigin::Code,
            allowed: allowed.into(),
            hint: hint.map(str::to_owned),
        });
    }

    pub(super) fn within<T: PartialOrd + Copy>(
        &mut self,
        field: &str,
        value: Option<T>,
        range: RangeInclusive<T>,
        show: fn(T) -> String,
        hint: Option<&str>,
    ) {
        if let Some(value) = value.filter(|value| !range.contains(value)) {
            let allowed = format!("{} to {}", show(*range.start()), show(*range.end()));
            self.push(field, show(value), allowed, hint);
        }
    }

    /// A fault of two fields together, unless one of them is at fault by itself.
    fn together(&mut self, field: &str, other: &str, value: impl ToString, allowed: String) {
        let is_known =
            |fault: &ConfigFault| fault.field().is_some_and(|f| f == field || f == other);
        if !self.0.iter().any(is_known) {
            self.push(field, value, allowed, None);
        }
    }
}
