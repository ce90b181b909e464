//! How often times of each length occurred.
//!
//! A quantile is the upper edge of its bucket: it never understates a tail, and overstates it by
//! 6.25 % (1/16) at most, or by 64 ns for times below 1 µs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::buckets::{BUCKETS, index, upper_edge};

/// Counts of times from 64 ns to 73 minutes in buckets; what is longer is counted in the last one.
#[derive(Debug)]
pub struct Histogram {
    counts: [AtomicU64; BUCKETS],
    sum: AtomicU64,
    most: AtomicU64,
}

/// A histogram at one moment, or the difference of two moments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    counts: Box<[u64]>,
    sum: u64,
    most: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram {
            counts: [const { AtomicU64::new(0) }; BUCKETS],
            sum: AtomicU64::new(0),
            most: AtomicU64::new(0),
        }
    }
}

impl Histogram {
    /// Counts a time.
    pub fn record(&self, time: Duration) {
        let nanoseconds = nanoseconds(time);
        if nanoseconds > self.most.load(Ordering::Relaxed) {
            self.most.fetch_max(nanoseconds, Ordering::Relaxed);
        }
        self.counts[index(nanoseconds)].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// What was counted. Of a time that is recorded meanwhile a part may be missing.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            counts: self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect(),
            sum: self.sum.load(Ordering::Relaxed),
            most: self.most.load(Ordering::Relaxed),
        }
    }
}

impl Default for Snapshot {
    fn default() -> Snapshot {
        Snapshot { counts: vec![0; BUCKETS].into(), sum: 0, most: 0 }
    }
}

impl Snapshot {
    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The sum of the times.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum)
    }

    /// The longest time: exact since the start; of a difference the upper edge of its highest
    /// bucket. Zero if nothing was counted.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.most)
    }

    /// The time that a share `q`, from 0 to 1, of the times does not exceed. Zero if nothing was
    /// counted.
    pub fn quantile(&self, q: f64) -> Duration {
        let count = self.count();
        let rank = ((q * count as f64).ceil() as u64).clamp(1, count.max(1));
        let mut reached = 0;
        let bucket = self.counts.iter().position(|count| {
            reached += count;
            reached >= rank
        });
        Duration::from_nanos(bucket.map_or(0, |bucket| self.bound(bucket)))
    }

    /// How many times were shorter than 2^`power` ns, which is an edge between buckets for powers
    /// from 10 on.
    pub(super) fn count_below(&self, power: u32) -> u64 {
        self.counts[..index(1 << power)].iter().sum()
    }

    /// What was counted after `earlier`, a snapshot of the same histogram.
    pub fn since(&self, earlier: &Snapshot) -> Snapshot {
        let counts: Box<[u64]> = self
            .counts
            .iter()
            .zip(&earlier.counts)
            .map(|(now, before)| now.saturating_sub(*before))
            .collect();
        let highest = counts.iter().rposition(|count| *count > 0);
        Snapshot {
            counts,
            sum: self.sum.saturating_sub(earlier.sum),
            most: highest.map_or(0, |bucket| self.bound(bucket)),
        }
    }

    /// Adds the times of another histogram.
    pub fn add(&mut self, other: &Snapshot) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.sum = self.sum.saturating_add(other.sum);
        self.most = self.most.max(other.most);
    }

    /// What no time of `bucket` exceeds.
    fn bound(&self, bucket: usize) -> u64 {
        if bucket == BUCKETS - 1 { self.most } else { upper_edge(bucket).min(self.most) }
    }
}

/// As whole nanoseconds, 584 years at most.
pub(super) fn nanoseconds(time: Duration) -> u64 {
    let seconds = time.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(u64::from(time.subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MICROSECOND: u64 = 1000;

    fn histogram(times: &[u64]) -> Histogram {
        let histogram = Histogram::default();
        times.iter().for_each(|time| histogram.record(Duration::from_nanos(*time)));
        histogram
    }

    #[test]
    fn an_empty_histogram_has_no_times() {
        let snapshot = Histogram::default().snapshot();
        assert_eq!(snapshot, Snapshot::default());
        assert_eq!((snapshot.count(), snapshot.max()), (0, Duration::ZERO));
        assert_eq!(snapshot.quantile(0.5), Duration::ZERO);
    }

    #[test]
    fn times_beyond_the_last_bucket_keep_their_maximum_and_their_sum() {
        let day = Duration::from_secs(86_400);
        let histogram = histogram(&[MICROSECOND]);
        histogram.record(day);
        let snapshot = histogram.snapshot();
        assert_eq!((snapshot.quantile(1.0), snapshot.max()), (day, day));
        assert_eq!(snapshot.sum(), day + Duration::from_micros(1));
    }

    #[test]
    fn a_difference_holds_what_came_between() {
        let histogram = histogram(&[900 * MICROSECOND, 5 * MICROSECOND]);
        let before = histogram.snapshot();
        histogram.record(Duration::from_micros(40));
        let between = histogram.snapshot().since(&before);
        assert_eq!((between.count(), between.sum()), (1, Duration::from_micros(40)));
        let longest = between.max().as_nanos() as f64 / 40_000.0;
        assert!((1.0..=1.0625).contains(&longest), "of its own times, not of earlier ones");
        let nothing = before.since(&before);
        assert_eq!(nothing, Snapshot::default());
    }

    #[test]
    fn sums_of_histograms_are_histograms_of_all_times() {
        let mut sum = histogram(&[3 * MICROSECOND, 80]).snapshot();
        sum.add(&histogram(&[7_000 * MICROSECOND]).snapshot());
        assert_eq!(sum, histogram(&[80, 7_000 * MICROSECOND, 3 * MICROSECOND]).snapshot());
    }

    #[test]
    fn counts_below_a_power_of_two_are_exact() {
        let snapshot = histogram(&[1023, 1024, 65_535, 65_536, 1 << 40]).snapshot();
        let counts = [10, 11, 16, 17, 40, 41].map(|power| snapshot.count_below(power));
        assert_eq!(counts, [1, 2, 3, 4, 4, 5]);
    }

    #[test]
    fn concurrent_times_are_all_counted() {
        let histogram = Histogram::default();
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let histogram = &histogram;
                scope.spawn(move || {
                    for time in 0..1000 {
                        histogram.record(Duration::from_nanos(time * 4000 + thread));
                    }
                });
            }
        });
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.count(), 4000);
        assert_eq!(snapshot.sum(), Duration::from_nanos(4 * 4000 * 999 * 500 + 6 * 1000));
        assert_eq!(snapshot.max(), Duration::from_nanos(999 * 4000 + 3));
    }

    proptest! {
        #[test]
        fn quantiles_are_never_below_the_exact_ones_and_at_most_a_sixteenth_above(
            exponents in prop::collection::vec(0.0..41.9_f64, 1..300),
            q in 0.0..=1.0_f64,
        ) {
            let mut times: Vec<u64> = exponents.iter().map(|power| power.exp2() as u64).collect();
            let snapshot = histogram(&times).snapshot();
            times.sort_unstable();
            let rank = ((q * times.len() as f64).ceil() as usize).clamp(1, times.len());
            let exact = times[rank - 1];
            let found = snapshot.quantile(q).as_nanos() as u64;
            prop_assert!(found >= exact);
            prop_assert!(found - exact <= (exact / 16).max(64), "{found} for {exact}");
            prop_assert_eq!(snapshot.max().as_nanos() as u64, times[times.len() - 1]);
        }

        #[test]
        fn a_difference_and_what_was_before_give_the_whole(
            before in prop::collection::vec(0..1_u64 << 43, 0..50),
            after in prop::collection::vec(0..1_u64 << 43, 0..50),
        ) {
            let histogram = histogram(&before);
            let mut sum = histogram.snapshot();
            after.iter().for_each(|time| histogram.record(Duration::from_nanos(*time)));
            let whole = histogram.snapshot();
            let difference = whole.since(&sum);
            prop_assert_eq!(difference.count(), after.len() as u64);
            let longest = after.iter().max().copied().unwrap_or(0);
            prop_assert!(difference.max() >= Duration::from_nanos(longest));
            sum.add(&difference);
            prop_assert_eq!(sum, whole);
        }
    }
}
