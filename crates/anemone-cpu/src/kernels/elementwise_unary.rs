//! Element by element kernels of one input, and the loops that activations share.

use std::sync::Arc;

use rten_simd::SimdUnaryOp;
use rten_vecmath as vecmath;

use anemone_tensor::DataType;

use crate::array::{Storage, View, ViewMut};
use crate::elementwise::{Element, map, map_simd};
use crate::fuse::{Map, Piece};
use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;
use crate::simd;

/// A function applied to each element of operand 0.
struct Each<F> {
    run: F,
    /// The same in place, where it is one of floats.
    map: Option<Map>,
}

impl<F> Kernel for Each<F>
where
    F: Fn(&View<'_>, &mut ViewMut<'_>) -> Result<(), String> + Send + Sync,
{
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        (self.run)(&io.inputs[0], &mut io.outputs[0])
    }

    fn piece(&self) -> Option<Piece> {
        self.map.clone().map(Piece::Map)
    }
}

/// `f` of each element of `x`.
pub(super) fn each<A: Element, B: Element>(
    ctx: &mut PrepareCtx<'_>,
    f: impl Fn(A) -> B + Send + Sync + 'static,
) -> Result<Prepared, String> {
    ctx.operand("x")?;
    let run = move |x: &View<'_>, out: &mut ViewMut<'_>| map(x, out, &f);
    Ok(Prepared::kernel(Each { run, map: None }))
}

/// The vectorised `f` of each element of `x`.
pub(super) fn vector(
    ctx: &mut PrepareCtx<'_>,
    f: impl SimdUnaryOp<f32> + Send + Sync + 'static,
) -> Result<Prepared, String> {
    ctx.operand("x")?;
    let f = Arc::new(f);
    let same = f.clone();
    let run = move |x: &View<'_>, out: &mut ViewMut<'_>| map_simd(x, out, same.as_ref());
    let map: Map = Arc::new(move |values: &mut [f32]| {
        f.map_mut(values);
    });
    Ok(Prepared::kernel(Each { run, map: Some(map) }))
}

/// A constant number, or its default.
pub(super) fn scalar(ctx: &PrepareCtx<'_>, input: &str) -> Result<f32, String> {
    ctx.infer().float(input).map_err(|fault| fault.to_string())
}

/// How the engine stores `x`.
fn storage(ctx: &PrepareCtx<'_>) -> Result<Storage, String> {
    Storage::of(ctx.infer().dtype("x").map_err(|fault| fault.to_string())?)
}

/// One function for floats and one for integers.
fn numbers(
    ctx: &mut PrepareCtx<'_>,
    float: impl Fn(f32) -> f32 + Send + Sync + 'static,
    int: impl Fn(i32) -> i32 + Send + Sync + 'static,
) -> Result<Prepared, String> {
    match storage(ctx)? {
        Storage::F32 => each(ctx, float),
        Storage::I32 => each(ctx, int),
        Storage::Bool => Err("there is no kernel for booleans".to_owned()),
    }
}

pub(super) fn abs(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    numbers(ctx, f32::abs, i32::wrapping_abs)
}

pub(super) fn acos(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    each(ctx, f32::acos)
}

pub(super) fn asin(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    each(ctx, f32::asin)
}

pub(super) fn atan(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    each(ctx, f32::atan)
}

pub(super) fn atanh(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    each(ctx, f32::atanh)
}

pub(super) fn ceil(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    each(ctx, f32::ceil)
}

pub(super) fn clip(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let (alpha, beta) = (scalar(ctx, "alpha")?, scalar(ctx, "beta")?);
    each(ctx, move |x: f32| {
        let x = if x < alpha { alpha } else { x };
        if x > beta { beta } else { x }
    })
}

pub(super) fn cos(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    vector(ctx, vecmath::Cos::new())
}

pub(super) fn cosh(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    each(ctx, f32::cosh)
}

pub(super) fn erf(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    vector(ctx, simd::Erf)
}

pub(super) fn exp(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    vector(ctx, vecmath::Exp {})
}

pub(super) fn exp2(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    numbers(ctx, f32::exp2, |x| f64::from(x).exp2() as i32)
}

pub(super) fn floor(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    each(ctx, f32::floor)
}

pub(super) fn inverse(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let epsilon = scalar(ctx, "epsilon")?;
    each(ctx, move |x: f32| 1.0 / (x + epsilon))
}

pub(super) fn log(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let epsilon = scalar(ctx, "epsilon")?;
    each(ctx, move |x: f32| (x + epsilon).ln())
}

pub(super) fn logical_not(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    each(ctx, |x: u8| x ^ 1)
}

pub(super) fn round(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    each(ctx, f32::round_ties_even)
}

pub(super) fn rsqrt(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let epsilon = scalar(ctx, "epsilon")?;
    each(ctx, move |x: f32| 1.0 / (x + epsilon).sqrt())
}

pub(super) fn sign(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let float = |x: f32| if x == 0.0 || x.is_nan() { x } else { 1f32.copysign(x) };
    numbers(ctx, float, i32::signum)
}

pub(super) fn sin(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    vector(ctx, vecmath::Sin::new())
}

pub(super) fn sinh(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    each(ctx, f32::sinh)
}

pub(super) fn sqrt(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    each(ctx, f32::sqrt)
}

pub(super) fn square(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    numbers(ctx, |x| x * x, |x| x.wrapping_mul(x))
}

pub(super) fn tan(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    each(ctx, f32::tan)
}

pub(super) fn tanh(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    vector(ctx, vecmath::Tanh {})
}

pub(super) fn threshold(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    match storage(ctx)? {
        Storage::F32 => {
            let alpha = scalar(ctx, "alpha")?;
            each(ctx, move |x: f32| if x < alpha { alpha } else { x })
        }
        Storage::I32 => {
            let alpha = ctx.infer().int("alpha").map_err(|fault| fault.to_string())?;
            let alpha = i32::try_from(alpha).map_err(|_| format!("`alpha` is {alpha}"))?;
            each(ctx, move |x: i32| x.max(alpha))
        }
        Storage::Bool => Err("there is no kernel for booleans".to_owned()),
    }
}

pub(super) fn cast(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let from = ctx.infer().dtype("x").map_err(|fault| fault.to_string())?;
    let to = ctx.output(0)?.dtype;
    if holds(to, from) {
        return Ok(Prepared::View(ctx.operand("x")?));
    }
    // Integers wrap into a narrower type, as in numpy; floats saturate, as their range may be
    // anything.
    let wrap = wrap_into(to);
    match (Storage::of(from)?, Storage::of(to)?) {
        (Storage::F32, Storage::F32) => each(ctx, |x: f32| x),
        (Storage::F32, Storage::I32) => {
            let (low, high) = to.int_range().map_or((0.0, 0.0), |(l, h)| (l as f32, h as f32));
            each(ctx, move |x: f32| x.clamp(low, high) as i32)
        }
        (Storage::F32, Storage::Bool) => each(ctx, |x: f32| u8::from(x != 0.0)),
        (Storage::I32, Storage::F32) => each(ctx, |x: i32| x as f32),
        (Storage::I32, Storage::I32) => each(ctx, wrap),
        (Storage::I32, Storage::Bool) => each(ctx, |x: i32| u8::from(x != 0)),
        (Storage::Bool, Storage::F32) => each(ctx, f32::from as fn(u8) -> f32),
        (Storage::Bool, Storage::I32) => each(ctx, i32::from as fn(u8) -> i32),
        (Storage::Bool, Storage::Bool) => each(ctx, |x: u8| x),
    }
}

/// Whether every value of `from` is one of `to`, in the same storage.
fn holds(to: DataType, from: DataType) -> bool {
    match (to.int_range(), from.int_range()) {
        (Some((low, high)), Some((least, most))) => {
            (to == DataType::Bool) == (from == DataType::Bool) && low <= least && most <= high
        }
        _ => to == from || (to == DataType::F32 && from == DataType::F16),
    }
}

/// What is left of an integer in the bits of `to`.
fn wrap_into(to: DataType) -> impl Fn(i32) -> i32 + Send + Sync + 'static {
    let spare = 32u32.saturating_sub(to.bits() as u32).min(31);
    let unsigned = to.is_unsigned();
    move |x| {
        let top = x << spare;
        if unsigned { (top as u32 >> spare) as i32 } else { top >> spare }
    }
}
