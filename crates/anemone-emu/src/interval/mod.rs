//! Interval propagation: what every value of a function can be, for inputs of given ranges.

mod functions;
mod products;
mod propagate;
mod range;
mod rules;
mod site;
mod weights;

pub use propagate::{Forecast, OpSums, Ranges, WithoutRule, ranges, ranges_at};
pub use range::Range;
pub(crate) use site::of_tensor;
