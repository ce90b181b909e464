//! All that was counted of one model up to one moment; two moments give what came between.

use std::collections::BTreeMap;
use std::time::Duration;

use super::cause::{Cause, FallbackCause};
use super::engines::{ENGINES, EngineIndex};
use super::histogram::Snapshot;

/// What is counted of a model as one number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tally {
    Completed,
    Rows,
    Tokens,
    Copies,
    Loads,
    Reloads,
    LoadNanoseconds,
    Evictions,
    ShadowsAgreed,
    ShadowsDisagreed,
    PrimaryNanoseconds,
    ShadowNanoseconds,
}

/// Numbers of [`Tally`].
pub(super) const TALLIES: usize = Tally::ShadowNanoseconds as usize + 1;

/// What is counted of a model's batches on one engine.
#[derive(Clone, Copy, Debug)]
pub(super) enum BatchTally {
    Batches,
    Rows,
    PaddedRows,
    Tokens,
    ComputeNanoseconds,
}

/// Numbers of [`BatchTally`].
pub(super) const BATCH_TALLIES: usize = BatchTally::ComputeNanoseconds as usize + 1;

/// An engine passed over for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fallback {
    pub(super) from: EngineIndex,
    pub(super) to: EngineIndex,
    pub(super) cause: FallbackCause,
}

/// Counts by [`Cause`].
pub(super) type ByCause = [u64; Cause::EACH.len()];

/// All that was counted of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Totals {
    pub(super) tallies: [u64; TALLIES],
    pub(super) failed: ByCause,
    pub(super) rejected: ByCause,
    pub(super) batches: [[u64; BATCH_TALLIES]; ENGINES],
    pub(super) fallbacks: BTreeMap<Fallback, u64>,
    pub(super) queue: Snapshot,
    pub(super) compute: Snapshot,
    pub(super) total: Snapshot,
}

impl Totals {
    pub(super) fn of(&self, tally: Tally) -> u64 {
        self.tallies[tally as usize]
    }

    /// A tally of nanoseconds.
    pub(super) fn time_of(&self, tally: Tally) -> Duration {
        Duration::from_nanos(self.of(tally))
    }

    /// A number of the batches, on all engines together.
    pub(super) fn of_batches(&self, tally: BatchTally) -> u64 {
        self.batches.iter().map(|engine| engine[tally as usize]).sum()
    }

    /// What came after `earlier`, a reading of the same model.
    pub(super) fn since(&self, earlier: &Totals) -> Totals {
        let mut rest = self.clone();
        less(&mut rest.tallies, &earlier.tallies);
        less(&mut rest.failed, &earlier.failed);
        less(&mut rest.rejected, &earlier.rejected);
        for (engine, before) in rest.batches.iter_mut().zip(&earlier.batches) {
            less(engine, before);
        }
        for (fallback, before) in &earlier.fallbacks {
            if let Some(count) = rest.fallbacks.get_mut(fallback) {
                *count = count.saturating_sub(*before);
            }
        }
        rest.fallbacks.retain(|_, count| *count > 0);
        rest.queue = self.queue.since(&earlier.queue);
        rest.compute = self.compute.since(&earlier.compute);
        rest.total = self.total.since(&earlier.total);
        rest
    }

    /// Adds what was counted of another model.
    pub(super) fn add(&mut self, other: &Totals) {
        more(&mut self.tallies, &other.tallies);
        more(&mut self.failed, &other.failed);
        more(&mut self.rejected, &other.rejected);
        for (engine, further) in self.batches.iter_mut().zip(&other.batches) {
            more(engine, further);
        }
        for (fallback, count) in &other.fallbacks {
            *self.fallbacks.entry(*fallback).or_default() += count;
        }
        self.queue.add(&other.queue);
        self.compute.add(&other.compute);
        self.total.add(&other.total);
    }
}

/// Takes each of `earlier` from its like. A count may have been read before another of the same
/// request, never less than it was.
pub(super) fn less(counts: &mut [u64], earlier: &[u64]) {
    for (count, before) in counts.iter_mut().zip(earlier) {
        *count = count.saturating_sub(*before);
    }
}

fn more(counts: &mut [u64], further: &[u64]) {
    for (count, more) in counts.iter_mut().zip(further) {
        *count = count.saturating_add(*more);
    }
}
