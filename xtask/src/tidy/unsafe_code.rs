//! `unsafe` stands only in the crates that need it; every other crate forbids it at its root.

use super::tokens::tokens;
use super::{Fault, relative};
use crate::metadata::Metadata;
use crate::tree::File;

const MAY: [&str; 6] = [
    "anemone-tensor",
    "anemone-cpu",
    "anemone-gpu",
    "anemone-coreml",
    "anemone-py",
    "anemone-capi",
];
const FORBID: &str = "#![forbid(unsafe_code)]";

/// `unsafe` in a file of a crate that may not have any.
pub(super) fn check(file: &File, faults: &mut Vec<Fault>) {
    if !file.is_rust() || file.crate_name().is_some_and(|name| MAY.contains(&name)) {
        return;
    }
    for token in tokens(file.text()).iter().filter(|token| token.text == "unsafe") {
        faults.push(Fault::new(
            &file.path,
            token.line,
            "`unsafe` outside the crates that may use it",
            format!("write it safely, or move it into one of {}", MAY.join(", ")),
        ));
    }
}

/// Roots of libraries and programs that do not forbid it.
pub(super) fn check_roots(
    files: &[File],
    metadata: &Metadata,
    root: &str,
    faults: &mut Vec<Fault>,
) {
    for package in metadata.members().filter(|package| !MAY.contains(&package.name.as_str())) {
        for target in &package.targets {
            let path = relative(&target.src_path, root);
            let is_product = target.kind.iter().any(|kind| kind == "lib" || kind == "bin");
            let Some(file) = files.iter().find(|file| file.path == path && is_product) else {
                continue;
            };
            if !file.text().lines().any(|line| line == FORBID) {
                faults.push(Fault::new(
                    path,
                    1,
                    format!("`{}` does not forbid `unsafe`", package.name),
                    format!("add `{FORBID}` after the `//!` lines"),
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Package, Target};
    use crate::tidy::tokens::planted;

    #[test]
    fn unsafe_in_a_safe_crate_is_a_fault() {
        let code = "//! A.\nfn a() {\n    unsafe { b() }\n}\n";
        assert_eq!(planted(check, "crates/anemone-ir/src/a.rs", code)[0].line, 3);
        assert_eq!(planted(check, "crates/anemone-cpu/src/a.rs", code).len(), 0);
        assert_eq!(planted(check, "crates/anemone-ir/src/a.rs", "// unsafe\n").len(), 0);
    }

    #[test]
    fn a_safe_crate_says_so_at_its_root() {
        let package = Package {
            id: "ir".into(),
            name: "anemone-ir".into(),
            targets: vec![Target { kind: vec!["lib".into()], src_path: "/r/src/lib.rs".into() }],
            ..Package::default()
        };
        let metadata = Metadata {
            packages: vec![package],
            workspace_members: vec!["ir".into()],
            ..Metadata::default()
        };
        for (text, expected) in [("//! A.\n", 1), ("//! A.\n#![forbid(unsafe_code)]\n", 0)] {
            let file = File { path: "src/lib.rs".into(), text: Some(text.into()) };
            let mut faults = Vec::new();
            check_roots(&[file], &metadata, "/r", &mut faults);
            assert_eq!(faults.len(), expected, "{text}");
        }
    }
}
