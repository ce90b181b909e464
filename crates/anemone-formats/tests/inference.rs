//! Real packages are checked, and types are inferred without looking at the declared ones.

#![allow(clippy::disallowed_methods, reason = "a test may look at files")]

use std::path::PathBuf;

use anemone_formats::read;
use anemone_ir::program::{Block, TypeDecl};
use anemone_ir::{Checked, CheckedBlock, Package, Program, check};

/// Packages of the shared data; none, with a loud word, where the folder is absent.
fn packages() -> Vec<(String, Package)> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/coreml"));
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: {} is absent", folder.display());
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "mlpackage"));
    paths.sort();
    let name = |p: &PathBuf| p.file_stem().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|p| (name(p), read(p).unwrap())).collect()
}

fn strip(block: &mut Block) {
    for operation in &mut block.operations {
        operation.outputs.iter_mut().for_each(|o| o.ty = TypeDecl::Opaque(Vec::new()));
        operation.blocks.iter_mut().for_each(strip);
    }
}

fn stripped(program: &Program) -> Program {
    let mut program = program.clone();
    for function in program.functions.values_mut() {
        function.blocks.values_mut().for_each(strip);
    }
    program
}

/// Every output's type, by op path.
fn types(checked: &Checked) -> Vec<String> {
    let mut found = Vec::new();
    for function in checked.functions().values() {
        let mut visit = |block: &CheckedBlock| {
            for node in &block.nodes {
                for id in &node.outputs {
                    found.push(format!("{} {}", node.origin, function.value(*id).ty()));
                }
            }
        };
        visit(&CheckedBlock { nodes: function.nodes().to_vec(), ..CheckedBlock::default() });
    }
    found
}

#[test]
fn real_packages_check_and_need_no_declared_types() {
    for (name, package) in packages() {
        let program = package.program().unwrap();
        let checked = check(program).unwrap_or_else(|faults| panic!("{name}: {faults}"));
        let bare = check(&stripped(program)).unwrap_or_else(|faults| panic!("{name}: {faults}"));
        assert_eq!(types(&bare), types(&checked), "{name}");
        assert!(!types(&checked).is_empty(), "{name}");
    }
}
