//! A case's program through a package on disk.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use anemone_formats::{WriteOptions, read, write};
use anemone_ir::{Body, Description, Opset, Package, Program};

/// The program as it is read back from a package that holds it.
pub(crate) fn through(program: &Program) -> Result<Program, String> {
    let folder = Folder::new();
    let path = folder.0.join("case.mlpackage");
    let opset = program.functions.values().find_map(|f| Opset::from_name(&f.opset));
    let version = opset.unwrap_or(Opset::Ios15).spec_version();
    let package = Package::new(version, Description::default(), program.clone());
    write(&package, &path, &WriteOptions::default()).map_err(|e| e.to_string())?;
    match read(&path).map_err(|e| e.to_string())?.body {
        Body::Program(program) => Ok(program),
        Body::Unread { name, .. } => Err(format!("read back as {name}")),
    }
}

/// A folder of its own, gone when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("anemone-conformance-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("the system's temporary folder");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
