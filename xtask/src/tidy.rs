//! `cargo xtask tidy`: the rules that neither the compiler nor clippy knows, one file each.

mod budget;
mod duplicates;
mod edges;
mod file_access;
mod heads;
mod ignored_tests;
mod lengths;
mod licences;
mod links;
mod machine_paths;
mod names;
mod op_tables;
mod sources;
mod tokens;
mod unsafe_code;

use std::fmt;

use anyhow::{Result, bail};

use crate::metadata::Metadata;
use crate::tree::{self, File};

/// One broken rule: where, what is wrong, how to be right.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    path: String,
    line: usize,
    wrong: String,
    right: String,
}

impl Fault {
    fn new(
        path: impl Into<String>,
        line: usize,
        wrong: impl Into<String>,
        right: impl Into<String>,
    ) -> Self {
        Self { path: path.into(), line, wrong: wrong.into(), right: right.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.path, self.line, self.wrong, self.right)
    }
}

/// Checks the whole repository against every rule and prints a line for each fault.
pub(crate) fn run() -> Result<()> {
    let root = tree::root()?;
    let files = tree::files(&root)?;
    let metadata = Metadata::read(&root)?;
    let faults = check(&files, &metadata, &root.to_string_lossy());
    for fault in &faults {
        println!("{fault}");
    }
    match faults.len() {
        0 => Ok(()),
        n => bail!("tidy found {n} fault{}", if n == 1 { "" } else { "s" }),
    }
}

fn check(files: &[File], metadata: &Metadata, root: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files {
        lengths::check(file, &mut faults);
        heads::check(file, &mut faults);
        ignored_tests::check(file, &mut faults);
        names::check(file, &mut faults);
        machine_paths::check(file, &mut faults);
        file_access::check(file, &mut faults);
        unsafe_code::check(file, &mut faults);
    }
    op_tables::check(files, &mut faults);
    links::check(files, &mut faults);
    edges::check(metadata, root, &mut faults);
    unsafe_code::check_roots(files, metadata, root, &mut faults);
    licences::check(metadata, &mut faults);
    sources::check(metadata, root, &mut faults);
    duplicates::check(metadata, &mut faults);
    budget::check(metadata, &mut faults);
    faults.sort();
    faults
}

/// A path below the root as a reader of the report wants it.
fn relative<'a>(path: &'a str, root: &str) -> &'a str {
    path.strip_prefix(root).map_or(path, |rest| rest.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_one_line() {
        let fault = Fault::new("src/a.rs", 3, "`unsafe` here", "write it safely");
        assert_eq!(fault.to_string(), "src/a.rs:3: `unsafe` here; write it safely");
    }
}
