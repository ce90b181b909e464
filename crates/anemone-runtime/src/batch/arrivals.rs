//! How long a run may wait for others to join it, from how fast requests come.

use std::time::{Duration, Instant};

/// The weight of the newest gap.
const NEWEST: f64 = 0.125;
/// Waiting is worth it only where the next request comes within this share of a run's time.
const SOON: f64 = 0.125;

/// Times between requests: an exponentially weighted mean.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    last: Option<Instant>,
    gap: Option<f64>,
}

impl Arrivals {
    /// A request came.
    pub(crate) fn note(&mut self, now: Instant) {
        if let Some(last) = self.last.replace(now) {
            let gap = now.saturating_duration_since(last).as_secs_f64();
            self.gap = Some(self.gap.map_or(gap, |mean| mean + NEWEST * (gap - mean)));
        }
    }

    /// How long a run that has room for `room` more requests may wait: for all of them at the rate
    /// at which they come, for the share [`SOON`] of a run's time, and for `most`, whichever is
    /// shortest. Nothing where requests come too seldom to be worth waiting for, which is the case of
    /// one caller that waits for each answer.
    pub(crate) fn patience(&self, room: usize, run: Option<Duration>, most: Duration) -> Duration {
        let (Some(gap), Some(run)) = (self.gap, run) else { return Duration::ZERO };
        let longest = run.as_secs_f64() * SOON;
        if room == 0 || gap > longest {
            return Duration::ZERO;
        }
        Duration::from_secs_f64((gap * room as f64).min(longest)).min(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_millis(2);
    const RUN: Option<Duration> = Some(Duration::from_millis(10));

    fn after(gaps_us: &[u64]) -> Arrivals {
        let mut arrivals = Arrivals::default();
        let mut now = Instant::now();
        arrivals.note(now);
        for gap in gaps_us {
            now += Duration::from_micros(*gap);
            arrivals.note(now);
        }
        arrivals
    }

    #[test]
    fn nobody_waits_for_requests_that_come_seldom_or_are_unknown() {
        assert_eq!(Arrivals::default().patience(8, RUN, MOST), Duration::ZERO);
        assert_eq!(after(&[10_500; 20]).patience(8, RUN, MOST), Duration::ZERO);
        assert_eq!(after(&[100; 20]).patience(8, None, MOST), Duration::ZERO);
        assert_eq!(after(&[100; 20]).patience(0, RUN, MOST), Duration::ZERO);
    }

    #[test]
    fn a_run_waits_for_as_many_as_it_has_room_for_but_never_long() {
        let patience = after(&[50; 20]).patience(8, RUN, MOST);
        assert!((patience.as_secs_f64() - 400e-6).abs() < 1e-7);
        assert!(after(&[500; 20]).patience(8, RUN, MOST) <= Duration::from_micros(1250));
        assert_eq!(
            after(&[500; 20]).patience(8, RUN, Duration::from_micros(7)),
            Duration::from_micros(7)
        );
    }
}
