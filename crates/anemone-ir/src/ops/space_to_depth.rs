//! Moving elements between the spatial axes and those of channels or of the batch.

use super::def::*;
use super::domains::*;
use crate::infer::{Fault, InferCtx, show};
use crate::{Dim, Opset::*, Type};

pub(super) const DEPTH_TO_SPACE: OpDef = op(
    "depth_to_space",
    &[version(Ios15, &[tensor("x", T_FLOAT), constant("block_size")])],
    |ctx| to_space(ctx, "block_size"),
);

pub(super) const SPACE_TO_DEPTH: OpDef = op(
    "space_to_depth",
    &[version(Ios15, &[tensor("x", T_FLOAT), constant("block_size")])],
    |ctx| to_depth(ctx, "block_size"),
);

pub(super) const PIXEL_SHUFFLE: OpDef = op(
    "pixel_shuffle",
    &[version(Ios15, &[tensor("x", T_FLOAT), constant("upscale_factor")])],
    |ctx| to_space(ctx, "upscale_factor"),
);

pub(super) const PIXEL_UNSHUFFLE: OpDef = op(
    "pixel_unshuffle",
    &[version(Ios16, &[tensor("x", T_FLOAT), constant("downscale_factor")])],
    |ctx| to_depth(ctx, "downscale_factor"),
);

pub(super) const SPACE_TO_BATCH: OpDef = op(
    "space_to_batch",
    &[version(Ios15, &[tensor("x", T_FLOAT), constant("block_shape"), constant("paddings")])],
    space_to_batch,
);

pub(super) const BATCH_TO_SPACE: OpDef = op(
    "batch_to_space",
    &[version(Ios15, &[tensor("x", T_FLOAT), constant("block_shape"), constant("crops")])],
    batch_to_space,
);

fn image<'a>(ctx: &'a InferCtx<'_>) -> Result<&'a [Dim; 4], Fault> {
    let shape = ctx.shape("x")?;
    shape.try_into().map_err(|_| Fault::Shape(format!("`x` is {}, not of rank 4", show(shape))))
}

fn output(ctx: &InferCtx<'_>, shape: [Dim; 4]) -> Result<Vec<Type>, Fault> {
    Ok(vec![Type::tensor(ctx.dtype("x")?, shape.into())])
}

fn block(ctx: &InferCtx<'_>, input: &str) -> Result<Dim, Fault> {
    match ctx.int(input)? {
        n if n >= 1 => Ok(Dim::Known(n)),
        n => Err(Fault::value(input, format!("{n} is not positive"))),
    }
}

/// `dim / by`, which must leave nothing.
fn divided(dim: &Dim, by: &Dim) -> Result<Dim, Fault> {
    let left = dim.modulo(by).and_then(|d| d.number()).unwrap_or(0);
    dim.floor_div(by)
        .filter(|_| left == 0)
        .ok_or_else(|| Fault::Shape(format!("{dim} is not a multiple of {by}")))
}

fn to_space(ctx: &InferCtx<'_>, input: &str) -> Result<Vec<Type>, Fault> {
    let ([n, c, h, w], block) = (image(ctx)?, block(ctx, input)?);
    output(ctx, [n.clone(), divided(c, &(&block * &block))?, h * &block, w * &block])
}

fn to_depth(ctx: &InferCtx<'_>, input: &str) -> Result<Vec<Type>, Fault> {
    let ([n, c, h, w], block) = (image(ctx)?, block(ctx, input)?);
    output(ctx, [n.clone(), c * &(&block * &block), divided(h, &block)?, divided(w, &block)?])
}

/// `block_shape`, and the sum of the paddings or crops of each of the two spatial axes.
fn blocks(ctx: &InferCtx<'_>, borders: &str) -> Result<([Dim; 2], [Dim; 2]), Fault> {
    let sizes = ctx.ints("block_shape")?;
    let &[a, b] = sizes.as_slice() else {
        return Err(Fault::value("block_shape", format!("has {} entries, not 2", sizes.len())));
    };
    if a < 1 || b < 1 {
        return Err(Fault::value("block_shape", format!("[{a}, {b}] is not positive")));
    }
    let constant = ctx.constant(borders).ok_or(Fault::NotConstant(borders.to_owned()))?;
    let matrix = constant.tensor().filter(|t| t.shape() == [2, 2]).map(|t| t.to_i64());
    match matrix.as_deref() {
        Some(&[c, d, e, f]) if [c, d, e, f].iter().all(|n| *n >= 0) => {
            let sum = |a: i64, b: i64| Dim::Known(a.saturating_add(b));
            Ok(([Dim::Known(a), Dim::Known(b)], [sum(c, d), sum(e, f)]))
        }
        _ => Err(Fault::value(borders, "must be 2 × 2 numbers that are not negative")),
    }
}

fn space_to_batch(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let ([n, c, h, w], ([a, b], [high, wide])) = (image(ctx)?, blocks(ctx, "paddings")?);
    let (h, w) = (divided(&(h + &high), &a)?, divided(&(w + &wide), &b)?);
    output(ctx, [n * &(&a * &b), c.clone(), h, w])
}

fn batch_to_space(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let ([n, c, h, w], ([a, b], [high, wide])) = (image(ctx)?, blocks(ctx, "crops")?);
    let (h, w) = (&(h * &a) - &high, &(w * &b) - &wide);
    if [&h, &w].iter().any(|d| d.number().is_some_and(|d| d < 0)) {
        return Err(Fault::value("crops", format!("leave {h} × {w}")));
    }
    output(ctx, [divided(n, &(&a * &b))?, c.clone(), h, w])
}
