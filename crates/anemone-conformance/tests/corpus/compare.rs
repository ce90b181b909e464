//! Tensors against goldens.

use anemone_conformance::Tolerance;
use anemone_tensor::{DataType, Tensor};

/// What differs between `found` and its golden, if anything does.
pub(crate) fn compare(
    name: &str,
    golden: &Tensor,
    found: &Tensor,
    tolerance: Option<&Tolerance>,
) -> Result<(), String> {
    if golden.dtype() != found.dtype() || golden.shape() != found.shape() {
        return Err(format!(
            "`{name}` is {}{:?}, not {}{:?}",
            found.dtype(),
            found.shape(),
            golden.dtype(),
            golden.shape()
        ));
    }
    let (rtol, atol) = tolerance.map_or(default_tolerance(golden.dtype()), |t| (t.rtol, t.atol));
    let mut worst: Option<(usize, f64)> = None;
    let mut wrong = 0usize;
    for index in 0..golden.count() {
        let (g, f) = (golden.get_f64(index), found.get_f64(index));
        let same = match golden.dtype().is_float() {
            false => golden.get_i64(index) == found.get_i64(index),
            true if g.is_nan() || f.is_nan() => g.is_nan() && f.is_nan(),
            true if g.is_infinite() || f.is_infinite() => g == f,
            true => (g - f).abs() <= atol + rtol * g.abs(),
        };
        if !same {
            wrong += 1;
            let distance = if (g - f).is_nan() { f64::INFINITY } else { (g - f).abs() };
            if worst.is_none_or(|(_, d)| distance > d) {
                worst = Some((index, distance));
            }
        }
    }
    let Some((index, _)) = worst else { return Ok(()) };
    let (g, f) = (golden.get_f64(index), found.get_f64(index));
    Err(format!("`{name}`[{index}] is {f}, not {g} ({wrong} of {} differ)", golden.count()))
}

/// Relative and absolute tolerance; integers and truth values are exact.
fn default_tolerance(dtype: DataType) -> (f64, f64) {
    match dtype {
        // One rounding to the nearest of 11 bits.
        DataType::F16 => (1.0e-3, 1.0e-6),
        // A few roundings to the nearest of 24 bits.
        DataType::F32 => (1.0e-5, 1.0e-6),
        _ => (0.0, 0.0),
    }
}

/// Whether two results are the same bits.
pub(crate) fn identical(
    first: &[(String, Tensor)],
    second: &[(String, Tensor)],
) -> Result<(), String> {
    for ((name, a), (_, b)) in first.iter().zip(second) {
        if a != b {
            let differs = |i: &usize| a.get_f64(*i).to_bits() != b.get_f64(*i).to_bits();
            let at = (0..a.count().min(b.count())).find(differs);
            return Err(match at {
                Some(at) => {
                    format!("`{name}`[{at}] is {} where it was {}", b.get_f64(at), a.get_f64(at))
                }
                None => format!("`{name}` is another"),
            });
        }
    }
    Ok(())
}
