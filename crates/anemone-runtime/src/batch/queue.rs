//! A model's waiting requests: bounded, fair between callers, ordered by urgency, and grouped by
//! shape so that what can run together is found at once.
//!
//! - A more urgent level goes first. A level that was passed over [`STARVED`] times while something
//!   waited in it goes next, whatever its urgency.
//! - Within a level callers share rows: start-time fair queueing, where a request's tag is the later
//!   of the level's time and its caller's last finish (Goyal, Vin, Cheng: "Start-time Fair Queueing",
//!   1996), each row costing one.
//! - A run takes the head, and then others of the same key in the same order.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use crate::config::Queue as Bounds;
use crate::request::{Key, Size};
use crate::{Priority, Resource};

/// How often a level is passed over before it goes next.
const STARVED: u32 = 16;

pub(crate) struct Queue<T> {
    bounds: Bounds,
    held: Held,
    levels: [Level<T>; Priority::EACH.len()],
    /// Rows that wait, by key.
    rows: HashMap<Key, usize>,
    next: u64,
}

/// What is in a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) requests: usize,
    pub(crate) size: Size,
}

/// One waiting request.
#[derive(Debug)]
pub(crate) struct Item<T> {
    pub(crate) caller: u64,
    pub(crate) size: Size,
    pub(crate) since: Instant,
    pub(crate) deadline: Option<Instant>,
    pub(crate) call: T,
}

/// Where a request waits.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    level: usize,
    place: Place,
    key: Key,
}

/// What goes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) key: Key,
    pub(crate) priority: Priority,
    /// Rows that wait with this key.
    pub(crate) rows: usize,
    /// The head's own size.
    pub(crate) size: Size,
    pub(crate) since: Instant,
    pub(crate) deadline: Option<Instant>,
}

/// A bound that a request would break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full {
    pub(crate) resource: Resource,
    pub(crate) needed: u64,
    pub(crate) limit: u64,
}

/// A tag of fair queueing, and the order of arrival.
type Place = (u64, u64);

struct Level<T> {
    order: BTreeMap<Place, Key>,
    groups: HashMap<Key, BTreeMap<Place, Item<T>>>,
    callers: HashMap<u64, Caller>,
    time: u64,
    passed: u32,
}

#[derive(Default)]
struct Caller {
    finish: u64,
    waiting: usize,
}

impl<T> Queue<T> {
    pub(crate) fn new(bounds: Bounds) -> Queue<T> {
        Queue {
            bounds,
            held: Held::default(),
            levels: std::array::from_fn(|_| Level::default()),
            rows: HashMap::new(),
            next: 0,
        }
    }

    pub(crate) fn held(&self) -> Held {
        self.held
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held.requests == 0
    }

    /// Adds a request, or gives it back with the bound that it would break.
    pub(crate) fn push(
        &mut self,
        key: &Key,
        priority: Priority,
        item: Item<T>,
    ) -> Result<Ticket, (Item<T>, Full)> {
        if let Some(full) = self.full(item.size) {
            return Err((item, full));
        }
        self.held.requests += 1;
        self.held.size = plus(self.held.size, item.size);
        *self.rows.entry(key.clone()).or_default() += item.size.rows;
        let level = priority as usize;
        self.next += 1;
        let place = self.levels[level].push(key, self.next, item);
        Ok(Ticket { level, place, key: key.clone() })
    }

    /// Takes a request out, if it is still there.
    pub(crate) fn remove(&mut self, ticket: &Ticket) -> Option<Item<T>> {
        let item = self.levels[ticket.level].remove(ticket.place, &ticket.key)?;
        self.forget(&ticket.key, item.size);
        Some(item)
    }

    /// What goes next.
    pub(crate) fn head(&self) -> Option<Head> {
        let level = self.next_level()?;
        let (place, key) = self.levels[level].order.first_key_value()?;
        let item = self.levels[level].groups.get(key)?.get(place)?;
        Some(Head {
            key: key.clone(),
            priority: Priority::EACH[level],
            rows: self.rows.get(key).copied().unwrap_or_default(),
            size: item.size,
            since: item.since,
            deadline: item.deadline,
        })
    }

    /// Takes the head, and others of its key while `fits` says yes to the size of all together; nothing
    /// where it says no to the head.
    pub(crate) fn take(&mut self, fits: impl Fn(Size) -> bool) -> Vec<Item<T>> {
        let Some(first) = self.next_level() else { return Vec::new() };
        let Some(Head { key, .. }) = self.head().filter(|head| fits(head.size)) else {
            return Vec::new();
        };
        let mut taken = Vec::new();
        let mut size = Size::default();
        let others = (0..self.levels.len()).rev().filter(|&level| level != first);
        for level in std::iter::once(first).chain(others) {
            let before = taken.len();
            while let Some((&place, item)) =
                self.levels[level].groups.get(&key).and_then(BTreeMap::first_key_value)
            {
                let all = plus(size, item.size);
                if !fits(all) {
                    break;
                }
                size = all;
                let Some(item) = self.levels[level].remove(place, &key) else { break };
                self.forget(&key, item.size);
                self.levels[level].time = self.levels[level].time.max(place.0);
                taken.push(item);
            }
            if taken.len() > before {
                self.levels[level].passed = 0;
            } else if !self.levels[level].order.is_empty() && level < first {
                self.levels[level].passed += 1;
            }
        }
        taken
    }

    /// Takes everything.
    pub(crate) fn drain(&mut self) -> Vec<Item<T>> {
        let mut all = Vec::new();
        while !self.is_empty() {
            all.extend(self.take(|_| true));
        }
        all
    }

    fn next_level(&self) -> Option<usize> {
        let waits = |&level: &usize| !self.levels[level].order.is_empty();
        let starved = |level: &usize| self.levels[*level].passed >= STARVED;
        let levels = || (0..self.levels.len()).rev().filter(waits);
        levels().find(starved).or_else(|| levels().next())
    }

    fn forget(&mut self, key: &Key, size: Size) {
        self.held.requests -= 1;
        let held = &mut self.held.size;
        held.rows -= size.rows;
        held.tokens -= size.tokens;
        held.bytes -= size.bytes;
        if let Some(rows) = self.rows.get_mut(key) {
            *rows -= size.rows;
            if *rows == 0 {
                self.rows.remove(key);
            }
        }
    }

    fn full(&self, size: Size) -> Option<Full> {
        let all = plus(self.held.size, size);
        let bounds = &self.bounds;
        [
            (Resource::QueuedRequests, self.held.requests + 1, bounds.requests),
            (Resource::QueuedRows, all.rows, bounds.rows),
            (Resource::QueuedTokens, all.tokens, bounds.tokens),
            (Resource::QueuedBytes, all.bytes, usize::try_from(bounds.bytes).unwrap_or(usize::MAX)),
        ]
        .into_iter()
        .find(|(_, needed, limit)| needed > limit)
        .map(|(resource, needed, limit)| Full {
            resource,
            needed: needed as u64,
            limit: limit as u64,
        })
    }
}

impl<T> Default for Level<T> {
    fn default() -> Level<T> {
        Level {
            order: BTreeMap::new(),
            groups: HashMap::new(),
            callers: HashMap::new(),
            time: 0,
            passed: 0,
        }
    }
}

impl<T> Level<T> {
    fn push(&mut self, key: &Key, number: u64, item: Item<T>) -> Place {
        let caller = self.callers.entry(item.caller).or_default();
        let start = caller.finish.max(self.time);
        caller.finish = start + item.size.rows as u64;
        caller.waiting += 1;
        let place = (start, number);
        self.order.insert(place, key.clone());
        self.groups.entry(key.clone()).or_default().insert(place, item);
        place
    }

    fn remove(&mut self, place: Place, key: &Key) -> Option<Item<T>> {
        let group = self.groups.get_mut(key)?;
        let item = group.remove(&place)?;
        if group.is_empty() {
            self.groups.remove(key);
        }
        self.order.remove(&place);
        if self.order.is_empty() {
            // Nobody is ahead of anybody: everybody starts anew.
            self.callers.clear();
            self.passed = 0;
        } else if let Some(caller) = self.callers.get_mut(&item.caller) {
            caller.waiting -= 1;
            if caller.waiting == 0 && caller.finish <= self.time {
                self.callers.remove(&item.caller);
            }
        }
        Some(item)
    }
}

fn plus(a: Size, b: Size) -> Size {
    Size {
        rows: a.rows.saturating_add(b.rows),
        tokens: a.tokens.saturating_add(b.tokens),
        bytes: a.bytes.saturating_add(b.bytes),
    }
}

#[cfg(test)]
mod tests;
