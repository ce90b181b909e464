//! From a program to a checked one: names, op versions, types and shapes, all faults at once.

mod blocks;
mod declared;
mod diagnostics;
mod function;
mod operation;
pub(crate) mod rule;

pub use diagnostics::{Diagnostic, Diagnostics};

use std::collections::BTreeMap;

use crate::{Checked, Program};

/// Checks every function of `program`, or says everything that is wrong with it.
pub fn check(program: &Program) -> Result<Checked, Diagnostics> {
    let mut faults = Vec::new();
    let mut functions = BTreeMap::new();
    for (name, source) in &program.functions {
        let checked = function::check_function(name, source, &mut faults);
        functions.extend(checked.map(|f| (name.clone(), f)));
    }
    if faults.is_empty() { Ok(Checked { functions }) } else { Err(Diagnostics { faults }) }
}
