//! Every Rust file, tests and build scripts too, begins with `//!`: what it is for.

use super::Fault;
use crate::tree::File;

pub(super) fn check(file: &File, faults: &mut Vec<Fault>) {
    if file.is_rust() && !file.is_generated() && !file.text().starts_with("//! ") {
        faults.push(Fault::new(
            &file.path,
            1,
            "the file does not say what it is for",
            "begin it with one or two `//!` lines, before any attribute",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tokens::planted;

    #[test]
    fn a_file_without_a_head_is_a_fault() {
        assert_eq!(planted(check, "crates/a/tests/a.rs", "use b;\n").len(), 1);
        assert_eq!(planted(check, "crates/a/tests/a.rs", "//! Tests of a.\n").len(), 0);
        assert_eq!(planted(check, "crates/a/src/generated/a.rs", "use b;\n").len(), 0);
    }
}
