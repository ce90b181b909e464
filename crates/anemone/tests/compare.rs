//! A made-up Mac, of which forecast and emulator are right or wrong in known ways.

use std::collections::BTreeMap;

use anemone::compare::{CompareError, FORMAT, MacReport, compare};
use anemone::engine::Value;
use anemone::{EngineChoice, Engines, LoadOptions, Probe, load_package, probes};
use data_encoding::BASE64;
use serde_json::{Value as Json, json};

fn probe(name: &str) -> Probe {
    probes().into_iter().find(|probe| probe.name == name).expect("a probe")
}

fn packed(value: &Value) -> Json {
    let Value::Tensor(array) = value else { panic!("{value:?}") };
    let tensor = array.to_tensor();
    let dtype = match tensor.dtype().name() {
        "fp16" => "float16",
        "int32" => "int32",
        other => panic!("{other}"),
    };
    json!({ "dtype": dtype, "shape": tensor.shape(), "base64": BASE64.encode(tensor.data()) })
}

/// What a Mac would report whose engine is the emulator and whose plan puts every op at `places`.
fn measured(engines: &Engines, name: &str, ops: &[(&str, &str, &str)], ms: &[f64]) -> Json {
    let probe = probe(name);
    let engine = EngineChoice::AneEmulator { chip: Some("m4".to_owned()) };
    let options = LoadOptions { engine, ..LoadOptions::default() };
    let model = load_package(engines, &probe.package, &options).unwrap();
    let outputs = model.predict(&probe.inputs, None).unwrap().outputs;
    let outputs: BTreeMap<&str, Json> =
        outputs.iter().map(|(name, value)| (name.as_str(), packed(value))).collect();
    let plan: Vec<Json> = ops
        .iter()
        .map(|(output, op, place)| {
            json!({ "function": "main", "outputs": [output], "op": op, "preferred": place })
        })
        .collect();
    json!({
        "name": name,
        "plans": { "cpu_and_ne": plan },
        "timings_ms": { "cpu_and_ne": ms },
        "inputs": probe.inputs.iter().map(|(name, value)| (name.clone(), packed(value)))
            .collect::<BTreeMap<_, _>>(),
        "outputs": { "cpu_and_ne": outputs },
    })
}

fn report(models: Vec<Json>) -> Json {
    json!({
        "format": FORMAT,
        "version": 1,
        "machine": { "chip": "Apple M4", "macos": "27.0.1", "model": "Mac16,10" },
        "models": models,
    })
}

fn parsed(report: &Json) -> Result<MacReport, CompareError> {
    MacReport::parse(&report.to_string())
}

#[test]
fn a_mac_that_does_as_we_say_agrees_and_one_that_does_not_is_told_where() {
    let engines = Engines::new(None).unwrap();
    let layers = |place| {
        ["layer_0", "layer_1", "layer_2", "layer_3"].map(|layer| (layer, "ios17.conv", place))
    };
    let report = report(vec![
        measured(&engines, "conv-4", &layers("neural_engine"), &[0.2, 0.15, 0.16]),
        measured(&engines, "conv-1", &[("layer_0", "ios17.conv", "neural_engine")], &[900.0]),
        measured(&engines, "accumulator", &[("renamed", "ios17.conv", "neural_engine")], &[]),
        json!({ "name": "somebody's" }),
    ]);
    let report = parsed(&report).unwrap();
    let target = report.target().unwrap();
    assert_eq!((target.chip.as_str(), target.os.major), ("m4", 27));
    let found = compare(&engines, &report, &target, &BTreeMap::new()).unwrap();

    let [four, one, accumulator] = found.models.as_slice() else { panic!("{found:?}") };
    assert_eq!((four.places.both_ane, four.places.compared()), (4, 4));
    assert!(four.misses.is_empty());
    let latency = four.latency.unwrap();
    assert!(latency.is_within && latency.measured_ms == 0.16, "{latency:?}");
    assert_eq!((one.places.only_preferred, one.misses[0].path.as_str()), (1, "main/layer_0"));
    assert!(!one.latency.unwrap().is_within);
    assert_eq!((accumulator.places.unmatched, accumulator.places.compared()), (1, 0));
    assert!(accumulator.latency.is_none());
    assert_eq!(found.unknown, ["somebody's"]);

    // The made-up Mac computes as the emulator does, so all is alike; exact arithmetic is not.
    assert_eq!(found.emulator.equal, found.emulator.elements);
    assert_eq!(found.emulator.same_kind, found.emulator.elements);
    assert!(found.exact.equal < found.exact.elements);
    assert!(accumulator.outputs[0].exact.same_kind < accumulator.outputs[0].exact.elements);
}

#[test]
fn nothing_counts_twice_and_no_time_is_negative() {
    let engines = Engines::new(None).unwrap();
    let ops: Vec<_> = [("work_5", "conv", "neural_engine")].repeat(3);
    let model = measured(&engines, "accumulator", &ops, &[0.2]);
    let one = parsed(&report(vec![model.clone()])).unwrap();
    let target = one.target().unwrap();
    let found = compare(&engines, &one, &target, &BTreeMap::new()).unwrap();
    assert_eq!((found.places.compared(), found.places.unmatched), (1, 2));

    let mut other = model.clone();
    other["plans"]["cpu_and_ne"][0]["function"] = json!("other");
    let other = parsed(&report(vec![other])).unwrap();
    let found = compare(&engines, &other, &target, &BTreeMap::new()).unwrap();
    assert_eq!((found.places.compared(), found.places.unmatched), (1, 2));

    let twice = parsed(&report(vec![model.clone(), model.clone()])).unwrap_err().to_string();
    assert!(twice.ends_with("it has two models `accumulator`"), "{twice}");
    let mut negative = model;
    negative["timings_ms"]["cpu_and_ne"] = json!([1.0, -1.0]);
    let negative = parsed(&report(vec![negative])).unwrap_err().to_string();
    assert!(negative.ends_with("`accumulator`: -1 ms is no time"), "{negative}");
}

#[test]
fn what_is_no_report_or_does_not_fit_is_one_clear_error() {
    let good = report(vec![]);
    let with = |key: &str, value: Json| {
        let mut report = good.clone();
        report[key] = value;
        parsed(&report)
    };
    assert!(MacReport::parse("[1").unwrap_err().to_string().contains("not a report"));
    assert!(with("format", json!("x")).unwrap_err().to_string().contains("`x`"));
    assert!(with("version", json!(2)).unwrap_err().to_string().contains("version is 2"));
    let unknown = with("machine", json!({ "chip": "Intel", "macos": "27" })).unwrap();
    assert!(unknown.target().unwrap_err().to_string().contains("`Intel`"));
    let unknown = with("machine", json!({ "chip": "Apple M4", "macos": "new" })).unwrap();
    assert!(unknown.target().unwrap_err().to_string().contains("`new`"));

    let engines = Engines::new(None).unwrap();
    let mut model = measured(&engines, "conv-1", &[], &[]);
    let faults: [(&str, Json, &str); 3] = [
        ("base64", json!("AAAA"), "3 bytes are no float16"),
        ("base64", json!("?"), "output `layer_0`"),
        ("dtype", json!("bfloat16"), "`bfloat16`"),
    ];
    for (key, value, part) in faults {
        let kept = model["outputs"]["cpu_and_ne"]["layer_0"][key].take();
        model["outputs"]["cpu_and_ne"]["layer_0"][key] = value;
        let report = parsed(&report(vec![model.clone()])).unwrap();
        let error = compare(&engines, &report, &report.target().unwrap(), &BTreeMap::new());
        let error = error.unwrap_err().to_string();
        assert!(error.contains("conv-1") && error.contains(part), "{error}");
        model["outputs"]["cpu_and_ne"]["layer_0"][key] = kept;
    }
}
