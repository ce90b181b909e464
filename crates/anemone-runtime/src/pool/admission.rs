//! The pool: one atomic word while nobody waits, one lock otherwise.

use std::collections::BTreeSet;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Poll, Waker};

use super::amount::{Free, SLOW};
use super::queue::{Queue, Ticket, Waiter};
use super::{Admit, AdmitError, Capacity, Demand, Permit, PoolStatistics, Refusals};
use crate::Priority;
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering::{Relaxed, SeqCst};
use crate::sync::{Arc, Mutex, lock};

/// Lets requests in while there is room for their operations and bytes, and lets the others wait, by
/// urgency. Clones are the same pool.
///
/// What is in use is at most the limit, to the byte. The exception is a limit that was lowered: what
/// is above it then comes back as permits are dropped.
///
/// # Who is next
///
/// The more urgent [`Priority`] goes first, and in one level the one that came first. One that does
/// not fit yet lets others pass that do: less urgent ones, and the next few of its own level. But
///
/// - the first waiter of a level counts everybody who is let in before it and came later or is less
///   urgent;
/// - once that is [`STARVED`](crate::STARVED) times, it is next, whatever its level, and nobody
///   passes it any more, newcomers included. Of several such waiters the oldest is next. But where it
///   wants bytes alone and no operation is in use, so that none will end and free some, those pass it
///   that want an operation;
/// - one that wants more than the present limit holds back nobody, until the limit is raised.
///
/// So under a flood of urgent requests each other level has at least one admission in about
/// [`STARVED`](crate::STARVED), and a big demand gets its turn among small ones. The first alone
/// counts, as those behind it have no turn to lose yet: if all did, a long queue in the background
/// would starve at one stroke, and go before whatever is urgent.
#[derive(Clone)]
pub struct Pool {
    pub(super) inner: Arc<Inner>,
}

/// What a request becomes that is not refused.
pub(super) enum Entry {
    Admitted,
    Waiting(Ticket),
}

pub(super) struct Inner {
    /// What is free, packed, and [`SLOW`]. While that bit is set, only the holder of `state` writes.
    word: AtomicU64,
    /// The limit's bytes, for the peak.
    limit_bytes: AtomicU64,
    peak_bytes: AtomicU64,
    admitted: AtomicU64,
    capacity: Capacity,
    /// The most that may wait.
    waiting: usize,
    state: Mutex<State>,
}

struct State {
    limit: Capacity,
    /// What is in use above the limit.
    debt: Free,
    queue: Queue,
    /// The numbers of those who were let in and did not collect their permit yet.
    granted: BTreeSet<u64>,
    closed: bool,
    admitted_after_waiting: u64,
    cancelled: u64,
    refused: Refusals,
}

/// The pool while its word stands still.
struct Frozen<'a> {
    state: &'a mut State,
    free: Free,
    /// To be woken when the lock is gone.
    wakers: Vec<Waker>,
    /// To be dropped when the lock is gone: the code of wakers is not ours, and may come back here.
    retired: Vec<Waker>,
}

impl Pool {
    /// A pool that gives up to `capacity`, cut to [`Capacity::MOST`], and lets up to `waiting` wait.
    pub fn new(capacity: Capacity, waiting: usize) -> Pool {
        let capacity = capacity.at_most(Capacity::MOST);
        let state = State {
            limit: capacity,
            debt: Free::NONE,
            queue: Queue::default(),
            granted: BTreeSet::new(),
            closed: false,
            admitted_after_waiting: 0,
            cancelled: 0,
            refused: Refusals::default(),
        };
        let inner = Inner {
            word: AtomicU64::new(Free::from(capacity).pack()),
            limit_bytes: AtomicU64::new(capacity.bytes),
            peak_bytes: AtomicU64::new(0),
            admitted: AtomicU64::new(0),
            capacity,
            waiting,
            state: Mutex::new(state),
        };
        Pool { inner: Arc::new(inner) }
    }

    /// A permit if there is room now, and nobody waits.
    pub fn try_admit(&self, demand: Demand) -> Option<Permit> {
        self.inner.try_enter(demand).then(|| Permit::new(self.clone(), demand))
    }

    /// A permit as soon as there is room. Above the pool's *capacity* it is refused at once; above
    /// its present limit it waits for the limit to be raised.
    pub fn admit(&self, demand: Demand, priority: Priority) -> Admit {
        Admit::new(self.clone(), demand, priority)
    }

    /// From now on gives no more than `limit`, nor more than the capacity. Permits above it stay
    /// valid, and what they give back goes to nobody until the rest is below it.
    pub fn limit(&self, limit: Capacity) {
        let limit = limit.at_most(self.inner.capacity);
        self.inner.slow(|frozen| {
            frozen.free = frozen.free + limit.into() - frozen.state.limit.into();
            frozen.state.limit = limit;
            self.inner.limit_bytes.store(limit.bytes, Relaxed);
            frozen.serve();
        });
    }

    /// Refuses those who wait and all who come later. Permits stay valid, also those that were
    /// granted and not yet collected.
    pub fn close(&self) {
        self.inner.slow(|frozen| {
            frozen.state.closed = true;
            frozen.wakers.extend(frozen.state.queue.drain().map(|waiter| waiter.waker));
            frozen.state.refused.closed += frozen.wakers.len() as u64;
        });
    }

    /// Whether somebody waits, or the limit was lowered below what is in use.
    pub fn is_contended(&self) -> bool {
        self.inner.word.load(SeqCst) & SLOW != 0
    }

    /// Bytes that whoever is next lacks; none where nobody waits for bytes.
    pub fn missing_bytes(&self) -> Option<u64> {
        if !self.is_contended() {
            return None;
        }
        self.inner.slow(|frozen| {
            let wanted = frozen.state.queue.first(frozen.state.limit)?.bytes;
            let free = u64::try_from(frozen.free.bytes).unwrap_or(0);
            wanted.checked_sub(free).filter(|&missing| missing > 0)
        })
    }

    /// What it did so far. Callers take the slow path meanwhile, so this is not for every request.
    pub fn statistics(&self) -> PoolStatistics {
        let inner = &*self.inner;
        inner.slow(|frozen| {
            let state = &*frozen.state;
            let in_use = Free::from(state.limit) - frozen.free;
            PoolStatistics {
                capacity: inner.capacity,
                limit: state.limit,
                in_use: Demand {
                    operations: in_use.operations as usize,
                    bytes: in_use.bytes as u64,
                },
                peak_bytes: inner.peak_bytes.load(Relaxed),
                waiting: state.queue.len(),
                admitted: inner.admitted.load(Relaxed),
                admitted_after_waiting: state.admitted_after_waiting,
                cancelled: state.cancelled,
                refused: state.refused,
            }
        })
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pool").field("capacity", &self.inner.capacity).finish()
    }
}

impl Inner {
    /// Takes `demand` if it fits and nobody waits.
    fn try_enter(&self, demand: Demand) -> bool {
        let taken = self
            .take(demand)
            .unwrap_or_else(|| self.slow(|frozen| !frozen.state.closed && frozen.take(demand)));
        if taken {
            self.admitted.fetch_add(1, Relaxed);
        }
        taken
    }

    /// As [`Self::try_enter`], for the holder of a permit, which a pool that is closed allows.
    pub(super) fn try_grow(&self, bytes: u64) -> bool {
        let demand = Demand { operations: 0, bytes };
        self.take(demand).unwrap_or_else(|| self.slow(|frozen| frozen.take(demand)))
    }

    /// Takes `demand`, or a place in the queue.
    pub(super) fn enter(
        &self,
        demand: Demand,
        priority: Priority,
        waker: &Waker,
    ) -> Result<Entry, AdmitError> {
        let entry = match self.take(demand) {
            Some(true) => Entry::Admitted,
            Some(false) | None => {
                let waiter = Waiter::new(demand, waker.clone());
                self.slow(|frozen| frozen.enter(self, priority, waiter))?
            }
        };
        if matches!(entry, Entry::Admitted) {
            self.admitted.fetch_add(1, Relaxed);
        }
        Ok(entry)
    }

    /// What became of a waiter; `waker` is for when it still waits.
    pub(super) fn collect(&self, ticket: Ticket, waker: &Waker) -> Poll<Result<(), AdmitError>> {
        let mut waker = waker.clone();
        self.slow(move |frozen| {
            let answer = if frozen.state.granted.remove(&ticket.number) {
                frozen.state.admitted_after_waiting += 1;
                self.admitted.fetch_add(1, Relaxed);
                Poll::Ready(Ok(()))
            } else if let Some(waiter) = frozen.state.queue.get_mut(ticket) {
                mem::swap(&mut waiter.waker, &mut waker);
                Poll::Pending
            } else {
                Poll::Ready(Err(AdmitError::Closed))
            };
            frozen.retired.push(waker);
            answer
        })
    }

    /// Ends a wait, and passes on what the waiter was granted.
    pub(super) fn cancel(&self, ticket: Ticket, demand: Demand) {
        self.slow(|frozen| {
            let granted = frozen.state.granted.remove(&ticket.number);
            if granted {
                frozen.free = frozen.free + demand.into();
            }
            let waiter = frozen.state.queue.remove(ticket);
            frozen.state.cancelled += u64::from(granted || waiter.is_some());
            frozen.retired.extend(waiter.map(|waiter| waiter.waker));
            frozen.serve();
        });
    }

    /// Takes back what was taken.
    pub(super) fn give(&self, demand: Demand) {
        if demand == Demand::default() {
            return;
        }
        let mut word = self.word.load(SeqCst);
        while word & SLOW == 0 {
            let more = word + Free::from(demand).pack();
            match self.word.compare_exchange_weak(word, more, SeqCst, SeqCst) {
                Ok(_) => return,
                Err(found) => word = found,
            }
        }
        self.slow(|frozen| {
            frozen.free = frozen.free + demand.into();
            frozen.serve();
        });
    }

    /// Takes `demand` without the lock: whether it fitted; `None` if that is for the lock's holder
    /// to say.
    fn take(&self, demand: Demand) -> Option<bool> {
        let limit_bytes = self.limit_bytes.load(Relaxed);
        let mut word = self.word.load(SeqCst);
        loop {
            if word & SLOW != 0 {
                return None;
            }
            let free = Free::unpack(word);
            if !free.fits(demand) {
                return Some(false);
            }
            let less = free - demand.into();
            match self.word.compare_exchange_weak(word, less.pack(), SeqCst, SeqCst) {
                Ok(_) => {
                    // A limit that moved meanwhile has counted this admission itself.
                    if self.limit_bytes.load(Relaxed) == limit_bytes {
                        self.count_peak(limit_bytes, less);
                    }
                    return Some(true);
                }
                Err(found) => word = found,
            }
        }
    }

    fn count_peak(&self, limit_bytes: u64, free: Free) {
        let in_use = limit_bytes.saturating_add_signed(-free.bytes);
        if in_use > self.peak_bytes.load(Relaxed) {
            self.peak_bytes.fetch_max(in_use, Relaxed);
        }
    }

    /// Does `work` under the lock while the word stands still, then wakes those whom it chose.
    fn slow<T>(&self, work: impl FnOnce(&mut Frozen<'_>) -> T) -> T {
        let mut guard = lock(&self.state);
        let free = Free::unpack(self.word.fetch_or(SLOW, SeqCst)) - guard.debt;
        self.count_peak(guard.limit.bytes, free);
        let mut frozen =
            Frozen { state: &mut guard, free, wakers: Vec::new(), retired: Vec::new() };
        let answer = work(&mut frozen);
        let Frozen { state, free, wakers, retired } = frozen;
        self.count_peak(state.limit.bytes, free);
        state.debt = free.debt();
        let slow = state.closed || state.debt != Free::NONE || !state.queue.is_empty();
        self.word.store(free.pack() | if slow { SLOW } else { 0 }, SeqCst);
        drop(guard);
        wakers.into_iter().for_each(|waker| shielded(|| waker.wake()));
        retired.into_iter().for_each(|waker| shielded(|| drop(waker)));
        answer
    }
}

/// Calls a waker: one that panics must not keep others asleep, nor end whoever gave back a permit,
/// nor lose a permit that was just taken.
fn shielded(call: impl FnOnce()) {
    drop(catch_unwind(AssertUnwindSafe(call)));
}

impl Frozen<'_> {
    /// Takes `demand` if it fits and nobody waits.
    fn take(&mut self, demand: Demand) -> bool {
        let taken = self.state.queue.is_empty() && self.free.fits(demand);
        if taken {
            self.free = self.free - demand.into();
        }
        taken
    }

    /// Lets a newcomer in, or lets it wait.
    fn enter(
        &mut self,
        pool: &Inner,
        priority: Priority,
        waiter: Waiter,
    ) -> Result<Entry, AdmitError> {
        let demand = waiter.demand;
        if self.state.closed {
            self.retired.push(waiter.waker);
            self.state.refused.closed += 1;
            return Err(AdmitError::Closed);
        }
        if !pool.capacity.holds(demand) {
            self.retired.push(waiter.waker);
            self.state.refused.too_large += 1;
            return Err(AdmitError::TooLarge { demand, capacity: pool.capacity });
        }
        let waiting = self.state.queue.len();
        let ticket = self.state.queue.push(priority, waiter);
        // Nobody else can be next: all that could be let in before this one were.
        if let Some((_, waiter)) = self.state.queue.pop(self.free, self.state.limit) {
            self.free = self.free - demand.into();
            self.retired.push(waiter.waker);
            return Ok(Entry::Admitted);
        }
        if waiting >= pool.waiting {
            self.retired.extend(self.state.queue.remove(ticket).map(|waiter| waiter.waker));
            self.state.refused.queue_full += 1;
            return Err(AdmitError::QueueFull { waiting });
        }
        Ok(Entry::Waiting(ticket))
    }

    /// Lets in all who are next and fit.
    fn serve(&mut self) {
        while let Some((ticket, waiter)) = self.state.queue.pop(self.free, self.state.limit) {
            self.free = self.free - waiter.demand.into();
            self.state.granted.insert(ticket.number);
            self.wakers.push(waiter.waker);
        }
    }
}

#[cfg(test)]
mod tests;
