//! Ops that change the order of a tensor's axes or of what lies along them.

use super::def::*;
use super::domains::*;
pub(super) use super::{
    reshape::{RESHAPE, RESHAPE_LIKE},
    slice::{SLICE_BY_INDEX, SLICE_BY_SIZE, SLICE_UPDATE},
    space_to_depth::{
        BATCH_TO_SPACE, DEPTH_TO_SPACE, PIXEL_SHUFFLE, PIXEL_UNSHUFFLE, SPACE_TO_BATCH,
        SPACE_TO_DEPTH,
    },
};
use crate::infer::{Fault, InferCtx, MAX_RANK, like_x, normal_axis, show, unify};
use crate::{Dim, Opset::*, Type};

pub(super) const EXPAND_DIMS: OpDef = op(
    "expand_dims",
    &[
        version(Ios15, &[tensor("x", T_BASIC), constant("axes")]),
        version(Ios17, &[tensor("x", T_ANY), constant("axes")]),
    ],
    expand_dims,
)
.evaluated(same_elements);

pub(super) const REVERSE: OpDef = op(
    "reverse",
    &[
        version(Ios15, &[tensor("x", T_BASIC), constant("axes").optional()]),
        version(Ios17, &[tensor("x", T_ANY), constant("axes").optional()]),
    ],
    reverse,
);

pub(super) const REVERSE_SEQUENCE: OpDef = op(
    "reverse_sequence",
    &[
        version(
            Ios15,
            &[
                tensor("x", T_BASIC),
                any("lengths"),
                constant("seq_axis").default(Default::Int(0)),
                constant("batch_axis").default(Default::Int(0)),
            ],
        ),
        version(
            Ios17,
            &[
                tensor("x", T_ANY),
                tensor("lengths", U_INT),
                constant("seq_axis").default(Default::Int(0)),
                constant("batch_axis").default(Default::Int(0)),
            ],
        ),
    ],
    reverse_sequence,
);

pub(super) const SLIDING_WINDOWS: OpDef = op(
    "sliding_windows",
    &[
        version(
            Ios15,
            &[
                tensor("x", T_NUMBER),
                constant("axis"),
                constant("size"),
                constant("stride").default(Default::Int(1)),
            ],
        ),
        version(
            Ios17,
            &[
                tensor("x", T_ANY),
                constant("axis"),
                constant("size"),
                constant("stride").default(Default::Int(1)),
            ],
        ),
    ],
    sliding_windows,
);

pub(super) const SQUEEZE: OpDef = op(
    "squeeze",
    &[
        version(Ios15, &[tensor("x", T_BASIC), constant("axes").optional()]),
        version(Ios17, &[tensor("x", T_ANY), constant("axes").optional()]),
    ],
    squeeze,
)
.evaluated(same_elements);

pub(super) const TRANSPOSE: OpDef = op(
    "transpose",
    &[
        version(Ios15, &[tensor("x", T_BASIC), constant("perm")]),
        version(Ios17, &[tensor("x", T_ANY), constant("perm")]),
    ],
    transpose,
);

/// The elements of `x`, which the op keeps in their order.
pub(super) fn same_elements(ctx: &InferCtx<'_>) -> Option<Vec<Dim>> {
    ctx.dims("x")
}

fn expand_dims(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let x = ctx.tensor("x")?;
    let rank = x.shape.len().saturating_add(ctx.ints("axes")?.len());
    if rank > MAX_RANK {
        return Err(Fault::value("axes", format!("rank {rank} is above {MAX_RANK}")));
    }
    let axes = ctx.axes("axes", rank)?.unwrap_or_default();
    let mut old = x.shape.iter();
    let size = |axis| if axes.contains(&axis) { Dim::ONE } else { kept(old.next()) };
    Ok(vec![Type::tensor(x.dtype, (0..rank).map(size).collect())])
}

fn kept(dim: Option<&Dim>) -> Dim {
    dim.cloned().expect("the other axes are as many as those of `x`")
}

fn squeeze(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let x = ctx.tensor("x")?;
    let axes = ctx.axes("axes", x.shape.len())?;
    let chosen = |axis| axes.as_ref().is_none_or(|axes| axes.contains(&axis));
    // As in PyTorch, and unlike in NumPy, a chosen axis of another size stays.
    let stays = |axis: usize, dim: &Dim| !(chosen(axis) && *dim == Dim::ONE);
    let shape = x.shape.iter().enumerate().filter(|(axis, dim)| stays(*axis, dim));
    Ok(vec![Type::tensor(x.dtype, shape.map(|(_, dim)| dim.clone()).collect())])
}

fn transpose(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let x = ctx.tensor("x")?;
    let perm = ctx.axes("perm", x.shape.len())?.unwrap_or_default();
    if perm.len() != x.shape.len() {
        let why = format!("has {} entries for a tensor of rank {}", perm.len(), x.shape.len());
        return Err(Fault::value("perm", why));
    }
    Ok(vec![Type::tensor(x.dtype, perm.iter().map(|&axis| x.shape[axis].clone()).collect())])
}

fn reverse(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    ctx.axes("axes", ctx.shape("x")?.len())?;
    like_x(ctx)
}

fn reverse_sequence(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let x = ctx.shape("x")?;
    let sequence = ctx.axis("seq_axis", x.len())?;
    let batch = ctx.axis("batch_axis", x.len())?;
    if sequence == batch {
        return Err(Fault::value("seq_axis", format!("is `batch_axis`, {batch}")));
    }
    match ctx.shape("lengths")? {
        [n] if unify(n, &x[batch]).is_some() => like_x(ctx),
        other => Err(Fault::Shape(format!(
            "`lengths` is {}, not one for each of {}",
            show(other),
            x[batch]
        ))),
    }
}

fn sliding_windows(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let x = ctx.tensor("x")?;
    let axis = normal_axis("axis", ctx.int("axis")?, x.shape.len())?;
    let (size, stride) = (ctx.int("size")?, ctx.int("stride")?);
    if size < 1 || stride < 1 {
        let why = format!("size {size} and stride {stride} must be positive");
        return Err(Fault::value("size", why));
    }
    let room = &x.shape[axis] - &Dim::Known(size);
    let windows = room.floor_div(&Dim::Known(stride)).map(|n| &n + &Dim::ONE);
    match windows {
        Some(windows) if room.number().is_none_or(|n| n >= 0) => {
            let mut shape = x.shape.clone();
            shape[axis] = windows;
            shape.insert(axis + 1, Dim::Known(size));
            Ok(vec![Type::tensor(x.dtype, shape)])
        }
        _ => Err(Fault::value("size", format!("is {size}, axis {axis} has {}", x.shape[axis]))),
    }
}
