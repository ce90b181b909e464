//! `.mlpackage` folders and `.mlmodel` files.

#![allow(clippy::disallowed_methods, reason = "the files of models are read and written here")]

mod hash;
mod read;
mod write;

pub use hash::{Content, content};
pub use read::{read, read_bytes};
pub use write::{WriteOptions, write};
