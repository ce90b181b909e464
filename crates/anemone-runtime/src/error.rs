//! Why a request to the manager failed: one variant for each cause.

use std::time::Duration;

use anemone_engine::{ErrorKind, Precision, RunError};
use thiserror::Error;

use crate::batch::Full;
use crate::metrics::Cause;
use crate::{AdmitError, BufferError, LoadError};

/// Why a request failed. A request of a batch that fails takes the same error to each caller.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// It cannot be served now: the manager closes, or the model is in quarantine.
    #[error("`{what}` is unavailable: {reason}")]
    Unavailable {
        /// The model or device.
        what: String,
        /// Why.
        reason: String,
        /// After how long it may be worth another try.
        retry_after: Option<Duration>,
    },
    /// No model of that name and version is loaded, or there is no such file.
    #[error("there is no model `{model}`{}", .source.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    ModelNotFound {
        /// Its name, and its version where one was asked for.
        model: String,
        /// What the loader said, where it looked for a file.
        source: Option<LoadError>,
    },
    /// The model's file is not what it should be.
    #[error("model `{model}` cannot be read: {source}")]
    InvalidFormat {
        /// The model.
        model: String,
        /// What is wrong.
        source: LoadError,
    },
    /// The engine cannot compile the model.
    #[error("model `{model}` cannot be compiled for engine `{engine}`: {source}")]
    CompilationFailed {
        /// The model.
        model: String,
        /// The engine.
        engine: String,
        /// Why.
        source: LoadError,
    },
    /// The engine failed while it ran.
    #[error("model `{model}` failed on engine `{engine}`: {source}")]
    InferenceFailed {
        /// The model.
        model: String,
        /// The engine.
        engine: String,
        /// Why.
        source: RunError,
    },
    /// The time limit passed.
    #[error("timed out after {limit:?} {stage}")]
    TimedOut {
        /// The time limit.
        limit: Duration,
        /// Where the request was then.
        stage: Stage,
    },
    /// A bound of the configuration was reached.
    #[error("{resource}: {needed} are needed, {limit} is the limit")]
    ResourceLimit {
        /// What there is too little of.
        resource: Resource,
        /// How much the request needs.
        needed: u64,
        /// How much there may be.
        limit: u64,
    },
    /// The machine has less memory than the budget says.
    #[error("not enough memory for {bytes} bytes")]
    Allocation {
        /// How much was asked for.
        bytes: u64,
    },
    /// An input's shape is not one that the model takes.
    #[error("input `{input}` has shape {found:?}, not {expected}")]
    Shape {
        /// The input.
        input: String,
        /// The shape given.
        found: Vec<usize>,
        /// The shapes taken.
        expected: String,
    },
    /// Inputs of another number, kind or element type than the model takes, or a state where none is
    /// (or the other way round).
    #[error("{what}")]
    Input {
        /// What is wrong.
        what: String,
    },
    /// No engine has the precision, or outputs are not finite where they must be.
    #[error("precision: {what}")]
    Precision {
        /// The precision asked for, where that is the fault.
        asked: Option<Precision>,
        /// What is wrong.
        what: String,
    },
    /// A model of that name and version is loaded already.
    #[error("model `{model}` version {version} is loaded already")]
    AlreadyLoaded {
        /// Its name.
        model: String,
        /// Its version.
        version: u64,
    },
    /// A fault of this program, or an engine that panicked.
    #[error("internal: {what}")]
    Internal {
        /// What went wrong.
        what: String,
    },
}

/// Where a request was when its time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It waited for memory, a free operation or others of its batch.
    Queued,
    /// It ran.
    Running,
    /// Its model was being loaded.
    Loading,
    /// It waited for an admission.
    Admission,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Stage::Queued => "in the queue",
            Stage::Running => "while it ran",
            Stage::Loading => "while its model was loaded",
            Stage::Admission => "before it was admitted",
        })
    }
}

/// Something that there is only so much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Bytes of the memory budget.
    Memory,
    /// Operations at a time.
    Operations,
    /// Admissions that wait.
    Waiting,
    /// Requests in a model's queue.
    QueuedRequests,
    /// Rows in a model's queue.
    QueuedRows,
    /// Tokens in a model's queue.
    QueuedTokens,
    /// Bytes of inputs in a model's queue.
    QueuedBytes,
}

impl std::fmt::Display for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Resource::Memory => "bytes of memory",
            Resource::Operations => "operations",
            Resource::Waiting => "waiting admissions",
            Resource::QueuedRequests => "queued requests",
            Resource::QueuedRows => "queued rows",
            Resource::QueuedTokens => "queued tokens",
            Resource::QueuedBytes => "queued bytes",
        })
    }
}

impl Error {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Unavailable { .. } => ErrorKind::Unavailable,
            Error::ModelNotFound { .. } => ErrorKind::NotFound,
            Error::InvalidFormat { source, .. } | Error::CompilationFailed { source, .. } => {
                source.kind
            }
            Error::InferenceFailed { source, .. } => source.kind(),
            Error::TimedOut { .. } => ErrorKind::TimedOut,
            Error::ResourceLimit { .. } | Error::Allocation { .. } => ErrorKind::Exhausted,
            Error::Shape { .. } | Error::Input { .. } => ErrorKind::Invalid,
            Error::Precision { asked: Some(_), .. } => ErrorKind::Unsupported,
            Error::Precision { asked: None, .. } => ErrorKind::Invalid,
            Error::AlreadyLoaded { .. } => ErrorKind::Conflict,
            Error::Internal { .. } => ErrorKind::Internal,
        }
    }

    /// What may help.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Error::ModelNotFound { source: Some(source), .. }
            | Error::InvalidFormat { source, .. }
            | Error::CompilationFailed { source, .. } => source.hint.as_deref(),
            _ => None,
        }
    }

    pub(crate) fn from_load(model: &str, engine: &str, source: LoadError) -> Error {
        let model = model.to_owned();
        match source.kind {
            ErrorKind::NotFound => Error::ModelNotFound { model, source: Some(source) },
            ErrorKind::Invalid => Error::InvalidFormat { model, source },
            _ => Error::CompilationFailed { model, engine: engine.to_owned(), source },
        }
    }

    pub(crate) fn from_run(model: &str, engine: &str, source: RunError) -> Error {
        match source {
            RunError::InputShape { input, found, expected } => {
                Error::Shape { input, found, expected }
            }
            RunError::InputCount { .. } | RunError::InputType { .. } => {
                Error::Input { what: source.to_string() }
            }
            RunError::Memory { bytes } => Error::Allocation { bytes: bytes as u64 },
            source => Error::InferenceFailed {
                model: model.to_owned(),
                engine: engine.to_owned(),
                source,
            },
        }
    }

    pub(crate) fn from_admission(error: AdmitError) -> Error {
        match error {
            AdmitError::TooLarge { demand, capacity } if demand.bytes > capacity.bytes => {
                Error::ResourceLimit {
                    resource: Resource::Memory,
                    needed: demand.bytes,
                    limit: capacity.bytes,
                }
            }
            AdmitError::TooLarge { demand, capacity } => Error::ResourceLimit {
                resource: Resource::Operations,
                needed: demand.operations as u64,
                limit: capacity.operations as u64,
            },
            AdmitError::QueueFull { waiting } => Error::ResourceLimit {
                resource: Resource::Waiting,
                needed: waiting as u64 + 1,
                limit: waiting as u64,
            },
            _ => Error::closing(),
        }
    }

    /// The manager closes.
    pub(crate) fn closing() -> Error {
        Error::Unavailable {
            what: "manager".to_owned(),
            reason: "it is shutting down".to_owned(),
            retry_after: None,
        }
    }
}

impl From<Full> for Error {
    fn from(full: Full) -> Error {
        let Full { resource, needed, limit } = full;
        Error::ResourceLimit { resource, needed, limit }
    }
}

impl From<BufferError> for Error {
    fn from(error: BufferError) -> Error {
        match error {
            BufferError::Memory(error) => Error::Allocation { bytes: error.bytes as u64 },
            other => Error::Input { what: other.to_string() },
        }
    }
}

impl Cause {
    /// The cause under which an error is counted.
    pub(crate) fn of(error: &Error) -> Cause {
        match error {
            Error::Unavailable { retry_after: Some(_), .. } => Cause::Quarantined,
            Error::Unavailable { .. } => Cause::Unavailable,
            Error::ModelNotFound { .. } => Cause::NotFound,
            Error::TimedOut { .. } => Cause::TimedOut,
            Error::ResourceLimit { resource: Resource::Memory | Resource::Operations, .. } => {
                Cause::TooLarge
            }
            Error::ResourceLimit { .. } => Cause::QueueFull,
            Error::Allocation { .. } => Cause::Memory,
            Error::Shape { .. } | Error::Input { .. } => Cause::InvalidInput,
            Error::InvalidFormat { .. }
            | Error::CompilationFailed { .. }
            | Error::InferenceFailed { .. }
            | Error::Precision { .. }
            | Error::AlreadyLoaded { .. }
            | Error::Internal { .. } => Cause::Failed,
        }
    }
}
