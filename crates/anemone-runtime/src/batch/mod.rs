//! Dynamic batching: what waits, which of it runs together, and how it is put together and taken apart.

mod arrivals;
mod queue;
mod rows;
mod stack;

pub(crate) use arrivals::Arrivals;
pub(crate) use queue::{Full, Head, Item, Queue, Ticket};
pub(crate) use rows::choose;
pub(crate) use stack::{split, stack};
