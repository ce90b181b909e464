//! One error over those of every stage, with a kind for programs and a hint for people.

use std::error::Error as _;

use anemone_ane::ForecastError;
use anemone_emu::verify::VerifyError;
use anemone_engine::{CompileError, ErrorKind, RunError};
use anemone_formats::{ReadError, WriteError};
use anemone_ir::Diagnostics;
use anemone_ir::infer::Fault;
use thiserror::Error;

use crate::features::FeatureError;
use crate::load::LoadError;

/// What went wrong, in the words of the stage in which it did.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The program is not well typed.
    #[error(transparent)]
    Check(#[from] Diagnostics),
    /// The model cannot be loaded as it was asked for.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// No engine compiles the program.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The values given are not those that the model takes.
    #[error(transparent)]
    Feature(#[from] FeatureError),
    /// There is no forecast for what was asked.
    #[error(transparent)]
    Forecast(#[from] ForecastError),
    /// The model cannot be verified.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The run failed.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl Error {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Read(error) => match error {
                ReadError::Missing { .. } => ErrorKind::NotFound,
                ReadError::Compiled { .. } | ReadError::NoBody { .. } => ErrorKind::Unsupported,
                ReadError::TooLarge { .. } => ErrorKind::Exhausted,
                _ => ErrorKind::Invalid,
            },
            Error::Write(error) => match error {
                WriteError::Exists { .. } => ErrorKind::Conflict,
                _ => ErrorKind::Invalid,
            },
            Error::Check(diagnostics) if diagnostics.faults.iter().all(lacks) => {
                ErrorKind::Unsupported
            }
            Error::Check(_) | Error::Feature(_) => ErrorKind::Invalid,
            Error::Load(error) => error.kind(),
            Error::Compile(error) | Error::Verify(VerifyError::Compile(error)) => match error {
                CompileError::NoFunction { .. } => ErrorKind::NotFound,
                CompileError::Unsupported { .. } | CompileError::Option { .. } => {
                    ErrorKind::Unsupported
                }
                CompileError::Memory { .. } => ErrorKind::Exhausted,
                _ => ErrorKind::Invalid,
            },
            Error::Verify(VerifyError::Run { error, .. }) => error.kind(),
            Error::Verify(_) => ErrorKind::Invalid,
            Error::Forecast(ForecastError::NoFunction { .. }) => ErrorKind::NotFound,
            Error::Forecast(_) => ErrorKind::Invalid,
            Error::Run(error) => error.kind(),
        }
    }

    /// The message with those of its causes, in one line.
    pub fn told(&self) -> String {
        let mut message = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            message += &format!(": {cause}");
            source = cause.source();
        }
        match self.kind() {
            ErrorKind::Unsupported if !message.contains("unsupported") => {
                message.insert_str(0, "unsupported: ");
            }
            ErrorKind::Internal => message.insert_str(0, "a fault of this program: "),
            _ => {}
        }
        message
    }

    /// What may help.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Error::Read(error) => error.hint(),
            Error::Write(error) => error.hint(),
            Error::Check(_) if self.kind() == ErrorKind::Unsupported => {
                Some("`anemone inspect` lists every op of the model and what is lacking")
            }
            Error::Check(_) => Some("the program contradicts itself; export the model again"),
            Error::Load(error) => error.hint(),
            Error::Compile(CompileError::Unsupported { .. })
            | Error::Verify(VerifyError::Compile(CompileError::Unsupported { .. })) => {
                Some("`anemone inspect` lists every op of the model and what is lacking")
            }
            Error::Compile(_) | Error::Forecast(_) | Error::Verify(_) | Error::Run(_) => None,
            Error::Feature(error) => error.hint(),
        }
    }
}

/// Whether the model may be right, and only the checker does not know the op.
fn lacks(diagnostic: &anemone_ir::Diagnostic) -> bool {
    matches!(diagnostic.fault, Fault::UnknownOp | Fault::Unsupported(_))
}
