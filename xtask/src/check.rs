//! `cargo xtask check`: the steps in order, cheapest first, each with its name and time.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::{metadata, tidy, tree};

struct Step {
    name: &'static str,
    arguments: &'static [&'static str],
    environment: Option<(&'static str, &'static str)>,
    remedy: &'static str,
}

const BEFORE_TIDY: &[Step] = &[
    Step {
        name: "fmt",
        arguments: &["fmt", "--all", "--check"],
        environment: None,
        remedy: "run `cargo fmt --all`",
    },
    Step {
        name: "clippy",
        arguments: &["clippy", "--quiet", "--workspace", "--all-targets", "--", "-Dwarnings"],
        environment: None,
        remedy: "mend what clippy names; waive a lint only at its place, with `reason = \"...\"`",
    },
];

const AFTER_TIDY: &[Step] = &[
    Step {
        name: "test",
        arguments: &["test", "--quiet", "--workspace"],
        environment: None,
        remedy: "run the failing test alone: `cargo test -p <crate> <test>`",
    },
    Step {
        name: "interleavings",
        arguments: &[
            "test",
            "--quiet",
            "-p",
            "anemone-runtime",
            "--features",
            "shuttle",
            "--test",
            "interleavings",
        ],
        environment: None,
        remedy: "replay the schedule that is printed: `shuttle::replay`",
    },
    Step {
        name: "doc",
        arguments: &["doc", "--quiet", "--no-deps", "--workspace"],
        environment: Some(("RUSTDOCFLAGS", "-Dwarnings")),
        remedy: "mend the links and markup that rustdoc names",
    },
];

/// Runs every step and stops at the first that fails.
pub(crate) fn run() -> Result<()> {
    let root = tree::root()?;
    let start = Instant::now();
    for step in BEFORE_TIDY {
        timed(step.name, || step.run(&root))?;
    }
    timed("tidy", tidy::run)?;
    for step in AFTER_TIDY {
        timed(step.name, || step.run(&root))?;
    }
    println!("check: everything passed in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn timed(name: &str, step: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("check: {name} ...");
    let start = Instant::now();
    let outcome = step();
    let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
    println!("check: {name} {verdict} in {:.1} s", start.elapsed().as_secs_f64());
    outcome
}

impl Step {
    fn run(&self, root: &Path) -> Result<()> {
        let mut command = Command::new(metadata::cargo());
        command.args(self.arguments).envs(self.environment).current_dir(root);
        let status = command
            .status()
            .with_context(|| format!("`cargo {}` did not start", self.arguments.join(" ")))?;
        if !status.success() {
            bail!("`cargo {}` failed; {}", self.arguments.join(" "), self.remedy);
        }
        Ok(())
    }
}
