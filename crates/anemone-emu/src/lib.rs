//! The Apple Neural Engine's number formats as a test engine, `ane-emu`, and what they do to a model.
#![forbid(unsafe_code)]

pub mod accumulator;
pub mod functions;
pub mod integers;
mod matrix;
mod record;
pub mod rounding;
pub mod table;

pub use record::{Recorder, Sums};
