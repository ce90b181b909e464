//! What `check` reports: every fault, with where it is and what the op was given.

use std::fmt;

use thiserror::Error;

use crate::Origin;
use crate::infer::Fault;

/// One fault and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// The op, by function and path.
    pub origin: Origin,
    /// The op's type, such as `conv`.
    pub op: String,
    /// Types of the bound inputs, as people read them.
    pub inputs: Vec<(String, String)>,
    /// What is wrong.
    pub fault: Fault,
}

/// Every fault that `check` found, at least one.
#[derive(Clone, Debug, PartialEq, Error)]
pub struct Diagnostics {
    /// The faults in program order.
    pub faults: Vec<Diagnostic>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` (`{}`): {}", self.origin, self.op, self.fault)?;
        for (i, (name, ty)) in self.inputs.iter().enumerate() {
            write!(f, "{}{name}: {ty}", if i == 0 { " (given " } else { ", " })?;
        }
        if self.inputs.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.faults.iter().enumerate() {
            write!(f, "{}{fault}", if i > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}
