//! No file names a path of somebody's machine, nor a package index that only one network has.

use super::Fault;
use crate::tree::File;

/// Top folders whose paths differ from machine to machine.
const TOPS: [&str; 6] = ["work", "root", "home", "Users", "farm", "tmp"];
const INDEX_SETTINGS: [&str; 4] =
    ["--index-url", "--extra-index-url", "--trusted-host", "replace-with"];
const THIS_FILE: &str = "xtask/src/tidy/machine_paths.rs";

pub(super) fn check(file: &File, faults: &mut Vec<Fault>) {
    if file.path == THIS_FILE {
        return;
    }
    for (index, line) in file.text().lines().enumerate() {
        for top in TOPS.into_iter().filter(|top| names_top(line, top)) {
            faults.push(Fault::new(
                &file.path,
                index + 1,
                format!("a path of one machine, under `{top}`"),
                "write it relative to the repository, or ask the system for its temporary folder",
            ));
        }
        for setting in INDEX_SETTINGS.into_iter().filter(|setting| line.contains(setting)) {
            faults.push(Fault::new(
                &file.path,
                index + 1,
                format!("`{setting}` ties the build to one network"),
                "leave the choice of package index to the machine's own settings",
            ));
        }
    }
}

fn names_top(line: &str, top: &str) -> bool {
    line.match_indices(&format!("/{top}/")).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        // `src/tmp/x` is a path of the repository; `https://host/home/` is no path at all.
        !before.is_some_and(|c| c.is_alphanumeric() || "._-~*}>/".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tokens::planted;

    #[test]
    fn a_path_of_one_machine_is_a_fault() {
        for text in ["see /home/ann/x", "let p = \"/tmp/x\";", "a\n`/Users/ann/x`"] {
            assert_eq!(planted(check, "README.md", text).len(), 1, "{text}");
        }
        for text in ["src/tmp/x.rs", "https://example.org/home/x", "$ROOT/tmp/", "/homes/x"] {
            assert_eq!(planted(check, "README.md", text).len(), 0, "{text}");
        }
    }

    #[test]
    fn a_private_package_index_is_a_fault() {
        let text = "numpy==2.2.6\n--index-url https://example.org/simple\n";
        assert_eq!(planted(check, "tools/requirements.txt", text)[0].line, 2);
    }
}
