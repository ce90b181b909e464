//! Element by element ops of one input.

use anemone_tensor::{DataType, Tensor};

use super::def::*;
use super::domains::*;
use crate::Opset::*;
use crate::infer::{Fault, InferCtx, like_x};
use crate::{Const, Dim, Type};

const FLOAT: &[Version] = &[version(Ios15, &[tensor("x", T_FLOAT)])];
const NUMBER: &[Version] = &[version(Ios15, &[tensor("x", T_NUMBER)])];
const EPSILON: &[Version] = &[
    version(
        Ios15,
        &[tensor("x", T_FLOAT), constant_of("epsilon", T_FLOAT).default(Default::Computed)],
    ),
    version(
        Ios17,
        &[tensor("x", T_FLOAT), constant_of("epsilon", U_FLOAT).default(Default::Computed)],
    ),
];
const BOUNDS: &[InputDef] =
    &[tensor("x", T_FLOAT), constant_of("alpha", T_FLOAT), constant_of("beta", T_FLOAT)];
const T_CAST: Domain = domain("T", &[F16, F32, I8, U8, I16, U16, I32, Bool]);

pub(super) const ABS: OpDef = op("abs", NUMBER, like_x);
pub(super) const ACOS: OpDef = op("acos", FLOAT, like_x);
pub(super) const ASIN: OpDef = op("asin", FLOAT, like_x);
pub(super) const ATAN: OpDef = op("atan", FLOAT, like_x);
pub(super) const ATANH: OpDef = op("atanh", FLOAT, like_x);
pub(super) const CEIL: OpDef = op("ceil", FLOAT, like_x).evaluated(|ctx| ctx.dims("x"));
pub(super) const COS: OpDef = op("cos", FLOAT, like_x);
pub(super) const COSH: OpDef = op("cosh", FLOAT, like_x);
pub(super) const ERF: OpDef = op("erf", FLOAT, like_x);
pub(super) const EXP: OpDef = op("exp", FLOAT, like_x);
pub(super) const EXP2: OpDef = op("exp2", NUMBER, like_x);
pub(super) const FLOOR: OpDef = op("floor", FLOAT, like_x).evaluated(|ctx| ctx.dims("x"));
pub(super) const ROUND: OpDef = op("round", FLOAT, like_x).evaluated(|ctx| ctx.dims("x"));
pub(super) const SIGN: OpDef = op("sign", NUMBER, like_x);
pub(super) const SIN: OpDef = op("sin", FLOAT, like_x);
pub(super) const SINH: OpDef = op("sinh", FLOAT, like_x);
pub(super) const SQRT: OpDef = op("sqrt", FLOAT, like_x);
pub(super) const SQUARE: OpDef = op("square", NUMBER, like_x);
pub(super) const TAN: OpDef = op("tan", FLOAT, like_x);
pub(super) const TANH: OpDef = op("tanh", FLOAT, like_x);

/// `1 / (x + epsilon)`.
pub(super) const INVERSE: OpDef =
    op("inverse", EPSILON, with_epsilon).computed(|ctx, _| as_x(ctx, 1e-4));

/// `log(x + epsilon)`.
pub(super) const LOG: OpDef = op("log", EPSILON, with_epsilon).computed(|ctx, _| as_x(ctx, 1e-45));

/// `1 / sqrt(x + epsilon)`.
pub(super) const RSQRT: OpDef =
    op("rsqrt", EPSILON, with_epsilon).computed(|ctx, _| as_x(ctx, 1e-12));

/// `x` as `dtype`; floats become integers by truncation.
pub(super) const CAST: OpDef = op(
    "cast",
    &[
        version(Ios15, &[tensor("x", T_BASIC), constant("dtype")]),
        version(Ios17, &[tensor("x", T_CAST), constant("dtype")]),
    ],
    cast,
)
.evaluated(cast_elements);

/// `min(max(x, alpha), beta)`; since iOS17, `alpha` is below `beta`.
pub(super) const CLIP: OpDef = op("clip", &[version(Ios15, BOUNDS), version(Ios17, BOUNDS)], clip);

pub(super) const LOGICAL_NOT: OpDef = op("logical_not", &[version(Ios15, &[any("x")])], |ctx| {
    ctx.expect_bool("x")?;
    like_x(ctx)
})
.evaluated(|ctx| {
    let not = |d: &Dim| Some(Dim::Known(i64::from(d.number()? == 0)));
    ctx.dims("x")?.iter().map(not).collect()
});

/// `max(x, alpha)`.
pub(super) const THRESHOLD: OpDef = op(
    "threshold",
    &[version(Ios15, &[tensor("x", T_NUMBER), constant_of("alpha", T_NUMBER)])],
    |ctx| {
        ctx.float("alpha")?;
        like_x(ctx)
    },
);

fn with_epsilon(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    ctx.float("epsilon")?;
    like_x(ctx)
}

/// `value` in the type of `x`, so that a small one is 0 in half precision.
fn as_x(ctx: &InferCtx<'_>, value: f64) -> Option<Const> {
    Tensor::from_f64(ctx.dtype("x").ok()?, vec![], [value]).ok().map(Const::Tensor)
}

fn clip(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let (alpha, beta) = (ctx.float("alpha")?, ctx.float("beta")?);
    if ctx.version.since >= Ios17 && alpha >= beta {
        return Err(Fault::value("alpha", format!("{alpha} must be below `beta`, {beta}")));
    }
    like_x(ctx)
}

fn cast(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    Ok(vec![Type::tensor(cast_type(ctx)?, ctx.shape("x")?.to_vec())])
}

fn cast_type(ctx: &InferCtx<'_>) -> Result<DataType, Fault> {
    let name = ctx.text("dtype")?;
    let domain = ctx.version.inputs.iter().find_map(|i| i.domain);
    DataType::from_name(&name)
        .filter(|t| domain.is_some_and(|d| d.types.contains(t)))
        .ok_or_else(|| Fault::value("dtype", format!("there is no cast to `{name}`")))
}

fn cast_elements(ctx: &InferCtx<'_>) -> Option<Vec<Dim>> {
    let elements = ctx.dims("x")?;
    if cast_type(ctx).ok()? != DataType::Bool {
        return Some(elements);
    }
    elements.iter().map(|d| Some(Dim::Known(i64::from(d.number()? != 0)))).collect()
}
