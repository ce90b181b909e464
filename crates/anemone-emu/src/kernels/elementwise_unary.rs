//! Functions of one number: a table, where one is known, after what is added in fp16.

use anemone_cpu::{PrepareCtx, View, ViewMut};
use rayon::prelude::*;

use super::{Prepared, Setting, fault};
use crate::functions;
use crate::lanes::CHUNK;
use crate::rounding::{decode, to_half, to_half_even};

/// A kernel that applies `f` to each float; the CPU engine's own where `x` holds none.
pub(super) fn each(
    op: &mut PrepareCtx<'_>,
    f: impl Fn(f32) -> f32 + Send + Sync + 'static,
) -> Prepared {
    if !op.infer().dtype("x").map_err(fault)?.is_float() {
        return Ok(None);
    }
    let x = op.operand("x")?;
    Ok(Some(Box::new(move |inputs: &[View<'_>], outputs: &mut [ViewMut<'_>]| {
        let (x, out) = (inputs[x].data.f32()?, outputs[0].data.f32()?);
        if x.len() != out.len() {
            return Err("input and output differ in size".to_owned());
        }
        let pairs = out.par_iter_mut().zip(x).with_min_len(CHUNK);
        pairs.for_each(|(out, x)| *out = f(*x));
        Ok(())
    })))
}

/// A constant number, as the compiler keeps it.
pub(super) fn scalar(op: &PrepareCtx<'_>, input: &str) -> Result<f32, String> {
    op.infer().float(input).map(to_half_even).map_err(fault)
}

/// `f` of `x + epsilon`, of which the sum is rounded first.
fn shifted(op: &mut PrepareCtx<'_>, f: fn(f32) -> f32) -> Prepared {
    let epsilon = decode(scalar(op, "epsilon")?);
    each(op, move |x| f(to_half(decode(x) + epsilon)))
}

pub(super) fn cos(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    each(op, functions::cos)
}

pub(super) fn erf(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    each(op, functions::erf)
}

pub(super) fn exp(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    each(op, functions::exp)
}

pub(super) fn exp2(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    each(op, functions::exp2)
}

pub(super) fn inverse(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    shifted(op, functions::inverse)
}

pub(super) fn log(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    shifted(op, functions::log)
}

pub(super) fn rsqrt(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    shifted(op, functions::rsqrt)
}

pub(super) fn sin(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    each(op, functions::sin)
}

pub(super) fn sqrt(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    each(op, functions::sqrt)
}

pub(super) fn square(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    each(op, |x| to_half(decode(x) * decode(x)))
}

pub(super) fn tanh(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    each(op, functions::tanh)
}
