//! A fault on its way up the tree of messages: each level adds where it is.

use std::path::Path;

use crate::errors::{BlobFault, ReadError, WireFault};

/// A fault and the path to it, innermost step first.
#[derive(Debug)]
pub(crate) struct Fault {
    cause: Cause,
    place: Vec<String>,
}

#[derive(Debug)]
enum Cause {
    Wire {
        offset: u64,
        fault: WireFault,
    },
    Weights {
        file: String,
        offset: u64,
        fault: BlobFault,
    },
    /// The message is sound, but holds what this version cannot represent.
    Unknown,
}

pub(crate) type Outcome<T> = Result<T, Fault>;

impl Fault {
    pub(crate) fn wire(offset: u64, fault: WireFault) -> Fault {
        Fault { cause: Cause::Wire { offset, fault }, place: Vec::new() }
    }

    pub(crate) fn weights(file: String, offset: u64, fault: BlobFault) -> Fault {
        Fault { cause: Cause::Weights { file, offset, fault }, place: Vec::new() }
    }

    pub(crate) fn unknown() -> Fault {
        Fault { cause: Cause::Unknown, place: Vec::new() }
    }

    /// The error for a fault in the model file `path`.
    pub(crate) fn in_file(mut self, path: &Path) -> ReadError {
        self.place.reverse();
        let (path, place) = (path.to_owned(), self.place.join("."));
        match self.cause {
            Cause::Wire { offset, fault } => ReadError::Model { path, place, offset, fault },
            Cause::Weights { file, offset, fault } => {
                ReadError::Weights { path, place, file, offset, fault }
            }
            Cause::Unknown => ReadError::NoBody { path },
        }
    }
}

/// Adding places to results.
pub(crate) trait Within<T> {
    /// Adds one step of the path to a fault.
    fn within(self, step: impl FnOnce() -> String) -> Outcome<T>;
    /// Replaces "unknown here" by a form that keeps the bytes.
    fn or_opaque(self, opaque: impl FnOnce() -> T) -> Outcome<T>;
}

impl<T> Within<T> for Outcome<T> {
    fn within(self, step: impl FnOnce() -> String) -> Outcome<T> {
        self.map_err(|mut fault| {
            fault.place.push(step());
            fault
        })
    }

    fn or_opaque(self, opaque: impl FnOnce() -> T) -> Outcome<T> {
        match self {
            Err(Fault { cause: Cause::Unknown, .. }) => Ok(opaque()),
            other => other,
        }
    }
}
