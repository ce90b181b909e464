//! The table of docs/api.md and the examples agree: each row's example exists, each example has a row.
#![allow(clippy::disallowed_methods, reason = "a test reads the pages that it judges")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn every_row_has_its_example_and_every_example_its_row() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(here.join("../../docs/api.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ")).skip(1);
    let named: BTreeSet<String> = rows
        .filter_map(|row| row.trim_end_matches([' ', '|']).rsplit('|').next())
        .map(|name| name.trim().to_owned())
        .collect();
    let there: BTreeSet<String> = fs::read_dir(here.join("examples"))
        .unwrap()
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let is_example = path.extension().is_some_and(|extension| extension == "rs");
            is_example.then(|| path.file_stem().unwrap().to_string_lossy().into_owned())
        })
        .collect();
    assert_eq!(named, there);
}
