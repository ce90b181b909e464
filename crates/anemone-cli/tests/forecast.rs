//! `anemone inspect` with a chip: the report, its JSON, its page, the gate, and bad input.
#![allow(clippy::disallowed_methods, reason = "tests read and write their own files")]

#[path = "program/model.rs"]
mod model;
mod program;

use std::fs;
use std::path::Path;

use program::{Folder, Run, anemone};
use serde_json::{Value, json};

fn models(path: &str) -> String {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models").join(path);
    models.to_str().unwrap().to_owned()
}

fn digits() -> String {
    models("tiny-digits/tiny-digits.mlpackage")
}

fn minilm() -> String {
    models("all-MiniLM-L6-v2/model.mlpackage")
}

fn inspect(model: &str, arguments: &[&str]) -> Run {
    anemone(&[&["inspect", model], arguments].concat())
}

fn parsed(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

#[test]
fn the_report_tells_each_part_and_moves_no_terminal() {
    let run = inspect(&minilm(), &["--chip", "m4"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
    for part in [
        "model.mlpackage, function main: 180 ops",
        "m4 (compiler target h16), macOS 27: a forecast",
        "Neural Engine",
        "latency",
        "2 segments",
        "int32 tensor",
        "confidence high",
        "runtime_gather",
        "fix ",
        "dimension 1 of `input_ids` is taken as 128",
        "nothing was run on Apple hardware",
    ] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    assert!(!run.stdout.contains('\u{1b}'), "no colour where no terminal is");
    assert!(!run.stdout.contains("layer5_attention"));
    let run = inspect(&minilm(), &["--chip", "m4", "--ops"]);
    assert!(run.stdout.contains("main/layer5_attention"), "{run:?}");
}

#[test]
fn the_json_is_the_report() {
    let run = inspect(&minilm(), &["--chip", "m4", "--json", "--os", "macos26"]);
    let report = parsed(&run);
    assert_eq!(report["kind"], "forecast");
    assert_eq!(report["target"], json!({ "chip": "m4", "os": { "system": "macos", "major": 26 } }));
    for key in ["segments", "transfers", "lints", "assumed", "notes"] {
        assert!(report[key].is_array(), "{key}");
    }
    for key in ["ane_share_flops", "ane_share_ops", "flops", "weight_bytes"] {
        assert!(report[key].is_number(), "{key}");
    }
    for key in ["latency_ms", "energy_mj"] {
        let bars = ["low", "estimate", "high"].map(|bar| report[key][bar].as_f64().unwrap());
        assert!(bars.is_sorted(), "{key}");
    }
    for op in report["ops"].as_array().unwrap() {
        assert!(["ane", "cpu", "gpu", "folded"].contains(&op["place"].as_str().unwrap()), "{op}");
        for key in ["path", "op", "reason", "confidence"] {
            assert!(op[key].as_str().is_some_and(|text| !text.is_empty()), "{op}");
        }
        assert!(op["evidence"]["class"].is_string() && op["evidence"]["source"].is_string());
        assert!(op["cost_us"].is_number());
    }
    let held = parsed(&inspect(&minilm(), &["--json"]));
    assert!(held["functions"].is_array() && held["ops"].is_null(), "as it was without a chip");
}

#[test]
fn a_given_shape_is_taken_and_the_rest_is_stated() {
    let folder = Folder::new("forecast-shape");
    let model = model::linear(&folder);
    let model = model.to_str().unwrap();
    let assumed = |arguments: &[&str]| {
        let report = parsed(&inspect(model, &[&["--chip", "m1", "--json"], arguments].concat()));
        (report["assumed"].clone(), report["flops"].clone())
    };
    let one = json!([{ "input": "x", "axis": 0, "size": 1 }]);
    assert_eq!(assumed(&[]), (one, json!(12)));
    assert_eq!(assumed(&["--shape", "x=4x3"]), (json!([]), json!(48)));
    for (shape, part) in [
        ("x=5x3", "`x` has shape [5, 3], the model takes float32 [1..4, 3]"),
        ("x=3", "`x` has shape [3]"),
        ("z=1x3", "input `z` unknown; the model takes `x`"),
    ] {
        let run = inspect(model, &["--chip", "m1", "--shape", shape]);
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
        assert!(run.stderr.contains(part), "{run:?}");
    }
    let run = inspect(model, &["--chip", "m1", "--shape", "x=1x3", "--shape", "x=2x3"]);
    assert_eq!(run.code, 2, "{run:?}");
}

#[test]
fn the_gate_fails_after_the_report() {
    let passes = inspect(&minilm(), &["--chip", "m4", "--fail-under", "95"]);
    assert_eq!(passes.code, 0, "{passes:?}");
    let run = inspect(&digits(), &["--chip", "m4", "--fail-under", "95", "--json"]);
    assert_eq!((run.code, parsed(&run)["kind"].clone()), (1, json!("forecast")));
    assert!(run.stderr.starts_with("error: less than 95 % of the FLOPs"), "{run:?}");
    let run = inspect(&minilm(), &["--all-chips", "--fail-under", "95"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("a12 (0.00 %)") && !run.stderr.contains("m4"), "{run:?}");
    assert_eq!(inspect(&digits(), &["--chip", "m4", "--fail-under", "0"]).code, 0);
}

#[test]
fn all_chips_stand_side_by_side() {
    let all = parsed(&inspect(&minilm(), &["--all-chips", "--json", "--os", "ios18"]));
    let os = json!({ "system": "ios", "major": 18 });
    assert_eq!((&all["a18"]["chip"], &all["a18"]["os"]), (&json!("a18"), &os));
    assert_eq!(all["m4"]["os"]["system"], "macos", "it does not usually run iOS");
    assert!(all["m4"]["ane_share_flops"].as_f64() > all["a12"]["ane_share_flops"].as_f64());
    for key in ["ane_share_ops", "segments", "lints"] {
        assert!(all["m1"][key].is_number(), "{key}");
    }
    assert!(all["a12"]["reasons"][0]["reason"].is_string());
}

#[test]
fn the_page_is_written_and_said() {
    let folder = Folder::new("forecast-page");
    let page = folder.file("page.html");
    let run = inspect(&digits(), &["--chip", "m4", "--json", "--html", page.to_str().unwrap()]);
    assert_eq!((run.code, parsed(&run)["kind"].clone()), (0, json!("forecast")));
    assert!(
        run.stderr.starts_with("note: the page is in `") && run.stderr.contains("page.html"),
        "{run:?}"
    );
    assert!(fs::read_to_string(&page).unwrap().contains("tiny-digits.mlpackage"));
    let nowhere = folder.file("no/page.html");
    let run = inspect(&digits(), &["--chip", "m4", "--html", nowhere.to_str().unwrap()]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
}

#[test]
fn wrong_arguments_end_with_two() {
    for arguments in [
        &["--chip", "m99"][..],
        &["--chip", "m4", "--all-chips"],
        &["--chip", "m4", "--mil"],
        &["--html", "page.html"],
        &["--all-chips", "--html", "page.html"],
        &["--all-chips", "--ops"],
        &["--fail-under", "95"],
        &["--chip", "m4", "--fail-under", "NaN"],
        &["--chip", "m4", "--fail-under", "101"],
        &["--chip", "m4", "--fail-under=-1"],
        &["--chip", "m4", "--os", "macos3"],
        &["--chip", "m4", "--os", "beos5"],
        &["--chip", "m4", "--shape", "x"],
        &["--chip", "m4", "--shape", "x="],
        &["--chip", "m4", "--shape", "x=0x3"],
        &["--shape", "x=1x3"],
    ] {
        let run = inspect(&digits(), arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}: {run:?}");
    }
    let told = inspect(&digits(), &["--chip", "m99"]).stderr;
    assert!(told.contains("there is no chip `m99`; known are a11, "), "{told}");
}

#[test]
fn what_has_no_forecast_is_told_in_one_line() {
    let folder = Folder::new("forecast-none");
    let strange = model::strange(&folder);
    // A specification of version 4 with an empty description and an empty `neuralNetwork`.
    let network = folder.file("network.mlmodel");
    fs::write(&network, [0x08, 4, 0x12, 0, 0xa2, 0x1f, 0]).unwrap();
    for (model, arguments, part) in [
        (strange.to_str().unwrap(), &["--chip", "m4"][..], "unsupported"),
        (network.to_str().unwrap(), &["--chip", "m4"], "`neuralNetwork`"),
        (&digits(), &["--chip", "m4", "--function", "side"], "there is no function `side`"),
        (folder.file("none.mlmodel").to_str().unwrap(), &["--all-chips"], "does not exist"),
    ] {
        let run = inspect(model, arguments);
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
        let errors = run.stderr.lines().filter(|line| line.starts_with("error: ")).count();
        assert!(errors == 1 && run.stderr.contains(part), "{run:?}");
    }
}
