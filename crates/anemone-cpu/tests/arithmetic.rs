//! The engine with another arithmetic: its kernels, what it stores, and where it does not reach.

use std::sync::Arc;

use anemone_cpu::{Arithmetic, Compute, CpuEngine, PrepareCtx, Stored, View, ViewMut};
use anemone_engine::{CompileOptions, Engine, RunContext, Value};
use anemone_ir::{Op, check, text};
use anemone_tensor::DataType::F32;
use programs::tensor;

#[allow(dead_code)]
mod programs;

/// `add` subtracts; results lose their fractions, inputs their signs, and constants double.
struct Odd;

impl Arithmetic for Odd {
    fn engine(&self) -> &'static str {
        "odd"
    }

    fn kernel(&self, op: &mut PrepareCtx<'_>) -> Result<Option<Box<dyn Compute>>, String> {
        if op.node().op != Op::Add {
            return Ok(None);
        }
        let (x, y) = (op.operand("x")?, op.operand("y")?);
        Ok(Some(Box::new(move |inputs: &[View<'_>], outputs: &mut [ViewMut<'_>]| {
            let (x, y) = (inputs[x].data.f32()?, inputs[y].data.f32()?);
            let out = outputs[0].data.f32()?;
            out.iter_mut().enumerate().for_each(|(i, out)| *out = x[i] - y[i % y.len()]);
            Ok(())
        })))
    }

    fn store(&self, what: Stored, values: &mut [f32]) {
        let each = |value: f32| match what {
            Stored::Input => value.abs(),
            Stored::Constant => 2.0 * value,
            Stored::Result => value.trunc(),
        };
        values.iter_mut().for_each(|value| *value = each(*value));
    }
}

fn run(ops: &str, outputs: &str, x: &[f64]) -> Vec<f64> {
    let text = format!(
        "program(1.0) {{ func main<ios18>(tensor<fp32, [{}]> x) {{ {ops} }} -> ({outputs}); }}",
        x.len()
    );
    let program = text::parse(&text, &mut |_, _, _| Err("no weights".to_owned())).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let engine = CpuEngine::with_arithmetic(Arc::new(pool), Arc::new(Odd));
    assert_eq!(engine.name(), "odd");
    let plan = engine.compile(&check(&program).unwrap(), &CompileOptions::default()).unwrap();
    let inputs = [tensor(F32, &[x.len()], x)];
    let (values, receipt) = plan.session().run(&inputs, None, &RunContext::default()).unwrap();
    assert_eq!(receipt.engine, "odd");
    let Value::Tensor(array) = &values[0] else { panic!("not a tensor") };
    let tensor = array.to_tensor();
    (0..tensor.count()).map(|i| tensor.get_f64(i)).collect()
}

#[test]
fn another_kernel_stands_in_and_results_are_stored() {
    let ops = "@type(\"\") s = add(x = x, y = tensor<fp32, [2]>([1.0, 1.0])); \
               @type(\"\") y = mul(x = s, y = fp32(1.25));";
    // |x| - 2 * 1, then times 2 * 1.25 by the engine's own kernel, without the fraction.
    assert_eq!(run(ops, "y", &[-5.0, 1.0]), [7.0, -2.0]);
}

#[test]
fn what_constants_alone_decide_is_computed_as_ever() {
    let ops = "@type(\"\") c = add(x = fp32(0.25), y = fp32(0.5)); \
               @type(\"\") y = add(x = x, y = tensor<fp32, [1]>([4.0])); \
               @type(\"\") z = mul(x = y, y = c);";
    // 0.25 + 0.5 is kept doubled.
    assert_eq!(run(ops, "z", &[20.0]), [18.0]);
}

#[test]
fn nested_blocks_compute_alike() {
    let ops = "fp32 least = reduce_min(x = x, axes = tensor<int32, [1]>([0])); \
               bool p = greater(x = least, y = fp32(0.0)); \
               tensor<fp32, [2]> y = cond(pred = p) \
                 () { tensor<fp32, [2]> a = add(x = x, y = least); } -> (a) \
                 () { tensor<fp32, [2]> b = mul(x = x, y = x); } -> (b);";
    assert_eq!(run(ops, "y", &[3.0, 5.0]), [0.0, 2.0]);
}
