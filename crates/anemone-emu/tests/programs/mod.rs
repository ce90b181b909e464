//! Small programs in MIL text, without output types, run on the emulator and on the CPU engine.

use std::sync::Arc;

use anemone_cpu::CpuEngine;
use anemone_emu::{Emulator, Options};
use anemone_engine::{Array, CompileOptions, Engine, RunContext, Value};
use anemone_ir::{Checked, check, text};
use anemone_tensor::{DataType, Tensor};

pub(crate) fn tensor(dtype: DataType, shape: &[usize], values: &[f64]) -> Value {
    let tensor = Tensor::from_f64(dtype, shape.to_vec(), values.iter().copied()).unwrap();
    Value::Tensor(Array::dense(dtype, shape.to_vec(), tensor.data().clone()).unwrap())
}

pub(crate) fn half(shape: &[usize], values: &[f64]) -> Value {
    tensor(DataType::F16, shape, values)
}

/// A constant tensor of fp16 numbers.
pub(crate) fn literal(shape: &[usize], values: &[f64]) -> String {
    let values: Vec<String> = values.iter().map(f64::to_string).collect();
    format!("tensor<fp16, {shape:?}>([{}])", values.join(", "))
}

/// Numbers that look random: whole ones from -4 to 4, halved.
pub(crate) fn halves(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) % 9) as f64 / 2.0 - 2.0
    };
    (0..count).map(|_| next()).collect()
}

/// A function of ops, lines of `name, … = op(…);`, with output types left out.
pub(crate) fn program(inputs: &str, ops: &str, outputs: &str) -> Checked {
    let typed = ops.split_terminator(';').map(|line| match line.trim().split_once(" = ") {
        Some((names, call)) => {
            let names: Vec<String> =
                names.split(", ").map(|name| format!("@type(\"\") {name}")).collect();
            format!("{} = {call};", names.join(", "))
        }
        None => line.to_owned(),
    });
    let typed: String = typed.collect();
    read(&format!("program(1.0) {{ func main<ios18>({inputs}) {{ {typed} }} -> ({outputs}); }}"))
}

/// A whole program.
pub(crate) fn read(source: &str) -> Checked {
    let program = text::parse(source, &mut |_, _, _| Err("no weights".to_owned()))
        .unwrap_or_else(|error| panic!("{source}: {error}"));
    check(&program).unwrap_or_else(|faults| panic!("{source}: {faults}"))
}

fn pool() -> Arc<rayon::ThreadPool> {
    Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap())
}

pub(crate) fn emulator(options: Options) -> Emulator {
    Emulator::new(pool(), options)
}

/// Elements of the outputs.
pub(crate) fn outputs(engine: &dyn Engine, program: &Checked, values: &[Value]) -> Vec<Vec<f64>> {
    let plan = engine.compile(program, &CompileOptions::default()).unwrap();
    let (found, _) = plan.session().run(values, None, &RunContext::default()).unwrap();
    found.iter().map(elements).collect()
}

pub(crate) fn elements(value: &Value) -> Vec<f64> {
    let Value::Tensor(array) = value else { panic!("{value:?} is no tensor") };
    let tensor = array.to_tensor();
    (0..tensor.count()).map(|i| tensor.get_f64(i)).collect()
}

/// Elements of the only output on the emulator as it is by default.
pub(crate) fn emulated(inputs: &str, ops: &str, values: &[Value]) -> Vec<f64> {
    let engine = emulator(Options::default());
    outputs(&engine, &program(inputs, ops, "y"), values).remove(0)
}

/// The same on the CPU engine.
pub(crate) fn on_cpu(inputs: &str, ops: &str, values: &[Value]) -> Vec<f64> {
    outputs(&CpuEngine::new(pool()), &program(inputs, ops, "y"), values).remove(0)
}
