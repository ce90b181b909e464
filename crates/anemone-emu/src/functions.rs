//! Functions of one fp16 number as the engine computes them.
//!
//! Tables and range reductions are those of 751K's microarchitecture study (MIT), `notes/numerics.md`
//! F3 and F3b, measured on M6. What is inferred, each from the published largest errors and where
//! they occur (`data/06_numerics/f3_lut_m6.txt`, `lut_ulp_m6.txt`), which come out digit by digit:
//!
//! - `exp` multiplies by log2 e in fp16 and rounds before it splits whole and fraction; `log` rounds
//!   after the table, after the exponent is added, and after the product with ln 2 in fp16;
//! - `inverse` adds its epsilon in fp16 first; `sin` reduces by 102943 / 2^15 for π;
//! - beyond its grid `sigmoid` goes straight to 0 (at -9.9375) and 1, `erf` to 1 (at 2.3828),
//!   `silu` to 0 (at -10.2) and x; `tanh` jumps to 1 at 4; `gelu` is 0 and x beyond ±4;
//! - the head of a table gives what stands for the ends: log(0) = -inf and log(inf) = 0,
//!   inverse(0) = inf and inverse(inf) = 0, sqrt(0) = 0, rsqrt(0) = inf.
//!
//! log(inf) = 0 explains two reports: `softplus` drops to 0 above 10.4 (coremltools#2687), where
//! 1 + exp(x) reaches 32768, and `reduce_log_sum_exp` over 32 channels above 7.63 (coremltools#2690),
//! where the sum leaves fp16.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, FRAC_PI_2, LN_2, LOG2_E, PI};
use std::sync::LazyLock;

use crate::rounding::{decode, to_half};
use crate::table::Table;

/// A function of one number.
pub type Function = fn(f32) -> f32;

static SIGMOID: LazyLock<Table> = LazyLock::new(|| Table::sampled(-8.0, 8.0, exact_sigmoid));
static TANH: LazyLock<Table> = LazyLock::new(|| Table::sampled(0.0, 4.0, f64::tanh));
static ERF: LazyLock<Table> = LazyLock::new(|| Table::sampled(0.0, 2.0, exact_erf));
static SIN: LazyLock<Table> = LazyLock::new(|| Table::sampled(0.0, FRAC_PI_2, f64::sin));
static EXP2: LazyLock<Table> = LazyLock::new(|| Table::sampled(0.0, 1.0, f64::exp2));
static LOG2: LazyLock<Table> = LazyLock::new(|| Table::sampled(0.5, 1.0, f64::log2));
static SQRT: LazyLock<Table> = LazyLock::new(|| Table::sampled(0.5, 2.5, f64::sqrt));
static RSQRT: LazyLock<Table> = LazyLock::new(|| Table::sampled(0.5, 2.5, |x| 1.0 / x.sqrt()));
static INVERSE: LazyLock<Table> = LazyLock::new(|| Table::sampled(0.5, 1.0, |x| 1.0 / x));
static GELU: LazyLock<Table> = LazyLock::new(|| Table::fitted(4.0, exact_gelu));
static SILU: LazyLock<Table> = LazyLock::new(|| Table::fitted(8.0, |x| x * exact_sigmoid(x)));

/// `1 / (1 + exp(-x))`.
pub fn sigmoid(x: f32) -> f32 {
    const END: f64 = 9.9375;
    let x = decode(x);
    if x.abs() <= 8.0 {
        return SIGMOID.at(x);
    }
    let low = tail(SIGMOID.points()[0], 8.0, END, x.abs());
    to_half(if x < 0.0 { low } else { 1.0 - low })
}

/// Hyperbolic tangent.
pub fn tanh(x: f32) -> f32 {
    let x = decode(x);
    let size = if x.abs() >= 4.0 { 1.0 } else { TANH.at(x.abs()) };
    size.copysign(x as f32)
}

/// The error function.
pub fn erf(x: f32) -> f32 {
    const END: f64 = 2.382_812_5;
    let x = decode(x);
    let size = match x.abs() {
        inside if inside <= 2.0 => ERF.at(inside),
        outside => to_half(1.0 - tail(1.0 - ERF.points()[32], 2.0, END, outside)),
    };
    size.copysign(x as f32)
}

/// From `value` at `start` on a straight line to 0 at `end`.
fn tail(value: f32, start: f64, end: f64, x: f64) -> f64 {
    f64::from(value) * ((end - x) / (end - start)).max(0.0)
}

/// Sine.
pub fn sin(x: f32) -> f32 {
    let (turns, rest) = half_turns(x);
    let size = SIN.at(rest.abs());
    if (turns % 2.0 != 0.0) != (rest < 0.0) { -size } else { size }
}

/// Cosine: the table of the sine from its end.
pub fn cos(x: f32) -> f32 {
    let (turns, rest) = half_turns(x);
    let size = SIN.at((FRAC_PI_2 - rest.abs()).max(0.0));
    if turns % 2.0 != 0.0 { -size } else { size }
}

/// The nearest multiple of π, and what is left.
fn half_turns(x: f32) -> (f64, f64) {
    const HALF_TURN: f64 = 102_943.0 / 32768.0;
    let x = decode(x);
    let turns = (x / PI).round();
    (turns, to_half(x - turns * HALF_TURN).into())
}

/// e to the power of `x`.
pub fn exp(x: f32) -> f32 {
    exp2(to_half(decode(x) * f64::from(to_half(LOG2_E))))
}

/// 2 to the power of `x`.
pub fn exp2(x: f32) -> f32 {
    let x = decode(x).clamp(-64.0, 64.0);
    let whole = x.floor();
    to_half(f64::from(EXP2.at(x - whole)) * whole.exp2())
}

/// The natural logarithm; -inf up to 0, and 0 of infinity.
pub fn log(x: f32) -> f32 {
    if x <= 0.0 {
        return f32::NEG_INFINITY;
    }
    if !x.is_finite() {
        return 0.0;
    }
    let (mantissa, exponent) = split(x.into());
    let log2 = to_half(f64::from(LOG2.at(mantissa)) + f64::from(exponent));
    to_half(f64::from(log2) * f64::from(to_half(LN_2)))
}

/// The square root; 0 up to 0.
pub fn sqrt(x: f32) -> f32 {
    if x <= 0.0 {
        return 0.0;
    }
    if !x.is_finite() {
        return f32::INFINITY;
    }
    let (mantissa, exponent) = split_even(x.into());
    to_half(f64::from(SQRT.at(mantissa)) * 2f64.powi(exponent / 2))
}

/// One over the square root; infinite up to 0.
pub fn rsqrt(x: f32) -> f32 {
    if x <= 0.0 {
        return f32::INFINITY;
    }
    if !x.is_finite() {
        return 0.0;
    }
    let (mantissa, exponent) = split_even(x.into());
    to_half(f64::from(RSQRT.at(mantissa)) * 2f64.powi(-exponent / 2))
}

/// One over `x`; infinite for 0.
pub fn inverse(x: f32) -> f32 {
    if x == 0.0 {
        return f32::INFINITY.copysign(x);
    }
    if !x.is_finite() {
        return 0f32.copysign(x);
    }
    let (mantissa, exponent) = split(f64::from(x).abs());
    to_half(f64::from(INVERSE.at(mantissa)) * 2f64.powi(-exponent)).copysign(x)
}

/// `x` as a mantissa from 1/2 to 1 and an exponent.
fn split(x: f64) -> (f64, i32) {
    let exponent = (x.to_bits() >> 52) as i32 - 1022;
    (x * 2f64.powi(-exponent), exponent)
}

/// `x` as a mantissa from 1/2 to 2 and an even exponent.
fn split_even(x: f64) -> (f64, i32) {
    let (mantissa, exponent) = split(x);
    if exponent % 2 == 0 { (mantissa, exponent) } else { (2.0 * mantissa, exponent - 1) }
}

/// Gaussian error linear unit: one table for every mode.
pub fn gelu(x: f32) -> f32 {
    match decode(x) {
        low if low < -4.0 => 0.0,
        high if high > 4.0 => to_half(high),
        inside => GELU.at(inside),
    }
}

/// Sigmoid linear unit: a table of its own, not `x * sigmoid(x)`.
pub fn silu(x: f32) -> f32 {
    const END: f64 = 10.2;
    let x = decode(x);
    if x.abs() <= 8.0 {
        return SILU.at(x);
    }
    let low = tail(SILU.points()[0], 8.0, END, x.abs());
    to_half(if x < 0.0 { low } else { x + low })
}

/// `log(1 + exp(x))` step by step, with a sum that overflows at 32768; so it is 0 above 10.4.
pub fn softplus(x: f32) -> f32 {
    let sum = softplus_sum(x);
    log(if sum >= SOFTPLUS_LIMIT { f32::INFINITY } else { to_half(sum) })
}

/// What `1 + exp(x)` must stay below in [`softplus`].
pub(crate) const SOFTPLUS_LIMIT: f64 = 32768.0;

/// `1 + exp(x)`.
pub(crate) fn softplus_sum(x: f32) -> f64 {
    1.0 + f64::from(exp(x))
}

/// `x / (1 + |x|)` as a product with an inverse.
pub fn softsign(x: f32) -> f32 {
    let x = decode(x);
    to_half(x * f64::from(inverse(to_half(1.0 + x.abs()))))
}

fn exact_sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn exact_gelu(x: f64) -> f64 {
    0.5 * x * (1.0 + exact_erf(x * FRAC_1_SQRT_2))
}

/// The error function by a series without cancellation.
pub(crate) fn exact_erf(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return 1f64.copysign(x);
    }
    let (mut term, mut sum, mut n) = (x, 0.0, 0.0);
    while term.abs() > 1e-20 {
        sum += term;
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
    }
    FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

#[cfg(test)]
mod tests;
