//! Random tensors.

use super::def::*;
use super::domains::*;
use crate::Opset::*;
use crate::infer::{Fault, InferCtx, MAX_RANK, show};
use crate::{Dim, Type};

const SEED: InputDef = constant("seed").default(Default::Int(-1));

/// 1 with probability `prob`, else 0.
pub(super) const RANDOM_BERNOULLI: OpDef = op(
    "random_bernoulli",
    &[version(
        Ios15,
        &[any("shape"), constant_of("prob", T_FLOAT).default(Default::Float(0.5)), SEED],
    )],
    |ctx| distribution(ctx, &["prob"]),
);

/// Indices along the last axis of `x`, drawn with the probabilities there.
pub(super) const RANDOM_CATEGORICAL: OpDef = op(
    "random_categorical",
    &[version(
        Ios15,
        &[
            tensor("x", T_FLOAT),
            constant("mode").default(Default::Text("logits")),
            constant("size").default(Default::Int(1)),
            SEED,
        ],
    )],
    categorical,
);

/// Normally distributed numbers.
pub(super) const RANDOM_NORMAL: OpDef = op(
    "random_normal",
    &[version(
        Ios15,
        &[
            any("shape"),
            constant_of("mean", T_FLOAT).default(Default::Float(0.0)),
            constant_of("stddev", T_FLOAT).default(Default::Float(1.0)),
            SEED,
        ],
    )],
    |ctx| distribution(ctx, &["mean", "stddev"]),
);

/// Uniformly distributed numbers from `low`, but below `high`.
pub(super) const RANDOM_UNIFORM: OpDef = op(
    "random_uniform",
    &[version(
        Ios15,
        &[
            any("shape"),
            constant_of("low", T_FLOAT).default(Default::Float(0.0)),
            constant_of("high", T_FLOAT).default(Default::Float(1.0)),
            SEED,
        ],
    )],
    |ctx| distribution(ctx, &["low", "high"]),
);

/// A tensor of the shape `shape`, and of the type of `parameters`.
fn distribution(ctx: &InferCtx<'_>, parameters: &[&str]) -> Result<Vec<Type>, Fault> {
    let rank = ctx.vector_len("shape")?;
    if rank > MAX_RANK {
        return Err(Fault::value("shape", format!("has {rank} elements, more than {MAX_RANK}")));
    }
    for parameter in parameters {
        ctx.float(parameter)?;
    }
    ctx.int("seed")?;
    let shape = match ctx.dims("shape") {
        Some(shape) => shape,
        None => (0..rank).map(|_| ctx.fresh()).collect(),
    };
    if shape.iter().any(|d| d.number().is_some_and(|n| n < 0)) {
        return Err(Fault::value("shape", format!("{} has a negative size", show(&shape))));
    }
    let dtype = match parameters.iter().find(|p| ctx.has(p)) {
        Some(parameter) => ctx.dtype(parameter)?,
        None => F32,
    };
    Ok(vec![Type::tensor(dtype, shape)])
}

fn categorical(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let x = ctx.tensor("x")?;
    let mode = ctx.text("mode")?;
    if !matches!(mode.as_str(), "logits" | "probs") {
        return Err(Fault::value("mode", format!("`{mode}` is neither `logits` nor `probs`")));
    }
    let size = ctx.int("size")?;
    if size < 1 {
        return Err(Fault::value("size", format!("{size} is not positive")));
    }
    ctx.int("seed")?;
    let Some((_, rest)) = x.shape.split_last() else {
        return Err(Fault::Shape("`x` is a scalar".to_owned()));
    };
    let shape = rest.iter().cloned().chain([Dim::Known(size)]).collect();
    Ok(vec![Type::tensor(x.dtype, shape)])
}
