//! What a pool did so far.

use super::{Capacity, Demand};

/// A picture of a pool at one moment. Every request ends as one of admitted, cancelled or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolStatistics {
    /// The capacity that it was made with.
    pub capacity: Capacity,
    /// What it gives at present.
    pub limit: Capacity,
    /// What permits hold, and those who were let in and did not take their permit yet. It is above
    /// the limit for a while after the limit was lowered.
    pub in_use: Demand,
    /// The most bytes in use at one time.
    pub peak_bytes: u64,
    /// Those who wait.
    pub waiting: usize,
    /// Permits given, those after a wait among them.
    pub admitted: u64,
    /// Permits given after a wait.
    pub admitted_after_waiting: u64,
    /// Waiters that gave up, those among them who were let in and did not take their permit.
    pub cancelled: u64,
    /// Requests refused, by cause.
    pub refused: Refusals,
}

impl PoolStatistics {
    /// What is free.
    pub fn free(&self) -> Capacity {
        Capacity {
            operations: self.limit.operations.saturating_sub(self.in_use.operations),
            bytes: self.limit.bytes.saturating_sub(self.in_use.bytes),
        }
    }
}

/// How many requests were refused. `try_admit` that finds no room is not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// The demand was above the capacity.
    pub too_large: u64,
    /// Too many waited.
    pub queue_full: u64,
    /// The pool was closed, before they came or while they waited.
    pub closed: u64,
}
