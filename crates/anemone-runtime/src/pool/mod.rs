//! Admission: who may run now, by operations in flight and by bytes of memory.
//!
//! What is free is one atomic word, which is all that is touched while nobody waits. A waiter, a
//! limit below what is in use, or the end of the pool sets a bit in it; from then on it changes under
//! a lock only. Whatever changes under the lock ends with nobody waiting who could be let in.

mod admission;
mod admit;
mod amount;
mod permit;
mod queue;
mod statistics;

pub use admission::Pool;
pub use admit::{Admit, AdmitError};
pub use amount::{Capacity, Demand};
pub use permit::Permit;
pub use queue::STARVED;
pub use statistics::{PoolStatistics, Refusals};
