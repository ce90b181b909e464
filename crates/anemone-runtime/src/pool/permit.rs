//! What an admitted request holds.

use std::mem;

use super::{Demand, Pool};

/// A share of a pool, given back when it is dropped.
#[derive(Debug)]
#[must_use = "what is admitted is given back when the permit is dropped"]
pub struct Permit {
    pool: Pool,
    demand: Demand,
}

impl Permit {
    /// For what was taken from the pool already.
    pub(super) fn new(pool: Pool, demand: Demand) -> Permit {
        Permit { pool, demand }
    }

    /// What it holds.
    pub fn demand(&self) -> Demand {
        self.demand
    }

    /// Gives back the bytes above `to`; nothing where it holds no more than that.
    pub fn shrink_bytes(&mut self, to: u64) {
        let bytes = self.demand.bytes.saturating_sub(to);
        self.demand.bytes -= bytes;
        self.pool.inner.give(Demand { operations: 0, bytes });
    }

    /// Takes more bytes, up to `to` in all, if they are free and nobody waits. `true` if it now
    /// holds at least that. It passes no waiter, so let go of what it holds before waiting for more.
    pub fn try_grow_bytes(&mut self, to: u64) -> bool {
        let bytes = to.saturating_sub(self.demand.bytes);
        let grown = bytes == 0 || self.pool.inner.try_grow(bytes);
        if grown {
            self.demand.bytes += bytes;
        }
        grown
    }

    /// Moves the operations into a permit of their own.
    pub fn split_operations(&mut self) -> Permit {
        let operations = mem::take(&mut self.demand.operations);
        Permit::new(self.pool.clone(), Demand { operations, bytes: 0 })
    }

    /// Gives back the operations and keeps the bytes, such as for a result that is still read.
    pub fn release_operations(&mut self) {
        let operations = mem::take(&mut self.demand.operations);
        self.pool.inner.give(Demand { operations, bytes: 0 });
    }

    /// Moves `bytes` into a permit of their own; `None` if it holds less.
    pub fn split_bytes(&mut self, bytes: u64) -> Option<Permit> {
        self.demand.bytes = self.demand.bytes.checked_sub(bytes)?;
        Some(Permit::new(self.pool.clone(), Demand { operations: 0, bytes }))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.pool.inner.give(self.demand);
    }
}
