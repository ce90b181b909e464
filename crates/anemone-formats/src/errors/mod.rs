//! What can go wrong with the files of models.

mod read;
mod write;

pub use read::{BlobFault, ManifestFault, ReadError, WireFault};
pub use write::{EncodeFault, WriteError};
