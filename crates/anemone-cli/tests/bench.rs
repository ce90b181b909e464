//! `anemone bench manager` tells each of its figures, for programs and for people; how large they are
//! is the machine's affair.

mod program;

use std::collections::BTreeSet;

use program::anemone;
use serde_json::Value;

const FIGURES: [&str; 6] = [
    "admission_ns",
    "admission_64_callers_ns",
    "metric_update_ns",
    "request_done_ns",
    "infer_overhead_us",
    "batcher_round_trip_us",
];

#[test]
fn the_figures_of_the_manager_are_one_json_object() {
    let run = anemone(&["bench", "manager", "--quick", "--json"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
    let Value::Object(mut report) = serde_json::from_str(&run.stdout).unwrap() else {
        panic!("{run:?}")
    };
    let machine = report.remove("machine").unwrap();
    assert!(machine.as_str().unwrap().contains("threads"), "{machine}");
    let keys: BTreeSet<&str> = report.keys().map(String::as_str).collect();
    assert_eq!(keys, BTreeSet::from(FIGURES));
    for (key, value) in &report {
        assert!(value.as_f64().unwrap() > 0.0, "{key}: {value}");
    }
}

#[test]
fn people_get_a_table_of_them() {
    let run = anemone(&["bench", "manager", "--quick"]);
    assert_eq!(run.code, 0, "{run:?}");
    for (line, figure) in run.stdout.lines().zip(FIGURES) {
        assert!(line.trim_start().starts_with(figure), "{run:?}");
    }
}

#[test]
fn a_model_is_needed_where_the_manager_is_not_meant() {
    assert_eq!(anemone(&["bench"]).code, 2);
    assert_eq!(anemone(&["bench", "no-such.mlpackage"]).code, 2);
    let run = anemone(&["bench", "no-such.mlpackage", "--inputs", "in.npz"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("no-such.mlpackage"), "{run:?}");
}
