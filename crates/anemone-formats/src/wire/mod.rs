//! Protobuf's wire format without generated code: nothing is lost, nothing is trusted.

mod read;
mod slot;
mod write;

pub(crate) use read::{View, Wire};
pub(crate) use slot::{OneOf, Slot};
pub(crate) use write::Writer;
