//! The Apple Neural Engine's number formats as a test engine, `ane-emu`, and what they do to a model.
#![forbid(unsafe_code)]

pub mod accumulator;
mod emulator;
pub mod functions;
pub mod integers;
mod kernels;
mod lanes;
mod matrix;
mod record;
pub mod rounding;
pub mod table;

pub use emulator::{Emulator, NAME, Options};
pub use kernels::{How, how};
pub use record::{Recorder, Sums};
