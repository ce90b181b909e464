//! One request from its caller to a run and back: the caller may leave at any time, the result goes to
//! nobody else.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use anemone_engine::{Cancel, Receipt, State, Value};

use crate::Error;
use crate::quarantine::Pass;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Arc, Mutex, lock};

/// What is to be run.
pub(crate) struct Work {
    pub(crate) inputs: Vec<Value>,
    /// The conversation's state, which comes back with the answer.
    pub(crate) state: Option<Box<dyn State>>,
    /// Whether outputs that are not finite are an error.
    pub(crate) rejects_non_finite: bool,
    /// Whether how it ends tells something of the model to others.
    pub(crate) is_judged: bool,
    /// The leave to run, which learns how the run ended.
    pub(crate) pass: Pass,
}

/// What a run gave one caller.
pub(crate) struct Answer {
    pub(crate) outputs: Vec<Value>,
    pub(crate) state: Option<Box<dyn State>>,
    pub(crate) receipt: Receipt,
    /// From the request to the start of its run.
    pub(crate) queued: Duration,
    /// Rows that ran together, those that only fill up included.
    pub(crate) batch_rows: usize,
    /// Why it did not run where it was first meant to.
    pub(crate) fallback_reason: Option<String>,
}

/// A failed request, with the state if the run has not touched it.
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) state: Option<Box<dyn State>>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { error, state: None }
    }
}

/// A run and those who wait for it.
pub(crate) struct Run {
    pub(crate) cancel: Cancel,
    interested: AtomicUsize,
    /// When nobody was interested any more.
    abandoned: Mutex<Option<Instant>>,
}

impl Run {
    pub(crate) fn new(callers: usize) -> Arc<Run> {
        Arc::new(Run {
            cancel: Cancel::default(),
            interested: AtomicUsize::new(callers),
            abandoned: Mutex::new(None),
        })
    }

    /// Asks the run to stop, whoever waits for it.
    pub(crate) fn stop(&self) {
        self.cancel.cancel();
        lock(&self.abandoned).get_or_insert_with(Instant::now);
    }

    /// When the run was asked to stop.
    pub(crate) fn stopped_at(&self) -> Option<Instant> {
        *lock(&self.abandoned)
    }

    /// One caller less.
    pub(crate) fn leave(&self) {
        if self.interested.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.stop();
        }
    }
}

/// One request.
pub(crate) struct Call {
    inner: Mutex<Inner>,
}

/// An answer that is owed to a caller. One that is dropped without an answer gives an error: its task
/// panicked, or was dropped at the manager's end.
pub(crate) struct Promise(Arc<Call>);

struct Inner {
    stage: Stage,
    waker: Option<Waker>,
}

enum Stage {
    Queued(Work),
    Running(Arc<Run>),
    Done(Ended),
    /// The caller has the answer, or is gone.
    Over,
}

/// How a request's stay with a version ended.
pub(crate) enum Ended {
    /// With its result.
    Answered(Result<Answer, Failure>),
    /// The version was evicted before it ran; here is what it would have run.
    SentBack(Work),
}

/// Where a caller left its request.
pub(crate) enum Left {
    /// In the queue; here is what it would have run.
    Queued(Work),
    /// In a run, which goes on for the others or stops.
    Running,
    /// The answer was there already, or taken.
    Over(Option<Box<dyn State>>),
}

impl Call {
    pub(crate) fn new(work: Work) -> Arc<Call> {
        Arc::new(Call { inner: Mutex::new(Inner { stage: Stage::Queued(work), waker: None }) })
    }

    /// Takes the work out for `run`; nothing if the caller is gone.
    fn begin(&self, run: &Arc<Run>) -> Option<Work> {
        let mut inner = lock(&self.inner);
        match mem::replace(&mut inner.stage, Stage::Running(run.clone())) {
            Stage::Queued(work) => Some(work),
            other => {
                inner.stage = other;
                None
            }
        }
    }

    /// Gives the caller its result, if it still waits.
    pub(crate) fn finish(&self, mut result: Result<Answer, Failure>) {
        let mut inner = lock(&self.inner);
        let before = match mem::replace(&mut inner.stage, Stage::Over) {
            Stage::Queued(mut work) => {
                // No run has touched it.
                if let Err(failure) = &mut result {
                    failure.state = work.state.take();
                }
                Some(Stage::Queued(work))
            }
            Stage::Running(run) => Some(Stage::Running(run)),
            over @ (Stage::Done(_) | Stage::Over) => {
                inner.stage = over;
                None
            }
        };
        let Some(before) = before else {
            drop(inner);
            return drop(result);
        };
        inner.stage = Stage::Done(Ended::Answered(result));
        let waker = inner.waker.take();
        drop(inner);
        waker.into_iter().for_each(Waker::wake);
        // What was queued is dropped outside the lock.
        drop(before);
    }

    /// Gives the caller its work back, if no run has begun it.
    fn send_back(&self) {
        let mut inner = lock(&self.inner);
        match mem::replace(&mut inner.stage, Stage::Over) {
            Stage::Queued(work) => inner.stage = Stage::Done(Ended::SentBack(work)),
            other => inner.stage = other,
        }
        let waker = inner.waker.take();
        drop(inner);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Whether there is an answer, or nobody who waits for it.
    fn is_over(&self) -> bool {
        matches!(lock(&self.inner).stage, Stage::Done(_) | Stage::Over)
    }

    /// Whether the run has begun.
    pub(crate) fn is_running(&self) -> bool {
        matches!(lock(&self.inner).stage, Stage::Running(_))
    }

    /// The caller goes.
    pub(crate) fn leave(&self) -> Left {
        let mut inner = lock(&self.inner);
        inner.waker = None;
        let before = mem::replace(&mut inner.stage, Stage::Over);
        drop(inner);
        match before {
            Stage::Queued(work) => Left::Queued(work),
            Stage::Running(run) => {
                run.leave();
                Left::Running
            }
            Stage::Done(Ended::Answered(Ok(answer))) => Left::Over(answer.state),
            Stage::Done(Ended::Answered(Err(failure))) => Left::Over(failure.state),
            Stage::Done(Ended::SentBack(work)) => Left::Over(work.state),
            Stage::Over => Left::Over(None),
        }
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Ended> {
        let mut inner = lock(&self.inner);
        match mem::replace(&mut inner.stage, Stage::Over) {
            Stage::Done(ended) => Poll::Ready(ended),
            before => {
                inner.stage = before;
                match &mut inner.waker {
                    Some(waker) => waker.clone_from(context.waker()),
                    none => *none = Some(context.waker().clone()),
                }
                Poll::Pending
            }
        }
    }
}

impl Promise {
    /// The answer to this call.
    pub(crate) fn of(call: &Arc<Call>) -> Promise {
        Promise(call.clone())
    }

    /// The call, for those who may have to answer in its place.
    pub(crate) fn call(&self) -> &Arc<Call> {
        &self.0
    }

    /// Takes the work out for `run`; nothing if the caller is gone.
    pub(crate) fn begin(&self, run: &Arc<Run>) -> Option<Work> {
        self.0.begin(run)
    }

    /// Gives the caller its result, if it still waits.
    pub(crate) fn answer(&self, result: Result<Answer, Failure>) {
        self.0.finish(result);
    }

    /// Lets the caller ask again, as this version is evicted.
    pub(crate) fn send_back(self) {
        self.0.send_back();
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if self.0.is_over() {
            return;
        }
        let error = match std::thread::panicking() {
            true => Error::Internal { what: "a task of the manager panicked".to_owned() },
            false => Error::closing(),
        };
        self.0.finish(Err(Failure::from(error)));
    }
}

/// The caller's end of a call.
pub(crate) struct Wait<'a>(pub(crate) &'a Call);

impl Future for Wait<'_> {
    type Output = Ended;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context)
    }
}
