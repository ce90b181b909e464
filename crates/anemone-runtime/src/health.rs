//! Whether the manager works, takes new requests, and what is wrong with it: a pure function of what
//! its parts tell.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::governor::Reason;

/// Requests of a model within the window before its rate of failures means anything.
const FEWEST_FINISHED: u64 = 20;
/// A model fails too often when this part of its requests fail: one in ten.
const FAILING_PART: u64 = 10;

/// The health of the manager.
///
/// - *Live*: some thread of the manager is free to work, or busy with a run that will end. Without
///   one only a new process helps.
/// - *Ready*: it is live, not closing, and its queue has room: a new request is taken.
/// - *State*: unhealthy if not live; degraded if some reason is a fault; healthy otherwise. Closing
///   and loading are told as reasons, but are no fault.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Health {
    /// Whether it works at all.
    pub live: bool,
    /// Whether it takes new requests.
    pub ready: bool,
    /// All in one word.
    pub state: HealthState,
    /// What is wrong or under way.
    pub reasons: Vec<HealthReason>,
}

/// The health of the manager in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HealthState {
    /// All is well.
    Healthy,
    /// It works, but something is wrong.
    Degraded,
    /// It does not work.
    Unhealthy,
}

/// Something that is wrong or under way.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
#[non_exhaustive]
pub enum HealthReason {
    /// Threads of the manager have ended that should not.
    Workers {
        /// How many there are.
        alive: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A run does not end.
    Stuck {
        /// The model.
        model: String,
        /// Milliseconds since it began.
        for_ms: u64,
    },
    /// The manager ends: it finishes what it has, and takes nothing new.
    Closing,
    /// The queue is full.
    QueueFull {
        /// Requests that wait, which is as many as may.
        waiting: usize,
    },
    /// A model is refused because it failed.
    Quarantined {
        /// The model.
        model: String,
        /// How it failed.
        why: String,
        /// Milliseconds until it is tried again; none while that depends on a run.
        for_ms: Option<u64>,
    },
    /// A model fails often.
    Failing {
        /// The model.
        model: String,
        /// Requests of the window that failed.
        failed: u64,
        /// Requests of the window that ended.
        finished: u64,
    },
    /// More memory is in use than the budget allows.
    Memory {
        /// Bytes in use.
        in_use: u64,
        /// Bytes allowed.
        budget: u64,
    },
    /// The governor holds the number of runs down.
    Governed(Reason),
    /// A model is being loaded.
    Loading {
        /// The model.
        model: String,
    },
}

/// What the parts of the manager tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct HealthInputs {
    /// The time since some start, which `since` and `until` count from too.
    pub(crate) now: Duration,
    pub(crate) is_closing: bool,
    /// Requests in the queue, and how many may be.
    pub(crate) waiting: usize,
    pub(crate) most_waiting: usize,
    pub(crate) stuck: Vec<StuckRun>,
    pub(crate) quarantined: Vec<QuarantinedModel>,
    pub(crate) governor: Vec<Reason>,
    pub(crate) failures: Vec<FailureRate>,
    /// Models that are being loaded.
    pub(crate) loading: Vec<String>,
    pub(crate) workers_alive: usize,
    pub(crate) workers_expected: usize,
    /// Bytes.
    pub(crate) memory_in_use: u64,
    pub(crate) memory_budget: u64,
}

/// A run that does not end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StuckRun {
    pub(crate) model: String,
    /// When it began.
    pub(crate) since: Duration,
}

/// A model in quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QuarantinedModel {
    pub(crate) model: String,
    pub(crate) reason: String,
    /// When it is tried again; none while that depends on a run.
    pub(crate) until: Option<Duration>,
}

/// How many of a model's requests failed within a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailureRate {
    pub(crate) model: String,
    pub(crate) failed: u64,
    pub(crate) finished: u64,
}

impl Health {
    /// The health that follows from what the parts of the manager tell.
    pub(crate) fn of(inputs: &HealthInputs) -> Health {
        let free = inputs.workers_alive.saturating_sub(inputs.stuck.len());
        let live = free > 0 || inputs.workers_expected == 0;
        let is_full = inputs.most_waiting > 0 && inputs.waiting >= inputs.most_waiting;
        let reasons = reasons(inputs, is_full);
        let state = if !live {
            HealthState::Unhealthy
        } else if reasons.iter().any(HealthReason::is_fault) {
            HealthState::Degraded
        } else {
            HealthState::Healthy
        };
        Health { live, ready: live && !inputs.is_closing && !is_full, state, reasons }
    }
}

impl HealthReason {
    /// Whether something is wrong; closing and loading are as they should be.
    pub fn is_fault(&self) -> bool {
        !matches!(self, HealthReason::Closing | HealthReason::Loading { .. })
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.state.name())?;
        if !self.ready {
            f.write_str(", takes no new requests")?;
        }
        for (i, reason) in self.reasons.iter().enumerate() {
            write!(f, "{} {reason}", if i == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl HealthState {
    /// The name, such as `degraded`.
    pub const fn name(self) -> &'static str {
        match self {
            HealthState::Healthy => "healthy",
            HealthState::Degraded => "degraded",
            HealthState::Unhealthy => "unhealthy",
        }
    }
}

impl fmt::Display for HealthReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HealthReason::Workers { alive, expected } => {
                write!(f, "{alive} of {expected} threads work")
            }
            HealthReason::Stuck { model, for_ms } => {
                write!(f, "a run of `{model}` has not ended for {} s", for_ms / 1000)
            }
            HealthReason::Closing => f.write_str("it is closing"),
            HealthReason::QueueFull { waiting } => {
                write!(f, "the queue is full: {waiting} requests wait")
            }
            HealthReason::Quarantined { model, why, for_ms: Some(0) } => {
                write!(f, "`{model}` is tried again with its next request: {why}")
            }
            HealthReason::Quarantined { model, why, for_ms: Some(ms) } => {
                write!(f, "`{model}` is refused for {} s: {why}", ms.div_ceil(1000))
            }
            HealthReason::Quarantined { model, why, for_ms: None } => {
                write!(f, "`{model}` is refused: {why}")
            }
            HealthReason::Failing { model, failed, finished } => {
                write!(f, "`{model}` failed in {failed} of {finished} requests")
            }
            HealthReason::Memory { in_use, budget } => {
                write!(f, "{in_use} bytes of memory are in use, {budget} are allowed")
            }
            HealthReason::Governed(reason) => write!(f, "{reason}"),
            HealthReason::Loading { model } => write!(f, "`{model}` is being loaded"),
        }
    }
}

/// The gravest first.
fn reasons(inputs: &HealthInputs, is_full: bool) -> Vec<HealthReason> {
    let mut reasons = Vec::new();
    let (alive, expected) = (inputs.workers_alive, inputs.workers_expected);
    if alive < expected {
        reasons.push(HealthReason::Workers { alive, expected });
    }
    reasons.extend(inputs.stuck.iter().map(|run| HealthReason::Stuck {
        model: run.model.clone(),
        for_ms: milliseconds(inputs.now.saturating_sub(run.since)),
    }));
    if inputs.is_closing {
        reasons.push(HealthReason::Closing);
    }
    if is_full {
        reasons.push(HealthReason::QueueFull { waiting: inputs.waiting });
    }
    reasons.extend(inputs.quarantined.iter().map(|model| HealthReason::Quarantined {
        model: model.model.clone(),
        why: model.reason.clone(),
        for_ms: model.until.map(|until| milliseconds(until.saturating_sub(inputs.now))),
    }));
    let failing = inputs.failures.iter().filter(|rate| {
        rate.finished >= FEWEST_FINISHED
            && rate.failed.saturating_mul(FAILING_PART) >= rate.finished
    });
    reasons.extend(failing.map(|rate| HealthReason::Failing {
        model: rate.model.clone(),
        failed: rate.failed,
        finished: rate.finished,
    }));
    let (in_use, budget) = (inputs.memory_in_use, inputs.memory_budget);
    if in_use > budget {
        reasons.push(HealthReason::Memory { in_use, budget });
    }
    reasons.extend(inputs.governor.iter().cloned().map(HealthReason::Governed));
    let loading = inputs.loading.iter().cloned();
    reasons.extend(loading.map(|model| HealthReason::Loading { model }));
    reasons
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
