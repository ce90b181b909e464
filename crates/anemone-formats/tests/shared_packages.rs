//! Real packages from the shared folder, where it is beside the checkout.

#![allow(clippy::disallowed_methods, reason = "a test may look at files")]

use std::fs;
use std::path::{Path, PathBuf};

use anemone_formats::{WriteOptions, read, write};
use anemone_ir::{Body, LiteralData};

mod scratch;

fn models() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/coreml");
    let Ok(entries) = fs::read_dir(&folder) else {
        eprintln!("SKIPPED: no packages at {}", folder.display());
        return Vec::new();
    };
    let is_model =
        |path: &PathBuf| path.extension().is_some_and(|e| e == "mlpackage" || e == "mlmodel");
    let mut found: Vec<_> = entries.map(|e| e.unwrap().path()).filter(is_model).collect();
    found.sort();
    found
}

#[test]
fn every_package_is_read_whole() {
    for path in models() {
        let package = read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let Body::Program(program) = &package.body else {
            assert_eq!(package.body.kind(), "neuralNetwork");
            continue;
        };
        assert!(!package.description.inputs.is_empty());
        for block in program.functions.values().filter_map(|f| f.body()) {
            for operation in &block.operations {
                assert!(operation.extra.is_empty());
                for literal in operation.attributes.values() {
                    assert!(!matches!(literal.data, LiteralData::Opaque(_)), "{literal:?}");
                    if operation.op == "const" {
                        literal.to_const().unwrap();
                    }
                }
            }
        }
    }
}

#[test]
fn every_package_is_written_as_it_was_read() {
    let folder = scratch::scratch("shared_packages");
    for path in models() {
        let package = read(&path).unwrap();
        let copy = folder.join(path.file_name().unwrap());
        write(&package, &copy, &WriteOptions::default()).unwrap();
        assert_eq!(read(&copy).unwrap(), package);

        // Overwriting replaces the files that `package` may still map.
        write(&package, &copy, &WriteOptions { overwrite: true }).unwrap();
        assert_eq!(read(&copy).unwrap(), package);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(&copy).or_else(|_| fs::remove_file(&copy)).unwrap();
    }
}
