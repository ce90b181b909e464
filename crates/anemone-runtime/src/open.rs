//! Requests that are open, and waiting until none is.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::sync::{Mutex, lock};

/// A count of open requests.
#[derive(Default)]
pub(crate) struct Open {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    count: usize,
    waiting: Vec<Waker>,
}

impl Open {
    /// A request begins.
    pub(crate) fn enter(&self) {
        lock(&self.state).count += 1;
    }

    /// A request is over.
    pub(crate) fn leave(&self) {
        let mut state = lock(&self.state);
        state.count -= 1;
        let woken = if state.count == 0 { std::mem::take(&mut state.waiting) } else { Vec::new() };
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        lock(&self.state).count
    }

    /// Waits until there is none.
    pub(crate) fn drained(&self) -> Drained<'_> {
        Drained(self)
    }
}

/// See [`Open::drained`].
pub(crate) struct Drained<'a>(&'a Open);

impl Future for Drained<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0.state);
        if state.count == 0 {
            return Poll::Ready(());
        }
        state.waiting.push(context.waker().clone());
        Poll::Pending
    }
}
