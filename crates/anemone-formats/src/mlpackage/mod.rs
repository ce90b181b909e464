//! `.mlpackage` folders and `.mlmodel` files.

mod read;

pub use read::read;
