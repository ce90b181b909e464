//! Waiting for admission.

use std::pin::Pin;
use std::task::{Context, Poll};

use anemone_engine::ErrorKind;
use thiserror::Error;

use super::admission::Entry;
use super::queue::Ticket;
use super::{Capacity, Demand, Permit, Pool};
use crate::Priority;

/// Why a request was not admitted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AdmitError {
    /// More than the pool ever has: waiting for it would not end.
    #[error(
        "{} operations and {} bytes are more than the capacity of {} operations and {} bytes",
        .demand.operations, .demand.bytes, .capacity.operations, .capacity.bytes
    )]
    TooLarge {
        /// What is wanted.
        demand: Demand,
        /// What there is.
        capacity: Capacity,
    },
    /// As many wait as may.
    #[error("{waiting} requests wait already")]
    QueueFull {
        /// Those who wait.
        waiting: usize,
    },
    /// The pool is closed.
    #[error("no more requests are admitted: the pool is closed")]
    Closed,
}

impl AdmitError {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            AdmitError::TooLarge { .. } | AdmitError::QueueFull { .. } => ErrorKind::Exhausted,
            AdmitError::Closed => ErrorKind::Unavailable,
        }
    }
}

/// A request for admission, which takes its place in the queue when it is first polled. It knows no
/// clock: whoever drops it gives its place away, and also what it was granted and did not see yet.
/// Once it answered, it is pending for ever.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is polled"]
pub struct Admit {
    /// `None` once it answered.
    pool: Option<Pool>,
    demand: Demand,
    priority: Priority,
    /// Its place in the queue, if it has one.
    ticket: Option<Ticket>,
}

impl Admit {
    pub(super) fn new(pool: Pool, demand: Demand, priority: Priority) -> Admit {
        Admit { pool: Some(pool), demand, priority, ticket: None }
    }
}

impl Future for Admit {
    type Output = Result<Permit, AdmitError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Admit { pool, demand, priority, ticket } = &mut *self;
        let Some(Pool { inner }) = pool else {
            return Poll::Pending;
        };
        let answer = match *ticket {
            None => match inner.enter(*demand, *priority, context.waker()) {
                Ok(Entry::Admitted) => Ok(()),
                Ok(Entry::Waiting(place)) => {
                    *ticket = Some(place);
                    return Poll::Pending;
                }
                Err(error) => Err(error),
            },
            Some(ticket) => match inner.collect(ticket, context.waker()) {
                Poll::Ready(answer) => answer,
                Poll::Pending => return Poll::Pending,
            },
        };
        match pool.take() {
            Some(pool) => Poll::Ready(answer.map(|()| Permit::new(pool, *demand))),
            None => Poll::Pending,
        }
    }
}

impl Drop for Admit {
    fn drop(&mut self) {
        if let (Some(pool), Some(ticket)) = (&self.pool, self.ticket) {
            pool.inner.cancel(ticket, self.demand);
        }
    }
}
