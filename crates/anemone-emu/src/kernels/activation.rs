//! Activations: tables, and steps around them that are rounded one by one. Which steps is inferred,
//! from the op's definition.

use anemone_cpu::{PrepareCtx, View, ViewMut};

use super::elementwise_unary::{each, scalar};
use super::{Prepared, Setting, fault};
use crate::functions;
use crate::lanes::Lanes;
use crate::record::Extremes;
use crate::rounding::{decode, to_half};

pub(super) fn elu(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    let alpha = scalar(op, "alpha")?;
    each(op, move |x| match x {
        x if x >= 0.0 => x,
        x => product(alpha, to_half(f64::from(functions::exp(x)) - 1.0)),
    })
}

pub(super) fn gelu(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    each(op, functions::gelu)
}

pub(super) fn leaky_relu(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    let alpha = scalar(op, "alpha")?;
    each(op, move |x| if x < 0.0 { product(alpha, x) } else { x })
}

pub(super) fn linear_activation(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    let (alpha, beta) = (decode(scalar(op, "alpha")?), decode(scalar(op, "beta")?));
    each(op, move |x| to_half(alpha * decode(x) + beta))
}

pub(super) fn scaled_tanh(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    let (alpha, beta) = (scalar(op, "alpha")?, scalar(op, "beta")?);
    each(op, move |x| product(alpha, functions::tanh(product(beta, x))))
}

pub(super) fn sigmoid(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    each(op, functions::sigmoid)
}

pub(super) fn sigmoid_hard(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    let (alpha, beta) = (decode(scalar(op, "alpha")?), decode(scalar(op, "beta")?));
    each(op, move |x| to_half((alpha * decode(x) + beta).clamp(0.0, 1.0)))
}

pub(super) fn silu(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    each(op, functions::silu)
}

pub(super) fn softplus(op: &mut PrepareCtx<'_>, setting: &Setting<'_>) -> Prepared {
    let extremes = setting.extremes.clone();
    each(op, move |x| noted_softplus(x, extremes.as_deref()))
}

/// The softplus of `x`, whose sum may overflow though 0 looks harmless.
fn noted_softplus(x: f32, extremes: Option<&Extremes>) -> f32 {
    if let Some(extremes) = extremes {
        let sum = functions::softplus_sum(x);
        if x.is_finite() && sum >= functions::SOFTPLUS_LIMIT {
            extremes.overflow_within(sum);
        }
    }
    functions::softplus(x)
}

/// `alpha * softplus(beta * x)` for each channel.
pub(super) fn softplus_parametric(op: &mut PrepareCtx<'_>, setting: &Setting<'_>) -> Prepared {
    let extremes = setting.extremes.clone();
    let (Some((_, alpha)), Some((_, beta))) = (op.floats("alpha")?, op.floats("beta")?) else {
        return Ok(None);
    };
    let x = op.operand("x")?;
    Ok(Some(Box::new(move |inputs: &[View<'_>], outputs: &mut [ViewMut<'_>]| {
        let x = inputs[x];
        if x.shape.get(1) != Some(&alpha.len()) || alpha.len() != beta.len() {
            return Err(format!("the parameters are not for the channels of {:?}", x.shape));
        }
        let space: Vec<usize> = (2..x.shape.len()).collect();
        Lanes::new(x.shape, &space).map(x.data.f32()?, &mut outputs[0], |index, lane| {
            let (alpha, beta) = (alpha[index % alpha.len()], beta[index % beta.len()]);
            for value in lane {
                *value = {
                    let inner = noted_softplus(product(beta, *value), extremes.as_deref());
                    product(alpha, inner)
                };
            }
        })
    })))
}

pub(super) fn softsign(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    each(op, functions::softsign)
}

/// The rounded product.
pub(super) fn product(a: f32, b: f32) -> f32 {
    to_half(decode(a) * decode(b))
}

pub(super) fn softmax(op: &mut PrepareCtx<'_>, _: &Setting<'_>) -> Prepared {
    let rank = op.infer().shape("x").map_err(fault)?.len();
    let axis = op.infer().axis("axis", rank).map_err(fault)?;
    let x = op.operand("x")?;
    Ok(Some(Box::new(move |inputs: &[View<'_>], outputs: &mut [ViewMut<'_>]| {
        let x = inputs[x];
        let lanes = Lanes::new(x.shape, &[axis]);
        lanes.map(x.data.f32()?, &mut outputs[0], |_, lane| softmax_lane(lane))
    })))
}

/// The exponential of what is left of each number less the largest one, times one over their sum;
/// every step is rounded, the sum once.
///
/// Where all are negative infinities the result is NaN: users report NaN for such rows (cactus#734,
/// omlx#3633), though the rule for infinities would make the differences 0.
pub(super) fn softmax_lane(lane: &mut [f32]) {
    let most = lane.iter().fold(f64::NEG_INFINITY, |most, x| decode(*x).max(most));
    if lane.iter().all(|x| *x == f32::NEG_INFINITY) {
        return lane.fill(f32::NAN);
    }
    let mut sum = 0.0;
    for value in lane.iter_mut() {
        *value = functions::exp(to_half(decode(*value) - most));
        sum += f64::from(*value);
    }
    let inverse = functions::inverse(to_half(sum));
    lane.iter_mut().for_each(|value| *value = product(*value, inverse));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn softmax(lane: &[f32]) -> Vec<f32> {
        let mut lane = lane.to_vec();
        softmax_lane(&mut lane);
        lane
    }

    #[test]
    fn a_softmax_over_large_logits_subtracts_the_largest_first() {
        assert_eq!(softmax(&[60000.0, 60000.0, -60000.0]), [0.5, 0.5, 0.0]);
        assert_eq!(softmax(&[65504.0, 65472.0]), [1.0, 0.0]);
        assert_eq!(softmax(&[1.0; 4]), [0.25; 4]);
    }

    #[test]
    fn masked_places_are_zero_and_a_row_that_is_all_masked_is_nan() {
        assert_eq!(softmax(&[3.0, f32::NEG_INFINITY, 3.0]), [0.5, 0.0, 0.5]);
        assert_eq!(softmax(&[-40000.0, -40000.0]), [0.5, 0.5]);
        assert!(softmax(&[f32::NEG_INFINITY; 3]).iter().all(|x| x.is_nan()));
    }
}
