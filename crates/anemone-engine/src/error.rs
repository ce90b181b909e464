//! Faults of compiling and of running.

use std::time::Duration;

use anemone_ir::Origin;
use thiserror::Error;

use crate::Reason;

/// An op that an engine refuses, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The op's place.
    pub origin: Origin,
    /// Its type, such as `lstm`.
    pub op: String,
    /// Why.
    pub reason: Reason,
}

/// Why a program could not be compiled.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The program has no such function.
    #[error("there is no function `{function}`; the program has {}", .known.join(", "))]
    NoFunction {
        /// The function asked for.
        function: String,
        /// The functions that there are.
        known: Vec<String>,
    },
    /// Ops that the engine cannot run: all of them.
    #[error("engine `{engine}` lacks {}", list(.refusals))]
    Unsupported {
        /// The engine.
        engine: &'static str,
        /// The ops.
        refusals: Vec<Refusal>,
    },
    /// An option that the engine does not have.
    #[error("engine `{engine}` has no {what}")]
    Option {
        /// The engine.
        engine: &'static str,
        /// What is asked for.
        what: String,
    },
    /// A constant op that failed when it was computed in advance.
    #[error("`{origin}` (`{op}`): {why}")]
    Fold {
        /// The op's place.
        origin: Origin,
        /// Its type.
        op: String,
        /// What went wrong.
        why: String,
    },
    /// Weights that can no longer be read.
    #[error("weights: {0}")]
    Weights(String),
    /// More memory than there is.
    #[error("not enough memory for {bytes} bytes of {what}")]
    Memory {
        /// What the memory is for.
        what: &'static str,
        /// How much was asked for.
        bytes: usize,
    },
}

fn list(refusals: &[Refusal]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for refusal in refusals.iter().take(5) {
        parts.push(format!("`{}` (`{}`): {}", refusal.origin, refusal.op, refusal.reason.0));
    }
    if refusals.len() > 5 {
        parts.push(format!("and {} more", refusals.len() - 5));
    }
    parts.join("; ")
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum RunError {
    /// Another number of inputs than the plan's signature has.
    #[error("{expected} inputs are needed, {found} were given")]
    InputCount {
        /// Inputs of the signature.
        expected: usize,
        /// Inputs given.
        found: usize,
    },
    /// An input of the wrong kind or element type.
    #[error("input `{input}` is {found}, not {expected}")]
    InputType {
        /// The input.
        input: String,
        /// What was given.
        found: String,
        /// What is needed.
        expected: String,
    },
    /// An input whose shape the program does not accept.
    #[error("input `{input}` has shape {found:?}, not {expected}")]
    InputShape {
        /// The input.
        input: String,
        /// The shape given.
        found: Vec<usize>,
        /// The shape needed.
        expected: String,
    },
    /// The program has states, and the run none, or one of another plan.
    #[error("state: {0}")]
    State(String),
    /// Shapes or values that an op cannot work on.
    #[error("`{origin}` (`{op}`): {why}")]
    Op {
        /// The op's place.
        origin: Origin,
        /// Its type.
        op: String,
        /// What went wrong.
        why: String,
    },
    /// More memory than there is.
    #[error("not enough memory for {bytes} bytes of working memory")]
    Memory {
        /// How much was asked for.
        bytes: usize,
    },
    /// The caller cancelled the run.
    #[error("cancelled")]
    Cancelled,
    /// The deadline passed.
    #[error("timed out after {0:?}")]
    TimedOut(Duration),
    /// The engine itself failed.
    #[error("internal: {0}")]
    Internal(String),
}

impl RunError {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            RunError::Memory { .. } => ErrorKind::Exhausted,
            RunError::Cancelled => ErrorKind::Cancelled,
            RunError::TimedOut(_) => ErrorKind::TimedOut,
            RunError::Internal(_) => ErrorKind::Internal,
            RunError::InputCount { .. }
            | RunError::InputType { .. }
            | RunError::InputShape { .. }
            | RunError::State(_)
            | RunError::Op { .. } => ErrorKind::Invalid,
        }
    }
}

/// What kind of thing went wrong; each edge turns it into its own terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The model, a value or an option is wrong.
    Invalid,
    /// Something that was named does not exist.
    NotFound,
    /// It is right, but nothing here can do it.
    Unsupported,
    /// It contradicts what is there already.
    Conflict,
    /// Memory or another resource ran out.
    Exhausted,
    /// It cannot be had now, but may be later.
    Unavailable,
    /// The deadline passed.
    TimedOut,
    /// The caller cancelled.
    Cancelled,
    /// A device failed.
    Device,
    /// A fault of this program.
    Internal,
}
