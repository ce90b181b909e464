//! Which earlier reading the last minute is counted from.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How far a window reaches back at least.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// How far apart kept readings are at least.
pub(super) const SLOT: Duration = Duration::from_secs(10);

/// Readings of counters that only grow, the oldest of them about a minute old: what the window holds
/// is a new reading less that one. If something rotates it every ten seconds, the window is from 60
/// to 70 seconds long (less since the start); a longer pause makes it longer by as much.
#[derive(Debug)]
pub(super) struct Window<T> {
    base: Kept<T>,
    later: VecDeque<Kept<T>>,
}

/// A reading and when it was taken.
#[derive(Debug)]
pub(super) struct Kept<T> {
    pub(super) at: Instant,
    pub(super) reading: T,
}

impl<T> Window<T> {
    /// A window that begins at `start` with this reading.
    pub(super) fn new(start: Instant, reading: T) -> Window<T> {
        Window { base: Kept { at: start, reading }, later: VecDeque::new() }
    }

    /// Keeps the reading that `read` takes if the last one is old enough, and forgets those that the
    /// window has left behind.
    pub(super) fn rotate(&mut self, now: Instant, read: impl FnOnce() -> T) {
        let age = |kept: &Kept<T>| now.saturating_duration_since(kept.at);
        if age(self.later.back().unwrap_or(&self.base)) >= SLOT {
            self.later.push_back(Kept { at: now, reading: read() });
        }
        while self.later.front().is_some_and(|kept| age(kept) >= WINDOW) {
            if let Some(kept) = self.later.pop_front() {
                self.base = kept;
            }
        }
    }

    /// The reading that the window is counted from.
    pub(super) fn base(&self) -> &Kept<T> {
        &self.base
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second that the window is counted from after a rotation at each of `seconds`.
    fn bases(seconds: &[u64]) -> Vec<u64> {
        let start = Instant::now();
        let mut window = Window::new(start, 0);
        let rotated = |second: &u64| {
            window.rotate(start + Duration::from_secs(*second), || *second);
            let base = window.base();
            assert_eq!(base.at, start + Duration::from_secs(base.reading));
            assert!(window.later.len() <= 6);
            base.reading
        };
        seconds.iter().map(rotated).collect()
    }

    #[test]
    fn a_window_reaches_back_a_minute_and_at_most_a_slot_more() {
        let seconds: Vec<u64> = (0..300).collect();
        for (second, base) in seconds.iter().zip(bases(&seconds)) {
            assert_eq!(base, (second / 10 * 10).saturating_sub(60));
        }
    }

    #[test]
    fn a_pause_makes_the_window_longer_until_a_minute_has_passed() {
        assert_eq!(bases(&[10, 20, 500, 510, 559, 560]), [0, 0, 20, 20, 20, 500]);
    }

    #[test]
    fn readings_closer_than_a_slot_and_times_that_go_back_are_not_kept() {
        assert_eq!(bases(&[9, 10, 19, 5, 70, 79, 80]), [0, 0, 0, 0, 10, 10, 10]);
    }
}
