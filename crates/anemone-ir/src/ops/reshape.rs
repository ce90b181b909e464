//! Reshaping: the same elements in the same order under another shape.

use super::def::*;
use super::domains::*;
use super::tensor_transformation::same_elements;
use crate::infer::{Fault, InferCtx, MAX_RANK, show, volume};
use crate::{Const, Dim, Opset::*, Type};

pub(super) const RESHAPE: OpDef = op(
    "reshape",
    &[
        version(Ios15, &[tensor("x", T_BASIC), any("shape")]),
        version(
            Ios17,
            &[
                tensor("x", domain("T", &[F16, F32, I8, U8, I16, U16, I32, Bool])),
                tensor("shape", U_INT),
            ],
        ),
    ],
    reshape,
)
.evaluated(same_elements);

const LIKE: [InputDef; 4] = [
    other("ref_tensors", InputKind::Tuple),
    other("begins", InputKind::Tuple),
    other("ends", InputKind::Tuple),
    other("end_masks", InputKind::Tuple),
];

pub(super) const RESHAPE_LIKE: OpDef = op(
    "reshape_like",
    &[
        version(Ios16, &[tensor("x", T_BASIC), LIKE[0], LIKE[1], LIKE[2], LIKE[3]]),
        version(Ios17, &[tensor("x", T_ANY), LIKE[0], LIKE[1], LIKE[2], LIKE[3]]),
    ],
    reshape_like,
)
.evaluated(same_elements);

fn reshape(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let x = ctx.tensor("x")?;
    let rank = ctx.vector_len("shape")?;
    if rank > MAX_RANK {
        return Err(Fault::value("shape", format!("rank {rank} is above {MAX_RANK}")));
    }
    let shape = match ctx.dims("shape") {
        Some(target) => resolve(&x.shape, &target, ctx.version.since >= Ios17)?,
        None => (0..rank).map(|_| ctx.fresh()).collect(),
    };
    Ok(vec![Type::tensor(x.dtype, shape)])
}

/// The target shape with 0 replaced by the size in `from`, and -1 by what is left over. From iOS17
/// on the two need not have the same rank: they are aligned at the last axis.
fn resolve(from: &[Dim], target: &[Dim], aligned: bool) -> Result<Vec<Dim>, Fault> {
    let fault =
        |why: &str| Fault::value("shape", format!("{} for {}: {why}", show(target), show(from)));
    let total = volume(from);
    let mut shape = target.to_vec();
    let mut free = None;
    for (axis, dim) in shape.iter_mut().enumerate() {
        match dim {
            Dim::Known(0) if aligned || target.len() == from.len() => {
                let same = (axis + from.len()).checked_sub(target.len());
                *dim = same.map_or(Dim::ONE, |axis| from[axis].clone());
            }
            Dim::Known(0) if total != Dim::Known(0) => {
                return Err(fault("0 needs the same rank"));
            }
            Dim::Known(-1) if free.is_some() => return Err(fault("-1 occurs twice")),
            Dim::Known(-1) => (free, *dim) = (Some(axis), Dim::ONE),
            Dim::Known(n) if *n < 0 => return Err(fault("a size is negative")),
            Dim::Known(_) | Dim::Expr(_) => {}
        }
    }
    let (total, given) = total.reduced(&volume(&shape));
    let Some(axis) = free else {
        return if total.differs(&given) { Err(fault("the sizes differ")) } else { Ok(shape) };
    };
    shape[axis] = match (total.floor_div(&given), total.modulo(&given)) {
        (Some(size), Some(left)) if left.number().is_none_or(|n| n == 0) => size,
        _ => return Err(fault("the sizes do not divide")),
    };
    Ok(shape)
}

fn reshape_like(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let x = ctx.tensor("x")?;
    let references = ctx.tensors("ref_tensors")?;
    let begins = scalars(ctx, "begins", references.len())?;
    let ends = scalars(ctx, "ends", references.len())?;
    let masks = scalars(ctx, "end_masks", references.len())?;
    let mut shape = Vec::new();
    for (i, reference) in references.iter().enumerate() {
        let rank = reference.shape.len();
        let end = if masks[i] != 0 { rank } else { bound(ends[i], rank) };
        shape.extend(reference.shape.iter().take(end).skip(bound(begins[i], rank)).cloned());
        if shape.len() > MAX_RANK {
            return Err(Fault::value("ref_tensors", format!("the rank is above {MAX_RANK}")));
        }
    }
    resolve(&x.shape, &shape, false).map(|_| vec![Type::tensor(x.dtype, shape)])
}

/// `count` constant scalars of a variadic input.
fn scalars(ctx: &InferCtx<'_>, input: &str, count: usize) -> Result<Vec<i64>, Fault> {
    let operands = ctx.operands(input);
    if operands.len() != count {
        let why = format!("has {} entries for {count} reference tensors", operands.len());
        return Err(Fault::value(input, why));
    }
    let scalar = |value: &Const| value.tensor().filter(|t| t.count() == 1).map(|t| t.get_i64(0));
    operands
        .iter()
        .map(|o| match &o.value {
            Some(value) => scalar(value).ok_or(Fault::value(input, "must be scalars")),
            None => Err(Fault::NotConstant(input.to_owned())),
        })
        .collect()
}

/// An index into a shape as a slice bound: negative from the end, and within it.
fn bound(index: i64, rank: usize) -> usize {
    let magnitude = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
    if index < 0 { rank.saturating_sub(magnitude) } else { magnitude.min(rank) }
}
