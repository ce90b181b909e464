//! `cargo xtask lines`: lines by crate, packages in `Cargo.lock`, longest files.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::metadata::Metadata;
use crate::tree::{self, File};

const LONGEST: usize = 12;

#[derive(Default)]
struct Count {
    files: usize,
    all: usize,
    code: usize,
    tests: usize,
}

/// Prints the three tables.
pub(crate) fn run() -> Result<()> {
    let root = tree::root()?;
    let mut files = tree::files(&root)?;
    files.retain(|file| file.is_rust() && !file.is_generated());
    print_crates(&files);
    print_packages(&Metadata::read(&root)?);
    print_longest(&files);
    Ok(())
}

fn print_crates(files: &[File]) {
    let mut crates = BTreeMap::<&str, Count>::new();
    let mut total = Count::default();
    for file in files {
        let one = count(file);
        let row = crates.entry(file.crate_name().unwrap_or("(elsewhere)")).or_default();
        for sum in [row, &mut total] {
            sum.files += one.files;
            sum.all += one.all;
            sum.code += one.code;
            sum.tests += one.tests;
        }
    }
    println!("{:<24}{:>7}{:>9}{:>9}{:>9}", "crate", "files", "lines", "code", "tests");
    for (name, row) in crates.iter().chain([(&"total", &total)]) {
        println!("{name:<24}{:>7}{:>9}{:>9}{:>9}", row.files, row.all, row.code, row.tests);
    }
    println!("code and tests: lines that are neither blank nor comments; generated files apart\n");
}

fn print_packages(metadata: &Metadata) {
    let facade = metadata.needed_by("anemone");
    println!("packages in Cargo.lock");
    println!("{:<24}{:>7}", "facade, CPU engine", facade.map_or("-".into(), |n| n.to_string()));
    println!("{:<24}{:>7}\n", "whole workspace", metadata.packages.len());
}

fn print_longest(files: &[File]) {
    let mut lengths: Vec<(usize, &str)> =
        files.iter().map(|file| (file.text().lines().count(), file.path.as_str())).collect();
    lengths.sort_unstable_by(|a, b| b.cmp(a));
    println!("longest files (median {})", lengths.get(lengths.len() / 2).map_or(0, |row| row.0));
    for (length, path) in lengths.iter().take(LONGEST) {
        println!("{length:>7}  {path}");
    }
}

fn count(file: &File) -> Count {
    let mut count = Count { files: 1, ..Count::default() };
    let mut in_tests = file.path.contains("/tests/") || file.path.ends_with("/tests.rs");
    for line in file.text().lines() {
        count.all += 1;
        let line = line.trim();
        // Tests stand last in a file, so everything after this line is one.
        in_tests |= line == "mod tests {";
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        if in_tests {
            count.tests += 1;
        } else {
            count.code += 1;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_comments_and_tests_are_not_code() {
        let text = "//! Head.\n\nfn a() {}\n// why\nmod tests {\n}\n";
        let counted = count(&File { path: "crates/a/src/a.rs".into(), text: Some(text.into()) });
        assert_eq!((counted.all, counted.code, counted.tests), (6, 1, 2));
    }
}
