//! Reductions over axes.

use super::def::*;
use super::domains::*;
use crate::Opset::*;
use crate::infer::{Fault, InferCtx};
use crate::{Dim, Type};

const KEEP_DIMS: InputDef = constant("keep_dims").default(Default::Bool(false));
const AXIS: InputDef = constant("axis").default(Default::Int(-1));
const AXES: &[Version] =
    &[version(Ios15, &[tensor("x", T_NUMBER), constant("axes").optional(), KEEP_DIMS])];
const ARG: &[Version] = &[
    version(Ios15, &[tensor("x", T_NUMBER), AXIS, KEEP_DIMS]),
    version(
        Ios17,
        &[
            tensor("x", T_NUMBER),
            AXIS,
            KEEP_DIMS,
            constant("output_dtype").default(Default::Text("int32")),
        ],
    ),
];

pub(super) const REDUCE_ARGMAX: OpDef = op("reduce_argmax", ARG, position);
pub(super) const REDUCE_ARGMIN: OpDef = op("reduce_argmin", ARG, position);

/// `sum(|x|)`.
pub(super) const REDUCE_L1_NORM: OpDef = op("reduce_l1_norm", AXES, reduced);

/// `sqrt(sum(x²))`.
pub(super) const REDUCE_L2_NORM: OpDef = op("reduce_l2_norm", AXES, reduced);

/// `log(sum(x))`.
pub(super) const REDUCE_LOG_SUM: OpDef = op("reduce_log_sum", AXES, reduced);

/// `log(sum(exp(x)))`.
pub(super) const REDUCE_LOG_SUM_EXP: OpDef = op("reduce_log_sum_exp", AXES, reduced);

pub(super) const REDUCE_MAX: OpDef =
    op("reduce_max", AXES, reduced).evaluated(|ctx| fold(ctx, |a, b| a.at_least(b)));
pub(super) const REDUCE_MEAN: OpDef = op("reduce_mean", AXES, reduced);
pub(super) const REDUCE_MIN: OpDef =
    op("reduce_min", AXES, reduced).evaluated(|ctx| fold(ctx, |a, b| a.at_most(b)));
pub(super) const REDUCE_PROD: OpDef =
    op("reduce_prod", AXES, reduced).evaluated(|ctx| fold(ctx, |a, b| a * b));
pub(super) const REDUCE_SUM: OpDef =
    op("reduce_sum", AXES, reduced).evaluated(|ctx| fold(ctx, |a, b| a + b));

/// `sum(x²)`.
pub(super) const REDUCE_SUM_SQUARE: OpDef = op("reduce_sum_square", AXES, reduced);

fn reduced(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let rank = ctx.shape("x")?.len();
    let axes = ctx.axes("axes", rank)?.unwrap_or_else(|| (0..rank).collect());
    Ok(vec![Type::tensor(ctx.dtype("x")?, without(ctx, &axes)?)])
}

fn position(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let axis = ctx.axis("axis", ctx.shape("x")?.len())?;
    let mut dtype = I32;
    if ctx.version.since >= Ios17 {
        let name = ctx.text("output_dtype")?;
        dtype = match name.to_ascii_lowercase().as_str() {
            "int32" => I32,
            "uint16" => U16,
            _ => {
                let why = format!("`{name}` is neither int32 nor uint16");
                return Err(Fault::value("output_dtype", why));
            }
        };
    }
    Ok(vec![Type::tensor(dtype, without(ctx, &[axis])?)])
}

/// The shape of `x` with `axes` gone, or 1 if they are kept.
fn without(ctx: &InferCtx<'_>, axes: &[usize]) -> Result<Vec<Dim>, Fault> {
    let keep = ctx.boolean("keep_dims")?;
    let left = |(i, dim): (usize, &Dim)| match axes.contains(&i) {
        false => Some(dim.clone()),
        true => keep.then_some(Dim::ONE),
    };
    Ok(ctx.shape("x")?.iter().enumerate().filter_map(left).collect())
}

/// A vector's elements, or a number of its own, in one.
fn fold(ctx: &InferCtx<'_>, f: fn(&Dim, &Dim) -> Dim) -> Option<Vec<Dim>> {
    let rank = ctx.shape("x").ok()?.len();
    let axes = ctx.axes("axes", rank).ok()?;
    if rank > 1 || axes.is_some_and(|axes| axes.len() != rank) {
        return None;
    }
    ctx.dims("x")?.into_iter().reduce(|a, b| f(&a, &b)).map(|one| vec![one])
}
