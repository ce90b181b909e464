//! A version's waiting requests, and who comes to run them.
//!
//! A *driver* is a task that waits for its turn in the pool, takes what can run together, and runs
//! it. At most one driver waits for each level of urgency; the pool says how many run.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::Priority;
use crate::batch::{Arrivals, Full, Head, Item, Queue, Ticket};
use crate::config::Queue as Bounds;
use crate::request::{Key, Promise, Size};
use crate::sync::{Mutex, MutexGuard, lock};

pub(crate) struct Lane {
    state: Mutex<State>,
    /// Most runs at a time.
    instances: usize,
    /// Rows with which a run is full.
    most_rows: usize,
    /// Tells drivers that the lane is empty or closed.
    ends: Notify,
}

struct State {
    queue: Queue<Promise>,
    waiting: [bool; Priority::EACH.len()],
    running: usize,
    /// Conversations that hold on to the version.
    held: usize,
    arrivals: Arrivals,
    patient: Option<Waker>,
    is_closed: bool,
}

/// Why a request does not wait here.
pub(crate) enum Refused {
    Full(Full),
    Closed,
}

impl Lane {
    pub(crate) fn new(bounds: Bounds, instances: usize, most_rows: usize) -> Lane {
        let state = State {
            queue: Queue::new(bounds),
            waiting: [false; Priority::EACH.len()],
            running: 0,
            held: 0,
            arrivals: Arrivals::default(),
            patient: None,
            is_closed: false,
        };
        Lane {
            state: Mutex::new(state),
            instances: instances.max(1),
            most_rows,
            ends: Notify::new(),
        }
    }

    /// Adds a request. Where it waits, and whether a driver of its level must be sent; or the request
    /// again.
    pub(crate) fn push(
        &self,
        key: &Key,
        priority: Priority,
        item: Item<Promise>,
    ) -> Result<(Ticket, bool), (Item<Promise>, Refused)> {
        let mut state = lock(&self.state);
        if state.is_closed {
            return Err((item, Refused::Closed));
        }
        let now = item.since;
        let pushed = state.queue.push(key, priority, item);
        let (ticket, woken) = match pushed {
            Err((item, full)) => return Err((item, Refused::Full(full))),
            Ok(ticket) => {
                state.arrivals.note(now);
                let is_full = state.queue.head().is_some_and(|head| head.rows >= self.most_rows);
                (ticket, if is_full { state.patient.take() } else { None })
            }
        };
        let sent = self.send(&mut state, priority);
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        Ok((ticket, sent))
    }

    /// Takes a request out whose caller is gone.
    pub(crate) fn remove(&self, ticket: &Ticket) {
        let mut state = lock(&self.state);
        let removed = state.queue.remove(ticket);
        let is_empty = state.queue.is_empty();
        drop(state);
        drop(removed);
        if is_empty {
            self.ends.notify_waiters();
        }
    }

    /// What goes next; where there is nothing, the driver of `level` is gone.
    pub(crate) fn head(&self, level: Priority) -> Option<Head> {
        let mut state = lock(&self.state);
        let head = state.queue.head();
        if head.is_none() {
            state.waiting[level as usize] = false;
        }
        head
    }

    /// Takes what runs now: of `key` while `fits` says yes, if it is still the head's. The driver of
    /// `level` runs then, and the level of the next driver that must be sent comes back.
    pub(crate) fn take(
        &self,
        level: Priority,
        key: &Key,
        fits: impl Fn(Size) -> bool,
    ) -> (Vec<Item<Promise>>, Option<Priority>) {
        let mut state = lock(&self.state);
        if state.queue.head().is_none_or(|head| head.key != *key) {
            return (Vec::new(), None);
        }
        let taken = state.queue.take(fits);
        if taken.is_empty() {
            return (taken, None);
        }
        state.waiting[level as usize] = false;
        state.running += 1;
        let next = self.next(&mut state);
        (taken, next)
    }

    /// A run is over. The level of the driver that goes on, if there is something to do.
    pub(crate) fn done(&self) -> Option<Priority> {
        let mut state = lock(&self.state);
        state.running -= 1;
        self.next(&mut state)
    }

    /// A driver ends that was not done: that of `level` while it waited, or else one while it ran. It
    /// does not count any more, and whoever waits comes out, as nobody else may come to run them.
    pub(crate) fn abandon(&self, level: Option<Priority>) -> Vec<Item<Promise>> {
        let mut state = lock(&self.state);
        match level {
            Some(level) => state.waiting[level as usize] = false,
            None => state.running -= 1,
        }
        state.queue.drain()
    }

    /// Keeps the lane from being closed for want of work, until it is let go; not if it is closed.
    pub(crate) fn hold(&self) -> bool {
        let mut state = lock(&self.state);
        state.held += usize::from(!state.is_closed);
        !state.is_closed
    }

    /// Lets go of what was held.
    pub(crate) fn let_go(&self) {
        lock(&self.state).held -= 1;
    }

    /// Whether nobody waits, runs or holds on to it.
    pub(crate) fn is_idle(&self) -> bool {
        lock(&self.state).is_idle()
    }

    /// Requests that wait, and runs.
    pub(crate) fn load(&self) -> (usize, usize) {
        let state = lock(&self.state);
        (state.queue.held().requests, state.running)
    }

    /// Bytes of inputs that wait.
    pub(crate) fn bytes(&self) -> usize {
        lock(&self.state).queue.held().size.bytes
    }

    /// Lets nobody in any more, if nobody waits, runs or holds on to it now; whether that is so.
    pub(crate) fn close_if_idle(&self) -> bool {
        let mut state = lock(&self.state);
        let is_idle = state.is_idle();
        state.is_closed |= is_idle;
        is_idle
    }

    /// Lets nobody in any more and gives everybody back who waits, if nobody runs or holds on to it.
    pub(crate) fn close_if_waiting(&self) -> Option<Vec<Item<Promise>>> {
        let mut state = lock(&self.state);
        if state.running > 0 || state.held > 0 || state.is_closed {
            return None;
        }
        state.is_closed = true;
        let waiting = state.queue.drain();
        drop(state);
        self.ends.notify_waiters();
        Some(waiting)
    }

    /// Whether somebody waits, and nobody runs or holds on to it.
    pub(crate) fn only_waits(&self) -> bool {
        let state = lock(&self.state);
        state.running == 0 && state.held == 0 && !state.is_idle() && !state.is_closed
    }

    /// Whether nobody is let in any more.
    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.state).is_closed
    }

    /// Lets nobody in any more.
    pub(crate) fn close(&self) {
        lock(&self.state).is_closed = true;
        self.ends.notify_waiters();
    }

    /// Waits until there is nothing to run, or nobody is let in any more: no driver then waits on for
    /// a turn that it does not need, with the version's memory in its hands.
    pub(crate) async fn ended(&self) {
        loop {
            let ends = self.ends.notified();
            {
                let state = lock(&self.state);
                if state.is_closed || state.queue.is_empty() {
                    return;
                }
            }
            ends.await;
        }
    }

    /// Everybody who waits, out of the queue.
    pub(crate) fn drain(&self) -> Vec<Item<Promise>> {
        lock(&self.state).queue.drain()
    }

    /// Until when a run of `head` waits for others; none where it does not.
    pub(crate) fn patience(
        &self,
        head: &Head,
        run: Option<Duration>,
        most: Duration,
    ) -> Option<Instant> {
        if !head.key.is_batched || head.rows >= self.most_rows {
            return None;
        }
        let rows = head.size.rows.max(1);
        let room = (self.most_rows - head.rows).div_ceil(rows);
        let patience = lock(&self.state).arrivals.patience(room, run, most);
        let until = head.since + patience;
        // Nobody is made late by waiting for others.
        let latest = head
            .deadline
            .map(|deadline| deadline - run.unwrap_or_default().min(deadline - head.since));
        let until = latest.map_or(until, |latest| until.min(latest));
        (until > Instant::now()).then_some(until)
    }

    /// Waits until a run is full.
    pub(crate) fn full(&self) -> UntilFull<'_> {
        UntilFull(self)
    }

    /// Whether a driver of `priority` must be sent; it counts as waiting then.
    fn send(&self, state: &mut MutexGuard<'_, State>, priority: Priority) -> bool {
        let level = priority as usize;
        let waiting = state.waiting.iter().filter(|waits| **waits).count();
        let is_served = state.waiting[level..].contains(&true);
        let sent = !is_served && state.running + waiting < self.instances;
        if sent {
            state.waiting[level] = true;
        }
        sent
    }

    fn next(&self, state: &mut MutexGuard<'_, State>) -> Option<Priority> {
        let head = state.queue.head()?;
        self.send(state, head.priority).then_some(head.priority)
    }
}

impl State {
    fn is_idle(&self) -> bool {
        let is_driven = self.running > 0 || self.waiting.contains(&true);
        self.queue.is_empty() && !is_driven && self.held == 0
    }
}

/// See [`Lane::full`].
pub(crate) struct UntilFull<'a>(&'a Lane);

impl Future for UntilFull<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0.state);
        if state.queue.head().is_none_or(|head| head.rows >= self.0.most_rows) {
            return Poll::Ready(());
        }
        let before = state.patient.replace(context.waker().clone());
        drop(state);
        drop(before);
        Poll::Pending
    }
}
