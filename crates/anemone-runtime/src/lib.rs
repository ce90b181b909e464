//! Keeps models loaded and runs them for callers.
//!
//! - [`Runtime`]: loads models through a [`Loader`], which the façade implements.
//! - [`Model`]: runs one, blocking or async; shared by all callers.
//!
//! Choices: this crate sees plans, never files or programs; it needs no particular async executor.
#![forbid(unsafe_code)]

mod loader;
mod model;
mod worker;

pub use loader::{LoadError, Loaded, Loader};
pub use model::{Inference, Model, Runtime};
