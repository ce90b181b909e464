//! The register of all that is measured.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::sync::{Arc, Mutex, lock};

use super::cause::{CacheKind, Cause};
use super::counter::Counter;
use super::engines::{EngineIndex, Engines};
use super::model::{ModelMetrics, values};
use super::readings::{ModelReading, Readings, SharedTotals, Since};
use super::totals::Totals;
use super::window::Window;

/// What the manager measures, by model and of no model in particular.
#[derive(Debug)]
pub struct ManagerMetrics {
    start: Instant,
    /// By name and version.
    models: Mutex<BTreeMap<(String, String), Arc<ModelMetrics>>>,
    engines: Engines,
    rejected: [Counter; Cause::EACH.len()],
    hits: [Counter; CacheKind::EACH.len()],
    misses: [Counter; CacheKind::EACH.len()],
    window: Mutex<Window<Counted>>,
}

/// All counts at one moment.
#[derive(Clone, Debug, Default)]
struct Counted {
    models: BTreeMap<(String, String), Totals>,
    shared: SharedTotals,
}

impl ManagerMetrics {
    /// Metrics of a manager that starts now.
    pub fn new(start: Instant) -> ManagerMetrics {
        ManagerMetrics {
            start,
            models: Mutex::default(),
            engines: Engines::default(),
            rejected: Default::default(),
            hits: Default::default(),
            misses: Default::default(),
            window: Mutex::new(Window::new(start, Counted::default())),
        }
    }

    /// The metrics of a version of a model, which begin now if it is new. They are kept for good, so
    /// only names of models that exist belong here.
    pub fn model(&self, name: &str, version: &str, now: Instant) -> Arc<ModelMetrics> {
        let key = (name.to_owned(), version.to_owned());
        lock(&self.models).entry(key).or_insert_with(|| Arc::new(ModelMetrics::new(now))).clone()
    }

    /// The index of the engine `name`. The first seven names are told apart, later ones are `other`.
    pub fn engine(&self, name: &str) -> EngineIndex {
        self.engines.index(name)
    }

    /// A request was refused that is for no known model.
    pub fn rejected(&self, cause: Cause) {
        self.rejected[cause as usize].add(1);
    }

    /// Something was looked for in a cache, and was there or not.
    pub fn looked_up(&self, cache: CacheKind, is_hit: bool) {
        let counters = if is_hit { &self.hits } else { &self.misses };
        counters[cache as usize].add(1);
    }

    /// Keeps a reading for later windows if ten seconds have passed since the last one. To be called
    /// every ten seconds, so that a window is from 60 to 70 seconds long; [`read`](Self::read) does
    /// so too.
    pub fn rotate(&self, now: Instant) {
        lock(&self.window).rotate(now, || self.counted());
    }

    /// All that was measured, since the start and in the window.
    pub fn read(&self, now: Instant) -> Readings {
        let mut window = lock(&self.window);
        let counted = self.counted();
        window.rotate(now, || counted.clone());
        let base = window.base();
        let models = lock(&self.models);
        let reading = |(key, totals): ((String, String), Totals)| {
            let metrics = models.get(&key)?;
            let earlier = base.reading.models.get(&key);
            let window = earlier.map_or_else(|| totals.clone(), |earlier| totals.since(earlier));
            let (name, version) = key;
            Some(ModelReading {
                name,
                version,
                age: now.saturating_duration_since(metrics.start),
                totals: Since { start: totals, window },
                recent: metrics.recent(now),
            })
        };
        Readings {
            uptime: now.saturating_duration_since(self.start),
            window: now.saturating_duration_since(base.at),
            models: counted.models.into_iter().filter_map(reading).collect(),
            engines: self.engines.names(),
            shared: Since {
                start: counted.shared,
                window: counted.shared.since(&base.reading.shared),
            },
        }
    }

    fn counted(&self) -> Counted {
        let models = lock(&self.models);
        Counted {
            models: models.iter().map(|(key, model)| (key.clone(), model.totals())).collect(),
            shared: SharedTotals {
                rejected: values(&self.rejected),
                hits: values(&self.hits),
                misses: values(&self.misses),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::cause::{FallbackCause, Outcome};
    use super::super::model::Finished;
    use super::super::totals::Tally;
    use super::*;

    fn finished(milliseconds: u64) -> Finished {
        Finished {
            outcome: Outcome::Completed,
            queue: Duration::ZERO,
            compute: Duration::from_millis(milliseconds),
            total: Duration::from_millis(milliseconds),
            rows: 1,
            tokens: 10,
        }
    }

    #[test]
    fn a_model_and_version_has_one_set_of_metrics() {
        let now = Instant::now();
        let metrics = ManagerMetrics::new(now);
        let model = metrics.model("minilm", "1", now);
        assert!(Arc::ptr_eq(&model, &metrics.model("minilm", "1", now)));
        assert!(!Arc::ptr_eq(&model, &metrics.model("minilm", "2", now)));
        assert_eq!(metrics.read(now).models.len(), 2);
    }

    #[test]
    fn a_window_holds_the_last_minute_and_the_start_all() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let metrics = ManagerMetrics::new(start);
        let model = metrics.model("minilm", "", start);
        let cpu = metrics.engine("cpu");
        for tick in 0..30 {
            let slow = if tick < 20 { 100 } else { 0 };
            model.admitted();
            model.request_done(&finished(tick + slow + 1), at(tick * 10));
            model.fallback(cpu, cpu, FallbackCause::Memory);
            metrics.looked_up(CacheKind::Plan, tick.is_multiple_of(2));
            metrics.rejected(Cause::NotFound);
            metrics.rotate(at(tick * 10));
        }
        let readings = metrics.read(at(295));
        assert_eq!(readings.uptime, Duration::from_secs(295));
        assert_eq!(readings.window, Duration::from_secs(65), "it begins after tick 23");
        let model = &readings.models[0];
        assert_eq!(model.age, Duration::from_secs(295));
        assert_eq!(model.totals.start.of(Tally::Completed), 30);
        let window = &model.totals.window;
        assert_eq!((window.of(Tally::Completed), window.of(Tally::Tokens)), (6, 60));
        assert_eq!(window.total.count(), 6);
        assert_eq!(model.totals.start.total.max(), Duration::from_millis(120));
        assert!(window.total.max() <= Duration::from_millis(32));
        assert_eq!(window.fallbacks.values().sum::<u64>(), 6);
        let shared = &readings.shared;
        assert_eq!((shared.window.hits[0], shared.window.misses[0]), (3, 3));
        assert_eq!(shared.window.rejected.iter().sum::<u64>(), 6);
        assert_eq!(shared.start.rejected.iter().sum::<u64>(), 30);
    }

    #[test]
    fn a_model_that_came_after_the_window_began_is_counted_from_its_beginning() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let metrics = ManagerMetrics::new(start);
        for tick in 0..10 {
            metrics.rotate(at(tick * 10));
        }
        let model = metrics.model("late", "", at(95));
        model.admitted();
        model.request_done(&finished(1), at(96));
        let readings = metrics.read(at(99));
        assert_eq!(readings.models[0].totals.window.of(Tally::Completed), 1);
        assert_eq!(readings.models[0].age, Duration::from_secs(4));
    }
}
