//! Many interleavings of threads over what is shipped. Run with
//! `cargo test -p anemone-runtime --features shuttle --test interleavings`.

mod batcher;
mod end;
mod managed;
mod models;
mod pool;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

/// Tries so many schedules of each kind. A thread that never goes on, or a panic in one, is a failure,
/// and shuttle prints the schedule.
fn explore(schedules: usize, test: fn()) {
    run(RandomScheduler::new(schedules), test);
    run(PctScheduler::new(3, schedules), test);
}

fn run(scheduler: impl Scheduler + 'static, test: fn()) {
    let mut config = Config::new();
    // Relaxed order is used by counters alone.
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(test);
}
