//! What measuring costs: each primitive, and a request and a batch as a whole.
//!
//! `cargo bench -p anemone-runtime --bench metrics`

use std::hint::black_box;
use std::time::{Duration, Instant};

use anemone_runtime::metrics::{
    Batch, Counter, Ewma, Finished, Histogram, ManagerMetrics, Outcome, RateMeter,
};
use criterion::{Criterion, criterion_group, criterion_main};

fn primitives(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("primitives");
    let counter = Counter::default();
    group.bench_function("counter", |bencher| bencher.iter(|| counter.add(black_box(3))));
    let ewma = Ewma::new(0.1);
    group.bench_function("ewma", |bencher| bencher.iter(|| ewma.observe(black_box(0.25))));
    let now = Instant::now();
    let rate = RateMeter::new(now);
    group.bench_function("rate", |bencher| bencher.iter(|| rate.add(3, black_box(now))));
    let histogram = Histogram::default();
    let mut nanoseconds = 1_u32;
    group.bench_function("histogram", |bencher| {
        bencher.iter(|| {
            // Another bucket each time, as in life.
            nanoseconds = nanoseconds.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            histogram.record(black_box(Duration::new(0, nanoseconds >> 8)));
        });
    });
    group.finish();
}

fn model(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("model");
    let now = Instant::now();
    let metrics = ManagerMetrics::new(now);
    let model = metrics.model("minilm", "1", now);
    let request = Finished {
        outcome: Outcome::Completed,
        queue: Duration::from_micros(300),
        compute: Duration::from_millis(5),
        total: Duration::from_micros(5300),
        rows: 2,
        tokens: 250,
    };
    group.bench_function("request_done", |bencher| {
        bencher.iter(|| model.request_done(black_box(&request), now));
    });
    let batch = Batch {
        engine: metrics.engine("cpu"),
        rows: 30,
        padded_rows: 32,
        tokens: 4000,
        compute: Duration::from_millis(5),
    };
    group.bench_function("batch_done", |bencher| {
        bencher.iter(|| model.batch_done(black_box(&batch)));
    });
    group.bench_function("read", |bencher| bencher.iter(|| metrics.read(black_box(now))));
    group.finish();
}

criterion_group!(benches, primitives, model);
criterion_main!(benches);
