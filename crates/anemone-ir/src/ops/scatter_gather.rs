//! Gathering from and scattering into tensors.

use super::def::*;
use super::domains::*;
use crate::infer::{Fault, InferCtx, MAX_RANK, show, unify, unify_shapes};
use crate::{Dim, Opset::*, Type};

const AXIS: InputDef = constant("axis").default(Default::Int(0));
const BATCH_DIMS: InputDef = constant("batch_dims").default(Default::Int(0));
const VALIDATE: InputDef = constant("validate_indices").default(Default::Bool(false));
const MODE: InputDef = constant("mode").default(Default::Text("add"));
const X_15: InputDef = tensor("x", T_NUMBER);
const X_17: InputDef = tensor("x", domain("T", &[F16, F32, I32, I16, U16, I8, U8]));
const INDICES_15: InputDef = any("indices");
const INDICES_16: InputDef = tensor("indices", I_INDEX);
const INDICES_17: InputDef = tensor("indices", domain("I", &[I32, I16, U16, I8, U8]));
const DATA: InputDef = tensor("data", T_NUMBER);
const UPDATES: InputDef = tensor("updates", T_NUMBER);

pub(super) const GATHER: OpDef = op(
    "gather",
    &[
        version(Ios15, &[X_15, INDICES_15, AXIS]),
        version(Ios16, &[X_15, INDICES_16, AXIS, BATCH_DIMS]),
        version(Ios17, &[X_17, INDICES_17, AXIS, BATCH_DIMS, VALIDATE]),
    ],
    gather,
)
.evaluated(gathered_elements);

pub(super) const GATHER_ALONG_AXIS: OpDef = op(
    "gather_along_axis",
    &[
        version(Ios15, &[X_15, INDICES_15, AXIS]),
        version(Ios16, &[X_15, INDICES_16, AXIS]),
        version(Ios17, &[X_17, INDICES_17, AXIS, VALIDATE]),
    ],
    gather_along_axis,
)
.evaluated(gathered_elements);

pub(super) const GATHER_ND: OpDef = op(
    "gather_nd",
    &[
        version(Ios15, &[X_15, INDICES_15]),
        version(Ios16, &[X_15, INDICES_16, BATCH_DIMS]),
        version(Ios17, &[X_17, INDICES_17, BATCH_DIMS, VALIDATE]),
    ],
    gather_nd,
);

pub(super) const SCATTER: OpDef = op(
    "scatter",
    &[
        version(Ios15, &[DATA, INDICES_15, UPDATES, AXIS, MODE]),
        version(Ios17, &[DATA, INDICES_15, UPDATES, AXIS, MODE, VALIDATE]),
    ],
    scatter,
);

pub(super) const SCATTER_ALONG_AXIS: OpDef = op(
    "scatter_along_axis",
    &[
        version(Ios15, &[DATA, INDICES_15, UPDATES, AXIS, MODE]),
        version(Ios17, &[DATA, INDICES_15, UPDATES, AXIS, MODE, VALIDATE]),
    ],
    scatter_along_axis,
);

pub(super) const SCATTER_ND: OpDef = op(
    "scatter_nd",
    &[
        version(Ios15, &[DATA, INDICES_15, UPDATES, MODE]),
        version(Ios17, &[DATA, INDICES_15, UPDATES, MODE, VALIDATE]),
    ],
    scatter_nd,
);

/// The shape of `indices`, which must be integers.
fn indices<'a>(ctx: &'a InferCtx<'_>) -> Result<&'a [Dim], Fault> {
    let indices = ctx.tensor("indices")?;
    if indices.dtype.is_int() {
        return Ok(&indices.shape);
    }
    let (input, found) = ("indices".to_owned(), indices.dtype.to_string());
    Err(Fault::Type { input, found, expected: "an integer".to_owned() })
}

fn has_input(ctx: &InferCtx<'_>, input: &str) -> bool {
    ctx.version.inputs.iter().any(|def| def.name == input)
}

/// Where indices are to be validated and known, each must lie in the axis that it picks from.
fn validate(ctx: &InferCtx<'_>, axis_of: impl Fn(usize) -> Dim) -> Result<(), Fault> {
    if !has_input(ctx, "validate_indices") || !ctx.boolean("validate_indices")? {
        return Ok(());
    }
    let Some(constant) = ctx.constant("indices") else { return Ok(()) };
    let Some(tensor) = constant.tensor() else { return Ok(()) };
    for i in 0..tensor.count() {
        let (index, size) = (tensor.get_i64(i), axis_of(i));
        if index < 0 || size.number().is_some_and(|n| index >= n) {
            let why = format!("{index} is outside an axis of size {size}");
            return Err(Fault::value("indices", why));
        }
    }
    Ok(())
}

fn unfit(ctx: &InferCtx<'_>, data: &str, why: &str) -> Fault {
    let shape = |input: &str| ctx.shape(input).map_or(String::new(), show);
    Fault::Shape(format!("`indices` {} on `{data}` {}: {why}", shape("indices"), shape(data)))
}

/// `batch_dims`, and the leading axes that `x` and `indices` share.
fn batch(ctx: &InferCtx<'_>, limit: usize) -> Result<(usize, Vec<Dim>), Fault> {
    let given = if has_input(ctx, "batch_dims") { ctx.int("batch_dims")? } else { 0 };
    let (x, indices) = (ctx.shape("x")?, indices(ctx)?);
    let count = usize::try_from(given).ok().filter(|n| *n <= limit && *n <= x.len());
    let count = count.ok_or_else(|| {
        Fault::value("batch_dims", format!("{given} is outside of 0 to {}", limit.min(x.len())))
    })?;
    match unify_shapes(&x[..count], &indices[..count]) {
        Some(shared) => Ok((count, shared)),
        None => Err(unfit(ctx, "x", "the batch axes differ")),
    }
}

fn output(ctx: &InferCtx<'_>, shape: Vec<Dim>) -> Result<Vec<Type>, Fault> {
    if shape.len() > MAX_RANK {
        return Err(Fault::Shape(format!("rank {} is above {MAX_RANK}", shape.len())));
    }
    Ok(vec![Type::tensor(ctx.dtype("x")?, shape)])
}

fn gather(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let (x, indices) = (ctx.shape("x")?, indices(ctx)?);
    let axis = ctx.axis("axis", x.len())?;
    let (batch, shared) = batch(ctx, indices.len())?;
    if batch > axis {
        return Err(Fault::value("axis", format!("{axis} is one of {batch} batch axes")));
    }
    validate(ctx, |_| x[axis].clone())?;
    output(ctx, [&shared, &x[batch..axis], &indices[batch..], &x[axis + 1..]].concat())
}

/// The elements that constant indices pick from a vector.
fn gathered_elements(ctx: &InferCtx<'_>) -> Option<Vec<Dim>> {
    let ([_], dims) = (ctx.shape("x").ok()?, ctx.dims("x")?) else { return None };
    let pick = |index: Dim| {
        let index = index.number()?;
        let from_front =
            if index < 0 { index.checked_add_unsigned(dims.len() as u64)? } else { index };
        dims.get(usize::try_from(from_front).ok()?).cloned()
    };
    ctx.dims("indices")?.into_iter().map(pick).collect()
}

/// Whether two shapes agree on all axes but `axis`.
fn agree(a: &[Dim], b: &[Dim], axis: usize) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).enumerate().all(|(i, (a, b))| i == axis || unify(a, b).is_some())
}

fn gather_along_axis(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let (x, indices) = (ctx.shape("x")?, indices(ctx)?);
    let axis = ctx.axis("axis", x.len())?;
    if !agree(x, indices, axis) {
        return Err(unfit(ctx, "x", "the other axes differ"));
    }
    validate(ctx, |_| x[axis].clone())?;
    output(ctx, indices.to_vec())
}

/// How many axes each vector of the last axis of `indices` picks from, out of `rank`.
fn depth(ctx: &InferCtx<'_>, data: &str, rank: usize) -> Result<usize, Fault> {
    let last = indices(ctx)?.last().and_then(Dim::known);
    last.filter(|n| *n <= rank).ok_or_else(|| {
        unfit(ctx, data, &format!("the last axis of `indices` must be known and at most {rank}"))
    })
}

fn gather_nd(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let (x, indices) = (ctx.shape("x")?, indices(ctx)?);
    let (batch, shared) = batch(ctx, indices.len().saturating_sub(1))?;
    let depth = depth(ctx, "x", x.len() - batch)?;
    validate(ctx, |i| x[batch + i % depth.max(1)].clone())?;
    let middle = &indices[batch..indices.len() - 1];
    output(ctx, [&shared, middle, &x[batch + depth..]].concat())
}

fn scattered(ctx: &InferCtx<'_>, expected: &[Dim]) -> Result<Vec<Type>, Fault> {
    let mode = ctx.text("mode")?;
    if !matches!(mode.as_str(), "add" | "div" | "max" | "min" | "mul" | "sub" | "update") {
        let why = format!("`{mode}` is not add, div, max, min, mul, sub or update");
        return Err(Fault::value("mode", why));
    }
    let updates = ctx.shape("updates")?;
    if unify_shapes(updates, expected).is_none() {
        let (updates, expected) = (show(updates), show(expected));
        return Err(Fault::Shape(format!("`updates` is {updates}, not {expected}")));
    }
    Ok(vec![Type::Tensor(ctx.tensor("data")?.clone())])
}

fn scatter(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let (data, indices) = (ctx.shape("data")?, indices(ctx)?);
    let axis = ctx.axis("axis", data.len())?;
    validate(ctx, |_| data[axis].clone())?;
    scattered(ctx, &[&data[..axis], indices, &data[axis + 1..]].concat())
}

fn scatter_along_axis(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let (data, indices) = (ctx.shape("data")?, indices(ctx)?);
    let axis = ctx.axis("axis", data.len())?;
    if !agree(data, indices, axis) {
        return Err(unfit(ctx, "data", "the other axes differ"));
    }
    validate(ctx, |_| data[axis].clone())?;
    scattered(ctx, indices)
}

fn scatter_nd(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let (data, indices) = (ctx.shape("data")?, indices(ctx)?);
    let depth = depth(ctx, "data", data.len())?;
    validate(ctx, |i| data[i % depth.max(1)].clone())?;
    scattered(ctx, &[&indices[..indices.len() - 1], &data[depth..]].concat())
}
