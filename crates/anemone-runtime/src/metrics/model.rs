//! What is measured of one model.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::sync::{Mutex, lock};

use super::cause::{Cause, FallbackCause, Outcome};
use super::counter::{Counter, Gauge};
use super::engines::{ENGINES, EngineIndex};
use super::ewma::Ewma;
use super::histogram::{Histogram, nanoseconds};
use super::rate::RateMeter;
use super::readings::Recent;
use super::totals::{BATCH_TALLIES, BatchTally, Fallback, TALLIES, Tally, Totals};

/// The weight of a request in the averages: half of it is forgotten after 6.6 further ones.
const WEIGHT: f64 = 0.1;

/// Counts and times of one version of a model, for all threads that run it.
#[derive(Debug)]
pub struct ModelMetrics {
    pub(super) start: Instant,
    in_flight: Gauge,
    tallies: [Counter; TALLIES],
    failed: [Counter; Cause::EACH.len()],
    rejected: [Counter; Cause::EACH.len()],
    batches: [[Counter; BATCH_TALLIES]; ENGINES],
    fallbacks: Mutex<BTreeMap<Fallback, u64>>,
    queue: Times,
    compute: Times,
    total: Times,
    requests: RateMeter,
    rows: RateMeter,
    tokens: RateMeter,
    difference: Ewma,
    /// The bits of a float that is not negative, which are in the order of the floats.
    largest_difference: AtomicU64,
}

/// A request that was admitted and has ended.
#[derive(Clone, Copy, Debug)]
pub struct Finished {
    /// How it ended.
    pub outcome: Outcome,
    /// From its coming to the start of its computation, or to its end if that never began.
    pub queue: Duration,
    /// The computation of the batch that it was in; zero if that never began.
    pub compute: Duration,
    /// From its coming to its end.
    pub total: Duration,
    /// Its rows.
    pub rows: usize,
    /// Its tokens, padding left out.
    pub tokens: usize,
}

/// A batch that was computed.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    /// Where.
    pub engine: EngineIndex,
    /// Rows of requests.
    pub rows: usize,
    /// Rows that were computed, those that only fill up the batch among them.
    pub padded_rows: usize,
    /// Tokens of requests.
    pub tokens: usize,
    /// How long the engine was busy with it.
    pub compute: Duration,
}

/// A histogram, and an average in seconds.
#[derive(Debug)]
struct Times {
    histogram: Histogram,
    average: Ewma,
}

impl ModelMetrics {
    /// A model of which nothing was measured before `start`.
    pub(super) fn new(start: Instant) -> ModelMetrics {
        ModelMetrics {
            start,
            in_flight: Gauge::default(),
            tallies: Default::default(),
            failed: Default::default(),
            rejected: Default::default(),
            batches: Default::default(),
            fallbacks: Mutex::default(),
            queue: Times::new(),
            compute: Times::new(),
            total: Times::new(),
            requests: RateMeter::new(start),
            rows: RateMeter::new(start),
            tokens: RateMeter::new(start),
            difference: Ewma::new(WEIGHT),
            largest_difference: AtomicU64::new(0),
        }
    }

    /// A request was admitted. One call of [`request_done`](Self::request_done) follows for each.
    pub fn admitted(&self) {
        self.in_flight.add(1);
    }

    /// A request that was admitted has ended. Its times count however it ended: leaving out those
    /// that timed out would flatter the tail. Rows and tokens count if it was completed.
    pub fn request_done(&self, request: &Finished, now: Instant) {
        self.in_flight.add(-1);
        match request.outcome {
            Outcome::Completed => {
                let (rows, tokens) = (request.rows as u64, request.tokens as u64);
                self.count(Tally::Completed, 1);
                self.count(Tally::Rows, rows);
                self.count(Tally::Tokens, tokens);
                self.requests.add(1, now);
                self.rows.add(rows, now);
                self.tokens.add(tokens, now);
            }
            Outcome::Failed(cause) => self.failed[cause as usize].add(1),
        }
        self.queue.record(request.queue);
        if !request.compute.is_zero() {
            self.compute.record(request.compute);
        }
        self.total.record(request.total);
    }

    /// A batch was computed.
    pub fn batch_done(&self, batch: &Batch) {
        let tallies = &self.batches[batch.engine.place()];
        let count = |tally: BatchTally, n: u64| tallies[tally as usize].add(n);
        count(BatchTally::Batches, 1);
        count(BatchTally::Rows, batch.rows as u64);
        count(BatchTally::PaddedRows, batch.padded_rows as u64);
        count(BatchTally::Tokens, batch.tokens as u64);
        count(BatchTally::ComputeNanoseconds, nanoseconds(batch.compute));
    }

    /// A request was refused before it was admitted.
    pub fn rejected(&self, cause: Cause) {
        self.rejected[cause as usize].add(1);
    }

    /// The engine `from` was passed over for `to`. Takes a lock.
    pub fn fallback(&self, from: EngineIndex, to: EngineIndex, cause: FallbackCause) {
        *lock(&self.fallbacks).entry(Fallback { from, to, cause }).or_default() += 1;
    }

    /// The model was loaded for the first time, in the time `took`.
    pub fn loaded(&self, took: Duration) {
        self.count(Tally::Loads, 1);
        self.count(Tally::LoadNanoseconds, nanoseconds(took));
    }

    /// The model was loaded again after it had been evicted, in the time `took`.
    pub fn reloaded(&self, took: Duration) {
        self.count(Tally::Reloads, 1);
        self.count(Tally::LoadNanoseconds, nanoseconds(took));
    }

    /// The model was dropped to free its memory.
    pub fn evicted(&self) {
        self.count(Tally::Evictions, 1);
    }

    /// A request was also run on another engine or version to compare the two: whether the outputs
    /// agreed, their largest difference, and how long each run took. A difference that is no number
    /// is an infinite one.
    pub fn shadow(&self, agreed: bool, difference: f64, primary: Duration, shadow: Duration) {
        self.count(if agreed { Tally::ShadowsAgreed } else { Tally::ShadowsDisagreed }, 1);
        self.count(Tally::PrimaryNanoseconds, nanoseconds(primary));
        self.count(Tally::ShadowNanoseconds, nanoseconds(shadow));
        let size = if difference.is_nan() { f64::INFINITY } else { difference.abs() };
        self.largest_difference.fetch_max(size.to_bits(), Ordering::Relaxed);
        self.difference.observe(size);
    }

    /// Inputs or outputs were copied `n` times.
    pub fn copies(&self, n: usize) {
        self.count(Tally::Copies, n as u64);
    }

    /// All that was counted since the start.
    pub(super) fn totals(&self) -> Totals {
        Totals {
            tallies: values(&self.tallies),
            failed: values(&self.failed),
            rejected: values(&self.rejected),
            batches: self.batches.each_ref().map(values),
            fallbacks: lock(&self.fallbacks).clone(),
            queue: self.queue.histogram.snapshot(),
            compute: self.compute.histogram.snapshot(),
            total: self.total.histogram.snapshot(),
        }
    }

    /// Levels, rates and averages at `now`.
    pub(super) fn recent(&self, now: Instant) -> Recent {
        let milliseconds = |times: &Times| times.average.value().map(|seconds| seconds * 1e3);
        Recent {
            in_flight: u64::try_from(self.in_flight.value()).unwrap_or(0),
            requests_per_second: self.requests.per_second(now),
            rows_per_second: self.rows.per_second(now),
            tokens_per_second: self.tokens.per_second(now),
            queue_ms: milliseconds(&self.queue),
            compute_ms: milliseconds(&self.compute),
            total_ms: milliseconds(&self.total),
            shadow_difference: self.difference.value(),
            largest_shadow_difference: f64::from_bits(
                self.largest_difference.load(Ordering::Relaxed),
            ),
        }
    }

    fn count(&self, tally: Tally, n: u64) {
        self.tallies[tally as usize].add(n);
    }
}

impl Times {
    fn new() -> Times {
        Times { histogram: Histogram::default(), average: Ewma::new(WEIGHT) }
    }

    fn record(&self, time: Duration) {
        self.histogram.record(time);
        self.average.observe(time.as_secs_f64());
    }
}

pub(super) fn values<const N: usize>(counters: &[Counter; N]) -> [u64; N] {
    counters.each_ref().map(Counter::value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(outcome: Outcome) -> Finished {
        Finished {
            outcome,
            queue: Duration::from_millis(2),
            compute: Duration::from_millis(6),
            total: Duration::from_millis(8),
            rows: 3,
            tokens: 40,
        }
    }

    #[test]
    fn a_request_counts_by_its_outcome_and_its_times_in_any_case() {
        let now = Instant::now();
        let model = ModelMetrics::new(now);
        for outcome in [Outcome::Completed, Outcome::Failed(Cause::TimedOut)] {
            model.admitted();
            model.request_done(&finished(outcome), now);
        }
        let never_ran =
            Finished { compute: Duration::ZERO, ..finished(Outcome::Failed(Cause::Cancelled)) };
        model.admitted();
        model.request_done(&never_ran, now);
        model.admitted();

        let totals = model.totals();
        assert_eq!(totals.of(Tally::Completed), 1);
        assert_eq!((totals.of(Tally::Rows), totals.of(Tally::Tokens)), (3, 40));
        assert_eq!(totals.failed[Cause::TimedOut as usize], 1);
        assert_eq!(totals.failed.iter().sum::<u64>(), 2);
        let counts = [&totals.queue, &totals.compute, &totals.total].map(|times| times.count());
        assert_eq!(counts, [3, 2, 3], "one that never ran has no time of computation");
        let recent = model.recent(now);
        assert_eq!((recent.in_flight, recent.tokens_per_second), (1, 40.0));
        assert_eq!(recent.compute_ms, Some(6.0));
    }

    #[test]
    fn a_difference_that_is_no_number_is_the_largest_there_is() {
        let now = Instant::now();
        let model = ModelMetrics::new(now);
        let time = Duration::from_millis(1);
        model.shadow(true, -0.5, time, time);
        model.shadow(true, 0.25, time, 2 * time);
        assert_eq!(model.recent(now).largest_shadow_difference, 0.5);
        model.shadow(false, f64::NAN, time, time);
        let recent = model.recent(now);
        assert_eq!(recent.largest_shadow_difference, f64::INFINITY);
        assert_eq!(recent.shadow_difference, Some(0.5 + WEIGHT * -0.25));
        let totals = model.totals();
        assert_eq!(totals.of(Tally::ShadowsAgreed), 2);
        assert_eq!(totals.of(Tally::ShadowsDisagreed), 1);
        assert_eq!(totals.time_of(Tally::ShadowNanoseconds), 4 * time);
    }

    #[test]
    fn concurrent_requests_and_batches_are_all_counted() {
        let now = Instant::now();
        let model = ModelMetrics::new(now);
        let engine = super::super::engines::Engines::default().index("cpu");
        let compute = Duration::from_millis(5);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..250 {
                        model.admitted();
                        model.request_done(&finished(Outcome::Completed), now);
                        let batch = Batch { engine, rows: 3, padded_rows: 4, tokens: 40, compute };
                        model.batch_done(&batch);
                        model.fallback(engine, engine, FallbackCause::Failed);
                    }
                });
            }
        });
        let totals = model.totals();
        assert_eq!((totals.of(Tally::Tokens), totals.total.count()), (40_000, 1000));
        assert_eq!(totals.of_batches(BatchTally::PaddedRows), 4000);
        assert_eq!(totals.batches[0][BatchTally::ComputeNanoseconds as usize], 5_000_000_000);
        assert_eq!(totals.fallbacks.values().sum::<u64>(), 1000);
        assert_eq!(model.recent(now).in_flight, 0);
    }
}
