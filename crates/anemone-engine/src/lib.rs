//! The traits between engines and everything above them.
//!
//! - [`Engine`] compiles a checked program into a [`Plan`]; the plan is immutable and shared.
//! - [`Session`]: one caller's working memory. [`State`]: one conversation's state tensors.
//! - [`Value`]: what goes in and comes out. [`RunContext`] goes with a run, [`Receipt`] comes back.
//!
//! Choices: values are positional, in the order of the plan's [`Signature`], so that a run looks up
//! no names; state is apart from the session, so that many conversations share few arenas;
//! engines are synchronous.
#![forbid(unsafe_code)]

mod device;
mod engine;
mod error;
mod plan;
mod run;
mod value;

pub use device::Device;
pub use engine::{CompileOptions, Engine, Precision, Reason, Rounding, Source};
pub use error::{CompileError, ErrorKind, Refusal, RunError};
pub use plan::{MemoryEstimate, Plan, Port, Session, Signature, State};
pub use run::{Cancel, Observer, OutputBuffer, OutputMemory, Receipt, RunContext};
pub use value::{Array, ArrayError, Dictionary, Image, Keys, Memory, PixelLayout, Value};
