//! Runs that are under way: who holds what, and which of them are stuck.
//!
//! A run that goes on for longer than the grace time after nobody wants it any more is stuck. Its
//! operation goes to others then, and another thread starts in the place of its own; its bytes stay
//! in use until it returns, and its model is in quarantine until then.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::core::Core;
use crate::models::Version;
use crate::quarantine::{Pass, Verdict};
use crate::request::{Call, Failure, Run};
use crate::sync::{Arc, Mutex, lock};
use crate::{Error, Permit};

#[derive(Default)]
pub(crate) struct Runs {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    under_way: HashMap<u64, UnderWay>,
}

struct UnderWay {
    version: Arc<Version>,
    run: Arc<Run>,
    permit: Permit,
    /// Those who wait for it.
    calls: Vec<Arc<Call>>,
    /// Tells the quarantine when a run that was stuck is back.
    pass: Pass,
    is_stuck: bool,
}

/// A run that is under way, until it is dropped.
pub(crate) struct Running {
    core: Arc<Core>,
    number: u64,
}

/// A run that is stuck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stuck {
    pub(crate) model: String,
    /// For how long nobody has wanted it.
    pub(crate) since: Duration,
}

impl Runs {
    /// A run begins. What `permit` holds is in use until the run is over.
    pub(crate) fn enter(
        core: &Arc<Core>,
        version: &Arc<Version>,
        run: &Arc<Run>,
        permit: Permit,
        calls: Vec<Arc<Call>>,
    ) -> Running {
        let mut state = lock(&core.runs.state);
        state.next += 1;
        let number = state.next;
        let (version, run) = (version.clone(), run.clone());
        let pass = Pass::default();
        let one = UnderWay { version, run, permit, calls, pass, is_stuck: false };
        state.under_way.insert(number, one);
        drop(state);
        Running { core: core.clone(), number }
    }

    /// Asks every run to stop, and tells those who wait for it: it may be deaf.
    pub(crate) fn stop_all(&self) {
        let mut calls = Vec::new();
        for one in lock(&self.state).under_way.values() {
            one.run.stop();
            calls.extend(one.calls.iter().cloned());
        }
        for call in calls {
            call.finish(Err(Failure::from(Error::closing())));
        }
    }

    /// Finds runs that should have stopped longer than `grace` ago.
    pub(crate) fn judge(core: &Core, grace: Duration) {
        let now = Instant::now();
        let mut state = lock(&core.runs.state);
        let mut found = Vec::new();
        for one in state.under_way.values_mut().filter(|one| !one.is_stuck) {
            let stopped = one.run.stopped_at();
            if stopped.is_some_and(|stopped| now.saturating_duration_since(stopped) >= grace) {
                one.is_stuck = true;
                one.version.quarantine.record(&one.pass, Verdict::Stuck, core.now());
                found.push((one.version.clone(), one.permit.split_operations()));
            }
        }
        drop(state);
        for (version, operation) in found {
            tracing::error!(model = %version.name, ?grace, "a run does not stop");
            drop(operation);
            core.workers.replace_one();
        }
    }

    /// The runs that are stuck.
    pub(crate) fn stuck(&self) -> Vec<Stuck> {
        let now = Instant::now();
        let state = lock(&self.state);
        let stuck = state.under_way.values().filter(|one| one.is_stuck);
        let told = stuck.map(|one| Stuck {
            model: one.version.name.clone(),
            since: one
                .run
                .stopped_at()
                .map_or(Duration::ZERO, |at| now.saturating_duration_since(at)),
        });
        told.collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let over = lock(&self.core.runs.state).under_way.remove(&self.number);
        let Some(over) = over else { return };
        if over.is_stuck {
            self.core.workers.retire_one();
        }
        // The permit goes back here, outside the lock.
        drop(over);
    }
}
