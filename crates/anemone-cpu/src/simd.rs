//! Vectorised functions that `rten-vecmath` lacks, or has with less accuracy near 0.
#![allow(clippy::excessive_precision)]

use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use rten_simd::ops::{BitOps, FloatOps, IntOps, MaskOps, NumOps};
use rten_simd::{Isa, Simd, SimdUnaryOp};
use rten_vecmath::Tanh;

/// `exp(x)` for `x <= 0`; 0 where the result would be subnormal.
#[inline(always)]
pub(crate) fn exp_below_zero<I: Isa>(isa: I, x: I::F32) -> I::F32 {
    let (ops, ints) = (isa.f32(), isa.i32());
    let whole = ops.round_ties_even(ops.mul(x, ops.splat(std::f32::consts::LOG2_E)));
    let rest = ops.mul_add(whole, ops.splat(-6.93145752e-1), x);
    let rest = ops.mul_add(whole, ops.splat(-1.42860677e-6), rest);
    let mut e = ops.splat(1.37805939e-3);
    for c in [8.37312452e-3f32, 4.16695364e-2, 1.66664720e-1, 4.99999851e-1, 1.0, 1.0] {
        e = ops.mul_add(e, rest, ops.splat(c));
    }
    let exponent = ints.shift_left::<23>(ints.add(ops.to_int_trunc(whole), ints.splat(127)));
    let power: I::F32 = exponent.reinterpret_cast();
    ops.select(ops.zero(), ops.mul(e, power), ops.lt(x, ops.splat(-87.3)))
}

/// `erfc(x)` for `x >= 0`, with a relative error of 2e-7 while it is a normal number: a Chebyshev
/// fit of its logarithm in `t = 1 / (1 + x / 2)`.
#[inline(always)]
fn erfc<I: Isa>(isa: I, x: I::F32) -> I::F32 {
    const FIT: [f32; 10] = [
        -1.26551223,
        1.00002368,
        0.37409196,
        0.09678418,
        -0.18628806,
        0.27886807,
        -1.13520398,
        1.48851587,
        -0.82215223,
        0.17087277,
    ];
    let ops = isa.f32();
    let t = ops.div(ops.one(), ops.mul_add(x, ops.splat(0.5), ops.one()));
    let mut fit = ops.splat(FIT[9]);
    for &c in FIT[..9].iter().rev() {
        fit = ops.mul_add(fit, t, ops.splat(c));
    }
    ops.mul(t, exp_below_zero(isa, ops.mul_sub_from(x, x, fit)))
}

/// The error function.
pub(crate) struct Erf;

impl SimdUnaryOp<f32> for Erf {
    #[inline(always)]
    fn eval<I: Isa>(&self, isa: I, x: I::F32) -> I::F32 {
        const TAYLOR: [f32; 7] =
            [1.0, -1.0 / 3.0, 1.0 / 10.0, -1.0 / 42.0, 1.0 / 216.0, -1.0 / 1320.0, 1.0 / 9360.0];
        let ops = isa.f32();
        let (size, square) = (ops.abs(x), ops.mul(x, x));
        let mut small = ops.splat(TAYLOR[6]);
        for &c in TAYLOR[..6].iter().rev() {
            small = ops.mul_add(small, square, ops.splat(c));
        }
        let small = ops.mul(small, ops.mul(x, ops.splat(FRAC_2_SQRT_PI)));
        let large = ops.sub(ops.one(), erfc(isa, size));
        let large = ops.select(ops.neg(large), large, ops.lt(x, ops.zero()));
        ops.select(small, large, ops.lt(size, ops.splat(0.5)))
    }
}

/// `x` times the normal distribution's integral up to `x`.
pub(crate) struct Gelu;

impl SimdUnaryOp<f32> for Gelu {
    #[inline(always)]
    fn eval<I: Isa>(&self, isa: I, x: I::F32) -> I::F32 {
        // A minimax fit of erf(x / sqrt(2)) / x up to 5.5, in x^2 scaled to -1..=1.
        const EDGE: f32 = 5.5;
        const FIT: [f32; 16] = [
            2.571038604e-01,
            -1.283446699e-01,
            9.547525644e-02,
            -7.758557051e-02,
            6.414052099e-02,
            -5.209652334e-02,
            4.072913155e-02,
            -2.999814227e-02,
            2.045566216e-02,
            -1.363985706e-02,
            9.243550710e-03,
            -4.837248009e-03,
            1.440221444e-03,
            -1.058300142e-03,
            1.263115439e-03,
            -4.728252825e-04,
        ];
        let ops = isa.f32();
        let near = ops.clamp(x, ops.splat(-EDGE), ops.splat(EDGE));
        let square =
            ops.mul_add(ops.mul(near, near), ops.splat(2.0 / (EDGE * EDGE)), ops.splat(-1.0));
        let mut fit = ops.splat(FIT[15]);
        for &c in FIT[..15].iter().rev() {
            fit = ops.mul_add(fit, square, ops.splat(c));
        }
        let half = ops.mul(x, ops.splat(0.5));
        let near = ops.mul_add(half, ops.mul(fit, near), half);
        // Where the sum cancels, the tail is computed by itself.
        let far = ops.lt(x, ops.splat(-2.5));
        if !isa.m32().any(far) {
            return near;
        }
        let tail = erfc(isa, ops.mul(ops.abs(x), ops.splat(FRAC_1_SQRT_2)));
        ops.select(ops.mul(half, tail), near, far)
    }
}

/// `x` where it is not below zero.
pub(crate) struct Relu;

impl SimdUnaryOp<f32> for Relu {
    #[inline(always)]
    fn eval<I: Isa>(&self, isa: I, x: I::F32) -> I::F32 {
        let ops = isa.f32();
        ops.select(ops.zero(), x, ops.lt(x, ops.zero()))
    }
}

/// `log(1 + exp(x))`.
pub(crate) struct Softplus;

impl SimdUnaryOp<f32> for Softplus {
    #[inline(always)]
    fn eval<I: Isa>(&self, isa: I, x: I::F32) -> I::F32 {
        let ops = isa.f32();
        // log(1 + t) = 2 atanh(t / (2 + t)), and the argument is at most 1/3.
        let t = exp_below_zero(isa, ops.neg(ops.abs(x)));
        let s = ops.div(t, ops.add(t, ops.splat(2.0)));
        let square = ops.mul(s, s);
        let mut series = ops.splat(1.0 / 15.0);
        for n in [13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
            series = ops.mul_add(series, square, ops.splat(1.0 / n));
        }
        let log = ops.mul(series, ops.add(s, s));
        // Adding x rather than max(x, 0) keeps a NaN.
        ops.select(log, ops.add(log, x), ops.lt(x, ops.zero()))
    }
}

/// `alpha * tanh(beta * x)`.
pub(crate) struct ScaledTanh {
    pub(crate) alpha: f32,
    pub(crate) beta: f32,
}

impl SimdUnaryOp<f32> for ScaledTanh {
    #[inline(always)]
    fn eval<I: Isa>(&self, isa: I, x: I::F32) -> I::F32 {
        let ops = isa.f32();
        let tanh = Tanh::apply(isa, ops.mul(x, ops.splat(self.beta)));
        ops.mul(tanh, ops.splat(self.alpha))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `erfc` by its continued fraction or `erf`'s series, in double precision.
    fn erfc(x: f64) -> f64 {
        if x < 0.0 {
            return 2.0 - erfc(-x);
        }
        if x < 2.5 {
            let (mut term, mut sum) = (x, x);
            for n in 1..80 {
                term *= -x * x / f64::from(n);
                sum += term / f64::from(2 * n + 1);
            }
            return 1.0 - sum * 2.0 / std::f64::consts::PI.sqrt();
        }
        let fraction = (1..200).rev().fold(x, |f, n| x + f64::from(n) / 2.0 / f);
        (-x * x).exp() / (fraction * std::f64::consts::PI.sqrt())
    }

    fn check(f: impl SimdUnaryOp<f32>, expected: impl Fn(f64) -> f64, relative: f64) {
        for i in -2400..=2400 {
            let x = i as f32 / 200.0;
            let (found, expected) = (f64::from(f.scalar_eval(x)), expected(f64::from(x)));
            let bound = relative * expected.abs() + 1e-37;
            assert!((found - expected).abs() <= bound, "at {x}: {found} for {expected}");
        }
        assert!(f.scalar_eval(f32::NAN).is_nan());
    }

    #[test]
    fn erf_is_exact_near_zero_and_far_out() {
        check(Erf, |x| 1.0 - erfc(x), 4e-7);
        assert_eq!(Erf.scalar_eval(1e-10), 1e-10 * FRAC_2_SQRT_PI);
        assert_eq!(Erf.scalar_eval(f32::NEG_INFINITY), -1.0);
    }

    #[test]
    fn gelu_keeps_its_tail() {
        check(Gelu, |x| 0.5 * x * erfc(-x / 2f64.sqrt()), 3e-5);
        assert_eq!(Gelu.scalar_eval(f32::INFINITY), f32::INFINITY);
    }

    #[test]
    fn softplus_is_exact_on_both_sides() {
        check(Softplus, |x| x.exp().ln_1p(), 4e-7);
        assert_eq!(Softplus.scalar_eval(f32::NEG_INFINITY), 0.0);
        assert_eq!(Softplus.scalar_eval(f32::INFINITY), f32::INFINITY);
    }
}
