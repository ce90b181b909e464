//! What is written, as a package or as text, is read back the same, for packages of any form.

#![allow(clippy::disallowed_methods, reason = "a test may look at files")]

use std::fs;
use std::path::Path;

use anemone_formats::{FolderWeights, WriteOptions, read, write};
use anemone_ir::{LiteralData, Package, text};
use proptest::prelude::*;

mod generate;
mod scratch;

const MODEL: &str = "Data/com.apple.CoreML/model.mlmodel";
const WEIGHTS: &str = "Data/com.apple.CoreML/weights/weight.bin";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_written_is_read_back(package in generate::package()) {
        let folder = scratch::scratch("generated_packages");
        let [first, second] = ["first.mlpackage", "second.mlpackage"].map(|n| folder.join(n));
        write(&package, &first, &WriteOptions::default()).unwrap();
        let found = read(&first).unwrap();
        prop_assert_eq!(without_places(found.clone()), package);

        let weights = FolderWeights::new(found.folder.as_ref().unwrap()).unwrap();
        let program = found.program().unwrap();
        let parsed = text::parse(&text::print(program), &mut |file, offset, ty| {
            weights.blob(file, offset, ty).map_err(|fault| fault.to_string())
        });
        prop_assert_eq!(&parsed.unwrap(), program);

        write(&found, &second, &WriteOptions::default()).unwrap();
        for file in ["Manifest.json", MODEL, WEIGHTS] {
            prop_assert_eq!(bytes(&first, file), bytes(&second, file), "{}", file);
        }
    }
}

fn bytes(package: &Path, file: &str) -> Option<Vec<u8>> {
    fs::read(package.join(file)).ok()
}

/// The package as it was generated: in no folder, blobs not placed.
fn without_places(mut package: Package) -> Package {
    package.folder = None;
    let functions = package.program_mut().unwrap().functions.values_mut();
    for operation in functions.flat_map(|f| f.blocks.values_mut()).flat_map(|b| &mut b.operations) {
        for literal in operation.attributes.values_mut() {
            if let LiteralData::Blob(blob) = &mut literal.data {
                blob.offset = 0;
            }
        }
    }
    package
}
