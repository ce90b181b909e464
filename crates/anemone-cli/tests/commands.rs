//! The commands as people and programs call them: results, and every kind of bad input.
#![allow(clippy::disallowed_methods, reason = "tests read and write their own files")]

#[path = "program/model.rs"]
mod model;
#[path = "../src/npy.rs"]
mod npy;
#[path = "../src/npz.rs"]
mod npz;
mod program;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anemone::engine::Array;
use anemone::tensor::{DataType, Tensor};
use npz::Arrays;
use program::{Folder, Run, anemone};
use serde_json::{Value, json};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn save(folder: &Folder, name: &str, arrays: &[(&str, Array)]) -> std::path::PathBuf {
    let arrays: Arrays = arrays.iter().map(|(n, a)| ((*n).to_owned(), a.clone())).collect();
    let path = folder.file(name);
    fs::write(&path, npz::write(&arrays).unwrap()).unwrap();
    path
}

fn rows(count: usize) -> Array {
    let values: Vec<f32> = (0..count * 3).map(|i| i as f32).collect();
    Array::from_f32(vec![count, 3], &values).unwrap()
}

fn predict(model: &Path, inputs: &Path, outputs: &Path) -> Run {
    anemone(&[
        "predict",
        "--model",
        text(model),
        "--inputs",
        text(inputs),
        "--outputs",
        text(outputs),
    ])
}

/// One line `error: ...` that has `part`, and at most a hint beside it.
fn assert_fails(run: &Run, part: &str) {
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.is_empty(), "{run:?}");
    let lines: Vec<&str> = run.stderr.lines().collect();
    let (errors, rest): (Vec<&&str>, Vec<&&str>) =
        lines.iter().partition(|line| line.starts_with("error: "));
    assert_eq!(errors.len(), 1, "{run:?}");
    assert!(errors[0].contains(part), "{run:?}");
    assert!(rest.len() <= 1 && rest.iter().all(|line| line.starts_with("hint: ")), "{run:?}");
}

#[test]
fn predict_goes_from_archive_to_archive() {
    let folder = Folder::new("predict");
    let model = model::linear(&folder);
    let (inputs, outputs) = (save(&folder, "in.npz", &[("x", rows(2))]), folder.file("out.npz"));
    let run = predict(&model, &inputs, &outputs);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:?}");
    let found = npz::read(fs::File::open(&outputs).unwrap(), |_| true).unwrap();
    let expected = Array::from_f32(vec![2, 2], &[8.0, 17.0, 26.0, 62.0]).unwrap();
    assert_eq!(found, Arrays::from([("y".to_owned(), expected)]));
}

#[test]
fn wrong_inputs_are_told_and_nothing_is_written() {
    let folder = Folder::new("inputs");
    let model = model::linear(&folder);
    let outputs = folder.file("out.npz");
    let ints = Array::from(Tensor::from_f64(DataType::I32, vec![1, 3], [1.0; 3]).unwrap());
    for (inputs, part) in [
        (vec![("z", rows(1))], "input `x` missing, input `z` unknown"),
        (vec![], "the model takes `x` (float32 [1..4, 3])"),
        (vec![("x", rows(5))], "`x` has shape [5, 3], the model takes [1..4, 3]"),
        (vec![("x", ints)], "`x` is int32, not float32"),
    ] {
        let inputs = save(&folder, "in.npz", &inputs);
        let run = predict(&model, &inputs, &outputs);
        assert_fails(&run, part);
        let last = run.stderr.lines().last().unwrap();
        assert!(last.starts_with("error: "), "programs read the last line: {last}");
        assert!(!outputs.exists());
    }
    fs::write(folder.file("in.npz"), b"PK no archive").unwrap();
    assert_fails(&predict(&model, &folder.file("in.npz"), &outputs), "not a numpy archive");
    assert_fails(&predict(&model, &folder.file("none.npz"), &outputs), "none.npz");
    let inputs = save(&folder, "in.npz", &[("x", rows(1))]);
    assert_fails(&predict(&model, &inputs, &folder.file("no/out.npz")), "cannot write");
}

#[test]
fn wrong_models_are_told() {
    let folder = Folder::new("models");
    let good = model::linear(&folder);
    let strange = model::strange(&folder);
    let (inputs, outputs) = (save(&folder, "in.npz", &[("x", rows(1))]), folder.file("out.npz"));
    let fails = |model: &Path, part: &str| {
        assert_fails(&predict(model, &inputs, &outputs), part);
        assert!(!outputs.exists());
    };
    fails(&folder.file("none.mlpackage"), "does not exist");
    fails(&strange, "unsupported");
    fails(folder.path(), "Manifest.json");
    let file = good.join("Data/com.apple.CoreML/model.mlmodel");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    fails(&good, "model.mlmodel");
    fs::write(&file, vec![0xff; 4096]).unwrap();
    fails(&good, "model.mlmodel");
    fs::remove_file(&file).unwrap();
    fails(&good, "model.mlmodel");
}

#[test]
fn wrong_usage_ends_with_two() {
    for arguments in [
        &["predict"][..],
        &["nonsense"],
        &[],
        &["run"],
        &["predict", "--serve", "--model", "m"],
        &["predict", "--compute-units", "abacus"],
        &["run", "m", "--input", "x"],
        &["run", "m", "--threads", "0"],
    ] {
        let run = anemone(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}: {run:?}");
    }
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in ["inspect", "run", "predict", "convert", "doctor", "completions"] {
        let run = anemone(&[command, "--help"]);
        assert_eq!(run.code, 0);
        assert!(run.stdout.contains(&format!("anemone {command} ")), "{}", run.stdout);
    }
    assert!(anemone(&["completions", "zsh"]).stdout.contains("anemone"));
}

#[test]
fn run_tells_what_is_wanted_and_what_came_out() {
    let folder = Folder::new("run");
    let model = model::linear(&folder);
    let run = anemone(&["run", text(&model)]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("`x` (float32 [1..4, 3])"), "{run:?}");
    let input = folder.file("x.npy");
    fs::write(&input, npy::write(&rows(1)).unwrap()).unwrap();
    let (input, results) = (format!("x={}", text(&input)), folder.file("results"));
    let folder_argument = text(&results);
    let arguments = ["run", text(&model), "--input", &input, "--output-dir", folder_argument];
    let run = anemone(&arguments);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("y: fp32 [1, 2], min 8.0000"), "{run:?}");
    assert!(results.join("y.npy").exists());
    let run = anemone(&["run", text(&model), "--input", &input, "--json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["outputs"]["y"]["values"], json!([8.0, 17.0]));
    let run = anemone(&["run", text(&model), "--input", &input, "--top", "1"]);
    assert!(run.stdout.contains("y: #1 17.0000\n"), "{run:?}");
}

#[test]
fn run_reads_a_picture_and_names_the_digit_in_it() {
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/tiny-digits");
    let model = digits.join("tiny-digits.mlpackage");
    let input = format!("image={}", text(&digits.join("seven.png")));
    let run = anemone(&["run", text(&model), "--input", &input, "--top", "2"]);
    assert!(run.stdout.starts_with("digit: seven\ndigit_probs: seven "), "{run:?}");
}

#[test]
fn inspect_tells_what_a_model_takes_and_lacks() {
    let folder = Folder::new("inspect");
    let (linear, strange) = (model::linear(&folder), model::strange(&folder));
    let run = anemone(&["inspect", text(&linear)]);
    assert!(run.stdout.contains("float32 [1..4, 3]") && run.stdout.contains("linear 1"), "{run:?}");
    let run = anemone(&["inspect", text(&linear), "--json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["functions"][0]["flops"], json!(12));
    assert_eq!(report["functions"][0]["ops"], json!([{ "op": "linear", "count": 1 }]));
    let run = anemone(&["inspect", text(&linear), "--mil"]);
    assert!(run.stdout.starts_with("program(1.0)"), "{run:?}");
    let run = anemone(&["inspect", text(&strange)]);
    assert_eq!(run.code, 0);
    assert!(run.stdout.contains("strange: unknown op"), "{run:?}");
}

#[test]
fn convert_keeps_what_is_there_unless_forced() {
    let folder = Folder::new("convert");
    let (model, copy) = (model::linear(&folder), folder.file("copy.mlpackage"));
    let arguments = ["convert", text(&model), "-o", text(&copy)];
    assert_eq!(anemone(&arguments).code, 0);
    assert_fails(&anemone(&arguments), "exists already");
    assert_eq!(anemone(&[&arguments[..], &["--force"]].concat()).code, 0);
    let mil = |path: &Path| anemone(&["inspect", text(path), "--mil"]).stdout;
    assert_eq!(mil(&model), mil(&copy));
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_anemone"))
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn the_server_outlives_bad_requests() {
    let folder = Folder::new("serve");
    let (model, strange) = (model::linear(&folder), model::strange(&folder));
    let inputs = save(&folder, "in.npz", &[("x", rows(1))]);
    let outputs = folder.file("out.npz");
    let request = |model: &Path| {
        json!({ "op": "predict", "model": model, "function": "", "compute_units": "CPU_ONLY",
            "inputs": inputs, "outputs": outputs, "outputs_desc": [], "test": "t" })
    };
    let mut child = Command::new(env!("CARGO_BIN_EXE_anemone"))
        .args(["predict", "--serve"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut requests = child.stdin.take().unwrap();
    let mut replies = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut ask = |line: &[u8]| {
        requests.write_all(line).and_then(|()| requests.write_all(b"\n")).unwrap();
        serde_json::from_str::<Value>(&replies.next().unwrap().unwrap()).unwrap()
    };
    for bad in [&b"garbage"[..], b"{}", b"[1]", b"\xff\xfe", b"{\"op\":\"stop\"}"] {
        let reply = ask(bad);
        assert_eq!(reply["ok"], json!(false), "{reply}");
        assert!(reply["error"].as_str().is_some_and(|error| !error.contains('\n')));
    }
    let reply = ask(request(&strange).to_string().as_bytes());
    assert!(reply["error"].as_str().unwrap().contains("unsupported"), "{reply}");
    assert!(!outputs.exists());
    for _ in 0..2 {
        let reply = ask(request(&model).to_string().as_bytes());
        assert_eq!(reply["ok"], json!(true), "{reply}");
        fs::remove_file(&outputs).unwrap();
    }
    drop(requests);
    assert!(child.wait().unwrap().success());
}

#[test]
fn doctor_tells_engines_and_why_others_are_absent() {
    let run = anemone(&["doctor", "--json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(report["engines"].as_array().unwrap().contains(&json!("cpu")));
    assert!(report["threads"].as_u64().unwrap() > 0);
}
