//! Core ML models as files: `.mlpackage` folders, `.mlmodel` files and their weights.
//!
//! - [`read`]: a path to an [`anemone_ir::Package`], every weight checked and mapped.
//! - [`write()`]: a package to a path, where nothing is left half-written.
//! - [`WeightFile`]: blobs of a weight file by the offset of their metadata.
//! - [`FolderWeights`]: the same for a whole package, by the files' names.
//! - [`content`]: what tells one model from any other, and how large it is.
//! - [`ReadError`]: what is wrong, where, and apart from it what may help.
//!
//! Choices: protobuf is parsed by hand, one level at a time, so that unknown fields survive and
//! weights are never copied; every size is checked against the bytes that are there before
//! anything is allocated; a message with a part that the IR cannot hold is kept whole.

#![forbid(unsafe_code)]

mod blob;
mod errors;
mod fault;
mod manifest;
mod mlpackage;
mod numbers;
mod paths;
mod read;
mod weights;
mod wire;
mod write;

pub use blob::{Layout, WeightFile};
pub use errors::{BlobFault, EncodeFault, ManifestFault, ReadError, WireFault, WriteError};
pub use mlpackage::{Content, WriteOptions, content, read, read_bytes, write};
pub use weights::FolderWeights;
