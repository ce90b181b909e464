//! A disk that is full leaves the old index. Alone in its program: a process that is being started
//! shares the locks of the one that starts it, so other tests would find their indexes busy.
#![cfg(target_os = "linux")]

mod tree;

use std::path::Path;
use std::process::Command;

use anemone_search::IndexError;
use anemone_search::index::{self, Observer, Options};
use tree::{Tree, hashes};

/// Runs one test of this program again, where no file may become larger than so many blocks.
fn run_limited(test: &str, tree: &Tree, blocks: usize) -> bool {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let status = Command::new("sh")
        .arg("-c")
        .arg(script)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("ANEMONE_TEST_ROOT", tree.root())
        .env("ANEMONE_TEST_INDEX", tree.index())
        .output()
        .unwrap();
    status.status.success()
}

#[test]
fn a_full_disk_leaves_the_old_index() {
    let tree = Tree::new();
    tree.fill(3);
    tree.update().unwrap();
    let before = tree.reader().digest().unwrap();
    tree.fill(150);
    for blocks in [1, 20, 80, 150, 160, 200, 300, 400, 600, 900] {
        assert!(run_limited("updates_where_there_is_little_room", &tree, blocks), "{blocks}");
        let now = tree.reader().digest().unwrap();
        if now != before {
            assert!(tree.is_as_fresh());
            assert!(blocks > 100, "{blocks}");
        }
    }
    tree.update().unwrap();
    assert!(tree.is_as_fresh());
    assert_eq!(tree.index_files(), ["CACHEDIR.TAG", "index.redb", "lock", "vectors-0.f16"]);
}

/// The part of the test above that runs with a limit; without one it has nothing to do.
#[test]
fn updates_where_there_is_little_room() {
    let (Some(root), Some(folder)) =
        (std::env::var_os("ANEMONE_TEST_ROOT"), std::env::var_os("ANEMONE_TEST_INDEX"))
    else {
        return;
    };
    let (root, folder) = (Path::new(&root), Path::new(&folder));
    let options = Options::default();
    let result = index::update(root, folder, &hashes(1), &options, &Observer::default());
    match result {
        Ok(_) => {}
        Err(error) => assert!(matches!(error, IndexError::Full { .. }), "{error:?}"),
    }
}
