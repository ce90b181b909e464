//! The tables that answer for every operation stay whole: no arm that catches the rest.

use super::Fault;
use super::tokens::tokens;
use crate::tree::File;

/// A folder of code, and the table that must stand where the folder does.
const TABLES: [(&str, &str); 4] = [
    ("crates/anemone-cpu/", "crates/anemone-cpu/src/kernels.rs"),
    ("crates/anemone-gpu/", "crates/anemone-gpu/src/kernels.rs"),
    ("crates/anemone-formats/src/onnx/", "crates/anemone-formats/src/onnx/export.rs"),
    ("crates/anemone-ane/", "crates/anemone-ane/src/rules.rs"),
];
const LINT: &str = "clippy::wildcard_enum_match_arm";

pub(super) fn check(files: &[File], faults: &mut Vec<Fault>) {
    for (folder, table) in TABLES {
        if let Some(file) = files.iter().find(|file| file.path == table) {
            check_table(file, faults);
        } else if files.iter().any(|file| file.path.starts_with(folder)) {
            faults.push(Fault::new(
                table,
                1,
                format!("`{folder}` has no table of operations"),
                "write one `match` over `Op` here, an answer or a reason for each",
            ));
        }
    }
}

fn check_table(file: &File, faults: &mut Vec<Fault>) {
    if !file.text().lines().any(|line| line == format!("#![deny({LINT})]")) {
        faults.push(Fault::new(
            &file.path,
            1,
            "the table does not deny arms that catch the rest",
            format!("add `#![deny({LINT})]` after the `//!` lines"),
        ));
    }
    for three in tokens(file.text()).windows(3) {
        let [first, second, third] = three else { continue };
        let is_arm = second.text == "if" || (second.text == "=" && third.text == ">");
        if first.text == "_" && is_arm {
            faults.push(Fault::new(
                &file.path,
                first.line,
                "a `_` arm in a table of operations",
                "name every operation, with its answer or the reason that a user reads",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(path: &str, text: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        check(&[File { path: path.into(), text: Some(text.into()) }], &mut faults);
        faults
    }

    #[test]
    fn a_wildcard_arm_is_a_fault() {
        let table = |arm: &str| {
            format!("//! T.\n#![deny({LINT})]\nfn f() {{ match op {{\nA => 1,\n{arm} => 2 }} }}")
        };
        let path = TABLES[0].1;
        assert_eq!(faults(path, &table("B(_)")).len(), 0);
        for arm in ["_", "_ if true"] {
            let found = faults(path, &table(arm));
            assert_eq!((found.len(), found[0].line), (1, 5), "{arm}");
        }
    }

    #[test]
    fn a_table_denies_the_lint() {
        assert_eq!(faults(TABLES[0].1, "//! T.\n").len(), 1);
    }

    #[test]
    fn an_engine_without_a_table_is_a_fault() {
        assert_eq!(faults("crates/anemone-gpu/src/lib.rs", "").len(), 1);
        assert_eq!(faults("crates/anemone-ir/src/lib.rs", "").len(), 0);
    }
}
