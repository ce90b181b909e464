//! What the manager adds to a run. `cargo bench -p anemone-runtime --bench overheads`.
#![allow(missing_docs, reason = "criterion's macros write a public function without a comment")]

use std::hint::black_box;
use std::pin::Pin;
use std::sync::Barrier;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use anemone_runtime::{Capacity, Demand, Pool, Priority, Sleep, Timer};
use criterion::{Criterion, criterion_group, criterion_main};

const DEMAND: Demand = Demand { operations: 1, bytes: 1 << 20 };
const CALLERS: u64 = 64;

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn pool() -> Pool {
    Pool::new(Capacity { operations: 8, bytes: 1 << 30 }, 1024)
}

fn admission(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("admission");
    let pool = pool();
    group.bench_function("uncontended", |bencher| {
        bencher.iter(|| black_box(&pool).try_admit(black_box(DEMAND)));
    });
    group.bench_function("uncontended_async", |bencher| {
        bencher.iter(|| poll(&mut black_box(&pool).admit(black_box(DEMAND), Priority::Normal)));
    });
    group.bench_function("64_callers", |bencher| bencher.iter_custom(callers));
    group.finish();
}

/// The time of `rounds` admissions, by threads that all want to be admitted all the time.
fn callers(rounds: u64) -> Duration {
    let pool = pool();
    let each = rounds.div_ceil(CALLERS);
    let start = Barrier::new(CALLERS as usize + 1);
    let elapsed = thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    for _ in 0..each {
                        let permit = pollster::block_on(pool.admit(DEMAND, Priority::Normal));
                        drop(black_box(permit));
                    }
                })
            })
            .collect();
        start.wait();
        let began = Instant::now();
        let ended = callers.into_iter().map(|caller| caller.join()).all(|caller| caller.is_ok());
        assert!(ended);
        began.elapsed()
    });
    elapsed.mul_f64(rounds as f64 / (each * CALLERS) as f64)
}

/// A limit of 30 seconds for what is over at once, as almost all limits are.
fn register(timer: &Timer) -> Sleep {
    let mut sleep = timer.sleep_until(Instant::now() + Duration::from_secs(30));
    assert!(poll(&mut sleep).is_pending());
    sleep
}

fn timer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("timer");
    let timer = Timer::default();
    group.bench_function("register_and_drop", |bencher| bencher.iter(|| register(&timer)));
    let others: Vec<_> = (0..100_000).map(|_| register(&timer)).collect();
    group.bench_function("register_and_drop_among_100000", |bencher| {
        bencher.iter(|| register(&timer));
    });
    drop(others);
    group.finish();
}

criterion_group!(benches, admission, timer);
criterion_main!(benches);
