//! What is wrong with settings: all of it at once, each with where it was given.

use std::fmt;
use std::path::PathBuf;

use anemone_engine::ErrorKind;
use thiserror::Error;

/// Everything that is wrong with settings, at least one thing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", list(.0))]
pub struct ConfigErrors(pub(crate) Vec<ConfigFault>);

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigFault {
    /// A value that the field cannot have.
    #[error("`{field}`{origin} is {value}; allowed is {allowed}")]
    Value {
        /// The field, such as `queue.requests`.
        field: String,
        /// The value.
        value: String,
        /// Where it was given.
        origin: ConfigOrigin,
        /// What is allowed.
        allowed: String,
        /// What may help.
        hint: Option<String>,
    },
    /// A field that does not exist.
    #[error("`{field}`{origin} is no setting{}", suggestion(.origin, .nearest))]
    Unknown {
        /// What was written.
        field: String,
        /// Where.
        origin: ConfigOrigin,
        /// The existing field that is most like it.
        nearest: Option<String>,
    },
    /// A field that was given twice with equal right.
    #[error("`{field}` is given twice:{}{}", .origins[0], .origins[1])]
    Twice {
        /// The field.
        field: String,
        /// Where.
        origins: [ConfigOrigin; 2],
    },
    /// A file that cannot be read.
    #[error("`{}`: {why}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What kind of thing went wrong.
        kind: ErrorKind,
        /// What the system or the parser says.
        why: String,
    },
}

/// Where a setting was given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigOrigin {
    /// In code, or nowhere: a default.
    Code,
    /// In a file.
    File(PathBuf),
    /// By an environment variable.
    Variable(String),
}

impl ConfigErrors {
    /// The faults, at least one.
    pub fn faults(&self) -> &[ConfigFault] {
        &self.0
    }

    /// What kind of thing went wrong: of the file, if it cannot be read.
    pub fn kind(&self) -> ErrorKind {
        let of_file = self.0.iter().find_map(|fault| match fault {
            ConfigFault::File { kind, .. } => Some(*kind),
            _ => None,
        });
        of_file.unwrap_or(ErrorKind::Invalid)
    }
}

impl ConfigFault {
    /// The field, where it is about one.
    pub fn field(&self) -> Option<&str> {
        match self {
            ConfigFault::Value { field, .. }
            | ConfigFault::Unknown { field, .. }
            | ConfigFault::Twice { field, .. } => Some(field),
            ConfigFault::File { .. } => None,
        }
    }

    /// What may help.
    pub fn hint(&self) -> Option<&str> {
        match self {
            ConfigFault::Value { hint, .. } => hint.as_deref(),
            _ => None,
        }
    }
}

impl fmt::Display for ConfigOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigOrigin::Code => Ok(()),
            ConfigOrigin::File(path) => write!(f, " in `{}`", path.display()),
            ConfigOrigin::Variable(name) => write!(f, " by `{name}`"),
        }
    }
}

/// The environment variable that sets `field`.
pub(super) fn variable(field: &str) -> String {
    let name = field.replace('.', "__").replace('-', "_").to_uppercase();
    format!("ANEMONE_{name}")
}

fn list(faults: &[ConfigFault]) -> String {
    let lines = faults.iter().map(|fault| match fault.hint() {
        Some(hint) => format!("{fault} ({hint})"),
        None => fault.to_string(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn suggestion(origin: &ConfigOrigin, nearest: &Option<String>) -> String {
    match (origin, nearest) {
        (_, None) => String::new(),
        (ConfigOrigin::Variable(_), Some(field)) => format!("; `{}` is", variable(field)),
        (_, Some(field)) => format!("; `{field}` is"),
    }
}
