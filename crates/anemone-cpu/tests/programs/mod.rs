//! Small programs in MIL text, without output types, run on the CPU engine.

use std::sync::Arc;

use anemone_cpu::CpuEngine;
use anemone_engine::{Array, CompileOptions, Engine, RunContext, Value};
use anemone_ir::{check, text};
use anemone_tensor::{DataType, Tensor};

/// A tensor of `dtype` from numbers.
pub(crate) fn tensor(dtype: DataType, shape: &[usize], values: &[f64]) -> Value {
    let tensor = Tensor::from_f64(dtype, shape.to_vec(), values.iter().copied()).unwrap();
    Value::Tensor(Array::dense(dtype, shape.to_vec(), tensor.data().clone()).unwrap())
}

/// A tensor that counts: 0, 1, 2, …
pub(crate) fn counting(dtype: DataType, shape: &[usize]) -> Value {
    let count: usize = shape.iter().product();
    tensor(dtype, shape, &(0..count).map(|i| i as f64).collect::<Vec<_>>())
}

/// A shape and elements.
pub(crate) type Found = (Vec<usize>, Vec<f64>);

/// Shapes and elements of the outputs of `ops`, lines of `name, … = op(…);`.
pub(crate) fn run(
    opset: &str,
    inputs: &str,
    ops: &str,
    outputs: &str,
    values: &[Value],
) -> Result<Vec<Found>, String> {
    run_on(2, opset, inputs, ops, outputs, values)
}

/// The same on this many threads.
pub(crate) fn run_on(
    threads: usize,
    opset: &str,
    inputs: &str,
    ops: &str,
    outputs: &str,
    values: &[Value],
) -> Result<Vec<Found>, String> {
    let typed = ops.split_terminator(';').map(|line| match line.trim().split_once(" = ") {
        Some((names, call)) => {
            let names: Vec<String> =
                names.split(", ").map(|name| format!("@type(\"\") {name}")).collect();
            format!("{} = {call};", names.join(", "))
        }
        None => line.to_owned(),
    });
    let typed: String = typed.collect();
    let text =
        format!("program(1.0) {{ func main<{opset}>({inputs}) {{ {typed} }} -> ({outputs}); }}");
    execute(threads, &text, values, &RunContext::default())
}

/// Shapes and elements of the outputs of a whole program.
pub(crate) fn execute(
    threads: usize,
    text: &str,
    values: &[Value],
    context: &RunContext<'_>,
) -> Result<Vec<Found>, String> {
    let program = text::parse(text, &mut |_, _, _| Err("no weights".to_owned()))
        .map_err(|e| format!("{text}: {e}"))?;
    let checked = check(&program).map_err(|faults| faults.to_string())?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let engine = CpuEngine::new(Arc::new(pool));
    let plan =
        engine.compile(&checked, &CompileOptions::default()).map_err(|e| format!("{e:?}"))?;
    let mut session = plan.session();
    let found = session.run(values, None, context);
    let (found, _) = found.map_err(|e| e.to_string())?;
    let array = |value: &Value| match value {
        Value::Tensor(array) => {
            let tensor = array.to_tensor();
            let values = (0..tensor.count()).map(|i| tensor.get_f64(i)).collect();
            (array.shape().to_vec(), values)
        }
        other => panic!("{other:?} is no tensor"),
    };
    Ok(found.iter().map(array).collect())
}
