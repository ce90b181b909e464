//! How long a file may be: code 600 lines, the architecture document 250.

use super::Fault;
use crate::tree::File;

const CODE_LINES: usize = 600;
const ARCHITECTURE_LINES: usize = 250;
const CODE_SUFFIXES: [&str; 5] = [".rs", ".py", ".sh", ".wgsl", ".m"];

pub(super) fn check(file: &File, faults: &mut Vec<Fault>) {
    let is_code = CODE_SUFFIXES.iter().any(|suffix| file.path.ends_with(suffix));
    let limit = if file.path == "ARCHITECTURE.md" {
        ARCHITECTURE_LINES
    } else if is_code && !file.is_generated() {
        CODE_LINES
    } else {
        return;
    };
    let lines = file.text().lines().count();
    if lines > limit {
        faults.push(Fault::new(
            &file.path,
            limit + 1,
            format!("{lines} lines, more than {limit}"),
            "split it by its ideas, one in each file",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tokens::planted;

    #[test]
    fn a_long_file_is_a_fault_unless_generated_or_data() {
        let long = "x\n".repeat(601);
        assert_eq!(planted(check, "crates/a/src/a.rs", &long).len(), 1);
        assert_eq!(planted(check, "crates/a/src/a.rs", &"x\n".repeat(600)).len(), 0);
        assert_eq!(planted(check, "crates/a/src/generated/a.rs", &long).len(), 0);
        assert_eq!(planted(check, "docs/data.json", &long).len(), 0);
    }

    #[test]
    fn the_architecture_stays_short() {
        assert_eq!(planted(check, "ARCHITECTURE.md", &"x\n".repeat(251)).len(), 1);
    }
}
