//! The Apple Neural Engine before the device: where each op of a model would run on a chip, why, and at what
//! cost; and what of it the engine's limits break. Nothing here runs a model, and nothing was measured here.
//!
//! - [`forecast`]: a pure function from a checked program, a [`Target`] and [`Shapes`] to a [`Report`].
//! - [`data`]: the tables of ops, chips and published estimates, with their sources.
//! - [`rules`]: one arm for each op: its condition, or why it never runs on the engine.
//! - [`lints`]: what is likely to go wrong, and what a repair needs to know.
//! - [`flops`]: floating-point operations of a function.
//!
//! Choices: facts are data, conditions are code. Every statement carries its evidence class and source. Places
//! follow Core ML's own segmenter as it was recovered on an M4; each class of op has one formula for its time,
//! with constants fitted to published estimates, and there is no lookup by shape. What no source gives is left out.
#![forbid(unsafe_code)]

pub mod cost;
pub mod data;
mod eight_bit;
pub mod evidence;
pub mod flops;
mod forecast;
pub mod lints;
mod model;
mod report;
pub mod rules;
pub mod segment;
mod states;
mod stay;
mod target;
mod whole;

pub use evidence::{Class, Confidence, Evidence};
pub use forecast::forecast;
pub use model::{Assumed, ForecastError, Model, Shapes};
pub use report::{Advice, OpReport, Range, Report, Segment, Transfer};
pub use segment::Place;
pub use target::{Os, Target, UnknownChip, UnknownOs};
