//! What the manager adds to a run. `cargo bench -p anemone-runtime --bench overheads`.
#![allow(missing_docs, reason = "criterion's macros write a public function without a comment")]

use std::hint::black_box;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use anemone_engine::{RunContext, Value};
use anemone_runtime::artificial::{Artificial, ArtificialModel, Cost};
use anemone_runtime::metrics::{Batch, Finished, ManagerMetrics, Outcome};
use anemone_runtime::sensors::NoSensors;
use anemone_runtime::{
    Batching, Capacity, Compilation, Config, Demand, InferenceOptions, Loader, Manager, Model,
    ModelOptions, Monitoring, Pool, Priority, Sleep, Timer,
};
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
    together(rounds, || {
        let permit = pollster::block_on(pool.admit(DEMAND, Priority::Normal));
        drop(black_box(permit));
    })
}

/// The time of `rounds` calls, by [`CALLERS`] threads at once.
fn together(rounds: u64, call: impl Fn() + Sync) -> Duration {
    let each = rounds.div_ceil(CALLERS);
    let start = Barrier::new(CALLERS as usize + 1);
    let elapsed = thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    (0..each).for_each(|_| call());
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

/// A model of which a run keeps a processor busy for a microsecond, or for no time.
fn artificial(micros: u64) -> ArtificialModel {
    ArtificialModel { cost: Cost::busy(Duration::from_micros(micros)), ..ArtificialModel::rows(4) }
}

/// The model in a manager.
fn managed(own: &ArtificialModel, batching: Option<Batching>) -> Model {
    let world = Artificial::new();
    world.add("m", own.clone());
    let config = Config::builder()
        .max_concurrent_operations(std::num::NonZeroUsize::new(2))
        .memory_budget(Some(1 << 30))
        .monitoring(Monitoring { sensors: false, ..Monitoring::default() });
    let config = config.build().unwrap_or_default();
    let manager = Manager::with_sensors(config, Arc::new(world), Box::new(NoSensors));
    let options = ModelOptions { batching, ..ModelOptions::default() };
    let model = manager.load_blocking("m", Path::new("m"), options);
    model.expect("the artificial model loads")
}

fn ask(model: &Model, inputs: &[Value], options: &InferenceOptions) {
    assert!(model.infer_blocking(black_box(inputs.to_vec()), options).is_ok());
}

/// One caller of a run of a microsecond: on the engine itself, and through the manager.
fn infer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("infer");
    let own = artificial(1);
    let inputs = own.request(1, 4, 1);
    let world = Artificial::new();
    world.add("m", own.clone());
    let compilation = Compilation {
        engine: "artificial",
        function: None,
        precision: anemone_engine::Precision::Exact,
        artefacts: None,
    };
    let loaded = world.load(Path::new("m"), &compilation).expect("the artificial model loads");
    let mut session = loaded.plan.session();
    group.bench_function("direct", |bencher| {
        bencher.iter(|| session.run(black_box(&inputs), None, &RunContext::default()));
    });
    let model = managed(&own, None);
    let options = InferenceOptions::default();
    group.bench_function("blocking", |bencher| bencher.iter(|| ask(&model, &inputs, &options)));
    // The caller does not sleep: what is missing is the time that it takes to wake it.
    group.bench_function("polled", |bencher| {
        bencher.iter(|| {
            let mut future = pin!(model.infer(black_box(inputs.clone()), &options));
            let mut context = Context::from_waker(Waker::noop());
            while future.as_mut().poll(&mut context).is_pending() {
                std::hint::spin_loop();
            }
        });
    });
    let shapes = [vec![1, 4]];
    group.bench_function("admitted", |bencher| {
        bencher.iter(|| {
            let admission = model.request_admission(&shapes, &options);
            let admission = pollster::block_on(admission).expect("there is room");
            let inference = admission.execute(black_box(inputs.clone()), &options);
            pollster::block_on(inference).expect("it runs")
        });
    });
    group.finish();
}

/// Batches of an engine that takes no time: all of it is the manager's.
fn batcher(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("batcher");
    let own = ArtificialModel::rows(4);
    let inputs = own.request(1, 4, 1);
    let model = managed(&own, Some(Batching::default()));
    let options = InferenceOptions::default();
    group.bench_function("round_trip", |bencher| bencher.iter(|| ask(&model, &inputs, &options)));
    group.bench_function("round_trip_of_64_callers", |bencher| {
        bencher.iter_custom(|rounds| together(rounds, || ask(&model, &inputs, &options)));
    });
    group.finish();
}

fn metrics(criterion: &mut Criterion) {
    let now = Instant::now();
    let metrics = ManagerMetrics::new(now);
    let (model, engine) = (metrics.model("m", "1", now), metrics.engine("cpu"));
    let (compute, total) = (Duration::from_micros(1), Duration::from_micros(20));
    let batch = Batch { engine, rows: 1, padded_rows: 1, tokens: 4, compute };
    let request = Finished {
        outcome: Outcome::Completed,
        queue: compute,
        compute,
        total,
        rows: 1,
        tokens: 4,
    };
    // All that is counted of a request that runs alone.
    criterion.bench_function("metrics/update", |bencher| {
        bencher.iter(|| {
            model.admitted();
            model.batch_done(black_box(&batch));
            model.request_done(black_box(&request), now);
        });
    });
}

criterion_group!(benches, admission, timer, infer, batcher, metrics);
criterion_main!(benches);
