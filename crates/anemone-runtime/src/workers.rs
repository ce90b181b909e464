//! Threads that run models: few, started when there is work, gone at the end.
//!
//! Tasks wait without a thread. Only runs and compilations hold one, and no more of them are at work
//! than the pool admits; a thread that is stuck in a run is replaced.

use std::collections::VecDeque;
use std::future::Future;
use std::time::{Duration, Instant};

use async_task::Runnable;

use crate::sync::thread::{self, JoinHandle};
use crate::sync::{Arc, Condvar, Mutex, lock};

/// A set of threads; who clones it shares them.
#[derive(Clone)]
pub(crate) struct Workers(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    ended: Condvar,
}

struct State {
    tasks: VecDeque<Runnable>,
    threads: Vec<JoinHandle<()>>,
    started: usize,
    alive: usize,
    idle: usize,
    most: usize,
    is_closed: bool,
    /// Whether the system gave no thread when one was last asked for.
    is_refused: bool,
}

impl Workers {
    /// At most so many threads.
    pub(crate) fn new(most: usize) -> Workers {
        let state = State {
            tasks: VecDeque::new(),
            threads: Vec::new(),
            started: 0,
            alive: 0,
            idle: 0,
            most: most.max(1),
            is_closed: false,
            is_refused: false,
        };
        Workers(Arc::new(Shared {
            state: Mutex::new(state),
            work: Condvar::new(),
            ended: Condvar::new(),
        }))
    }

    /// Runs a future to its end on these threads. It is dropped where they end before.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        let workers = self.clone();
        let schedule = move |runnable| workers.push(runnable);
        let (runnable, task) = async_task::spawn(future, schedule);
        task.detach();
        runnable.schedule();
    }

    /// Lets one more thread start, in the place of one that is stuck.
    pub(crate) fn replace_one(&self) {
        let mut state = lock(&self.0.state);
        state.most += 1;
        self.start_if_needed(&mut state);
    }

    /// A thread that was stuck is back.
    pub(crate) fn retire_one(&self) {
        lock(&self.0.state).most -= 1;
    }

    /// Threads that there can be, and that there should be. Fewer can where the system gives none.
    pub(crate) fn alive(&self) -> (usize, usize) {
        let state = lock(&self.0.state);
        (if state.is_refused { state.alive } else { state.most }, state.most)
    }

    /// Ends the threads once they are done with what they do, and waits for them until `deadline`.
    /// What has not begun is dropped. How many are stuck and were left behind.
    pub(crate) fn close(&self, deadline: Option<Instant>) -> usize {
        let mut state = lock(&self.0.state);
        state.is_closed = true;
        let dropped = std::mem::take(&mut state.tasks);
        self.0.work.notify_all();
        drop(state);
        // A dropped task may wake others, which takes the lock.
        drop(dropped);
        let own = thread::current().id();
        let mut state = lock(&self.0.state);
        let is_one = state.threads.iter().any(|handle| handle.thread().id() == own);
        while state.alive > usize::from(is_one) {
            let Some(deadline) = deadline else {
                state = self.0.ended.wait(state).unwrap_or_else(|broken| broken.into_inner());
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                break;
            }
            let waited = self.0.ended.wait_timeout(state, left);
            state = waited.unwrap_or_else(|broken| broken.into_inner()).0;
        }
        let stuck = state.alive - usize::from(is_one);
        let threads = std::mem::take(&mut state.threads);
        drop(state);
        if stuck == 0 {
            for handle in threads.into_iter().filter(|handle| handle.thread().id() != own) {
                // A task's panic was caught; the thread itself has none.
                drop(handle.join());
            }
        }
        stuck
    }

    fn push(&self, runnable: Runnable) {
        let mut state = lock(&self.0.state);
        if state.is_closed {
            drop(state);
            // Dropping it drops its future.
            drop(runnable);
            return;
        }
        state.tasks.push_back(runnable);
        if state.tasks.len() <= state.idle {
            // Who is woken finds the lock free.
            drop(state);
            self.0.work.notify_one();
        } else {
            self.start_if_needed(&mut state);
        }
    }

    fn start_if_needed(&self, state: &mut State) {
        if state.alive >= state.most || state.tasks.len() <= state.idle {
            return;
        }
        state.started += 1;
        let shared = self.0.clone();
        let name = format!("anemone-run-{}", state.started);
        match thread::Builder::new().name(name).spawn(move || work(&shared)) {
            Ok(handle) => {
                state.alive += 1;
                state.threads.push(handle);
                state.is_refused = false;
            }
            // The others will come to it; where there is none, the next push tries again.
            Err(error) => {
                state.is_refused = true;
                tracing::error!(%error, "cannot start a thread");
            }
        }
    }
}

/// The life of a thread.
fn work(shared: &Shared) {
    let mut state = lock(&shared.state);
    loop {
        if let Some(task) = state.tasks.pop_front() {
            drop(state);
            let run = std::panic::AssertUnwindSafe(|| task.run());
            if std::panic::catch_unwind(run).is_err() {
                tracing::error!("a task of the manager panicked");
            }
            state = lock(&shared.state);
        } else if state.is_closed || state.alive > state.most {
            break;
        } else {
            state.idle += 1;
            state = shared.work.wait(state).unwrap_or_else(|broken| broken.into_inner());
            state.idle -= 1;
        }
    }
    state.alive -= 1;
    shared.ended.notify_all();
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_task_that_panics_does_not_end_its_thread() {
        let workers = Workers::new(1);
        let (sender, receiver) = channel();
        workers.spawn(async { panic!("planted") });
        workers.spawn(async move { sender.send(7).unwrap() });
        assert_eq!(receiver.recv(), Ok(7));
        assert_eq!(workers.close(None), 0);
    }

    #[test]
    fn what_comes_after_the_end_is_dropped() {
        let workers = Workers::new(2);
        workers.close(None);
        let (sender, receiver) = channel::<()>();
        workers.spawn(async move { sender.send(()).unwrap() });
        assert!(receiver.recv().is_err());
    }

    #[test]
    fn a_stuck_thread_can_be_replaced() {
        let workers = Workers::new(1);
        let (release, stuck) = channel::<()>();
        let (sender, receiver) = channel();
        workers.spawn(async move {
            let _ = stuck.recv();
        });
        workers.spawn(async move { sender.send(7).unwrap() });
        workers.replace_one();
        assert_eq!(receiver.recv(), Ok(7));
        drop(release);
        workers.retire_one();
        assert_eq!(workers.close(None), 0);
    }
}
