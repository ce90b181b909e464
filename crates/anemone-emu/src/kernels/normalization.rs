//! Normalisations, step by step: the mean, differences, their squares, the mean of these, one over
//! its root by table, products. Every step is rounded to fp16, sums once; which steps is inferred.

use anemone_cpu::{PrepareCtx, View, ViewMut};

use super::activation::product;
use super::elementwise_unary::scalar;
use super::reduction::square;
use super::{Prepared, Setting, fault};
use crate::functions;
use crate::lanes::Lanes;
use crate::rounding::{decode, to_half};

/// Differences from the mean over their standard deviation, in place. Gives the largest square, or
/// the variance, where fp16 does not hold it.
fn normalise(lane: &mut [f32], epsilon: f32) -> Option<f64> {
    let count = lane.len() as f64;
    let is_finite = lane.iter().all(|x| x.is_finite());
    let mean = to_half(lane.iter().map(|x| decode(*x)).sum::<f64>() / count);
    lane.iter_mut().for_each(|x| *x = to_half(decode(*x) - decode(mean)));
    let largest = lane.iter().fold(0f64, |largest, x| largest.max(decode(*x).abs()));
    let variance = lane.iter().map(|x| decode(square(*x) as f32)).sum::<f64>() / count;
    let inverse = functions::rsqrt(to_half(decode(to_half(variance)) + decode(epsilon)));
    lane.iter_mut().for_each(|x| *x = product(*x, inverse));
    let reached = variance.max(largest * largest);
    (is_finite && !to_half(reached).is_finite()).then_some(reached)
}

/// `x * gamma + beta`, rounded after each step; 1 and 0 where they are absent.
fn scaled(x: f32, gamma: Option<f32>, beta: Option<f32>) -> f32 {
    let x = gamma.map_or(x, |gamma| product(x, gamma));
    beta.map_or(x, |beta| to_half(decode(x) + decode(beta)))
}

pub(super) fn layer_norm(op: &mut PrepareCtx<'_>, setting: &Setting<'_>) -> Prepared {
    let rank = op.infer().shape("x").map_err(fault)?.len();
    let axes = op.infer().axes("axes", rank).map_err(fault)?.unwrap_or_default();
    norm(op, setting, axes, |_, element| element)
}

pub(super) fn instance_norm(op: &mut PrepareCtx<'_>, setting: &Setting<'_>) -> Prepared {
    let rank = op.infer().shape("x").map_err(fault)?.len();
    norm(op, setting, (2..rank).collect(), |lane, _| lane)
}

/// A norm along `axes`, whose parameters are counted by `place` of a lane and an element in it.
fn norm(
    op: &mut PrepareCtx<'_>,
    setting: &Setting<'_>,
    axes: Vec<usize>,
    place: fn(usize, usize) -> usize,
) -> Prepared {
    let extremes = setting.extremes.clone();
    let parameter = |input: &str| Ok::<_, String>(op.floats(input)?.map(|(_, values)| values));
    let (gamma, beta) = (parameter("gamma")?, parameter("beta")?);
    let epsilon = scalar(op, "epsilon")?;
    let x = op.operand("x")?;
    Ok(Some(Box::new(move |inputs: &[View<'_>], outputs: &mut [ViewMut<'_>]| {
        let x = inputs[x];
        let lanes = Lanes::new(x.shape, &axes);
        let at = |values: &Option<Vec<f32>>, i: usize| {
            values.as_ref().filter(|v| !v.is_empty()).map(|v| v[i % v.len()])
        };
        lanes.map(x.data.f32()?, &mut outputs[0], |index, lane| {
            if let (Some(variance), Some(extremes)) = (normalise(lane, epsilon), &extremes) {
                extremes.overflow_within(variance);
            }
            for (i, value) in lane.iter_mut().enumerate() {
                let place = place(index, i);
                *value = scaled(*value, at(&gamma, place), at(&beta, place));
            }
        })
    })))
}

pub(super) fn l2_norm(op: &mut PrepareCtx<'_>, setting: &Setting<'_>) -> Prepared {
    let extremes = setting.extremes.clone();
    let epsilon = scalar(op, "epsilon")?;
    let x = op.operand("x")?;
    Ok(Some(Box::new(move |inputs: &[View<'_>], outputs: &mut [ViewMut<'_>]| {
        let x = inputs[x];
        let axes: Vec<usize> = (x.shape.len().saturating_sub(3)..x.shape.len()).collect();
        Lanes::new(x.shape, &axes).map(x.data.f32()?, &mut outputs[0], |_, lane| {
            let sum = to_half(lane.iter().map(|x| decode(square(*x) as f32)).sum());
            let inverse = functions::rsqrt(to_half(decode(sum) + decode(epsilon)));
            if let (false, Some(extremes)) = (sum.is_finite(), &extremes)
                && lane.iter().all(|x| x.is_finite())
            {
                extremes.overflow_within(lane.iter().map(|x| decode(*x) * decode(*x)).sum());
            }
            lane.iter_mut().for_each(|x| *x = product(*x, inverse));
        })
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_of_differences_beyond_256_overflow() {
        let mut lane = [-3.0, 3.0, 3.0, -3.0];
        assert_eq!(normalise(&mut lane, 0.0), None);
        assert_eq!(lane, [-1.0, 1.0, 1.0, -1.0]);
        let mut lane = [-300.0, 300.0, 300.0, -300.0];
        assert_eq!(normalise(&mut lane, 0.0), Some(90000.0));
        assert_eq!(lane, [0.0; 4].map(|zero: f32| zero), "one over the root of infinity is 0");
    }
}
