//! Models made by Apple's tools against the results of the networks that they were made from.
//!
//! The models lie beside the repository, in `shared/data/coreml`, and are too large to be in it;
//! where they are absent the test says so.
#![allow(clippy::disallowed_methods, reason = "tests read and write their own files")]

#[path = "../src/npy.rs"]
#[allow(dead_code, reason = "the test only reads archives")]
mod npy;
#[path = "../src/npz.rs"]
mod npz;
mod program;

use std::fs::File;
use std::path::{Path, PathBuf};

use anemone::engine::Array;
use npz::Arrays;
use program::{Folder, anemone};

/// Probabilities and embeddings lie between -1 and 1; a looser bound would say little of them.
const BOUNDED: [&str; 2] = ["probs", "sentence_embedding"];

fn tolerance(model: &str, output: &str) -> f64 {
    match output {
        _ if model.contains("_fp32_") => 1e-4,
        _ if BOUNDED.contains(&output) => 5e-3,
        _ => 2e-2,
    }
}

/// The members of an archive of goldens that begin with `prefix`, without it.
fn members(goldens: &Arrays, prefix: &str) -> Arrays {
    let strip = |(name, array): (&String, &Array)| {
        Some((name.strip_prefix(prefix)?.to_owned(), array.clone()))
    };
    goldens.iter().filter_map(strip).collect()
}

fn read(path: &Path) -> Arrays {
    npz::read(File::open(path).unwrap(), |name| name != "meta").unwrap()
}

fn floats(array: &Array) -> Vec<f64> {
    let tensor = array.to_tensor();
    (0..tensor.count()).map(|i| tensor.get_f64(i)).collect()
}

/// Compares, prints the largest difference, and returns whether it is small enough.
fn close(model: &str, found: &Arrays, expected: &Arrays) -> bool {
    expected.iter().all(|(name, expected)| {
        let found = &found[name];
        assert_eq!(found.shape(), expected.shape(), "{model}: {name}");
        let pairs = floats(found).into_iter().zip(floats(expected));
        // NaN must not pass for small.
        let worst =
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0, |w: f64, d| if d <= w { w } else { d });
        let allowed = tolerance(model, name);
        println!("{model:<40} {name:<24} max error {worst:.2e} (at most {allowed:.0e})");
        worst <= allowed
    })
}

fn predict(model: &Path, folder: &Folder, inputs: &Arrays, more: &[&str]) -> Arrays {
    let (input, output) = (folder.file("in.npz"), folder.file("out.npz"));
    std::fs::write(&input, npz::write(inputs).unwrap()).unwrap();
    let (model, inputs) = (model.to_str().unwrap(), input.to_str().unwrap());
    let outputs = output.to_str().unwrap();
    let mut arguments = vec!["predict", "--model", model, "--inputs", inputs, "--outputs", outputs];
    arguments.extend(more);
    let run = anemone(&arguments);
    assert_eq!(run.code, 0, "{model}: {}", run.stderr);
    read(&output)
}

/// Each step is a process of its own; the state goes from one to the next in a file.
fn steps_are_close(name: &str, model: &Path, goldens: &Arrays, folder: &Folder) -> bool {
    let state = folder.file("state.npz");
    let state = state.to_str().unwrap();
    let mut all_close = true;
    for step in 0.. {
        let inputs = members(goldens, &format!("in.step{step}."));
        if inputs.is_empty() {
            break;
        }
        let mut arguments = vec!["--state-out", state];
        if step > 0 {
            arguments.extend(["--state-in", state]);
        }
        let found = predict(model, folder, &inputs, &arguments);
        all_close &= close(name, &found, &members(goldens, &format!("out.step{step}.")));
    }
    all_close && close(name, &read(Path::new(state)), &members(goldens, "out.final."))
}

fn shared_models() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/coreml");
    root.is_dir().then_some(root)
}

#[test]
fn models_made_by_apples_tools_give_their_networks_results() {
    let Some(root) = shared_models() else {
        println!("SKIPPED: `shared/data/coreml` is not beside the repository");
        return;
    };
    let mut models: Vec<PathBuf> =
        root.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    models.retain(|path| path.extension().is_some_and(|e| e == "mlpackage"));
    models.sort();
    assert!(!models.is_empty());
    let mut failed = Vec::new();
    for model in &models {
        let name = model.file_stem().unwrap().to_str().unwrap();
        let goldens = read(&model.with_extension("npz"));
        let folder = Folder::new(name);
        let is_close = if goldens.keys().any(|key| key.starts_with("in.step")) {
            steps_are_close(name, model, &goldens, &folder)
        } else {
            let found = predict(model, &folder, &members(&goldens, "in."), &[]);
            close(name, &found, &members(&goldens, "out."))
        };
        if !is_close {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "too far from the goldens: {failed:?}");
}
