//! What a pool promises, one caller at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use super::*;

/// Counts its wake-ups.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn want(operations: usize, bytes: u64) -> Demand {
    Demand { operations, bytes }
}

fn pool(operations: usize, bytes: u64) -> Pool {
    Pool::new(Capacity { operations, bytes }, 8)
}

fn poll(admit: &mut Admit) -> Poll<Result<Permit, AdmitError>> {
    poll_with(admit, Waker::noop())
}

fn poll_with(admit: &mut Admit, waker: &Waker) -> Poll<Result<Permit, AdmitError>> {
    std::pin::Pin::new(admit).poll(&mut Context::from_waker(waker))
}

/// One who waits already.
fn waiting(pool: &Pool, demand: Demand) -> Admit {
    let mut admit = pool.admit(demand, Priority::Normal);
    assert!(poll(&mut admit).is_pending());
    admit
}

fn permit(admit: &mut Admit) -> Permit {
    match poll(admit) {
        Poll::Ready(Ok(permit)) => permit,
        other => panic!("no permit: {other:?}"),
    }
}

fn error(admit: &mut Admit) -> AdmitError {
    match poll(admit) {
        Poll::Ready(Err(error)) => error,
        other => panic!("no error: {other:?}"),
    }
}

#[test]
fn the_capacity_is_given_to_the_byte_and_comes_back() {
    let pool = pool(2, 101);
    let first = pool.try_admit(want(1, 100)).unwrap();
    assert!(pool.try_admit(want(1, 2)).is_none());
    let second = pool.try_admit(want(1, 1)).unwrap();
    assert!(pool.try_admit(want(1, 0)).is_none());
    assert_eq!(pool.statistics().in_use, want(2, 101));
    drop((first, second));
    assert_eq!(pool.statistics().in_use, want(0, 0));
    assert_eq!(pool.statistics().peak_bytes, 101);
    assert!(pool.try_admit(want(2, 101)).is_some());
}

#[test]
fn nobody_passes_a_waiter_by_trying() {
    let pool = pool(2, 10);
    let held = pool.try_admit(want(1, 0)).unwrap();
    let mut waiter = waiting(&pool, want(2, 0));
    assert!(pool.try_admit(want(1, 0)).is_none());
    drop(held);
    assert!(pool.try_admit(want(1, 0)).is_none());
    drop(permit(&mut waiter));
    assert!(pool.try_admit(want(1, 0)).is_some());
    assert_eq!(pool.statistics().admitted_after_waiting, 1);
}

#[test]
fn a_small_newcomer_passes_a_big_waiter_until_that_starves() {
    let pool = pool(2, 10);
    let held = pool.try_admit(want(1, 0)).unwrap();
    let mut big = waiting(&pool, want(2, 0));
    for _ in 0..crate::STARVED {
        drop(permit(&mut pool.admit(want(1, 0), Priority::Background)));
    }
    let mut small = pool.admit(want(1, 0), Priority::Critical);
    assert!(poll(&mut small).is_pending());
    drop(held);
    let big = permit(&mut big);
    assert!(poll(&mut small).is_pending());
    drop(big);
    drop(permit(&mut small));
}

#[test]
fn a_cancelled_waiter_gives_back_what_it_was_granted() {
    let pool = pool(1, 0);
    let held = pool.try_admit(want(1, 0)).unwrap();
    let granted = waiting(&pool, want(1, 0));
    let count = Arc::new(Count::default());
    let mut next = pool.admit(want(1, 0), Priority::Normal);
    assert!(poll_with(&mut next, &count.clone().into()).is_pending());
    drop(held);
    assert_eq!(count.0.load(Ordering::Relaxed), 0);
    drop(granted);
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    drop(permit(&mut next));
    let statistics = pool.statistics();
    assert_eq!((statistics.admitted, statistics.cancelled), (2, 1));
    assert_eq!((statistics.in_use, statistics.waiting), (want(0, 0), 0));
}

#[test]
fn the_waker_of_the_last_poll_is_called_and_no_other() {
    let pool = pool(1, 0);
    let held = pool.try_admit(want(1, 0)).unwrap();
    let counts = [Arc::new(Count::default()), Arc::new(Count::default())];
    let mut waiter = pool.admit(want(1, 0), Priority::Normal);
    for count in &counts {
        assert!(poll_with(&mut waiter, &count.clone().into()).is_pending());
    }
    drop(held);
    assert_eq!(counts.map(|count| count.0.load(Ordering::Relaxed)), [0, 1]);
    drop(permit(&mut waiter));
}

#[test]
fn a_starved_waiter_that_gives_up_lets_the_next_through() {
    let pool = pool(2, 0);
    let _held = pool.try_admit(want(1, 0)).unwrap();
    let big = waiting(&pool, want(2, 0));
    for _ in 0..crate::STARVED {
        drop(permit(&mut pool.admit(want(1, 0), Priority::Normal)));
    }
    let mut small = waiting(&pool, want(1, 0));
    drop(big);
    drop(permit(&mut small));
}

#[test]
fn what_is_released_goes_to_the_debt_first() {
    let pool = pool(4, 40);
    let mut permits: Vec<_> = (0..4).filter_map(|_| pool.try_admit(want(1, 10))).collect();
    pool.limit(Capacity { operations: 2, bytes: 20 });
    let mut waiter = waiting(&pool, want(1, 10));
    assert_eq!(pool.statistics().in_use, want(4, 40));
    permits.pop();
    permits.pop();
    assert!(poll(&mut waiter).is_pending());
    permits.pop();
    let _permit = permit(&mut waiter);
    assert!(pool.try_admit(want(1, 0)).is_none());
    pool.limit(Capacity { operations: 3, bytes: u64::MAX });
    assert_eq!(pool.statistics().limit, Capacity { operations: 3, bytes: 40 });
    assert!(pool.try_admit(want(1, 20)).is_some());
}

#[test]
fn a_debt_of_bytes_stops_no_demand_of_operations() {
    let pool = pool(2, 40);
    let _held = pool.try_admit(want(1, 40)).unwrap();
    pool.limit(Capacity { operations: 2, bytes: 20 });
    assert!(pool.try_admit(want(1, 1)).is_none());
    assert!(pool.try_admit(want(1, 0)).is_some());
}

#[test]
fn a_demand_above_the_capacity_is_refused_and_one_above_the_limit_waits() {
    let pool = pool(2, 40);
    pool.limit(Capacity { operations: 0, bytes: 0 });
    let capacity = Capacity { operations: 2, bytes: 40 };
    for demand in [want(3, 0), want(0, 41), want(usize::MAX, u64::MAX)] {
        let error = error(&mut pool.admit(demand, Priority::Critical));
        assert_eq!(error, AdmitError::TooLarge { demand, capacity });
    }
    let mut whole = waiting(&pool, want(2, 40));
    pool.limit(capacity);
    drop(permit(&mut whole));
    assert_eq!(pool.statistics().refused.too_large, 3);
}

#[test]
fn the_queue_has_an_end_but_not_for_who_need_not_wait() {
    let pool = Pool::new(Capacity { operations: 2, bytes: 0 }, 1);
    let _held = pool.try_admit(want(1, 0)).unwrap();
    let _waiter = waiting(&pool, want(2, 0));
    let refused = error(&mut pool.admit(want(2, 0), Priority::Critical));
    assert_eq!(refused, AdmitError::QueueFull { waiting: 1 });
    drop(permit(&mut pool.admit(want(1, 0), Priority::Normal)));
    let statistics = pool.statistics();
    assert_eq!((statistics.waiting, statistics.refused.queue_full), (1, 1));
}

#[test]
fn a_closed_pool_refuses_all_but_what_it_granted() {
    let pool = pool(1, 10);
    let held = pool.try_admit(want(1, 5)).unwrap();
    let mut granted = waiting(&pool, want(1, 5));
    let mut waiter = waiting(&pool, want(1, 0));
    drop(held);
    pool.close();
    assert_eq!(error(&mut waiter), AdmitError::Closed);
    assert_eq!(error(&mut pool.admit(want(0, 0), Priority::Critical)), AdmitError::Closed);
    let mut permit = permit(&mut granted);
    assert!(permit.try_grow_bytes(10));
    drop(permit);
    assert!(pool.try_admit(want(0, 0)).is_none());
    let statistics = pool.statistics();
    assert_eq!((statistics.in_use, statistics.refused.closed), (want(0, 0), 2));
}

#[test]
fn a_permit_shrinks_grows_and_splits() {
    let pool = pool(1, 100);
    let mut permit = pool.try_admit(want(1, 60)).unwrap();
    assert!(!permit.try_grow_bytes(101));
    assert!(permit.try_grow_bytes(100));
    permit.shrink_bytes(50);
    permit.shrink_bytes(70);
    assert_eq!(permit.demand(), want(1, 50));
    assert!(permit.split_bytes(51).is_none());
    let part = permit.split_bytes(20).unwrap();
    permit.release_operations();
    assert_eq!((permit.demand(), part.demand()), (want(0, 30), want(0, 20)));
    assert_eq!(pool.statistics().in_use, want(0, 50));
    drop(permit);
    let _waiter = waiting(&pool, want(1, 100));
    let mut part = part;
    assert!(!part.try_grow_bytes(21), "it passes nobody");
    drop(part);
    assert_eq!(pool.statistics().in_use, want(1, 100));
}

/// A waker whose code comes back to the pool whenever it is called, and panics at last.
struct Rude(Pool, Mutex<Option<Permit>>);

impl Wake for Rude {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().take();
        self.0.statistics();
        panic!("planted");
    }
}

impl Drop for Rude {
    fn drop(&mut self) {
        self.0.statistics();
    }
}

#[test]
fn wakers_that_come_back_and_panic_break_nothing() {
    let pool = pool(2, 0);
    let held = pool.try_admit(want(1, 0)).unwrap();
    let more = pool.try_admit(want(1, 0)).unwrap();
    let rude: Waker = Arc::new(Rude(pool.clone(), Mutex::new(Some(more)))).into();
    let mut waiters = [waiting(&pool, want(1, 0)), waiting(&pool, want(1, 0))];
    assert!(poll_with(&mut waiters[0], &rude).is_pending());
    assert!(poll_with(&mut waiters[0], Waker::noop()).is_pending());
    assert!(poll_with(&mut waiters[0], &rude).is_pending());
    drop(rude);
    drop(held);
    let permits = waiters.each_mut().map(permit);
    drop(permits);
    assert_eq!(pool.statistics().in_use, want(0, 0));
}

/// Panics when it is dropped.
struct Bomb;

impl Wake for Bomb {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("planted");
    }
}

#[test]
fn a_waker_that_panics_when_it_is_dropped_keeps_nobody_waiting() {
    let pool = pool(2, 0);
    let _held = pool.try_admit(want(1, 0)).unwrap();
    let mut big = pool.admit(want(2, 0), Priority::Normal);
    assert!(poll_with(&mut big, &Arc::new(Bomb).into()).is_pending());
    for _ in 0..crate::STARVED {
        drop(permit(&mut pool.admit(want(1, 0), Priority::Normal)));
    }
    let mut small = waiting(&pool, want(1, 0));
    drop(big);
    drop(permit(&mut small));
}
