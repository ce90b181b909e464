//! One thread for all time limits, and futures that end by one.
//!
//! Time is not modelled when interleavings are tried, so this is the standard library's sync.

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use anemone_engine::ErrorKind;
use thiserror::Error;

/// A clock that wakes those who wait. Clones are the same clock. Its thread starts when somebody
/// first waits, and ends with the last clone and the last [`Sleep`].
#[derive(Clone, Default)]
pub struct Timer {
    handle: Arc<Handle>,
}

/// The future of [`Timer::sleep_until`]. One that is dropped leaves nothing behind.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is polled"]
pub struct Sleep {
    timer: Timer,
    deadline: Instant,
    /// Its number among the sleepers, if it is one.
    number: Option<u64>,
}

/// The timer's thread could not be started.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("cannot start the timer's thread: {0}")]
pub struct TimerError(String);

/// Why a future had no answer [`within`] its time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LimitError {
    /// The time passed.
    #[error("the time limit passed")]
    Elapsed,
    /// Nobody would have said when it passed.
    #[error(transparent)]
    Timer(#[from] TimerError),
}

impl TimerError {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Exhausted
    }
}

impl LimitError {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            LimitError::Elapsed => ErrorKind::TimedOut,
            LimitError::Timer(error) => error.kind(),
        }
    }
}

impl Timer {
    /// A future that is ready at `deadline`. If it has to wait and there is no thread that could
    /// wake it, it is ready with an error; whoever comes later tries again to start one.
    pub fn sleep_until(&self, deadline: Instant) -> Sleep {
        Sleep { timer: self.clone(), deadline, number: None }
    }

    /// From now on there is a thread only while somebody sleeps.
    pub(crate) fn rest(&self) {
        self.handle.shared.lock().rests = true;
        self.handle.shared.changed.notify_one();
    }
}

/// What `future` answers, if that is before `deadline`. The future is polled first, so an answer that
/// is there wins; it is dropped when its time has passed.
pub fn within<F: Future>(
    timer: &Timer,
    deadline: Option<Instant>,
    future: F,
) -> impl Future<Output = Result<F::Output, LimitError>> + use<F> {
    let mut sleep = deadline.map(|deadline| timer.sleep_until(deadline));
    async move {
        let mut future = pin!(future);
        std::future::poll_fn(|context| {
            if let Poll::Ready(answer) = future.as_mut().poll(context) {
                return Poll::Ready(Ok(answer));
            }
            match &mut sleep {
                Some(sleep) => Pin::new(sleep).poll(context).map(|over| {
                    over?;
                    Err(LimitError::Elapsed)
                }),
                None => Poll::Pending,
            }
        })
        .await
    }
}

impl Future for Sleep {
    type Output = Result<(), TimerError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let shared = &self.timer.handle.shared;
        match self.number {
            Some(number) => shared.check((self.deadline, number), context.waker()).map(Ok),
            None if self.deadline <= Instant::now() => Poll::Ready(Ok(())),
            None => match shared.register(self.deadline, context.waker()) {
                Ok(number) => {
                    self.number = Some(number);
                    Poll::Pending
                }
                Err(error) => Poll::Ready(Err(error)),
            },
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            // The lock is gone when the waker is dropped.
            let waker = self.timer.handle.shared.lock().sleepers.remove(&(self.deadline, number));
            drop(waker);
        }
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Timer").finish_non_exhaustive()
    }
}

/// What timers and sleeps hold, and the thread does not: it ends with the last of them.
#[derive(Default)]
struct Handle {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// By deadline, and by number among equals.
    sleepers: BTreeMap<(Instant, u64), Waker>,
    next_number: u64,
    /// When the thread looks at the sleepers again by itself; `None` for never.
    awake_at: Option<Instant>,
    thread: Option<JoinHandle<()>>,
    /// Whether the thread ends when nobody sleeps.
    rests: bool,
    ended: bool,
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Not joined: this may be the thread itself, in a waker, or hold what a waker waits for.
        self.shared.lock().ended = true;
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(self: &Arc<Self>, deadline: Instant, waker: &Waker) -> Result<u64, TimerError> {
        let waker = waker.clone();
        let mut state = self.lock();
        if state.thread.is_none() {
            let shared = self.clone();
            let thread = thread::Builder::new()
                .name("anemone-timer".to_owned())
                .spawn(move || shared.run())
                .map_err(|error| TimerError(error.to_string()))?;
            state.thread = Some(thread);
        }
        let number = state.next_number;
        state.next_number += 1;
        state.sleepers.insert((deadline, number), waker);
        if state.awake_at.is_none_or(|at| deadline < at) {
            state.awake_at = Some(deadline);
            self.changed.notify_one();
        }
        Ok(number)
    }

    fn check(&self, key: (Instant, u64), waker: &Waker) -> Poll<()> {
        // Cloned here, and the former one dropped here, as neither may be under the lock.
        let mut waker = waker.clone();
        match self.lock().sleepers.get_mut(&key) {
            Some(former) => {
                mem::swap(former, &mut waker);
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }

    /// The thread.
    fn run(&self) {
        let mut state = self.lock();
        while !state.ended {
            let now = Instant::now();
            // Whoever registers from here on need not call: the sleepers are looked at below.
            state.awake_at = Some(now);
            let mut due = Vec::new();
            while let Some(first) = state.sleepers.first_entry()
                && first.key().0 <= now
            {
                due.push(first.remove());
            }
            if !due.is_empty() {
                drop(state);
                for waker in due {
                    // One that panics must not keep the others asleep.
                    drop(catch_unwind(AssertUnwindSafe(|| waker.wake())));
                }
                state = self.lock();
                continue;
            }
            if state.rests && state.sleepers.is_empty() {
                break;
            }
            state.awake_at = state.sleepers.first_key_value().map(|(&(deadline, _), _)| deadline);
            state = match state.awake_at {
                Some(deadline) => {
                    let rest = deadline.saturating_duration_since(now);
                    let waited = self.changed.wait_timeout(state, rest);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        // Who sleeps next starts another.
        (state.thread, state.awake_at) = (None, None);
    }
}

#[cfg(test)]
mod tests;
