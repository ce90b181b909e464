//! Links and pipes. Alone in its program, as it starts another one, which shares its locks meanwhile.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests make and break files")]

mod tree;

use std::os::unix::fs::symlink;

use anemone_search::index::Skip;
use tree::Tree;

#[test]
fn links_and_pipes_are_not_followed() {
    let tree = Tree::new();
    tree.write("a/b.rs", "fn b() {}\n");
    symlink("..", tree.path("a/up")).unwrap();
    symlink(tree.root(), tree.path("loop")).unwrap();
    symlink("nowhere", tree.path("dangling.rs")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(tree.path("pipe.rs")).status();
    assert!(made.unwrap().success());
    let summary = tree.update().unwrap();
    let files = tree.reader().files().unwrap();
    assert_eq!(files.records().len(), 1);
    assert_eq!(files.records()[0].path, "a/b.rs");
    assert_eq!(summary.skipped.get(&Skip::Link), Some(&3));
    assert_eq!(summary.skipped.get(&Skip::Special), Some(&1));
}
