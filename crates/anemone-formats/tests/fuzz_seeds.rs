//! Replays the seeds of every fuzz target: what crashed once must not crash again.

#![allow(clippy::disallowed_methods, reason = "a test may look at files")]

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/targets.rs"]
mod targets;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let mut count = 0;
    for seed in fs::read_dir(folder).unwrap() {
        run(&fs::read(seed.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 3, "{target} has {count} seeds");
}

#[test]
fn model_seeds() {
    replay("model", targets::model);
}

#[test]
fn weights_seeds() {
    replay("weights", targets::weights);
}

#[test]
fn package_seeds() {
    replay("package", targets::package);
}

#[test]
fn text_seeds() {
    replay("text", targets::text);
}
