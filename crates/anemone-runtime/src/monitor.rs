//! What goes on beside requests: sensors, the limit on concurrent runs, stuck runs, windows of metrics.

use std::time::{Duration, Instant};

use crate::Capacity;
use crate::config::Config;
use crate::core::Core;
use crate::governor::{Decision, Governor, Policy, Reason};
use crate::runs::Runs;
use crate::sensors::{Reading, Sensors};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Arc, Mutex, Weak, lock};
use crate::timer::{LimitError, Timer, within};

/// The share of the machine's memory that is the budget where none is set.
const BUDGET_SHARE: f64 = 0.8;
/// The budget where nothing is known of the machine.
const UNKNOWN_BUDGET: u64 = 4 << 30;
/// How often measured costs are kept on disk.
const KEEP_EVERY: Duration = Duration::from_secs(30);

pub(crate) struct Monitor {
    sensors: Box<dyn Sensors>,
    state: Mutex<State>,
    is_started: AtomicBool,
}

struct State {
    governor: Governor,
    reading: Reading,
    limit: usize,
    reasons: Vec<Reason>,
    kept: Duration,
}

impl Monitor {
    pub(crate) fn new(sensors: Box<dyn Sensors>, config: &Config) -> Monitor {
        let most = config.concurrent_operations().get();
        let reading = sensors.read();
        let state = State {
            governor: Governor::new(Policy::default(), most),
            reading,
            limit: most,
            reasons: Vec::new(),
            kept: Duration::ZERO,
        };
        Monitor { sensors, state: Mutex::new(state), is_started: AtomicBool::new(false) }
    }

    /// Whether the ticking is to be started: once.
    pub(crate) fn begin(&self) -> bool {
        !self.is_started.swap(true, Ordering::SeqCst)
    }

    /// A share of what the machine, or the group of processes, may use.
    pub(crate) fn default_budget(&self) -> u64 {
        let limit = lock(&self.state).reading.memory_limit();
        limit.map_or(UNKNOWN_BUDGET, |limit| (limit as f64 * BUDGET_SHARE) as u64)
    }

    /// The newest reading.
    pub(crate) fn reading(&self) -> Reading {
        lock(&self.state).reading.clone()
    }

    /// Where readings come from.
    pub(crate) fn source(&self) -> String {
        self.sensors.source().to_owned()
    }

    /// Most runs at a time now, and why no more.
    pub(crate) fn limit(&self) -> (usize, Vec<Reason>) {
        let state = lock(&self.state);
        (state.limit, state.reasons.clone())
    }

    /// Reads the sensors, sets the limit, judges the runs.
    pub(crate) fn tick(core: &Core) {
        let own = &core.monitor;
        if core.config.monitoring.sensors {
            let reading = own.sensors.read();
            let mut state = lock(&own.state);
            let Decision { limit, changed, reasons } = state.governor.step(&reading, core.now());
            state.reading = reading;
            state.limit = limit;
            state.reasons = reasons;
            if changed {
                let told: Vec<String> = state.reasons.iter().map(ToString::to_string).collect();
                tracing::warn!(
                    limit,
                    reasons = told.join("; "),
                    "another limit on concurrent runs"
                );
                core.pool.limit(Capacity { operations: limit, bytes: u64::MAX });
            }
        }
        Runs::judge(core, core.config.grace);
        core.metrics.rotate(Instant::now());
        core.after_run();
        let is_due = {
            let mut state = lock(&own.state);
            let is_due = core.now() >= state.kept + KEEP_EVERY;
            if is_due {
                state.kept = core.now();
            }
            is_due
        };
        if is_due {
            core.keep_costs();
        }
    }
}

/// Ticks until the manager is gone.
pub(crate) async fn watch(core: Weak<Core>, timer: Timer, interval: Duration) {
    loop {
        let next = Some(Instant::now() + interval);
        let Some(closes) = core.upgrade().map(|core| core.closes.clone()) else { return };
        let waited = within(&timer, next, closes.notified()).await;
        let Some(core) = core.upgrade() else { return };
        if core.is_closing() || !matches!(waited, Err(LimitError::Elapsed)) {
            return;
        }
        Monitor::tick(&core);
    }
}

/// Starts the ticking.
pub(crate) fn start(core: &Arc<Core>) {
    let interval = core.config.monitoring.interval;
    core.workers.spawn(watch(Arc::downgrade(core), core.timer.clone(), interval));
}
