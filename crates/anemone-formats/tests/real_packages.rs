//! Real packages: small ones of this crate, and those of the shared folder if it is beside the checkout.

#![allow(clippy::disallowed_methods, reason = "a test may look at files")]

use std::fs;
use std::path::{Path, PathBuf};

use anemone_formats::{FolderWeights, WriteOptions, read, write};
use anemone_ir::{Body, LiteralData, text};

mod scratch;

fn models() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in [here.join("tests/data"), here.join("../../../shared/data/coreml")] {
        match fs::read_dir(&folder) {
            Ok(entries) => found.extend(entries.map(|e| e.unwrap().path())),
            Err(_) => eprintln!("SKIPPED: no packages at {}", folder.display()),
        }
    }
    found.retain(|path| path.extension().is_some_and(|e| e == "mlpackage" || e == "mlmodel"));
    found.sort();
    assert!(found.len() >= 3);
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
        assert!(!package.description.features(None).unwrap().inputs.is_empty());
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

#[test]
fn every_program_survives_as_text() {
    let folder = scratch::scratch("text");
    for path in models() {
        let package = read(&path).unwrap();
        let Some(program) = package.program() else { continue };
        let weights = FolderWeights::new(package.folder.as_ref().unwrap()).unwrap();
        let parsed = text::parse(&text::print(program), &mut |file, offset, ty| {
            weights.blob(file, offset, ty).map_err(|fault| fault.to_string())
        });
        let mut changed = package.clone();
        *changed.program_mut().unwrap() = parsed.unwrap();
        let copy = folder.join(path.file_name().unwrap());
        write(&changed, &copy, &WriteOptions::default()).unwrap();
        assert_eq!(read(&copy).unwrap(), package);
    }
}
