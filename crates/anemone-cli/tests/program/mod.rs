//! Runs the true binary, in folders that vanish afterwards.
#![allow(dead_code, reason = "each test that includes this file uses its own part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the program.
pub(crate) fn anemone(arguments: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_anemone"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    Run {
        code: output.status.code().expect("no signal ends the program"),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// A folder of one test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// An empty folder.
    pub(crate) fn new(name: &str) -> Folder {
        let name = format!("anemone-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("the temporary folder takes another one");
        Folder(path)
    }

    /// A path in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
