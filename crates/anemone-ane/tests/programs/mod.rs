//! Programs in MIL text, without output types, and their forecasts.
#![allow(dead_code)]

use std::collections::BTreeMap;

use anemone_ane::{OpReport, Place, Report, Shapes, Target, forecast};
use anemone_ir::{Checked, check, text};
use anemone_tensor::Buffer;

/// `body` with types left out, checked in a function with these inputs. Weights are zeros.
pub(crate) fn checked(inputs: &str, body: &str, output: &str) -> Checked {
    let line = |line: &str| match line.split_once(" = ") {
        Some((names, call)) if !names.contains('(') => {
            let outputs = names.split(", ").map(|name| format!("@type(\"\") {name}"));
            format!("{} = {call};", outputs.collect::<Vec<_>>().join(", "))
        }
        _ => format!("{line};"),
    };
    let typed: Vec<String> = body.split_terminator(';').map(str::trim).map(line).collect();
    let text = format!(
        "program(1.0) {{ func main<ios18>({inputs}) {{ {} }} -> ({output}); }}",
        typed.join("\n")
    );
    // Weights of one size share their bytes.
    let mut made: BTreeMap<u64, Buffer> = BTreeMap::new();
    let zeros = &mut |_: &str, bytes: u64, _: &_| {
        let count = usize::try_from(bytes).map_err(|e| e.to_string())?;
        let zeros = || Buffer::from_bytes(&vec![0; count]);
        Ok(made.entry(bytes).or_insert_with(zeros).clone())
    };
    let program = text::parse(&text, zeros).unwrap_or_else(|e| panic!("{text}: {e}"));
    check(&program).unwrap_or_else(|faults| panic!("{text}: {faults}"))
}

/// A constant of zeros whose bytes need not be written: the offset says how many there are.
pub(crate) fn zeros(shape: &[u64]) -> String {
    constant("fp16", 2, shape)
}

/// The same, of another type.
pub(crate) fn constant(dtype: &str, width: u64, shape: &[u64]) -> String {
    let bytes: u64 = shape.iter().product::<u64>() * width;
    format!("tensor<{dtype}, {shape:?}>(BLOBFILE(path = \"zeros\", offset = {bytes}))")
}

pub(crate) fn ints(values: &[i64]) -> String {
    format!("tensor<int32, [{}]>({values:?})", values.len())
}

pub(crate) fn on(chip: &str) -> Target {
    Target::new(chip).expect("a chip of the table")
}

pub(crate) fn report(inputs: &str, body: &str, output: &str, target: &Target) -> Report {
    forecast(&checked(inputs, body, output), target, &Shapes::default()).expect("a forecast")
}

/// The one op of a program on an M4.
pub(crate) fn alone(inputs: &str, call: &str) -> OpReport {
    let report = report(inputs, &format!("y = {call};"), "y", &on("m4"));
    report.ops.into_iter().find(|op| op.place != Place::Folded).expect("an op that runs")
}

pub(crate) fn places(report: &Report) -> Vec<Place> {
    let places = report.ops.iter().map(|op| op.place);
    places.filter(|place| *place != Place::Folded).collect()
}
