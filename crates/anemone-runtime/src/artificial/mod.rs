//! An engine with next to no arithmetic, for tests and benchmarks of all that stands above engines:
//! its cost is chosen, its runs can be held, its faults come when they are asked for, and who got
//! whose rows shows in its outputs.
//!
//! - [`Artificial`]: a world of such engines and models; it is their [`Loader`](crate::Loader).
//! - [`ArtificialModel`]: shapes, cost and memory of a model; it tells what a request alone gives.
//! - [`Gate`]: where runs and loads wait until the test lets them through.
//! - [`Fault`] and [`When`]: what goes wrong, and when.
//! - [`Run`], [`Load`] and [`Live`]: what was done, and what is there still.
//!
//! With the feature `shuttle` gates and records are those of the tool, so runs may wait at gates
//! within its threads. Deadlines and the cost that is spent on the clock are not for it: its time
//! stands still.

mod arithmetic;
mod cost;
mod fault;
mod gate;
mod model;
mod plan;
mod record;
mod schedule;
mod state;
mod world;

#[cfg(test)]
mod tests;

pub use cost::{Cost, Spend};
pub use fault::{Fault, When};
pub use gate::Gate;
pub use model::{ArtificialMemory, ArtificialModel, Size};
pub use record::{Live, Load, Run};
pub use world::{Artificial, ArtificialEngine};
