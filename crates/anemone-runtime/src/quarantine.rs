//! Keeps requests away from a model that fails, and lets it prove itself again.

use std::time::Duration;

use anemone_engine::{ErrorKind, RunError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Arc, Mutex, PoisonError, lock};

/// When a model that fails is refused, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct QuarantinePolicy {
    /// Faults of the engine in a row that put a model in quarantine. The default is 3: one may be
    /// chance, and a model that always fails shall not cost many callers their request.
    pub faults_in_a_row: u32,
    /// Milliseconds of the first quarantine; each failed probe doubles it. The default is 1 s.
    pub first_ms: u64,
    /// Milliseconds of a quarantine at most. The default is 60 s.
    pub most_ms: u64,
}

/// A figure of a quarantine's policy that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QuarantinePolicyError {
    /// A model would be refused before it failed.
    #[error("`faults-in-a-row` is 0, not 1 or more")]
    Faults,
    /// No time, or more at first than at most.
    #[error("`first-ms` is {first_ms} and `most-ms` is {most_ms}, not 1 <= first-ms <= most-ms")]
    Times {
        /// The first quarantine.
        first_ms: u64,
        /// The longest.
        most_ms: u64,
    },
}

/// Whether one model may run.
///
/// - After so many *faults* in a row it is refused for a while; then one request passes as a *probe*.
///   A good probe ends the quarantine, a fault doubles the time. A probe without verdict leaves its
///   place to the next.
/// - A *stuck* run is a fault, and the model is refused until that run returns, as nothing else
///   tells that the engine works. What it returns changes nothing more.
/// - Runs that began before the quarantine change nothing in it.
///
/// While all is well a request costs one relaxed load. That load may be older than a fault that
/// another thread has just recorded; then one more request passes, as if it had come earlier.
#[derive(Debug)]
pub(crate) struct Quarantine {
    shared: Arc<Shared>,
}

/// Leave to run once. A probe or stuck run that is dropped counts as returned.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    claim: Mutex<Option<Claim>>,
}

/// How a run ended, as far as it tells something about the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It gave outputs.
    Good,
    /// It tells nothing: the caller's mistake, cancelled, out of time or out of memory.
    Nothing,
    /// The engine failed: a panic, an internal fault, outputs that cannot be.
    Fault(String),
    /// It has not ended, long after it should have. Another verdict follows when it does.
    Stuck,
}

/// That a model may not run now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// When it is tried again; none where that depends on a run that goes on.
    pub(crate) until: Option<Duration>,
    /// Why.
    pub(crate) reason: String,
}

#[derive(Debug)]
struct Shared {
    policy: QuarantinePolicy,
    /// Whether `state` is as it was at first.
    is_well: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Faults in a row.
    faults: u32,
    last: String,
    stuck: usize,
    closed: Option<Closed>,
}

/// A quarantine that was begun.
#[derive(Clone, Copy, Debug)]
struct Closed {
    until: Duration,
    length: Duration,
    is_probed: bool,
}

/// What a pass gives back when it ends.
#[derive(Debug)]
struct Claim {
    of: Arc<Shared>,
    kind: ClaimKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClaimKind {
    Probe,
    Stuck,
}

impl Quarantine {
    /// A model that is well.
    pub(crate) fn new(policy: QuarantinePolicy) -> Quarantine {
        let state = Mutex::new(State::default());
        Quarantine { shared: Arc::new(Shared { policy, is_well: AtomicBool::new(true), state }) }
    }

    /// Leave to run at `now`, the time since some start.
    pub(crate) fn check(&self, now: Duration) -> Result<Pass, Refusal> {
        if self.shared.is_well.load(Ordering::Relaxed) {
            return Ok(Pass::default());
        }
        let mut state = lock(&self.shared.state);
        let is_stuck = state.stuck > 0;
        match &mut state.closed {
            None if !is_stuck => Ok(Pass::default()),
            Some(closed) if !is_stuck && !closed.is_probed && now >= closed.until => {
                closed.is_probed = true;
                let claim = Claim { of: self.shared.clone(), kind: ClaimKind::Probe };
                Ok(Pass { claim: Mutex::new(Some(claim)) })
            }
            _ => Err(state.refusal()),
        }
    }

    /// Takes the end of a run, or that it is stuck, into account; `pass` is one of this quarantine.
    pub(crate) fn record(&self, pass: &Pass, verdict: Verdict, now: Duration) {
        let is_good = matches!(verdict, Verdict::Good | Verdict::Nothing);
        if is_good && self.shared.is_well.load(Ordering::Relaxed) {
            return;
        }
        let mut state = lock(&self.shared.state);
        let mut claim = lock(&pass.claim);
        let kind = claim.take().map(|claim| claim.kind);
        if let Some(kind) = kind {
            state.give_back(kind);
        }
        let is_probe = kind == Some(ClaimKind::Probe);
        let was_stuck = kind == Some(ClaimKind::Stuck);
        match verdict {
            Verdict::Stuck => {
                if !was_stuck {
                    state.fail(&self.shared.policy, is_probe, "a run was stuck".to_owned(), now);
                }
                state.stuck += 1;
                *claim = Some(Claim { of: self.shared.clone(), kind: ClaimKind::Stuck });
            }
            _ if was_stuck => {}
            Verdict::Good => state.succeed(is_probe),
            Verdict::Nothing => {}
            Verdict::Fault(reason) => state.fail(&self.shared.policy, is_probe, reason, now),
        }
        self.shared.tell_whether_well(&state);
    }

    /// Why the model is refused, if it is; its time may be over while nobody has probed it yet.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        if self.shared.is_well.load(Ordering::Relaxed) {
            return None;
        }
        let state = lock(&self.shared.state);
        (state.stuck > 0 || state.closed.is_some()).then(|| state.refusal())
    }
}

impl Pass {
    /// Whether a quarantine ends or goes on with this run.
    #[cfg(test)]
    pub(crate) fn is_probe(&self) -> bool {
        lock(&self.claim).as_ref().is_some_and(|claim| claim.kind == ClaimKind::Probe)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let claim = self.claim.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Claim { of, kind }) = claim {
            let mut state = lock(&of.state);
            state.give_back(kind);
            of.tell_whether_well(&state);
        }
    }
}

impl Verdict {
    /// What a failed run tells about the engine.
    pub(crate) fn of_failure(error: &RunError) -> Verdict {
        match error.kind() {
            ErrorKind::Internal | ErrorKind::Device => Verdict::Fault(error.to_string()),
            _ => Verdict::Nothing,
        }
    }
}

impl Default for QuarantinePolicy {
    fn default() -> QuarantinePolicy {
        QuarantinePolicy { faults_in_a_row: 3, first_ms: 1_000, most_ms: 60_000 }
    }
}

impl QuarantinePolicy {
    /// Every figure that makes no sense.
    pub fn faults(&self) -> Vec<QuarantinePolicyError> {
        let QuarantinePolicy { faults_in_a_row, first_ms, most_ms } = *self;
        let none = (faults_in_a_row == 0).then_some(QuarantinePolicyError::Faults);
        let is_wrong = first_ms == 0 || first_ms > most_ms;
        let times = is_wrong.then_some(QuarantinePolicyError::Times { first_ms, most_ms });
        none.into_iter().chain(times).collect()
    }
}

impl Shared {
    fn tell_whether_well(&self, state: &State) {
        let is_well = state.faults == 0 && state.stuck == 0 && state.closed.is_none();
        self.is_well.store(is_well, Ordering::Relaxed);
    }
}

impl State {
    fn give_back(&mut self, kind: ClaimKind) {
        match (kind, &mut self.closed) {
            (ClaimKind::Stuck, _) => self.stuck -= 1,
            (ClaimKind::Probe, Some(closed)) => closed.is_probed = false,
            (ClaimKind::Probe, None) => {}
        }
    }

    fn succeed(&mut self, is_probe: bool) {
        if is_probe {
            self.closed = None;
        }
        if self.closed.is_none() {
            self.faults = 0;
        }
    }

    fn fail(&mut self, policy: &QuarantinePolicy, is_probe: bool, reason: String, now: Duration) {
        let most = Duration::from_millis(policy.most_ms);
        let length = match self.closed {
            Some(closed) if is_probe => closed.length.saturating_mul(2).min(most),
            // It began before the quarantine.
            Some(_) => return,
            None => Duration::from_millis(policy.first_ms),
        };
        self.faults = self.faults.saturating_add(1);
        self.last = reason;
        if self.faults >= policy.faults_in_a_row {
            let until = now.saturating_add(length);
            self.closed = Some(Closed { until, length, is_probed: false });
        }
    }

    fn refusal(&self) -> Refusal {
        if self.stuck > 0 {
            return Refusal { until: None, reason: "a run is stuck".to_owned() };
        }
        let is_probed = self.closed.is_some_and(|closed| closed.is_probed);
        let until = self.closed.filter(|_| !is_probed).map(|closed| closed.until);
        let also = if is_probed { "; a probe is under way" } else { "" };
        let reason = match self.faults {
            1 => format!("the engine failed: {}{also}", self.last),
            n => format!("the engine failed {n} times in a row, at last: {}{also}", self.last),
        };
        Refusal { until, reason }
    }
}

#[cfg(test)]
mod tests;
