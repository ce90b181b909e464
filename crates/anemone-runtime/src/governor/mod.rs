//! How many runs may go on at once while the machine is hot, short of memory or on battery.

mod limit;
mod policy;
mod reason;

pub use limit::{Decision, Governor};
pub use policy::{Band, BatteryCap, Policy, PolicyError};
pub use reason::{Cause, Effect, Reason};
