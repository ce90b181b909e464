//! Names that say nothing are refused for files, folders and modules; `crates/<name>` holds `<name>`.

use super::Fault;
use super::tokens::tokens;
use crate::tree::File;

const EMPTY: [&str; 6] = ["util", "utils", "common", "helper", "helpers", "misc"];

pub(super) fn check(file: &File, faults: &mut Vec<Fault>) {
    for part in file.path.split('/') {
        let stem = part.split_once('.').map_or(part, |(stem, _)| stem);
        let last = stem.rsplit('-').next().unwrap_or(stem);
        if EMPTY.contains(&last) {
            faults.push(Fault::new(
                &file.path,
                1,
                format!("`{part}` says nothing of what it holds"),
                "name it after its idea, or move the code to where it is used",
            ));
        }
    }
    let words = if file.is_rust() { tokens(file.text()) } else { Vec::new() };
    for pair in words.windows(2) {
        if pair[0].text == "mod" && EMPTY.contains(&pair[1].text.as_str()) {
            faults.push(Fault::new(
                &file.path,
                pair[1].line,
                format!("a module called `{}`", pair[1].text),
                "name it after its idea, or move the code to where it is used",
            ));
        }
    }
    if let Some(folder) =
        file.path.strip_prefix("crates/").and_then(|p| p.strip_suffix("/Cargo.toml"))
        && !file.text().contains(&format!("\nname = \"{folder}\"\n"))
    {
        faults.push(Fault::new(
            &file.path,
            1,
            format!("the folder `{folder}` holds a crate of another name"),
            "give folder and crate the same name",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tokens::planted;

    #[test]
    fn empty_names_are_faults() {
        assert_eq!(planted(check, "crates/a/src/utils.rs", "").len(), 1);
        assert_eq!(planted(check, "crates/a/tests/common/mod.rs", "").len(), 1);
        assert_eq!(planted(check, "crates/anemone-misc/src/lib.rs", "").len(), 1);
        assert_eq!(planted(check, "crates/a/src/a.rs", "mod helpers { }").len(), 1);
        assert_eq!(planted(check, "crates/a/src/commonest.rs", "mod helpful;").len(), 0);
    }

    #[test]
    fn a_crate_bears_its_folders_name() {
        let manifest = "[package]\nname = \"anemone-b\"\n";
        assert_eq!(planted(check, "crates/anemone-a/Cargo.toml", manifest).len(), 1);
        assert_eq!(planted(check, "crates/anemone-b/Cargo.toml", manifest).len(), 0);
    }
}
