//! `anemone verify`, the emulator as an engine, and a Mac's report.
#![allow(clippy::disallowed_methods, reason = "tests read and write their own files")]

mod program;

use std::fs;
use std::path::Path;

use program::{Folder, Run, anemone};
use serde_json::{Value, json};

fn parsed(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

/// The probes in a folder of this test's own.
fn probes(name: &str) -> Folder {
    let folder = Folder::new(name);
    let run = anemone(&["inspect", "--write-probes", text(&folder.file("probes"))]);
    assert_eq!(run.code, 0, "{run:?}");
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

fn probe(folder: &Folder, name: &str) -> [String; 2] {
    ["mlpackage", "npz"].map(|end| text(&folder.file(&format!("probes/{name}.{end}"))).to_owned())
}

#[test]
fn an_overflow_is_told_with_its_op_and_input_and_fails() {
    let folder = probes("verify-overflow");
    let [model, inputs] = probe(&folder, "accumulator");
    let run = anemone(&["verify", &model, "--inputs", &inputs, "--json"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.starts_with("error: ") && run.stderr.contains("overflows"), "{run:?}");
    let found = parsed(&run);
    assert!(found["first_overflow"].as_str().is_some_and(|op| op.contains("without_bias")));
    let ops = found["ops"].as_array().unwrap();
    let op = ops.iter().find(|op| op["path"].as_str().unwrap().contains("without_bias")).unwrap();
    assert_eq!(op["verdict"], "always");
    assert_eq!(op["overflow"]["kind"], "accumulator");
    assert_eq!(op["overflow"]["set"], json!(inputs));
    let work = ops.iter().find(|op| op["path"].as_str().unwrap().contains("work_0")).unwrap();
    assert_eq!(work["verdict"], "never");

    let [model, inputs] = probe(&folder, "conv-4");
    let run = anemone(&["verify", &model, "--inputs", &inputs]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
    assert!(run.stdout.contains("no overflow, no NaN"), "{run:?}");
    assert!(run.stdout.contains("nearest to a limit"), "{run:?}");
}

#[test]
fn without_inputs_ranges_are_bounded_and_random_inputs_run_the_same_each_time() {
    let digits = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../models/tiny-digits/tiny-digits.mlpackage");
    let verify = |more: &[&str]| anemone(&[&["verify", text(&digits), "--json"], more].concat());
    let first = verify(&[]);
    assert_eq!(first.code, 0, "{first:?}");
    assert_eq!(first.stdout, verify(&[]).stdout);
    let found = parsed(&first);
    assert_eq!(found["sets"].as_array().unwrap().len(), 4);
    assert_eq!(found["assumed"]["image"]["highest"], 255.0);
    assert!(found["ops"][0]["bound"]["forecast"].is_string());
    assert_ne!(first.stdout, verify(&["--seed", "1"]).stdout);
    let strict = verify(&["--tolerance", "0", "--sets", "1"]);
    assert_eq!(strict.code, 1, "{strict:?}");
    assert!(strict.stderr.contains("above the tolerance"), "{strict:?}");
}

#[test]
fn any_engine_is_compared_with_expected_outputs() {
    let folder = probes("verify-expected");
    let [model, inputs] = probe(&folder, "conv-1");
    let expected = folder.file("expected.npz");
    let predict = |engine: &str, outputs: &Path| {
        let run = anemone(&[
            "predict",
            "--model",
            &model,
            "--inputs",
            &inputs,
            "--outputs",
            text(outputs),
            "--engine",
            engine,
            "--json",
        ]);
        assert_eq!(run.code, 0, "{run:?}");
        parsed(&run)["engine"].clone()
    };
    assert_eq!(predict("cpu", &expected), "cpu");
    let verify = |engine: &str, tolerance: &str| {
        anemone(&[
            "verify",
            &model,
            "--engine",
            engine,
            "--inputs",
            &inputs,
            "--against",
            text(&expected),
            "--tolerance",
            tolerance,
            "--json",
        ])
    };
    let same = verify("cpu", "0");
    assert_eq!((same.code, parsed(&same)["outputs"][0]["error"].clone()), (0, json!(0.0)));
    let near = verify("ane-emu:m1", "0.01");
    assert_eq!(near.code, 0, "{near:?}");
    assert!(parsed(&near)["outputs"][0]["cosine"].as_f64() > Some(0.9999), "{near:?}");
    let far = verify("ane-emu", "0");
    assert!(far.code == 1 && far.stderr.contains("layer_0"), "{far:?}");

    let emulated = folder.file("emulated.npz");
    assert_eq!(predict("ane-emu", &emulated), "ane-emu");
    assert_ne!(fs::read(&expected).unwrap(), fs::read(&emulated).unwrap());
}

#[test]
fn wrong_arguments_and_reports_are_one_clear_error() {
    let folder = probes("verify-wrong");
    let [model, inputs] = probe(&folder, "conv-1");
    let not_json = folder.file("no.json");
    fs::write(&not_json, "{}").unwrap();
    let missing = folder.file("missing.npz");
    let [no_json, missing] = [not_json.as_path(), missing.as_path()].map(text);
    let cases: &[(&[&str], i32, &str)] = &[
        (&["verify", &model, "--engine", "cpu"], 2, "expected outputs only"),
        (&["verify", &model, "--engine", "gpu"], 2, "there is no engine `gpu`"),
        (&["verify", &model, "--engine", "ane-emu:m99"], 2, "there is no chip `m99`"),
        (&["verify", &model, "--inputs", missing], 1, "missing.npz"),
        (&["verify", &model, "--against", &inputs], 2, "one file of inputs"),
        (&["verify", &model, "--inputs", &inputs, "--against", &inputs], 1, "no array `x`"),
        (&["verify", &model, "--inputs", &inputs, "--seed", "1"], 2, "cannot be used with"),
        (&["verify", &model, "--tolerance", "NaN"], 2, "number from 0 on"),
        (&["verify", &model, "--shape", "x=1x2"], 1, "`x` has shape [1, 2]"),
        (&["inspect"], 2, "MODEL"),
        (&["inspect", &model, &model], 2, "one model"),
        (&["inspect", "--compare", no_json], 1, "not a report"),
        (&["inspect", "--compare", missing], 1, "missing.npz"),
    ];
    for (arguments, code, part) in cases {
        let run = anemone(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (*code, ""), "{arguments:?}: {run:?}");
        assert!(run.stderr.contains(part), "{arguments:?}: {run:?}");
    }
}
