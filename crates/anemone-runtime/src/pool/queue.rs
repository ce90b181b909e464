//! Those who wait, and which of them is next: the rule that [`Pool`](super::Pool) states.

use std::collections::BTreeMap;
use std::task::Waker;

use super::amount::{Capacity, Demand, Free};
use crate::Priority;

/// How often the first waiter of a level is passed before nobody passes it any more.
pub const STARVED: u32 = 16;

/// How many of one level are looked at for one that fits: it bounds the time under the lock.
const LOOK_AHEAD: usize = 16;

/// One who waits.
pub(super) struct Waiter {
    pub(super) demand: Demand,
    pub(super) waker: Waker,
    /// How often it was passed since it was the first of its level.
    passed: u32,
}

/// The name of a waiter: its level and its number, which grows with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    priority: Priority,
    pub(super) number: u64,
}

/// The waiters of all levels.
#[derive(Default)]
pub(super) struct Queue {
    /// By level, the least urgent first; in each by number.
    levels: [BTreeMap<u64, Waiter>; Priority::EACH.len()],
    next_number: u64,
}

impl Waiter {
    pub(super) fn new(demand: Demand, waker: Waker) -> Waiter {
        Waiter { demand, waker, passed: 0 }
    }
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.levels.iter().map(BTreeMap::len).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.levels.iter().all(BTreeMap::is_empty)
    }

    pub(super) fn push(&mut self, priority: Priority, waiter: Waiter) -> Ticket {
        let ticket = Ticket { priority, number: self.next_number };
        self.next_number += 1;
        self.levels[priority as usize].insert(ticket.number, waiter);
        ticket
    }

    pub(super) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Waiter> {
        self.levels[ticket.priority as usize].get_mut(&ticket.number)
    }

    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Waiter> {
        self.levels[ticket.priority as usize].remove(&ticket.number)
    }

    /// Takes all away.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Waiter> + use<> {
        std::mem::take(&mut self.levels).into_iter().flat_map(BTreeMap::into_values)
    }

    /// Takes away the waiter that is next, if it fits into what is free, and counts that on those
    /// whom it passes.
    pub(super) fn pop(&mut self, free: Free, limit: Capacity) -> Option<(Ticket, Waiter)> {
        let ticket = self.next(free, limit)?;
        let waiter = self.remove(ticket)?;
        for (priority, level) in Priority::EACH.into_iter().zip(&mut self.levels) {
            if let Some(mut first) = level.first_entry()
                && (*first.key() < ticket.number || priority > ticket.priority)
            {
                let first = first.get_mut();
                first.passed = first.passed.saturating_add(1);
            }
        }
        Some((ticket, waiter))
    }

    fn next(&self, free: Free, limit: Capacity) -> Option<Ticket> {
        let mut needs_operations = false;
        if let Some((ticket, waiter)) = self.starved(limit) {
            if free.fits(waiter.demand) {
                return Some(ticket);
            }
            let is_idle = free.operations >= limit.operations as i64;
            if waiter.demand.operations > 0 || !is_idle {
                return None;
            }
            // Nothing runs whose end could let it in: who runs and ends may.
            needs_operations = true;
        }
        let may = |demand: Demand| demand.operations > 0 || !needs_operations;
        let levels = Priority::EACH.into_iter().zip(&self.levels).rev();
        levels.into_iter().find_map(|(priority, level)| {
            let able = level.iter().filter(|(_, waiter)| limit.holds(waiter.demand));
            able.take(LOOK_AHEAD)
                .find(|(_, waiter)| free.fits(waiter.demand) && may(waiter.demand))
                .map(|(&number, _)| Ticket { priority, number })
        })
    }

    /// The demand of whoever is next, whether it fits or not: of those whom nobody passes the first to
    /// come, or else the most urgent.
    pub(super) fn first(&self, limit: Capacity) -> Option<Demand> {
        if let Some((_, waiter)) = self.starved(limit) {
            return Some(waiter.demand);
        }
        let firsts = self.levels.iter().rev().filter_map(BTreeMap::first_key_value);
        firsts.map(|(_, waiter)| waiter.demand).next()
    }

    /// The first to come of those whom nobody passes.
    fn starved(&self, limit: Capacity) -> Option<(Ticket, &Waiter)> {
        let firsts =
            Priority::EACH.into_iter().zip(&self.levels).filter_map(|(priority, level)| {
                level
                    .first_key_value()
                    .map(|(&number, waiter)| (Ticket { priority, number }, waiter))
            });
        firsts
            .filter(|(_, waiter)| waiter.passed >= STARVED && limit.holds(waiter.demand))
            .min_by_key(|(ticket, _)| ticket.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Capacity = Capacity { operations: 4, bytes: 100 };

    fn push(queue: &mut Queue, priority: Priority, operations: usize) -> Ticket {
        let demand = Demand { operations, bytes: 0 };
        queue.push(priority, Waiter::new(demand, Waker::noop().clone()))
    }

    fn pop(queue: &mut Queue, operations: i64) -> Option<Ticket> {
        let free = Free { operations, bytes: 0 };
        queue.pop(free, LIMIT).map(|(ticket, _)| ticket)
    }

    #[test]
    fn the_urgent_go_first_and_equals_in_order() {
        let mut queue = Queue::default();
        let normal = push(&mut queue, Priority::Normal, 1);
        let first = push(&mut queue, Priority::Critical, 1);
        let second = push(&mut queue, Priority::Critical, 1);
        let order: Vec<_> = std::iter::from_fn(|| pop(&mut queue, 1)).collect();
        assert_eq!(order, [first, second, normal]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_big_demand_among_small_ones_is_passed_so_often_and_no_more() {
        let mut queue = Queue::default();
        let big = push(&mut queue, Priority::Normal, 4);
        for _ in 0..STARVED {
            // Both kinds count: those that are later and those that are less urgent.
            push(&mut queue, Priority::Normal, 1);
            push(&mut queue, Priority::Background, 1);
            assert_ne!(pop(&mut queue, 1), None);
        }
        assert_eq!(pop(&mut queue, 3), None);
        push(&mut queue, Priority::Critical, 1);
        assert_eq!(pop(&mut queue, 3), None);
        assert_eq!(pop(&mut queue, 4), Some(big));
    }

    #[test]
    fn each_of_the_background_has_its_turn_under_a_flood_of_critical_ones() {
        let mut queue = Queue::default();
        let background = [0, 1, 2].map(|_| push(&mut queue, Priority::Background, 1));
        push(&mut queue, Priority::Critical, 1);
        for ticket in background {
            for _ in 0..STARVED {
                push(&mut queue, Priority::Critical, 1);
                assert!(pop(&mut queue, 1).is_some_and(|next| next.priority == Priority::Critical));
            }
            assert_eq!(pop(&mut queue, 1), Some(ticket));
        }
    }

    #[test]
    fn of_two_that_starve_the_older_goes_first() {
        let mut queue = Queue::default();
        let older = push(&mut queue, Priority::Background, 3);
        let younger = push(&mut queue, Priority::Interactive, 4);
        for _ in 0..STARVED {
            push(&mut queue, Priority::Background, 1);
            assert_ne!(pop(&mut queue, 1), None);
        }
        push(&mut queue, Priority::Critical, 1);
        assert_eq!(pop(&mut queue, 2), None);
        assert_eq!(pop(&mut queue, 4), Some(older));
        assert_eq!(pop(&mut queue, 4), Some(younger));
    }

    #[test]
    fn a_demand_above_the_present_limit_holds_nobody_back() {
        let mut queue = Queue::default();
        let big = push(&mut queue, Priority::Critical, 5);
        for _ in 0..2 * STARVED {
            push(&mut queue, Priority::Background, 4);
            assert_ne!(pop(&mut queue, 4), None);
        }
        push(&mut queue, Priority::Critical, 1);
        let raised = Capacity { operations: 5, bytes: 0 };
        let free = Free { operations: 5, bytes: 0 };
        assert_eq!(queue.pop(free, raised).map(|(ticket, _)| ticket), Some(big));
    }

    #[test]
    fn the_look_ahead_ends_but_other_levels_are_looked_at() {
        let mut queue = Queue::default();
        for _ in 0..LOOK_AHEAD {
            push(&mut queue, Priority::Normal, 2);
        }
        let out_of_sight = push(&mut queue, Priority::Normal, 1);
        assert_eq!(pop(&mut queue, 1), None);
        let background = push(&mut queue, Priority::Background, 1);
        assert_eq!(pop(&mut queue, 1), Some(background));
        assert!(pop(&mut queue, 2).is_some());
        assert_eq!(pop(&mut queue, 1), Some(out_of_sight));
    }
}
