//! What artificial engines did, and what of theirs is there still.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use anemone_engine::Precision;

use crate::sync::thread::{self, ThreadId};
use crate::sync::{Arc, Mutex, lock};

/// Runs that are kept, so that benchmarks do not fill the memory.
const KEPT: usize = 1 << 16;

/// A run that was begun.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The model.
    pub path: Arc<PathBuf>,
    /// The engine.
    pub engine: &'static str,
    /// Rows of the batch.
    pub rows: usize,
    /// Elements of a row.
    pub length: usize,
    /// Whether it had a state.
    pub has_state: bool,
    /// The thread that ran it.
    pub thread: ThreadId,
}

/// A model that was compiled, or taken from the artefacts that were kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// The model.
    pub path: PathBuf,
    /// The engine.
    pub engine: &'static str,
    /// The precision asked for.
    pub precision: Precision,
    /// Whether the artefact `plan` was there already.
    pub was_kept: bool,
}

/// What exists now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Plans.
    pub plans: usize,
    /// Sessions.
    pub sessions: usize,
    /// States.
    pub states: usize,
}

#[derive(Debug, Default)]
pub(super) struct Record {
    runs: Mutex<VecDeque<Run>>,
    loads: Mutex<Vec<Load>>,
    pub(super) plans: Arc<AtomicUsize>,
    pub(super) sessions: Arc<AtomicUsize>,
    pub(super) states: Arc<AtomicUsize>,
}

/// One of the things counted, until it is dropped.
#[derive(Debug)]
pub(super) struct Counted(Arc<AtomicUsize>);

impl Record {
    pub(super) fn begin_run(
        &self,
        path: &Arc<PathBuf>,
        engine: &'static str,
        rows: usize,
        length: usize,
        has_state: bool,
    ) {
        let thread = thread::current().id();
        let mut runs = lock(&self.runs);
        if runs.len() == KEPT {
            runs.pop_front();
        }
        runs.push_back(Run { path: path.clone(), engine, rows, length, has_state, thread });
    }

    pub(super) fn add_load(&self, load: Load) {
        lock(&self.loads).push(load);
    }

    pub(super) fn runs(&self) -> Vec<Run> {
        lock(&self.runs).iter().cloned().collect()
    }

    pub(super) fn loads(&self) -> Vec<Load> {
        lock(&self.loads).clone()
    }

    pub(super) fn clear(&self) {
        lock(&self.runs).clear();
        lock(&self.loads).clear();
    }

    pub(super) fn live(&self) -> Live {
        let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        Live {
            plans: count(&self.plans),
            sessions: count(&self.sessions),
            states: count(&self.states),
        }
    }
}

impl Counted {
    pub(super) fn new(counter: &Arc<AtomicUsize>) -> Counted {
        counter.fetch_add(1, Ordering::SeqCst);
        Counted(counter.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
