//! What goes wrong with an index leaves the old state or a stated error, never a wrong answer.
#![allow(clippy::disallowed_methods, reason = "tests make and break files")]

mod tree;

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use anemone_search::IndexError;
use anemone_search::index::{self, Observer, Options, Progress, Reader, Reason};
use tree::{Random, Tree, exists, hashes, source};

fn append(path: &Path, bytes: &[u8]) {
    File::options().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

fn flip(path: &Path, place: u64) {
    let mut file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(place)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(place)).unwrap();
    file.write_all(&[byte[0] ^ 0x55]).unwrap();
}

#[test]
fn a_torn_tail_of_vectors_is_cut_off() {
    let tree = Tree::new();
    tree.fill(5);
    tree.update().unwrap();
    let (path, rows) = (tree.vectors(), tree.reader().meta().rows);
    for torn in [1, 50, 200] {
        append(&path, &vec![7; torn]);
        assert!(tree.reader().digest().is_ok(), "readers do not see it");
        tree.write("new.rs", source(torn, 2));
        tree.update().unwrap();
        assert!(tree.is_as_fresh());
    }
    let stride = (fs::metadata(&path).unwrap().len() - 64) / u64::from(tree.reader().meta().rows);
    assert!(tree.reader().meta().rows > rows);
    assert_eq!(stride, 80);
}

#[test]
fn vectors_that_are_missing_or_changed_are_computed_again() {
    let tree = Tree::new();
    tree.fill(5);
    tree.update().unwrap();
    let path = tree.vectors();
    let length = fs::metadata(&path).unwrap().len();
    File::options().write(true).open(&path).unwrap().set_len(length - 100).unwrap();
    assert!(matches!(Reader::open(&tree.index()), Err(IndexError::Corrupt { .. })));
    let summary = tree.update().unwrap();
    assert!(matches!(summary.anew, Some(Reason::Damaged(_))));
    assert_eq!(summary.embedded, 2);
    assert!(tree.is_as_fresh());

    flip(&tree.vectors(), 64 + 80 * 3 + 40);
    assert!(tree.reader().digest().is_err());
    tree.write("new.rs", source(99, 1));
    let summary = tree.update().unwrap();
    assert!(matches!(summary.anew, Some(Reason::Damaged(_))), "{summary:?}");
    assert!(tree.is_as_fresh());

    flip(&tree.vectors(), 64 + 80 + 40);
    assert!(!tree.update().unwrap().is_changed, "a run without changes does not look");
    let options = Options { verify: true, ..Options::default() };
    let summary = tree.update_by(&hashes(1), &options).unwrap();
    assert!(matches!(summary.anew, Some(Reason::Damaged(_))));
    assert!(tree.is_as_fresh());

    fs::remove_file(tree.vectors()).unwrap();
    assert!(matches!(Reader::open(&tree.index()), Err(IndexError::Corrupt { .. })));
    tree.update().unwrap();
    assert!(tree.is_as_fresh());
}

#[test]
fn changed_bytes_of_the_database_are_an_error_or_mended_never_a_panic() {
    let tree = Tree::new();
    tree.fill(20);
    tree.update().unwrap();
    let good = tree.reader().digest().unwrap();
    let path = tree.index().join("index.redb");
    let bytes = fs::read(&path).unwrap();
    let mut random = Random(3);
    let verify = Options { verify: true, ..Options::default() };
    for round in 0..60 {
        let mut changed = bytes.clone();
        for _ in 0..1 + round % 3 {
            let place = random.below(if round % 2 == 0 { bytes.len() } else { 4096 });
            changed[place] ^= 1 << random.below(8);
        }
        if round % 20 == 19 {
            changed.truncate(random.below(bytes.len()));
        }
        fs::write(&path, &changed).unwrap();
        match Reader::open(&tree.index()).and_then(|reader| reader.digest()) {
            Ok(digest) => assert_eq!(digest, good, "round {round}"),
            Err(error) => assert!(
                matches!(
                    error,
                    IndexError::Corrupt { .. }
                        | IndexError::Version { .. }
                        | IndexError::Missing { .. }
                ),
                "round {round}: {error:?}"
            ),
        }
        tree.update_by(&hashes(1), &verify).unwrap();
        assert_eq!(tree.reader().digest().unwrap(), good, "round {round}");
    }
}

#[test]
fn a_second_writer_is_told_and_may_wait() {
    let tree = Tree::new();
    tree.fill(3);
    let encoder = hashes(1);
    std::thread::scope(|scope| {
        let once = std::sync::Once::new();
        let in_the_middle = |_: Progress| {
            once.call_once(|| {
                let error = tree.update().unwrap_err();
                assert!(matches!(error, IndexError::Busy { .. }), "{error:?}");
                assert!(matches!(index::clear(&tree.index()), Err(IndexError::Busy { .. })));
                let (sender, waits) = std::sync::mpsc::channel();
                let (tree, encoder) = (&tree, &encoder);
                scope.spawn(move || {
                    let tell = |progress| {
                        let _ = sender.send(progress);
                    };
                    let observer = Observer { progress: Some(&tell), stop: None };
                    let options = Options { wait: true, ..Options::default() };
                    index::update(&tree.root(), &tree.index(), encoder, &options, &observer)
                        .unwrap();
                });
                assert_eq!(waits.recv().unwrap(), Progress::Waiting);
            });
        };
        let observer = Observer { progress: Some(&in_the_middle), stop: None };
        let options = Options::default();
        index::update(&tree.root(), &tree.index(), &encoder, &options, &observer).unwrap();
    });
    assert!(tree.is_as_fresh());
}

#[test]
fn readers_see_one_state_while_the_next_is_written() {
    let tree = Tree::new();
    tree.fill(10);
    tree.update().unwrap();
    let reader = tree.reader();
    let before = reader.digest().unwrap();
    for round in 0..5 {
        tree.write("src/part0/file0.rs", source(1000 + round, 4));
        let during = |progress: Progress| {
            if progress == Progress::Saving {
                tree.reader().digest().unwrap();
            }
        };
        let observer = Observer { progress: Some(&during), stop: None };
        let options = Options::default();
        index::update(&tree.root(), &tree.index(), &hashes(1), &options, &observer).unwrap();
        assert_eq!(reader.digest().unwrap(), before);
        assert_ne!(tree.reader().digest().unwrap(), before);
    }
    let other = hashes(2);
    tree.update_by(&other, &Options::default()).unwrap();
    assert_eq!(reader.digest().unwrap(), before, "its vectors are mapped still");
}

#[test]
fn foreign_files_are_neither_used_nor_removed() {
    let tree = Tree::new();
    tree.fill(2);
    fs::create_dir(tree.index()).unwrap();
    fs::write(tree.index().join("thesis.txt"), "mine").unwrap();
    assert!(matches!(tree.update(), Err(IndexError::Foreign { .. })));
    assert!(matches!(Reader::open(&tree.index()), Err(IndexError::Foreign { .. })));
    assert!(matches!(index::clear(&tree.index()), Err(IndexError::Foreign { .. })));
    assert_eq!(tree.index_files(), ["thesis.txt"]);

    fs::remove_file(tree.index().join("thesis.txt")).unwrap();
    tree.update().unwrap();
    for name in ["thesis.txt", "vectors-9.f16", "vectors-x.f16"] {
        fs::write(tree.index().join(name), "mine").unwrap();
    }
    tree.write("new.rs", source(1, 1));
    tree.update().unwrap();
    tree.update_by(&hashes(2), &Options::default()).unwrap();
    index::clear(&tree.index()).unwrap();
    assert_eq!(tree.index_files(), ["thesis.txt", "vectors-9.f16", "vectors-x.f16"]);
}

#[test]
fn clearing_leaves_nothing_and_may_be_done_twice() {
    let tree = Tree::new();
    tree.fill(2);
    index::clear(&tree.index()).unwrap();
    tree.update().unwrap();
    index::clear(&tree.index()).unwrap();
    assert!(!exists(&tree.index()));
    index::clear(&tree.index()).unwrap();
    assert!(matches!(Reader::open(&tree.index()), Err(IndexError::Missing { .. })));
    assert_eq!(tree.update().unwrap().anew, Some(Reason::First));
}

#[test]
fn an_index_is_of_one_tree() {
    let (tree, other) = (Tree::new(), Tree::new());
    tree.fill(2);
    tree.update().unwrap();
    let observer = Observer::default();
    let options = Options::default();
    let error = index::update(&other.root(), &tree.index(), &hashes(1), &options, &observer);
    assert!(matches!(error, Err(IndexError::OtherRoot { .. })));
    assert!(tree.is_as_fresh());
}

#[test]
fn an_index_inside_its_tree_is_not_indexed() {
    let tree = Tree::new();
    tree.fill(2);
    let inside = tree.path("deep/index");
    let observer = Observer::default();
    for _ in 0..2 {
        let options = Options::default();
        let summary =
            index::update(&tree.root(), &inside, &hashes(1), &options, &observer).unwrap();
        assert_eq!((summary.files, summary.skipped.len()), (2, 0));
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_written_to_can_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let tree = Tree::new();
    tree.fill(2);
    tree.update().unwrap();
    let set = |mode| {
        fs::set_permissions(tree.index(), fs::Permissions::from_mode(mode)).unwrap();
        for name in ["lock", "index.redb", "vectors-0.f16"] {
            let path = tree.index().join(name);
            fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o666)).unwrap();
        }
    };
    set(0o555);
    let may_write = fs::write(tree.index().join("probe"), "").is_ok();
    tree.reader().digest().unwrap();
    tree.write("new.rs", source(1, 1));
    let result = tree.update();
    set(0o755);
    if may_write {
        return;
    }
    assert!(matches!(result, Err(IndexError::ReadOnly { .. })), "{result:?}");
}
