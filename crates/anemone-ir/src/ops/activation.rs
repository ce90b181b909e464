//! Activation functions.

use super::def::*;
use super::domains::*;
use crate::Opset::*;
use crate::Type;
use crate::infer::{Fault, InferCtx, like_x, vector_of_axis};

const X: &[Version] = &[version(Ios15, &[tensor("x", T_FLOAT)])];
const ALPHA: &[Version] = &[
    version(Ios15, &[tensor("x", T_FLOAT), constant_of("alpha", T_FLOAT)]),
    version(Ios17, &[tensor("x", T_FLOAT), constant_of("alpha", U_FLOAT)]),
];
const ALPHA_BETA: &[Version] = &[
    version(
        Ios15,
        &[tensor("x", T_FLOAT), constant_of("alpha", T_FLOAT), constant_of("beta", T_FLOAT)],
    ),
    version(
        Ios17,
        &[tensor("x", T_FLOAT), constant_of("alpha", U_FLOAT), constant_of("beta", U_FLOAT)],
    ),
];

/// `min(x, beta)` where `x >= 0`, else `min(alpha * x, beta)`.
pub(super) const CLAMPED_RELU: OpDef = op("clamped_relu", ALPHA_BETA, scalars);

/// `x` where `x > 0`, else `alpha * (exp(x) - 1)`.
pub(super) const ELU: OpDef = op("elu", ALPHA, scalars);

/// `x` times the normal distribution's integral, exact or by one of two approximations.
pub(super) const GELU: OpDef = op(
    "gelu",
    &[version(Ios15, &[tensor("x", T_FLOAT), constant("mode").default(Default::Text("EXACT"))])],
    gelu,
);

/// `x` where `x >= 0`, else `alpha * x`.
pub(super) const LEAKY_RELU: OpDef = op("leaky_relu", ALPHA, scalars);

/// `alpha * x + beta`.
pub(super) const LINEAR_ACTIVATION: OpDef = op("linear_activation", ALPHA_BETA, scalars);

/// `x` where `x > 0`, else `alpha * x`, with an `alpha` for each channel.
pub(super) const PRELU: OpDef = op("prelu", ALPHA, |ctx| by_channel(ctx, 3..=5));

pub(super) const RELU: OpDef = op("relu", X, like_x);
pub(super) const RELU6: OpDef = op("relu6", X, like_x);

/// `alpha * tanh(beta * x)`.
pub(super) const SCALED_TANH: OpDef = op("scaled_tanh", ALPHA_BETA, scalars);

pub(super) const SIGMOID: OpDef = op("sigmoid", X, like_x);

/// `min(max(alpha * x + beta, 0), 1)`.
pub(super) const SIGMOID_HARD: OpDef = op("sigmoid_hard", ALPHA_BETA, scalars);

/// `x * sigmoid(x)`.
pub(super) const SILU: OpDef = op("silu", X, like_x);

pub(super) const SOFTMAX: OpDef = op(
    "softmax",
    &[version(Ios15, &[tensor("x", T_FLOAT), constant("axis").default(Default::Int(-1))])],
    |ctx| {
        ctx.axis("axis", ctx.shape("x")?.len())?;
        like_x(ctx)
    },
);

/// `log(1 + exp(x))`.
pub(super) const SOFTPLUS: OpDef = op("softplus", X, like_x);

/// `alpha * log(1 + exp(beta * x))`, with an `alpha` and a `beta` for each channel.
pub(super) const SOFTPLUS_PARAMETRIC: OpDef =
    op("softplus_parametric", ALPHA_BETA, |ctx| by_channel(ctx, 3..=usize::MAX));

/// `x / (1 + |x|)`.
pub(super) const SOFTSIGN: OpDef = op("softsign", X, like_x);

/// `x` where `x >= alpha`, else 0.
pub(super) const THRESHOLDED_RELU: OpDef = op("thresholded_relu", ALPHA, scalars);

/// `x` and scalar parameters.
fn scalars(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    for input in ctx.version.inputs.iter().filter(|i| i.constant) {
        ctx.float(input.name)?;
    }
    like_x(ctx)
}

/// `x` and parameters with an element for each channel, axis 1.
fn by_channel(
    ctx: &InferCtx<'_>,
    ranks: std::ops::RangeInclusive<usize>,
) -> Result<Vec<Type>, Fault> {
    let rank = ctx.shape("x")?.len();
    if !ranks.contains(&rank) {
        return Err(Fault::Shape(format!("`x` has rank {rank}, which must be {}", show(&ranks))));
    }
    for input in ctx.version.inputs.iter().filter(|i| i.constant) {
        vector_of_axis(ctx, input.name, 1)?;
    }
    like_x(ctx)
}

fn show(ranks: &std::ops::RangeInclusive<usize>) -> String {
    match *ranks.end() {
        usize::MAX => format!("{} or more", ranks.start()),
        end => format!("{} to {end}", ranks.start()),
    }
}

fn gelu(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let mode = ctx.text("mode")?;
    if !["EXACT", "TANH_APPROXIMATION", "SIGMOID_APPROXIMATION"].contains(&mode.as_str()) {
        let why = "is not EXACT, TANH_APPROXIMATION or SIGMOID_APPROXIMATION";
        return Err(Fault::value("mode", format!("`{mode}` {why}")));
    }
    like_x(ctx)
}
