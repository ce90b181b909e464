//! Where runs and loads wait until somebody lets them through.

use std::fmt;
use std::time::Instant;

use anemone_engine::{RunContext, RunError};

use crate::sync::{Arc, Condvar, Mutex, MutexGuard, lock};

/// A place where runs wait. A clone is the same gate. It is closed when it is made.
#[derive(Clone, Default)]
pub struct Gate {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_open: bool,
    /// How many may pass although it is closed.
    permits: usize,
    started: usize,
    finished: usize,
}

/// A run that has come to a gate; it has finished once this is dropped.
pub(super) struct Visit {
    gate: Gate,
}

impl Gate {
    /// A gate that is closed.
    pub fn new() -> Gate {
        Gate::default()
    }

    /// Lets through all that wait, and all that come.
    pub fn open(&self) {
        self.change(|state| state.is_open = true);
    }

    /// Holds those that come from now on.
    pub fn close(&self) {
        self.change(|state| (state.is_open, state.permits) = (false, 0));
    }

    /// Lets `runs` more through.
    pub fn let_through(&self, runs: usize) {
        self.change(|state| state.permits += runs);
    }

    /// Runs that have come so far.
    pub fn started(&self) -> usize {
        lock(&self.shared.state).started
    }

    /// Runs that have come and ended so far, with an answer, an error or a panic.
    pub fn finished(&self) -> usize {
        lock(&self.shared.state).finished
    }

    /// Waits until `runs` have come in all.
    pub fn wait_for_started(&self, runs: usize) {
        self.wait_until(|state| state.started >= runs);
    }

    /// Waits until `runs` have come and ended in all.
    pub fn wait_for_finished(&self, runs: usize) {
        self.wait_until(|state| state.finished >= runs);
    }

    /// Comes to the gate.
    pub(super) fn come(&self) -> Visit {
        self.change(|state| state.started += 1);
        Visit { gate: self.clone() }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.shared.state));
        self.shared.changed.notify_all();
    }

    fn wait_until(&self, holds: impl Fn(&State) -> bool) {
        let mut state = lock(&self.shared.state);
        while !holds(&state) {
            state = self.wait(state);
        }
    }

    fn wait<'a>(&'a self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.shared.changed.wait(state).unwrap_or_else(crate::sync::PoisonError::into_inner)
    }
}

impl Visit {
    /// Waits to be let through, whatever the caller may want meanwhile.
    pub(super) fn wait(&self) {
        let mut state = lock(&self.gate.shared.state);
        while !state.take_permit() {
            state = self.gate.wait(state);
        }
    }

    /// Waits to be let through, or for the caller to cancel, or for the deadline.
    pub(super) fn wait_for(
        &self,
        context: &RunContext<'_>,
        start: Instant,
    ) -> Result<(), RunError> {
        if context.cancel.is_none() && context.deadline.is_none() {
            self.wait();
            return Ok(());
        }
        let mut state = lock(&self.gate.shared.state);
        while !state.take_permit() {
            check(context, start)?;
            state = self.gate.wait_a_little(state, context);
        }
        Ok(())
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.gate.change(|state| state.finished += 1);
    }
}

impl State {
    fn take_permit(&mut self) -> bool {
        if self.is_open {
            return true;
        }
        let may = self.permits > 0;
        self.permits -= usize::from(may);
        may
    }
}

#[cfg(not(feature = "shuttle"))]
impl Gate {
    /// Nobody is told when a [`Cancel`](anemone_engine::Cancel) is set, so it is looked at again
    /// after this.
    const LOOK: std::time::Duration = std::time::Duration::from_millis(1);

    fn wait_a_little<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        context: &RunContext<'_>,
    ) -> MutexGuard<'a, State> {
        let left = context.deadline.map(|d| d.saturating_duration_since(Instant::now()));
        let time = left.unwrap_or(Gate::LOOK).min(Gate::LOOK);
        let waited = self.shared.changed.wait_timeout(state, time);
        waited.unwrap_or_else(crate::sync::PoisonError::into_inner).0
    }
}

#[cfg(feature = "shuttle")]
impl Gate {
    /// Time stands still there: others have their turn, and then it is looked again.
    fn wait_a_little<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        _: &RunContext<'_>,
    ) -> MutexGuard<'a, State> {
        drop(state);
        crate::sync::thread::yield_now();
        lock(&self.shared.state)
    }
}

/// Whether the run may go on, as engines ask between their steps.
pub(super) fn check(context: &RunContext<'_>, start: Instant) -> Result<(), RunError> {
    if context.cancel.is_some_and(anemone_engine::Cancel::is_cancelled) {
        return Err(RunError::Cancelled);
    }
    match context.deadline {
        Some(deadline) if Instant::now() >= deadline => Err(RunError::TimedOut(start.elapsed())),
        _ => Ok(()),
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_lets_through_as_many_as_it_is_told() {
        let gate = Gate::new();
        let runs: Vec<_> = (0..3)
            .map(|_| {
                let gate = gate.clone();
                std::thread::spawn(move || gate.come().wait())
            })
            .collect();
        gate.wait_for_started(3);
        assert_eq!(gate.finished(), 0);
        gate.let_through(2);
        gate.wait_for_finished(2);
        assert_eq!((gate.started(), gate.finished()), (3, 2));
        gate.open();
        runs.into_iter().for_each(|run| run.join().unwrap());
        assert_eq!(gate.finished(), 3);
    }

    #[test]
    fn who_waits_at_a_gate_sees_that_the_caller_cancels() {
        let gate = Gate::new();
        let cancel = anemone_engine::Cancel::default();
        let (there, flag) = (gate.clone(), cancel.clone());
        let run = std::thread::spawn(move || {
            let context = RunContext { cancel: Some(&flag), ..RunContext::default() };
            there.come().wait_for(&context, Instant::now())
        });
        gate.wait_for_started(1);
        cancel.cancel();
        assert_eq!(run.join().unwrap(), Err(RunError::Cancelled));
    }

    #[test]
    fn a_deadline_that_has_passed_ends_the_wait() {
        let start = Instant::now();
        let context = RunContext { deadline: Some(start), ..RunContext::default() };
        let waited = Gate::new().come().wait_for(&context, start);
        assert!(matches!(waited, Err(RunError::TimedOut(_))));
    }
}
