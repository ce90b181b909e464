//! MiniLM as a whole, against the CPU engine: how far fp16 and the tables take it away, and that
//! none of its sums overflows. `cargo test --release -p anemone-emu --test minilm -- --nocapture`
//! prints the time of a run.
#![allow(clippy::disallowed_methods, reason = "the model is read from the repository")]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anemone_cpu::CpuEngine;
use anemone_emu::accumulator::Verdict;
use anemone_emu::{Options, Recorder};
use anemone_engine::{CompileOptions, Engine, RunContext};
use anemone_ir::{Body, Checked, check};
use anemone_tensor::DataType::I32;
use programs::{elements, emulator, tensor};

#[allow(dead_code)]
mod programs;

/// The outputs of one request of 1 × 128, and its seconds.
fn run(engine: &dyn Engine, program: &Checked) -> (Vec<Vec<f64>>, f64) {
    let plan = engine.compile(program, &CompileOptions::default()).unwrap();
    let ids: Vec<f64> = (0..128).map(|i| f64::from(1000 + i * 37 % 20000)).collect();
    let values: Vec<_> = plan
        .signature()
        .inputs
        .iter()
        .map(|port| match port.name.as_str() {
            "attention_mask" => {
                let mask: Vec<f64> = (0..128).map(|i| f64::from(u8::from(i < 100))).collect();
                tensor(I32, &[1, 128], &mask)
            }
            _ => tensor(I32, &[1, 128], &ids),
        })
        .collect();
    let started = Instant::now();
    let (found, _) = plan.session().run(&values, None, &RunContext::default()).unwrap();
    (found.iter().map(elements).collect(), started.elapsed().as_secs_f64())
}

#[test]
fn minilm_stays_close_and_no_sum_overflows() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/all-MiniLM-L6-v2/model.mlpackage");
    let package = anemone_formats::read(&path).expect("the repository's model");
    let Body::Program(program) = &package.body else { panic!("MiniLM is a program") };
    let program = check(program).expect("MiniLM is well typed");
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap());
    let (exact, _) = run(&CpuEngine::new(pool), &program);
    let (found, seconds) = run(&emulator(Options::default()), &program);
    let recorder = Recorder::default();
    let recording = emulator(Options::default().with_recorder(recorder.clone()));
    let (again, recorded) = run(&recording, &program);
    println!("1 x 128 on 2 threads: {seconds:.2} s, with a recorder {recorded:.2} s");
    assert_eq!(found, again, "who listens changes nothing");
    for (exact, found) in exact.iter().zip(&found) {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let cosine = dot(exact, found) / (dot(exact, exact) * dot(found, found)).sqrt();
        println!("cosine {cosine:.6}");
        assert!(cosine > 0.99, "{cosine}");
    }
    let nodes = program.functions()["main"].nodes();
    let sums: Vec<_> = nodes.iter().filter_map(|node| recorder.sums(&node.origin)).collect();
    assert!(sums.len() > 36, "{}", sums.len());
    assert!(sums.iter().all(|sums| sums.verdict == Verdict::Never));
}
