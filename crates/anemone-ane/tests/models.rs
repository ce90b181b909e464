//! Whole models: what is expected of MiniLM, and that analysis grows with the number of ops alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use anemone_ane::{Place, Shapes, Target, forecast};
use anemone_ir::{Body, check};
use programs::{checked, on, zeros};

mod programs;

#[test]
fn what_is_expected_of_minilm() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/all-MiniLM-L6-v2/model.mlpackage");
    let package = anemone_formats::read(&path).expect("the repository's model");
    let Body::Program(program) = &package.body else { panic!("MiniLM is a program") };
    let checked = check(program).expect("MiniLM is well typed");
    let function = &checked.functions()["main"];
    let mut inputs = BTreeMap::new();
    for id in function.inputs() {
        let value = function.value(*id);
        inputs.insert(value.name.clone(), vec![1, 128]);
    }
    let shapes = Shapes { function: None, inputs };
    for chip in Target::names() {
        let started = Instant::now();
        let report = forecast(&checked, &on(chip), &shapes).expect("a forecast");
        let live = report.ops.iter().filter(|op| op.place != Place::Folded).count();
        println!(
            "{chip:>9}: {:5.1} % of flops, {:5.1} % of {live} ops, {} segments, {:.2?} ms, {} lints; {:?}",
            report.ane_share_flops,
            report.ane_share_ops,
            report.segments.len(),
            report.latency_ms.map(|l| (l.low, l.estimate, l.high)),
            report.lints.len(),
            started.elapsed(),
        );
        assert!(report.latency_ms.is_none_or(|l| l.low <= l.estimate && l.estimate <= l.high));
        let reached = on(chip).family().ml_program;
        assert_eq!(report.ane_share_flops > 99.0, reached, "{chip}");
        let place = |op: &str| report.ops.iter().find(|o| o.op == op).map(|o| o.place);
        assert_eq!(place("gather"), Some(Place::Cpu), "words are looked up on the CPU");
        assert!(report.lints.iter().any(|lint| lint.kind == "runtime_gather"));
        // Its mask is multiplied, and its last norm is of a mean of normed vectors.
        let alarms = ["integers_in_fp16", "norm_squares", "residual_growth", "batch_above_one"];
        let blamed = report.lints.iter().find(|lint| alarms.contains(&lint.kind));
        assert!(blamed.is_none(), "{blamed:?}");
        assert_eq!(report.energy_mj.is_some(), on(chip).row().power_w.is_some());
    }
}

/// Each was looked at: words are looked up by computed rows, lengths are free, and the last norm squares unscaled.
#[test]
fn what_the_lints_say_of_minilm() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/all-MiniLM-L6-v2/model.mlpackage");
    let package = anemone_formats::read(&path).expect("the repository's model");
    let Body::Program(program) = &package.body else { panic!("MiniLM is a program") };
    let checked = check(program).expect("MiniLM is well typed");
    let kinds = |chip: &str| -> Vec<&str> {
        let report = forecast(&checked, &on(chip), &Shapes::default()).expect("a forecast");
        report.lints.iter().map(|lint| lint.kind).collect()
    };
    let expected = ["int32_island", "runtime_gather", "dynamic_shape", "rank_changing_transpose"];
    assert_eq!(kinds("m4"), expected);
}

#[test]
fn a_model_of_two_thousand_ops() {
    let mut body = String::new();
    for i in 0..1000 {
        let from = if i == 0 { "x".to_owned() } else { format!("r{}", i - 1) };
        let weight = zeros(&[64, 64, 1, 1]);
        body += &format!("c{i} = conv(x = {from}, weight = {weight});");
        body += &match i % 50 {
            0 => format!("r{i} = tan(x = c{i});"),
            _ => format!("r{i} = relu(x = c{i});"),
        };
    }
    let checked = checked("tensor<fp16, [1, 64, 32, 32]> x", &body, "r999");
    let started = Instant::now();
    let report = forecast(&checked, &on("m2"), &Shapes::default()).expect("a forecast");
    println!("{} ops: {:?}", report.ops.len(), started.elapsed());
    assert_eq!(report.ops.len(), 2000);
    let advice = report.advice.expect("the tangent is in the way");
    assert!(advice.change.contains("tan") && advice.ane_share_flops > report.ane_share_flops);
}
