//! Reductions. A sum is exact and rounded once, as no source tells how the engine sums; what it sums
//! and what is made of the sum is rounded step by step (inferred).
//!
//! That the sum of `reduce_log_sum_exp` leaves fp16, and the logarithm of infinity is 0, explains
//! coremltools#2690: over 32 channels the result drops to 0 above 7.63.

use std::sync::Arc;

use anemone_cpu::{PrepareCtx, View, ViewMut};

use super::{Prepared, Setting, fault};
use crate::functions;
use crate::lanes::Lanes;
use crate::record::Extremes;
use crate::rounding::{decode, to_half};

/// The kernel of a sum of `term`s, put through `end` with their count. Sums that fp16 does not hold
/// are noted in `extremes`, for ends that hide them.
fn sum(
    op: &mut PrepareCtx<'_>,
    extremes: Option<Arc<Extremes>>,
    term: fn(f32) -> f64,
    end: fn(f64, f64) -> f32,
) -> Prepared {
    if !op.infer().dtype("x").map_err(fault)?.is_float() {
        return Ok(None);
    }
    let rank = op.infer().shape("x").map_err(fault)?.len();
    let axes = op.infer().axes("axes", rank).map_err(fault)?;
    let axes = axes.unwrap_or_else(|| (0..rank).collect());
    let x = op.operand("x")?;
    Ok(Some(Box::new(move |inputs: &[View<'_>], outputs: &mut [ViewMut<'_>]| {
        let x = inputs[x];
        let lanes = Lanes::new(x.shape, &axes);
        let out = outputs[0].data.f32()?;
        let (values, count) = (x.data.f32()?, lanes.count() as f64);
        if x.shape.contains(&0) {
            out.fill(end(0.0, count));
            return Ok(());
        }
        lanes.reduce(values, out, |lane| {
            let mut is_finite = true;
            let sum: f64 = lane.inspect(|x| is_finite &= x.is_finite()).map(term).sum();
            if let (Some(extremes), true) = (&extremes, is_finite && !to_half(sum).is_finite()) {
                extremes.overflow_within(sum.abs());
            }
            end(sum, count)
        })
    })))
}

/// A rounded square.
pub(super) fn square(x: f32) -> f64 {
    to_half(decode(x) * decode(x)).into()
}

pub(super) fn reduce_l1_norm(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    sum(op, None, |x| decode(x).abs(), |sum, _| to_half(sum))
}

pub(super) fn reduce_l2_norm(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    sum(op, None, square, |sum, _| functions::sqrt(to_half(sum)))
}

pub(super) fn reduce_log_sum(op: &mut PrepareCtx<'_>, setting: &Setting<'_>) -> Prepared {
    sum(op, setting.extremes.clone(), decode, |sum, _| functions::log(to_half(sum)))
}

pub(super) fn reduce_log_sum_exp(op: &mut PrepareCtx<'_>, setting: &Setting<'_>) -> Prepared {
    sum(
        op,
        setting.extremes.clone(),
        |x| functions::exp(x).into(),
        |sum, _| functions::log(to_half(sum)),
    )
}

pub(super) fn reduce_mean(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    sum(op, None, decode, |sum, count| to_half(sum / count))
}

pub(super) fn reduce_sum(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    sum(op, None, decode, |sum, _| to_half(sum))
}

pub(super) fn reduce_sum_square(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    sum(op, None, square, |sum, _| to_half(sum))
}
