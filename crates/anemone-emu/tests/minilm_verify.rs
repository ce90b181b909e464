//! MiniLM without inputs: bounds, random inputs, and what they say. With `--nocapture` the table and
//! the time are printed.
#![allow(clippy::disallowed_methods, reason = "the model is read from the repository")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anemone_emu::accumulator::Verdict;
use anemone_emu::calibrate::{Calibration, assumed};
use anemone_emu::interval::{Forecast, ranges_at};
use anemone_emu::verify::{VerifyOptions, analyse};
use anemone_ir::{Body, check};

#[test]
fn no_sum_of_minilm_overflows_and_its_margins_are_told() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/all-MiniLM-L6-v2/model.mlpackage");
    let package = anemone_formats::read(&path).expect("the repository's model");
    let Body::Program(program) = &package.body else { panic!("MiniLM is a program") };
    let program = check(program).expect("MiniLM is well typed");
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap());
    let function = program.functions().values().next().unwrap();
    let shape = vec![1, 16];
    let names = function.inputs().iter().map(|id| function.value(*id).name.clone());
    let shapes: BTreeMap<_, _> = names.map(|name| (name, shape.clone())).collect();
    let calibration = Calibration { sets: 1, shapes, ..Calibration::default() };
    let started = Instant::now();
    let inputs = assumed(function, &calibration);
    let bounds = ranges_at(function, &inputs, &calibration.shapes);
    println!("ranges: {:.3} s", started.elapsed().as_secs_f64());
    let first = bounds.sums().iter().map(|sums| sums.forecast).take(3);
    assert!(first.into_iter().all(|forecast| forecast == Forecast::Never));
    assert!(bounds.without_rule().is_empty(), "{:?}", bounds.without_rule());
    let started = Instant::now();
    let findings = analyse(&program, &pool, &calibration, &VerifyOptions::default()).unwrap();
    println!("analysis of 1 x 16: {:.2} s\n{findings}", started.elapsed().as_secs_f64());
    let accumulators = findings.ops.iter().filter(|op| op.sums.is_some());
    assert!(accumulators.clone().count() > 40);
    assert!(accumulators.into_iter().all(|op| op.verdict == Verdict::Never));
    assert!(findings.first_nan.is_none());
}
