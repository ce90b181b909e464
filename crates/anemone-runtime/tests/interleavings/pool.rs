//! The pool: admission, cancellation, limits, the end.

use std::pin::{Pin, pin};
use std::sync::Arc;
// Not shuttle's: what the tests count is no place to change threads at.
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};

use anemone_runtime::{AdmitError, Capacity, Demand, Permit, Pool, Priority};
use shuttle::future::block_on;
use shuttle::thread;

/// Schedules of each kind for each test.
const SCHEDULES: usize = 50_000;

fn explore(test: fn()) {
    super::explore(SCHEDULES, test);
}

/// A pool, and what is held of it by the count of those who hold it.
#[derive(Clone)]
struct Watched {
    pool: Pool,
    capacity: Capacity,
    operations: Arc<AtomicUsize>,
    bytes: Arc<AtomicU64>,
}

/// A permit that is counted; the permit goes after its count.
struct Held<'a> {
    watched: &'a Watched,
    _permit: Permit,
    demand: Demand,
}

impl Watched {
    fn new(operations: usize, bytes: u64) -> Watched {
        let capacity = Capacity { operations, bytes };
        let pool = Pool::new(capacity, 8);
        Watched { pool, capacity, operations: Arc::default(), bytes: Arc::default() }
    }

    fn hold(&self, permit: Permit) -> Held<'_> {
        let demand = permit.demand();
        let operations = self.operations.fetch_add(demand.operations, SeqCst) + demand.operations;
        let bytes = self.bytes.fetch_add(demand.bytes, SeqCst) + demand.bytes;
        assert!(operations <= self.capacity.operations && bytes <= self.capacity.bytes);
        Held { watched: self, _permit: permit, demand }
    }

    /// Waits for a permit and holds it while others run.
    fn visit(&self, operations: usize, bytes: u64, priority: Priority) {
        let demand = Demand { operations, bytes };
        let permit = block_on(self.pool.admit(demand, priority)).unwrap();
        let held = self.hold(permit);
        thread::yield_now();
        drop(held);
    }

    /// Asks for a permit, and gives up if it is not there at once or a moment later.
    fn give_up(&self, operations: usize, bytes: u64) {
        let mut admit = pin!(self.pool.admit(Demand { operations, bytes }, Priority::Normal));
        for _ in 0..2 {
            match admit.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(permit) => {
                    drop(self.hold(permit.unwrap()));
                    return;
                }
                Poll::Pending => thread::yield_now(),
            }
        }
    }

    /// All `requests` ended, and nothing is left of them.
    fn is_at_rest(&self, requests: u64) {
        let statistics = self.pool.statistics();
        assert_eq!((statistics.in_use, statistics.waiting), (Demand::default(), 0));
        assert!(statistics.peak_bytes <= self.capacity.bytes);
        let refused = statistics.refused;
        let ended = statistics.admitted
            + statistics.cancelled
            + (refused.closed + refused.queue_full + refused.too_large);
        assert_eq!(ended, requests);
    }

    /// The whole capacity can be had.
    fn is_whole(&self) {
        let Capacity { operations, bytes } = self.capacity;
        assert!(self.pool.try_admit(Demand { operations, bytes }).is_some());
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.watched.operations.fetch_sub(self.demand.operations, SeqCst);
        self.watched.bytes.fetch_sub(self.demand.bytes, SeqCst);
    }
}

/// Runs each function in a thread of its own, all at once, and waits for them.
fn together(watched: &Watched, parts: &[fn(&Watched)]) {
    let threads: Vec<_> = parts
        .iter()
        .map(|&part| {
            let watched = watched.clone();
            thread::spawn(move || part(&watched))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn everybody_is_admitted_in_the_end() {
    explore(|| {
        let watched = Watched::new(2, 4);
        together(
            &watched,
            &[
                |watched| watched.visit(1, 3, Priority::Normal),
                |watched| watched.visit(1, 2, Priority::Critical),
                |watched| {
                    watched.visit(2, 0, Priority::Background);
                    watched.visit(0, 4, Priority::Normal);
                },
            ],
        );
        watched.is_at_rest(4);
        watched.is_whole();
    });
}

#[test]
fn a_cancellation_races_with_the_grant() {
    explore(|| {
        let watched = Watched::new(1, 1);
        together(
            &watched,
            &[
                |watched| watched.visit(1, 0, Priority::Normal),
                |watched| watched.give_up(1, 1),
                |watched| watched.give_up(1, 0),
                |watched| watched.visit(1, 1, Priority::Background),
            ],
        );
        watched.is_at_rest(4);
        watched.is_whole();
    });
}

#[test]
fn a_limit_races_with_releases() {
    explore(|| {
        let watched = Watched::new(3, 3);
        together(
            &watched,
            &[
                |watched| watched.visit(2, 2, Priority::Normal),
                |watched| watched.visit(1, 2, Priority::Normal),
                |watched| watched.visit(3, 1, Priority::Interactive),
                |watched| {
                    let limit = Capacity { operations: 1, bytes: 1 };
                    watched.pool.limit(limit);
                    let first = watched.pool.statistics().in_use;
                    thread::yield_now();
                    let second = watched.pool.statistics().in_use;
                    // Above the limit it only falls.
                    assert!(second.operations <= first.operations.max(limit.operations));
                    assert!(second.bytes <= first.bytes.max(limit.bytes));
                    watched.pool.limit(watched.capacity);
                },
            ],
        );
        watched.is_at_rest(3);
        watched.is_whole();
    });
}

#[test]
fn a_big_demand_among_small_ones_gets_its_turn() {
    explore(|| {
        let watched = Watched::new(2, 2);
        let small = |watched: &Watched| {
            for _ in 0..3 {
                watched.visit(1, 1, Priority::Normal);
            }
        };
        together(&watched, &[small, |watched| watched.visit(2, 2, Priority::Background), small]);
        watched.is_at_rest(7);
        watched.is_whole();
    });
}

#[test]
fn the_end_of_a_pool_races_with_admission() {
    explore(|| {
        let watched = Watched::new(1, 1);
        let part = |watched: &Watched| {
            let demand = Demand { operations: 1, bytes: 1 };
            match block_on(watched.pool.admit(demand, Priority::Normal)) {
                Ok(permit) => drop(watched.hold(permit)),
                Err(error) => assert_eq!(error, AdmitError::Closed),
            }
        };
        together(&watched, &[part, part, |watched| watched.pool.close(), part]);
        part(&watched);
        watched.is_at_rest(4);
        assert!(watched.pool.try_admit(Demand::default()).is_none());
    });
}

#[test]
fn parts_of_permits_come_back_while_others_wait() {
    explore(|| {
        let watched = Watched::new(2, 4);
        let parts = |watched: &Watched| {
            let demand = Demand { operations: 1, bytes: 2 };
            let mut permit = block_on(watched.pool.admit(demand, Priority::Normal)).unwrap();
            permit.release_operations();
            permit.try_grow_bytes(3);
            let part = permit.split_bytes(1);
            permit.shrink_bytes(1);
            drop(permit);
            drop(part);
        };
        together(&watched, &[parts, parts, |watched| watched.visit(2, 4, Priority::Normal)]);
        watched.is_at_rest(3);
        watched.is_whole();
    });
}

#[test]
fn who_tries_passes_no_waiter() {
    explore(|| {
        let watched = Watched::new(2, 0);
        let one = Demand { operations: 1, bytes: 0 };
        let permit = watched.pool.try_admit(one).unwrap();
        let held = watched.hold(permit);
        let mut waiter = watched.pool.admit(Demand { operations: 2, bytes: 0 }, Priority::Normal);
        let first = Pin::new(&mut waiter).poll(&mut Context::from_waker(Waker::noop()));
        assert!(first.is_pending());
        let served = Arc::new(AtomicBool::new(false));
        let tries = [(); 2].map(|()| {
            let (watched, served) = (watched.clone(), served.clone());
            thread::spawn(move || {
                if let Some(permit) = watched.pool.try_admit(one) {
                    assert!(served.load(SeqCst));
                    drop(watched.hold(permit));
                }
            })
        });
        drop(held);
        let permit = block_on(waiter).unwrap();
        served.store(true, SeqCst);
        drop(watched.hold(permit));
        for thread in tries {
            thread.join().unwrap();
        }
        assert_eq!(watched.pool.statistics().in_use, Demand::default());
        watched.is_whole();
    });
}
