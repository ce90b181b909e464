//! Random histories of a pool, one step at a time, against a model of its rule that keeps a list and
//! searches it. `ANEMONE_HISTORIES` sets how many; 2,000 if it is not set.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake};

use anemone_runtime::{Admit, AdmitError, Capacity, Demand, Permit, Pool, Priority, STARVED};
use proptest::collection::vec;
use proptest::prelude::*;

/// How many waiters of one level are looked at.
const LOOK_AHEAD: usize = 16;

#[derive(Clone, Copy, Debug)]
enum Step {
    Enter(Demand, Priority),
    Try(Demand),
    /// Of the request at this place, counted round and round.
    Poll(usize),
    Cancel(usize),
    /// Of the permit at this place.
    Release(usize),
    ReleaseOperations(usize),
    Shrink(usize, u64),
    Grow(usize, u64),
    Split(usize, u64),
    Limit(Capacity),
    Close,
}

#[derive(Clone, Copy, Debug)]
struct Start {
    capacity: Capacity,
    waiting: usize,
}

/// What the model knows of one that waits.
#[derive(Debug)]
struct Waiter {
    number: usize,
    demand: Demand,
    priority: Priority,
    passed: u32,
}

#[derive(Debug)]
struct Model {
    start: Start,
    limit: Capacity,
    in_use: Demand,
    peak_bytes: u64,
    /// In the order in which they came.
    waiters: Vec<Waiter>,
    granted: Vec<usize>,
    closed: bool,
}

#[derive(Debug, PartialEq)]
enum Answer {
    Admitted,
    Waits,
    Refused(AdmitError),
}

impl Model {
    fn fits(&self, demand: Demand) -> bool {
        let fits = |wanted: u64, in_use: u64, limit: u64| wanted == 0 || in_use + wanted <= limit;
        let Model { in_use, limit, .. } = self;
        fits(demand.operations as u64, in_use.operations as u64, limit.operations as u64)
            && fits(demand.bytes, in_use.bytes, limit.bytes)
    }

    fn take(&mut self, demand: Demand) {
        self.in_use.operations += demand.operations;
        self.in_use.bytes += demand.bytes;
        self.peak_bytes = self.peak_bytes.max(self.in_use.bytes);
    }

    fn give(&mut self, demand: Demand) {
        self.in_use.operations -= demand.operations;
        self.in_use.bytes -= demand.bytes;
        self.serve();
    }

    fn try_enter(&mut self, demand: Demand) -> bool {
        let admitted = !self.closed && self.waiters.is_empty() && self.fits(demand);
        if admitted {
            self.take(demand);
        }
        admitted
    }

    fn enter(&mut self, number: usize, demand: Demand, priority: Priority) -> Answer {
        let capacity = self.start.capacity;
        if self.closed {
            return Answer::Refused(AdmitError::Closed);
        }
        if demand.operations > capacity.operations || demand.bytes > capacity.bytes {
            return Answer::Refused(AdmitError::TooLarge { demand, capacity });
        }
        let waiting = self.waiters.len();
        self.waiters.push(Waiter { number, demand, priority, passed: 0 });
        self.serve();
        if let Some(at) = self.granted.iter().position(|&granted| granted == number) {
            self.granted.remove(at);
            return Answer::Admitted;
        }
        if waiting >= self.start.waiting {
            self.waiters.pop();
            return Answer::Refused(AdmitError::QueueFull { waiting });
        }
        Answer::Waits
    }

    fn able(&self, waiter: &Waiter) -> bool {
        waiter.demand.operations <= self.limit.operations && waiter.demand.bytes <= self.limit.bytes
    }

    /// Whether it is the first of its level.
    fn is_first(&self, at: usize) -> bool {
        let priority = self.waiters[at].priority;
        self.waiters[..at].iter().all(|older| older.priority != priority)
    }

    fn next(&self) -> Option<usize> {
        let starved = (0..self.waiters.len()).find(|&at| {
            let waiter = &self.waiters[at];
            waiter.passed >= STARVED && self.able(waiter)
        });
        let mut needs_operations = false;
        if let Some(at) = starved {
            let demand = self.waiters[at].demand;
            if self.fits(demand) {
                return Some(at);
            }
            if demand.operations > 0 || self.in_use.operations > 0 {
                return None;
            }
            needs_operations = true;
        }
        let may = |demand: Demand| demand.operations > 0 || !needs_operations;
        Priority::EACH.into_iter().rev().find_map(|priority| {
            let level = (0..self.waiters.len()).filter(|&at| {
                self.waiters[at].priority == priority && self.able(&self.waiters[at])
            });
            level.take(LOOK_AHEAD).find(|&at| {
                let demand = self.waiters[at].demand;
                self.fits(demand) && may(demand)
            })
        })
    }

    fn serve(&mut self) {
        while let Some(next) = self.next() {
            let waiter = self.waiters.remove(next);
            for at in 0..self.waiters.len() {
                let other = &self.waiters[at];
                let passed = other.number < waiter.number || other.priority > waiter.priority;
                if passed && self.is_first(at) {
                    self.waiters[at].passed += 1;
                }
            }
            self.granted.push(waiter.number);
            self.take(waiter.demand);
        }
    }
}

/// Whether it was called.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Request {
    number: usize,
    demand: Demand,
    admit: Admit,
    flag: Arc<Flag>,
}

impl Request {
    fn poll(&mut self) -> Poll<Result<Permit, AdmitError>> {
        let waker = self.flag.clone().into();
        Pin::new(&mut self.admit).poll(&mut Context::from_waker(&waker))
    }
}

struct History {
    pool: Pool,
    model: Model,
    requests: Vec<Request>,
    permits: Vec<Permit>,
    next_number: usize,
    admitted_by_trying: usize,
}

/// The place `index` counted round and round.
fn place<T>(list: &[T], index: usize) -> Option<usize> {
    index.checked_rem(list.len())
}

impl History {
    fn new(start: Start) -> History {
        let model = Model {
            start,
            limit: start.capacity,
            in_use: Demand::default(),
            peak_bytes: 0,
            waiters: Vec::new(),
            granted: Vec::new(),
            closed: false,
        };
        let pool = Pool::new(start.capacity, start.waiting);
        History {
            pool,
            model,
            requests: Vec::new(),
            permits: Vec::new(),
            next_number: 0,
            admitted_by_trying: 0,
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Enter(demand, priority) => self.enter(demand, priority),
            Step::Try(demand) => {
                let permit = self.pool.try_admit(demand);
                assert_eq!(permit.is_some(), self.model.try_enter(demand));
                self.admitted_by_trying += usize::from(permit.is_some());
                self.permits.extend(permit);
            }
            Step::Poll(index) => {
                if let Some(at) = place(&self.requests, index) {
                    self.poll(at);
                }
            }
            Step::Cancel(index) => {
                if let Some(at) = place(&self.requests, index) {
                    self.cancel(at);
                }
            }
            Step::Release(index) => {
                if let Some(at) = place(&self.permits, index) {
                    let permit = self.permits.swap_remove(at);
                    self.model.give(permit.demand());
                }
            }
            Step::ReleaseOperations(index) => {
                if let Some(at) = place(&self.permits, index) {
                    let operations = self.permits[at].demand().operations;
                    self.permits[at].release_operations();
                    self.model.give(Demand { operations, bytes: 0 });
                }
            }
            Step::Shrink(index, to) => {
                if let Some(at) = place(&self.permits, index) {
                    let bytes = self.permits[at].demand().bytes.saturating_sub(to);
                    self.permits[at].shrink_bytes(to);
                    self.model.give(Demand { operations: 0, bytes });
                }
            }
            Step::Grow(index, to) => {
                if let Some(at) = place(&self.permits, index) {
                    self.grow(at, to);
                }
            }
            Step::Split(index, bytes) => {
                if let Some(at) = place(&self.permits, index) {
                    let enough = self.permits[at].demand().bytes >= bytes;
                    let part = self.permits[at].split_bytes(bytes);
                    assert_eq!(part.is_some(), enough);
                    self.permits.extend(part);
                }
            }
            Step::Limit(limit) => {
                self.pool.limit(limit);
                let capacity = self.model.start.capacity;
                self.model.limit = Capacity {
                    operations: limit.operations.min(capacity.operations),
                    bytes: limit.bytes.min(capacity.bytes),
                };
                self.model.serve();
            }
            Step::Close => {
                self.pool.close();
                self.model.closed = true;
                self.model.waiters.clear();
            }
        }
        self.check();
    }

    fn enter(&mut self, demand: Demand, priority: Priority) {
        let number = self.next_number;
        self.next_number += 1;
        let admit = self.pool.admit(demand, priority);
        let mut request = Request { number, demand, admit, flag: Arc::default() };
        let answer = match request.poll() {
            Poll::Ready(Ok(permit)) => {
                self.permits.push(permit);
                Answer::Admitted
            }
            Poll::Ready(Err(error)) => Answer::Refused(error),
            Poll::Pending => {
                self.requests.push(request);
                Answer::Waits
            }
        };
        assert_eq!(answer, self.model.enter(number, demand, priority));
    }

    fn poll(&mut self, at: usize) {
        let Request { number, demand, .. } = self.requests[at];
        match self.requests[at].poll() {
            Poll::Ready(Ok(permit)) => {
                assert!(self.model.granted.contains(&number));
                assert_eq!(permit.demand(), demand);
                self.model.granted.retain(|&granted| granted != number);
                self.permits.push(permit);
                self.requests.swap_remove(at);
            }
            Poll::Ready(Err(error)) => {
                assert_eq!(error, AdmitError::Closed);
                assert!(self.model.closed && !self.model.granted.contains(&number));
                self.requests.swap_remove(at);
            }
            Poll::Pending => {
                assert!(self.model.waiters.iter().any(|waiter| waiter.number == number));
            }
        }
    }

    fn cancel(&mut self, at: usize) {
        let Request { number, demand, .. } = self.requests.swap_remove(at);
        self.model.waiters.retain(|waiter| waiter.number != number);
        if self.model.granted.contains(&number) {
            self.model.granted.retain(|&granted| granted != number);
            self.model.give(demand);
        }
        self.model.serve();
    }

    fn grow(&mut self, at: usize, to: u64) {
        let bytes = to.saturating_sub(self.permits[at].demand().bytes);
        let more = Demand { operations: 0, bytes };
        let grown = bytes == 0 || (self.model.waiters.is_empty() && self.model.fits(more));
        assert_eq!(self.permits[at].try_grow_bytes(to), grown);
        if grown {
            self.model.take(more);
        }
    }

    /// The pool is as the model says, who was let in was woken, and nobody else was.
    fn check(&self) {
        let statistics = self.pool.statistics();
        assert_eq!(statistics.in_use, self.model.in_use);
        assert_eq!(statistics.limit, self.model.limit);
        assert_eq!(statistics.waiting, self.model.waiters.len());
        assert_eq!(statistics.peak_bytes, self.model.peak_bytes);
        let mut held = Demand::default();
        let granted = |request: &&Request| self.model.granted.contains(&request.number);
        let uncollected = self.requests.iter().filter(granted).map(|request| request.demand);
        for demand in self.permits.iter().map(Permit::demand).chain(uncollected) {
            held.operations += demand.operations;
            held.bytes += demand.bytes;
        }
        assert_eq!(statistics.in_use, held);
        for request in &self.requests {
            let waits = self.model.waiters.iter().any(|waiter| waiter.number == request.number);
            assert_eq!(request.flag.0.load(Ordering::Relaxed), !waits);
        }
        let refused = statistics.refused;
        let ended = statistics.admitted
            + statistics.cancelled
            + (refused.closed + refused.too_large + refused.queue_full);
        let pending = self.model.waiters.len() + self.model.granted.len();
        assert_eq!(ended + pending as u64, (self.next_number + self.admitted_by_trying) as u64);
    }

    /// All is given back, and nothing is left.
    fn end(mut self) {
        self.permits.clear();
        self.requests.clear();
        let statistics = self.pool.statistics();
        assert_eq!((statistics.in_use, statistics.waiting), (Demand::default(), 0));
    }
}

fn histories() -> ProptestConfig {
    let set = std::env::var("ANEMONE_HISTORIES").ok().and_then(|count| count.parse().ok());
    let cases = set.unwrap_or(2_000);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Mostly small ones, now and then one that no pool of [`start`] holds.
fn demand() -> impl Strategy<Value = Demand> {
    let operations = prop_oneof![8 => 0..3_usize, 1 => 3..8_usize];
    let bytes = prop_oneof![8 => 0..40_u64, 1 => 40..150_u64];
    (operations, bytes).prop_map(|(operations, bytes)| Demand { operations, bytes })
}

fn capacity() -> impl Strategy<Value = Capacity> {
    (0..7_usize, 0..120_u64).prop_map(|(operations, bytes)| Capacity { operations, bytes })
}

fn start() -> impl Strategy<Value = Start> {
    (capacity(), 0..40_usize).prop_map(|(capacity, waiting)| Start { capacity, waiting })
}

fn step() -> impl Strategy<Value = Step> {
    let priority = prop_oneof![
        6 => Just(Priority::Normal),
        1 => proptest::sample::select(&Priority::EACH[..]),
    ];
    let index = any::<u16>().prop_map(usize::from);
    prop_oneof![
        12 => (demand(), priority).prop_map(|(demand, priority)| Step::Enter(demand, priority)),
        2 => demand().prop_map(Step::Try),
        6 => index.clone().prop_map(Step::Poll),
        2 => index.clone().prop_map(Step::Cancel),
        7 => index.clone().prop_map(Step::Release),
        1 => index.clone().prop_map(Step::ReleaseOperations),
        1 => (index.clone(), 0..60_u64).prop_map(|(index, to)| Step::Shrink(index, to)),
        1 => (index.clone(), 0..60_u64).prop_map(|(index, to)| Step::Grow(index, to)),
        1 => (index, 0..60_u64).prop_map(|(index, bytes)| Step::Split(index, bytes)),
        1 => capacity().prop_map(Step::Limit),
    ]
}

proptest! {
    #![proptest_config(histories())]

    #[test]
    fn a_pool_does_what_its_model_does(
        start in start(),
        steps in vec(step(), 1..200),
        close in any::<bool>(),
        rest in vec(step(), 0..20),
    ) {
        let mut history = History::new(start);
        steps.into_iter().for_each(|step| history.step(step));
        if close {
            history.step(Step::Close);
        }
        rest.into_iter().for_each(|step| history.step(step));
        history.end();
    }
}
