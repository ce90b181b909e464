//! Events per second over the last ten seconds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::histogram::nanoseconds;

/// Seconds that are kept apart, the one that goes on among them.
const SLOTS: u64 = 10;
const NANOSECONDS: u64 = 1_000_000_000;

/// Events per second over a window that slides: the second that goes on and the nine before it.
#[derive(Debug)]
pub struct RateMeter {
    start: Instant,
    /// In each slot a second, counted from the start, and its events.
    slots: [AtomicU64; SLOTS as usize],
}

impl RateMeter {
    /// A meter that has seen nothing since `start`.
    pub fn new(start: Instant) -> RateMeter {
        RateMeter { start, slots: [const { AtomicU64::new(0) }; SLOTS as usize] }
    }

    /// Counts `events` at `now`. A second holds 2^32 - 1 events at most; events that come later than
    /// their window are not counted.
    pub fn add(&self, events: u64, now: Instant) {
        let second = self.nanoseconds(now) / NANOSECONDS;
        let slot = &self.slots[(second % SLOTS) as usize];
        let second = second as u32;
        let mut before = slot.load(Ordering::Relaxed);
        loop {
            let counted = match unpack(before) {
                (kept, counted) if kept == second => u64::from(counted),
                (kept, _) if kept > second => return,
                _ => 0,
            };
            let events = counted.saturating_add(events).min(u64::from(u32::MAX));
            let after = u64::from(second) << 32 | events;
            match slot.compare_exchange_weak(before, after, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => before = now,
            }
        }
    }

    /// Events per second at `now`. In the first second it is as if a whole one had passed, so that
    /// one early event is no burst.
    pub fn per_second(&self, now: Instant) -> f64 {
        let nanoseconds = self.nanoseconds(now);
        let second = nanoseconds / NANOSECONDS;
        let first = second.saturating_sub(SLOTS - 1);
        let events: u64 = self
            .slots
            .iter()
            .map(|slot| unpack(slot.load(Ordering::Relaxed)))
            .filter(|(kept, _)| (first..=second).contains(&u64::from(*kept)))
            .map(|(_, events)| u64::from(events))
            .sum();
        let window = (nanoseconds - first * NANOSECONDS).max(NANOSECONDS);
        events as f64 * NANOSECONDS as f64 / window as f64
    }

    fn nanoseconds(&self, now: Instant) -> u64 {
        nanoseconds(now.saturating_duration_since(self.start))
    }
}

/// The second of a slot, and its events.
fn unpack(slot: u64) -> (u32, u32) {
    ((slot >> 32) as u32, slot as u32)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_ten_seconds() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let meter = RateMeter::new(start);
        assert_eq!(meter.per_second(start), 0.0);
        meter.add(8, at(100));
        assert_eq!(meter.per_second(at(200)), 8.0, "an early event is no burst");
        assert_eq!(meter.per_second(at(4_000)), 2.0);
        meter.add(12, at(4_000));
        assert_eq!(meter.per_second(at(8_000)), 2.5);
        assert_eq!(meter.per_second(at(9_500)), 20.0 / 9.5);
        assert_eq!(meter.per_second(at(10_000)), 12.0 / 9.0, "the first second is out of it");
        assert_eq!(meter.per_second(at(14_000)), 0.0);
        assert_eq!(meter.per_second(at(9_000_000)), 0.0);
    }

    #[test]
    fn a_slot_is_used_again_for_a_later_second_and_refuses_an_older_one() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let meter = RateMeter::new(start);
        meter.add(5, at(3));
        meter.add(7, at(13));
        meter.add(9, at(3));
        assert_eq!(meter.per_second(at(14)), 7.0 / 9.0);
    }

    #[test]
    fn a_time_before_the_start_and_a_full_second_do_no_harm() {
        let start = Instant::now() + Duration::from_secs(1000);
        let meter = RateMeter::new(start);
        meter.add(1, start - Duration::from_secs(5));
        assert_eq!(meter.per_second(start - Duration::from_secs(5)), 1.0);
        meter.add(u64::MAX, start);
        assert_eq!(meter.per_second(start), f64::from(u32::MAX));
    }

    #[test]
    fn concurrent_events_are_all_counted() {
        let start = Instant::now();
        let meter = RateMeter::new(start);
        let later = start + Duration::from_secs(10);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| meter.add(2, later)));
            }
        });
        assert_eq!(meter.per_second(later), 8000.0 / 9.0);
    }
}
