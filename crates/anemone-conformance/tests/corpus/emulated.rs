//! Every case through the Neural Engine's arithmetic: it runs, and is near the golden where fp16
//! holds the numbers and the engine's formats are known to be fine enough.

use std::sync::Arc;

use anemone_conformance::Case;
use anemone_emu::{Emulator, Options};
use anemone_engine::Engine;
use anemone_tensor::Tensor;
use rayon::ThreadPoolBuilder;

use crate::case_run::outputs;

/// The largest number that fp16 holds.
const MOST: f64 = 65504.0;
/// How far a result may be, as a part of the largest golden element: tables are good to about
/// 1.5e-2 (`silu`), and steps around them add to it.
const NEAR: f64 = 0.03;

/// Cases whose results are far off, as the engine's would be, and why.
pub(crate) const FAR: &[(&str, &str)] = &[
    ("activation/softplus_far_from_zero", "0 above 10.4: coremltools#2687"),
    ("activation/softmax_of_large_numbers_does_not_overflow", "fp16 does not tell 9999 from 10000"),
    (
        "elementwise_binary/an_overflow_of_fp16_between_two_ops_shows_only_with_declared_rounding",
        "each result is stored as fp16",
    ),
    (
        "elementwise_binary/a_sum_of_fp16_is_rounded_between_two_ops_only_with_declared_rounding",
        "each result is stored as fp16",
    ),
    ("elementwise_unary/sine_and_cosine_of_large_angles", "fp16 holds 31408, not 31415.926"),
    ("normalization/layer_norm_of_rows_far_from_zero", "fp16 does not tell -4097 from -4096"),
    ("normalization/layer_norm_of_rows_far_from_zero_in_ios17", "the same"),
    (
        "reduction/reduce_log_sum_exp_of_large_numbers_does_not_overflow",
        "0 where the sum overflows: coremltools#2690",
    ),
];

/// Why the emulator cannot run the case, or how far it is from the golden.
pub(crate) fn run(case: &Case) -> Result<(), String> {
    let pool = ThreadPoolBuilder::new().num_threads(1).build().map_err(|e| e.to_string())?;
    let engine = Emulator::new(Arc::new(pool), Options::default());
    let (found, goldens) = outputs(case, &engine as &dyn Engine)?;
    for (name, golden) in &goldens {
        let Some((_, found)) = found.iter().find(|(own, _)| own == name) else {
            return Err(format!("there is no output `{name}`"));
        };
        near(name, golden, found)?;
    }
    Ok(())
}

fn near(name: &str, golden: &Tensor, found: &Tensor) -> Result<(), String> {
    if golden.shape() != found.shape() || golden.dtype() != found.dtype() {
        return Err(format!("`{name}` is {}{:?}", found.dtype(), found.shape()));
    }
    let numbers: Vec<f64> = (0..golden.count()).map(|i| golden.get_f64(i)).collect();
    let largest = numbers.iter().filter(|x| x.abs() <= MOST).fold(0f64, |a, x| a.max(x.abs()));
    for (i, golden) in numbers.iter().enumerate().filter(|(_, x)| x.abs() <= MOST) {
        let found = found.get_f64(i);
        let apart = (found - golden).abs();
        if apart.is_nan() || apart > NEAR * largest.max(1e-2) {
            return Err(format!("`{name}`[{i}] is {found}, not {golden}"));
        }
    }
    Ok(())
}
