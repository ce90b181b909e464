//! What a statement rests on: its class, its source, and how sure it is.

use serde::{Deserialize, Serialize};

/// How something is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Apple says so.
    Documented,
    /// Apple's converter is written so.
    Converter,
    /// Somebody reports it.
    Reported,
    /// Others have measured it, on devices that they name.
    Measured,
    /// It follows from other facts, and nobody has looked.
    Inferred,
}

/// How sure a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Sources disagree, or it is inferred.
    Low,
    /// One measured source.
    Medium,
    /// Two independent sources agree.
    High,
}

/// What a statement rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// How it is known.
    pub class: Class,
    /// From whom: addresses or names of works.
    pub source: String,
}

impl Evidence {
    /// Evidence of a class from one source.
    pub fn new(class: Class, source: impl Into<String>) -> Evidence {
        Evidence { class, source: source.into() }
    }
}
