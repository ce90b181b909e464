//! The Apple Neural Engine's number formats as a test engine, `ane-emu`, and what they do to a model.
//!
//! - [`Emulator`]: the CPU engine with this arithmetic. [`how`] tells in which terms an op is computed.
//! - [`Recorder`], [`Sums`]: whether sums of an op overflow never, in some order, or in every order.
//! - [`accumulator`], [`functions`], [`integers`], [`rounding`], [`table`]: the formats themselves,
//!   each with its source and what of it is inferred.
//! - [`verify`]: what all this does to a model, op by op against exact arithmetic; [`calibrate`] makes
//!   inputs where none are at hand, [`interval`] bounds values for all inputs.
//!
//! Choices: an op is computed and stored before the next one reads it, as no source tells where the
//! compiler fuses ops without rounding; sums are in the order of the index; what is not known of an
//! op is left to the CPU engine, and its result rounded. docs/numerics.md says how sure each part is.
#![forbid(unsafe_code)]

pub mod accumulator;
pub mod calibrate;
mod emulator;
pub mod functions;
pub mod integers;
pub mod interval;
mod kernels;
mod lanes;
mod matrix;
mod order;
mod record;
pub mod rounding;
pub mod table;
pub mod verify;

pub use emulator::{Emulator, NAME, Options};
pub use kernels::{How, how};
pub use record::{Recorder, Sums};
