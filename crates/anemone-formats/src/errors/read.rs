//! Why a model could not be read, with the place in the file and what may help.

use std::io;
use std::path::PathBuf;

use anemone_tensor::{DataType, MapError};
use thiserror::Error;

/// Why a model could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is nothing at the path.
    #[error("`{path}` does not exist", path = path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot read `{path}`", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// The folder holds a compiled model, which has no program in a public form.
    #[error("`{path}` is a compiled model", path = path.display())]
    Compiled {
        /// The folder.
        path: PathBuf,
    },
    /// The folder is no package.
    #[error("`{path}` has no `Manifest.json`, so it is not a model package", path = path.display())]
    NotAPackage {
        /// The folder.
        path: PathBuf,
    },
    /// The manifest is broken.
    #[error("`{path}`: {fault}", path = path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        fault: ManifestFault,
    },
    /// The model file is not the protobuf message that it should be.
    #[error("`{path}`: {fault} at byte {offset}{}", within(place), path = path.display())]
    Model {
        /// The model file.
        path: PathBuf,
        /// Where in the tree of messages; empty at its root.
        place: String,
        /// Where in the file.
        offset: u64,
        /// What is wrong.
        fault: WireFault,
    },
    /// A literal refers to bytes of a weight file that are not there or not what it says.
    #[error("`{path}`: weights `{file}` at offset {offset}: {fault}{}", within(place), path = path.display())]
    Weights {
        /// The model file.
        path: PathBuf,
        /// The literal, as its place in the tree of messages.
        place: String,
        /// The weight file as the literal names it.
        file: String,
        /// The offset of the blob's metadata.
        offset: u64,
        /// What is wrong.
        fault: BlobFault,
    },
    /// The model file holds no kind of model that this version knows.
    #[error("`{path}` holds no kind of model that is known here", path = path.display())]
    NoBody {
        /// The model file.
        path: PathBuf,
    },
    /// A file or folder is larger than any real one.
    #[error("`{path}` has {size} {unit}, more than the {limit} that are read", path = path.display())]
    TooLarge {
        /// The file or folder.
        path: PathBuf,
        /// How much there is.
        size: u64,
        /// Of what.
        unit: &'static str,
        /// How much is read.
        limit: u64,
    },
}

/// What is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ManifestFault {
    /// It is not JSON.
    #[error("not valid JSON: {reason}")]
    Syntax {
        /// The parser's reason.
        reason: String,
    },
    /// A key is missing or its value has the wrong type.
    #[error("`{key}` is missing or of the wrong type")]
    Key {
        /// The key.
        key: String,
    },
    /// The root model's identifier is not among the items.
    #[error("the root model `{identifier}` is not among the items")]
    NoRoot {
        /// The identifier.
        identifier: String,
    },
    /// An item's path leaves the package.
    #[error("item path `{item}` leaves the package")]
    Outside {
        /// The path.
        item: String,
    },
    /// An item's file or folder is not there.
    #[error("item `{item}` is not in the package")]
    NoFile {
        /// The path.
        item: String,
    },
}

/// What is wrong with a protobuf message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WireFault {
    /// The message ends within a field.
    #[error("truncated: a field needs {needed} bytes and {left} are left")]
    Truncated {
        /// Bytes that the field needs.
        needed: u64,
        /// Bytes that are there.
        left: u64,
    },
    /// A variable-length integer has no end within ten bytes.
    #[error("corrupt: an integer is longer than ten bytes")]
    Varint,
    /// A field has no valid number or type.
    #[error("corrupt: {key:#x} is no field key")]
    Key {
        /// The encoded key.
        key: u64,
    },
    /// A group ends that did not begin, or the other way round.
    #[error("corrupt: unbalanced group")]
    Group,
    /// Text is not UTF-8.
    #[error("corrupt: text is not UTF-8")]
    Utf8,
    /// Messages are nested too deeply.
    #[error("nested more than {limit} levels deep")]
    TooDeep {
        /// The limit.
        limit: u32,
    },
    /// There are too many messages.
    #[error("more than {limit} messages")]
    TooMany {
        /// The limit.
        limit: u32,
    },
}

/// What is wrong with a blob of a weight file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BlobFault {
    /// The file is not there or cannot be mapped.
    #[error("the file cannot be opened: {reason}")]
    NoFile {
        /// The operating system's reason.
        reason: String,
    },
    /// The file's name leaves the package.
    #[error("the file's name leaves the package")]
    Outside,
    /// The file has no header that is known.
    #[error("unknown storage version {version}")]
    Version {
        /// The version that the header gives.
        version: u32,
    },
    /// An offset is not a multiple of 64.
    #[error("offset {offset} is not a multiple of 64")]
    Unaligned {
        /// The offset.
        offset: u64,
    },
    /// A range ends behind the file.
    #[error("bytes {start}..{end} are beyond the file's {len}")]
    Beyond {
        /// The first byte.
        start: u64,
        /// The byte behind the last.
        end: u64,
        /// The file's length.
        len: u64,
    },
    /// There is no metadata at the offset.
    #[error("no blob begins here (sentinel {found:#x})")]
    Sentinel {
        /// What stands in its place.
        found: u32,
    },
    /// The blob's element type is not the declared one.
    #[error("the blob has elements of {found}, declared is {declared}")]
    Type {
        /// The literal's element type.
        declared: DataType,
        /// The blob's.
        found: String,
    },
    /// The blob's size does not follow from the declared type.
    #[error("the blob has {found} bits, the declared shape needs {needed}")]
    Size {
        /// Bits that the literal's type needs.
        needed: u64,
        /// Bits that are there.
        found: u64,
    },
    /// A weight file cannot hold elements of this type.
    #[error("a weight file cannot hold {dtype}")]
    Unstorable {
        /// The literal's element type.
        dtype: DataType,
    },
    /// The literal is not a tensor of known shape.
    #[error("the declared type is no tensor of known shape and element type")]
    Untyped,
}

impl ReadError {
    /// What may help.
    pub fn hint(&self) -> Option<&str> {
        match self {
            ReadError::Missing { .. } | ReadError::Io { .. } => None,
            ReadError::Compiled { .. } => {
                Some("give the source `.mlpackage` or `.mlmodel` that it was compiled from")
            }
            ReadError::NotAPackage { .. } => {
                Some("give a `.mlpackage` folder, or the `.mlmodel` file itself")
            }
            ReadError::Manifest { .. } => Some("copy or export the package again"),
            ReadError::Model { fault: WireFault::TooDeep { .. }, .. } => None,
            ReadError::Model { fault: WireFault::TooMany { .. }, .. } => None,
            ReadError::Model { .. } => {
                Some("the file is damaged or not a Core ML model; copy or export it again")
            }
            ReadError::Weights { fault: BlobFault::NoFile { .. }, .. } => {
                Some("keep the package's folder whole: the weights lie beside the model file")
            }
            ReadError::Weights { .. } => {
                Some("the model file and its weights do not belong together; export them again")
            }
            ReadError::NoBody { .. } => {
                Some("the file is not a Core ML model, or a newer version made it")
            }
            ReadError::TooLarge { .. } => None,
        }
    }
}

impl From<MapError> for ReadError {
    fn from(error: MapError) -> ReadError {
        let reason = error.to_string();
        match error {
            MapError::Io { path, source } if source.kind() == io::ErrorKind::NotFound => {
                ReadError::Missing { path }
            }
            MapError::Io { path, source } => ReadError::Io { path, source },
            MapError::Shrank { path, .. } => {
                ReadError::Io { path, source: io::Error::other(reason) }
            }
            _ => ReadError::Io { path: PathBuf::new(), source: io::Error::other(reason) },
        }
    }
}

fn within(place: &str) -> String {
    if place.is_empty() { String::new() } else { format!(", in {place}") }
}
