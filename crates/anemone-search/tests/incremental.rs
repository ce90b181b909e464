//! An index that follows its tree says what one says that is made of the tree anew.
#![allow(clippy::disallowed_methods, reason = "tests make and break files")]

mod tree;

use std::fs;
use std::sync::atomic::Ordering;

use anemone_embed::Stop;
use anemone_search::index::{Options, Reader, Reason};
use anemone_search::{IndexError, Mismatch};
use tree::{Random, Tree, hashes, source};

#[test]
fn random_changes_lead_to_the_index_of_the_tree_as_it_is() {
    for seed in 0..6 {
        let tree = Tree::new();
        let mut random = Random(seed);
        tree.fill(12);
        tree.update().unwrap();
        for _ in 0..8 {
            for _ in 0..=random.below(6) {
                change(&tree, &mut random);
            }
            tree.update().unwrap();
            assert!(tree.is_as_fresh(), "seed {seed}");
        }
    }
}

/// Adds, changes, deletes, renames or touches a file, or makes it one that is not searched.
fn change(tree: &Tree, random: &mut Random) {
    let name = |number: usize| format!("src/part{}/file{number}.rs", number % 3);
    let path = name(random.below(20));
    let full = tree.path(&path);
    match random.below(7) {
        0 | 1 => tree.write(&path, source(random.below(1000), 1 + random.below(8))),
        2 => drop(fs::remove_file(full)),
        3 => {
            let to = tree.path(&name(random.below(20)));
            if full.exists() {
                fs::rename(full, to).unwrap();
            }
        }
        4 => {
            if let Ok(file) = fs::File::options().append(true).open(full) {
                let later = std::time::SystemTime::now() + std::time::Duration::from_secs(9);
                file.set_modified(later).unwrap();
            }
        }
        5 => tree.write(&path, format!("// @generated\n{}", source(1, 1))),
        _ => tree.write(&path, ""),
    }
}

#[test]
fn a_run_without_changes_changes_nothing() {
    let tree = Tree::new();
    tree.fill(9);
    let first = tree.update().unwrap();
    assert_eq!(first.anew, Some(Reason::First));
    assert_eq!((first.added, first.files), (9, 9));
    assert!(first.embedded > 9 && first.truncated == 0);
    let generation = tree.reader().meta().generation;
    // Files that were written just now are read again, and may be noted as old.
    tree.update().unwrap();
    age(&tree);
    tree.update().unwrap();
    let before = tree.reader().meta().clone();
    let again = tree.update().unwrap();
    assert!(!again.is_changed && again.anew.is_none());
    assert_eq!((again.files, again.chunks, again.tokens), (9, first.chunks, first.tokens));
    assert_eq!(tree.reader().meta(), &before);
    assert!(before.generation >= generation);
}

/// Sets the times of all files to long ago.
fn age(tree: &Tree) {
    for number in 0..9 {
        let path = tree.path(&format!("src/part{}/file{number}.rs", number % 3));
        let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        fs::File::options().append(true).open(path).unwrap().set_modified(long_ago).unwrap();
    }
}

#[test]
fn a_change_within_the_clocks_grain_is_found() {
    let tree = Tree::new();
    tree.write("a.rs", "fn one() {}\n");
    let time = fs::metadata(tree.path("a.rs")).unwrap().modified().unwrap();
    tree.update().unwrap();
    tree.write("a.rs", "fn two() {}\n");
    fs::File::options().append(true).open(tree.path("a.rs")).unwrap().set_modified(time).unwrap();
    assert_eq!(tree.update().unwrap().changed, 1);
    assert!(tree.is_as_fresh());
}

#[test]
fn a_moved_file_needs_no_vectors_but_for_its_new_path() {
    let tree = Tree::new();
    tree.fill(3);
    tree.update().unwrap();
    tree.write("src/part0/file0.rs", format!("{}\nfn added() {{}}\n", source(0, 5)));
    let summary = tree.update().unwrap();
    assert!(summary.reused >= 4 && summary.embedded <= 2, "{summary:?}");
    tree.write("src/part0/file0.rs", source(0, 5));
    let summary = tree.update().unwrap();
    assert_eq!(summary.embedded, 0, "what was there before has its vectors still");
    assert!(tree.is_as_fresh());
}

#[test]
fn a_stopped_run_leaves_its_vectors_to_the_next() {
    let tree = Tree::new();
    tree.fill(300);
    let mut encoder = hashes(1);
    encoder.stop = Some((512, Stop::default()));
    let error = tree.update_by(&encoder, &Options::default()).unwrap_err();
    assert!(matches!(error, IndexError::Embed(anemone_embed::EmbedError::Stopped)));
    assert!(matches!(Reader::open(&tree.index()), Err(IndexError::Missing { .. })));
    let summary = tree.update().unwrap();
    assert!(summary.reused >= 512, "{summary:?}");
    assert!(tree.is_as_fresh());
    assert_eq!(tree.index_files(), ["CACHEDIR.TAG", "index.redb", "lock", "vectors-0.f16"]);
}

#[test]
fn many_changes_leave_neither_dead_vectors_nor_dead_documents() {
    let tree = Tree::new();
    tree.fill(200);
    tree.update().unwrap();
    let first = tree.vectors();
    for round in 1..10 {
        for number in 0..200 {
            let path = format!("src/part{}/file{number}.rs", number % 3);
            tree.write(&path, source(number + 1000 * round, 5));
        }
        tree.update().unwrap();
    }
    let reader = tree.reader();
    let meta = reader.meta();
    assert!(meta.rows < 3 * meta.chunks + 1100, "{meta:?}");
    assert!(meta.dead <= meta.chunks + 4096, "{meta:?}");
    assert_ne!(tree.vectors(), first);
    assert!(!first.exists());
    drop(reader);
    assert!(tree.is_as_fresh());
}

#[test]
fn another_model_makes_all_anew_and_another_size_only_the_chunks() {
    let tree = Tree::new();
    tree.fill(6);
    tree.update().unwrap();
    let other = hashes(2);
    let error = tree.reader().fits(&other).unwrap_err();
    let expected = Mismatch::Model { found: "hashes".to_owned() };
    assert!(matches!(&error, IndexError::Version { mismatch, .. } if *mismatch == expected));
    let summary = tree.update_by(&other, &Options::default()).unwrap();
    assert_eq!(summary.anew, Some(Reason::Mismatch(expected)));
    assert_eq!(summary.embedded, other.texts.load(Ordering::Relaxed));
    assert!(summary.embedded > 0 && summary.reused == 0);
    assert!(tree.reader().fits(&other).is_ok());
    assert_eq!(tree.index_files().iter().filter(|name| name.ends_with(".f16")).count(), 1);

    let tree = Tree::new();
    tree.fill(6);
    tree.update().unwrap();
    let options = Options { target: Some(20), ..Options::default() };
    let smaller = tree.update_by(&hashes(1), &options).unwrap();
    assert_eq!(smaller.anew, Some(Reason::Mismatch(Mismatch::Chunks)));
    let back = tree.update().unwrap();
    assert_eq!((back.embedded, back.anew), (0, Some(Reason::Mismatch(Mismatch::Chunks))));
    assert!(tree.is_as_fresh());
}

#[test]
fn words_lead_to_their_chunks() {
    let tree = Tree::new();
    tree.write("src/walker.rs", "/// Enters folders.\nfn enterFolder() { let depth = 1; }\n");
    tree.write("notes.md", "# Depth\n\nHow deep a walk goes.\n");
    tree.update().unwrap();
    let reader = tree.reader();
    let files = reader.files().unwrap();
    let of = |word: &str| {
        let found = reader.postings(word).unwrap();
        let mut paths: Vec<&str> = found
            .iter()
            .map(|&(doc, _)| files.records()[files.find(doc).unwrap().0].path.as_str())
            .collect();
        paths.sort_unstable();
        paths
    };
    assert_eq!(of("depth"), ["notes.md", "src/walker.rs"]);
    assert_eq!(of("enterfolder"), ["src/walker.rs"]);
    assert_eq!(of("walker"), ["src/walker.rs"]);
    assert!(of("nowhere").is_empty());
    let walker = files.records().iter().find(|file| file.path == "src/walker.rs").unwrap();
    let chunks = reader.chunks(walker.first_doc).unwrap();
    assert_eq!(chunks[0].symbol, "enterFolder");
    assert_eq!(reader.vectors().row(walker.chunks[0].row).len(), tree::DIMENSION);
    let (text, is_as_indexed) = anemone_search::index::read_text(&tree.root(), walker).unwrap();
    assert!(is_as_indexed && text[chunks[0].bytes.start as usize..].contains("enterFolder"));
    let status = reader.status().unwrap();
    assert_eq!((status.files, status.chunks), (2, 2));
    assert!(status.size > 0 && status.when > 0);
}
