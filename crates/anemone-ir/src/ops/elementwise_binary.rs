//! Element by element ops of two inputs, with broadcasting.

use super::def::*;
use super::domains::*;
use crate::Opset::*;
use crate::infer::{Fault, InferCtx, broadcast, broadcast_elements};
use crate::{Dim, Type};

const NUMBERS: &[Version] = &[version(Ios15, &[tensor("x", T_NUMBER), tensor("y", T_NUMBER)])];
const T_BOOL: Domain = domain("T", &[Bool]);
const BOOLS: &[Version] = &[version(Ios15, &[tensor("x", T_BOOL), tensor("y", T_BOOL)])];

pub(super) const ADD: OpDef =
    op("add", NUMBERS, like_inputs).evaluated(|ctx| pairs(ctx, |a, b| Some(a + b)));
pub(super) const SUB: OpDef =
    op("sub", NUMBERS, like_inputs).evaluated(|ctx| pairs(ctx, |a, b| Some(a - b)));
pub(super) const MUL: OpDef =
    op("mul", NUMBERS, like_inputs).evaluated(|ctx| pairs(ctx, |a, b| Some(a * b)));
pub(super) const FLOOR_DIV: OpDef =
    op("floor_div", NUMBERS, like_inputs).evaluated(|ctx| pairs(ctx, Dim::floor_div));
pub(super) const MOD: OpDef =
    op("mod", NUMBERS, like_inputs).evaluated(|ctx| pairs(ctx, Dim::modulo));
pub(super) const MAXIMUM: OpDef =
    op("maximum", NUMBERS, like_inputs).evaluated(|ctx| pairs(ctx, |a, b| Some(a.at_least(b))));
pub(super) const MINIMUM: OpDef =
    op("minimum", NUMBERS, like_inputs).evaluated(|ctx| pairs(ctx, |a, b| Some(a.at_most(b))));
pub(super) const POW: OpDef = op("pow", NUMBERS, like_inputs);

/// `x / y`; integers are truncated.
pub(super) const REAL_DIV: OpDef = op("real_div", NUMBERS, like_inputs).evaluated(|ctx| {
    pairs(ctx, |a, b| a.floor_div(b).filter(|_| a.modulo(b) == Some(Dim::Known(0))))
});

pub(super) const EQUAL: OpDef =
    op("equal", NUMBERS, truth).evaluated(|ctx| compare(ctx, |difference| difference == 0));
pub(super) const NOT_EQUAL: OpDef =
    op("not_equal", NUMBERS, truth).evaluated(|ctx| compare(ctx, |difference| difference != 0));
pub(super) const GREATER: OpDef =
    op("greater", NUMBERS, truth).evaluated(|ctx| compare(ctx, |difference| difference > 0));
pub(super) const GREATER_EQUAL: OpDef =
    op("greater_equal", NUMBERS, truth).evaluated(|ctx| compare(ctx, |difference| difference >= 0));
pub(super) const LESS: OpDef =
    op("less", NUMBERS, truth).evaluated(|ctx| compare(ctx, |difference| difference < 0));
pub(super) const LESS_EQUAL: OpDef =
    op("less_equal", NUMBERS, truth).evaluated(|ctx| compare(ctx, |difference| difference <= 0));

pub(super) const LOGICAL_AND: OpDef =
    op("logical_and", BOOLS, truth).evaluated(|ctx| logic(ctx, |a, b| a & b));
pub(super) const LOGICAL_OR: OpDef =
    op("logical_or", BOOLS, truth).evaluated(|ctx| logic(ctx, |a, b| a | b));
pub(super) const LOGICAL_XOR: OpDef =
    op("logical_xor", BOOLS, truth).evaluated(|ctx| logic(ctx, |a, b| a ^ b));

fn like_inputs(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    Ok(vec![Type::tensor(ctx.dtype("x")?, broadcast(ctx.shape("x")?, ctx.shape("y")?)?)])
}

fn truth(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    Ok(vec![Type::tensor(Bool, broadcast(ctx.shape("x")?, ctx.shape("y")?)?)])
}

fn pairs(ctx: &InferCtx<'_>, f: fn(&Dim, &Dim) -> Option<Dim>) -> Option<Vec<Dim>> {
    broadcast_elements(ctx, ["x", "y"], |[x, y]| f(x, y))
}

fn compare(ctx: &InferCtx<'_>, holds: fn(i64) -> bool) -> Option<Vec<Dim>> {
    broadcast_elements(ctx, ["x", "y"], |[x, y]| {
        (x - y).number().map(|difference| Dim::Known(i64::from(holds(difference))))
    })
}

fn logic(ctx: &InferCtx<'_>, f: fn(i64, i64) -> i64) -> Option<Vec<Dim>> {
    broadcast_elements(ctx, ["x", "y"], |[x, y]| Some(Dim::Known(f(x.number()?, y.number()?))))
}
