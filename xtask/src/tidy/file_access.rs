//! Where files may be opened: `clippy.toml` finds the calls, this rule says who may waive them.

use super::Fault;
use crate::tree::File;

/// Crates and files whose work is to read or write files.
const MAY: [&str; 15] = [
    "crates/anemone-formats/",
    "crates/anemone-tensor/src/mapped.rs",
    "crates/anemone-search/src/index",
    "crates/anemone-runtime/src/cache",
    "crates/anemone-runtime/src/config/file.rs",
    "crates/anemone-runtime/src/sensors",
    "crates/anemone-server/",
    "crates/anemone/examples/soak/process.rs",
    "crates/anemone-cli/",
    "crates/anemone-py/",
    "crates/anemone-capi/",
    "crates/anemone-conformance/",
    "xtask/",
    "fuzz/",
    "tools/",
];
const LINT: &str = "clippy::disallowed_methods";

pub(super) fn check(file: &File, faults: &mut Vec<Fault>) {
    let is_test = file.path.contains("/tests/")
        || file.path.contains("/benches/")
        || file.path.ends_with("/tests.rs");
    if !file.is_rust() || is_test || MAY.iter().any(|place| file.path.starts_with(place)) {
        return;
    }
    let mut in_tests = false;
    for (index, line) in file.text().lines().enumerate() {
        let line = line.trim();
        in_tests |= line == "mod tests {" || line == "#[cfg(test)]";
        let is_waiver = line.contains(LINT) && !line.starts_with("//");
        if is_waiver && !in_tests {
            faults.push(Fault::new(
                &file.path,
                index + 1,
                format!("`{LINT}` waived where nothing may open files, sleep or exit"),
                "take the bytes or the value as an argument; \
                 `anemone-formats`, `MappedFile` and the edges do the reading",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tokens::planted;

    #[test]
    fn only_the_places_for_it_may_open_files() {
        let text = "//! A.\n#![allow(clippy::disallowed_methods)]\n";
        assert_eq!(planted(check, "crates/anemone-ir/src/a.rs", text)[0].line, 2);
        assert_eq!(planted(check, "crates/anemone-formats/src/a.rs", text).len(), 0);
        assert_eq!(planted(check, "crates/anemone-ir/tests/a.rs", text).len(), 0);
        let test = "#[cfg(test)]\n#[allow(clippy::disallowed_methods)]\nmod tests {}\n";
        assert_eq!(planted(check, "crates/anemone-ir/src/a.rs", test).len(), 0);
    }
}
