//! Ops that make tensors, or keep their shape or its elements.

use anemone_tensor::DataType;

use super::def::*;
use super::domains::*;
use super::tensor_transformation::same_elements;
pub(super) use super::{
    concat::{CONCAT, SPLIT, STACK},
    non_maximum_suppression::NON_MAXIMUM_SUPPRESSION,
    topk::{ARGSORT, TOPK},
};
use crate::infer::{
    Fault, InferCtx, MAX_RANK, MAX_SHAPE_ELEMENTS, like_x, normal_axis, show, volume,
};
use crate::{Dim, Opset::*, Type};

pub(super) const BAND_PART: OpDef = op(
    "band_part",
    &[version(
        Ios15,
        &[
            tensor("x", T_BASIC),
            constant("lower").default(Default::Int(-1)),
            constant("upper").default(Default::Int(-1)),
        ],
    )],
    band_part,
);

pub(super) const CUMSUM: OpDef = op(
    "cumsum",
    &[version(
        Ios15,
        &[
            tensor("x", T_NUMBER),
            constant("axis").default(Default::Int(0)),
            constant("exclusive").default(Default::Bool(false)),
            constant("reverse").default(Default::Bool(false)),
        ],
    )],
    cumsum,
);

pub(super) const FILL: OpDef = op(
    "fill",
    &[version(Ios15, &[any("shape"), constant_of("value", T_BASIC).default(Default::Float(0.0))])],
    fill,
)
.evaluated(filled_elements);

pub(super) const FILL_LIKE: OpDef = op(
    "fill_like",
    &[version(
        Ios16,
        &[
            tensor("ref_tensor", T_BASIC),
            constant_of("value", domain("U", &[F16, F32, I32, Bool])).default(Default::Float(0.0)),
        ],
    )],
    fill_like,
)
.evaluated(filled_elements);

pub(super) const FLATTEN2D: OpDef = op(
    "flatten2d",
    &[version(Ios15, &[tensor("x", T_BASIC), constant("axis").default(Default::Int(1))])],
    flatten2d,
)
.evaluated(same_elements);

pub(super) const IDENTITY: OpDef =
    op("identity", &[version(Ios15, &[other("x", InputKind::ListTensorOrDict)])], |ctx| {
        Ok(vec![ctx.operand("x")?.ty.clone()])
    })
    .evaluated(same_elements);

pub(super) const NON_ZERO: OpDef =
    op("non_zero", &[version(Ios15, &[tensor("x", T_BASIC)])], non_zero);

pub(super) const ONE_HOT: OpDef = op(
    "one_hot",
    &[version(
        Ios15,
        &[
            any("indices"),
            any("one_hot_vector_size"),
            constant("axis").default(Default::Int(-1)),
            constant_of("on_value", T_BASIC).default(Default::Int(1)),
            constant_of("off_value", T_BASIC).default(Default::Int(0)),
        ],
    )],
    one_hot,
);

pub(super) const PAD: OpDef = op(
    "pad",
    &[version(
        Ios15,
        &[
            tensor("x", T_FLOAT),
            any("pad"),
            constant("mode").default(Default::Text("constant")),
            constant_of("constant_val", T_FLOAT).default(Default::Float(0.0)),
        ],
    )],
    pad,
);

pub(super) const RANGE_1D: OpDef = op(
    "range_1d",
    &[version(
        Ios15,
        &[tensor("end", T_NUMBER), tensor("start", T_NUMBER), tensor("step", T_NUMBER)],
    )],
    range_1d,
)
.evaluated(range_elements);

pub(super) const SHAPE: OpDef = op("shape", &[version(Ios15, &[tensor("x", T_BASIC)])], |ctx| {
    Ok(vec![Type::tensor(I32, vec![Dim::from(ctx.shape("x")?.len())])])
})
.evaluated(|ctx| Some(ctx.shape("x").ok()?.to_vec()));

pub(super) const TILE: OpDef =
    op("tile", &[version(Ios15, &[tensor("x", T_BASIC), any("reps")])], tile);

fn band_part(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    ctx.int("lower")?;
    ctx.int("upper")?;
    match ctx.shape("x")?.len() {
        0 | 1 => Err(Fault::Shape("`x` has no matrix".to_owned())),
        _ => like_x(ctx),
    }
}

fn cumsum(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    ctx.axis("axis", ctx.shape("x")?.len())?;
    ctx.boolean("exclusive")?;
    ctx.boolean("reverse")?;
    like_x(ctx)
}

fn value_type(ctx: &InferCtx<'_>) -> Result<DataType, Fault> {
    if ctx.has("value") { ctx.dtype("value") } else { Ok(F32) }
}

/// The shape that the vector `input` holds; fresh symbols where only the data tells.
pub(super) fn shape_from(ctx: &InferCtx<'_>, input: &str) -> Result<Vec<Dim>, Fault> {
    let rank = ctx.vector_len(input)?;
    if rank > MAX_RANK {
        return Err(Fault::value(input, format!("rank {rank} is above {MAX_RANK}")));
    }
    let Some(shape) = ctx.dims(input).filter(|d| d.len() == rank) else {
        return Ok((0..rank).map(|_| ctx.fresh()).collect());
    };
    match shape.iter().find(|d| d.number().is_some_and(|n| n < 0)) {
        Some(size) => Err(Fault::value(input, format!("{size} is no size"))),
        None => Ok(shape),
    }
}

fn fill(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    Ok(vec![Type::tensor(value_type(ctx)?, shape_from(ctx, "shape")?)])
}

fn fill_like(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    Ok(vec![Type::tensor(value_type(ctx)?, ctx.shape("ref_tensor")?.to_vec())])
}

fn filled_elements(ctx: &InferCtx<'_>) -> Option<Vec<Dim>> {
    let shape = match ctx.op {
        super::Op::FillLike => ctx.shape("ref_tensor").ok()?.to_vec(),
        _ => ctx.dims("shape")?,
    };
    let count = volume(&shape).known().filter(|n| *n <= MAX_SHAPE_ELEMENTS)?;
    match ctx.dims("value")?.as_slice() {
        [value] => Some(vec![value.clone(); count]),
        _ => None,
    }
}

fn flatten2d(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let x = ctx.tensor("x")?;
    let axis = ctx.int("axis")?;
    let rank = x.shape.len();
    // The rank itself is allowed: everything goes into the first axis.
    let at = if i64::try_from(rank) == Ok(axis) { rank } else { normal_axis("axis", axis, rank)? };
    Ok(vec![Type::tensor(x.dtype, vec![volume(&x.shape[..at]), volume(&x.shape[at..])])])
}

fn non_zero(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let rank = ctx.shape("x")?.len();
    let constant = ctx.constant("x");
    let count = match constant.as_ref().and_then(|c| c.tensor()) {
        Some(t) => Dim::from((0..t.count()).filter(|&i| t.get_f64(i) != 0.0).count()),
        None => ctx.fresh(),
    };
    Ok(vec![Type::tensor(I32, vec![count, Dim::from(rank)])])
}

fn one_hot(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let value = |input: &str| if ctx.has(input) { ctx.dtype(input) } else { Ok(I32) };
    let (on, off) = (value("on_value")?, value("off_value")?);
    if on != off {
        let (input, found) = ("off_value".to_owned(), off.to_string());
        return Err(Fault::Type { input, found, expected: format!("{on}, like `on_value`") });
    }
    let indices = ctx.tensor("indices")?;
    if !indices.dtype.is_int() {
        let (input, found) = ("indices".to_owned(), indices.dtype.to_string());
        return Err(Fault::Type { input, found, expected: "an integer".to_owned() });
    }
    let mut shape = indices.shape.clone();
    let axis = ctx.axis("axis", shape.len() + 1)?;
    let size = match ctx.dims("one_hot_vector_size").as_deref() {
        Some([size]) if size.number().is_none_or(|n| n >= 0) => size.clone(),
        Some(other) => {
            let why = format!("{} is no size", show(other));
            return Err(Fault::value("one_hot_vector_size", why));
        }
        None => ctx.fresh(),
    };
    shape.insert(axis, size);
    Ok(vec![Type::tensor(on, shape)])
}

fn pad(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let x = ctx.tensor("x")?;
    let (count, rank) = (ctx.vector_len("pad")?, x.shape.len());
    if !count.is_multiple_of(2) || count / 2 > rank {
        return Err(Fault::value("pad", format!("has {count} entries for rank {rank}")));
    }
    let mode = ctx.text("mode")?;
    if !matches!(mode.as_str(), "constant" | "reflect" | "replicate") {
        let why = format!("`{mode}` is not constant, reflect or replicate");
        return Err(Fault::value("mode", why));
    }
    let mut shape = x.shape.clone();
    let padded = &mut shape[rank - count / 2..];
    let Some(pads) = ctx.dims("pad") else {
        padded.fill_with(|| ctx.fresh());
        return Ok(vec![Type::tensor(x.dtype, shape)]);
    };
    for (dim, pair) in padded.iter_mut().zip(pads.chunks_exact(2)) {
        let room = dim.number().filter(|_| mode == "reflect").map(|n| n - 1);
        for side in pair {
            if side.number().is_some_and(|n| n < 0 || room.is_some_and(|room| n > room)) {
                return Err(Fault::value("pad", format!("{side} on a size of {dim} ({mode})")));
            }
        }
        *dim = &(&*dim + &pair[0]) + &pair[1];
    }
    Ok(vec![Type::tensor(x.dtype, shape)])
}

fn range_1d(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    for input in ["start", "end", "step"] {
        if volume(ctx.shape(input)?) != Dim::ONE {
            return Err(Fault::value(input, "must be a scalar"));
        }
    }
    Ok(vec![Type::tensor(ctx.dtype("start")?, vec![range_len(ctx)?])])
}

fn range_len(ctx: &InferCtx<'_>) -> Result<Dim, Fault> {
    let float = |input: &str| ctx.float(input).map(f64::from);
    let endless = || Fault::value("step", "the range has no end");
    if let (true, Ok(start), Ok(end), Ok(step)) =
        (ctx.dtype("start")?.is_float(), float("start"), float("end"), float("step"))
    {
        let count = ((end - start) / step).ceil();
        return match count.is_finite() && count < 2f64.powi(53) {
            true => Ok(Dim::Known(count.max(0.0) as i64)),
            false => Err(endless()),
        };
    }
    let scalar = |input: &str| ctx.dims(input).and_then(|d| d.first().cloned());
    let (Some(start), Some(end), Some(step)) = (scalar("start"), scalar("end"), scalar("step"))
    else {
        return Ok(ctx.fresh());
    };
    let count = (&end - &start).ceil_div(&step).ok_or_else(endless)?;
    Ok(count.at_least(&Dim::Known(0)))
}

fn range_elements(ctx: &InferCtx<'_>) -> Option<Vec<Dim>> {
    let scalar = |input: &str| ctx.dims(input).and_then(|d| d.first().cloned());
    let (start, step) = (scalar("start")?, scalar("step")?);
    let count = range_len(ctx).ok()?.known().filter(|n| *n <= MAX_SHAPE_ELEMENTS)?;
    Some((0..count).map(|i| &start + &(&step * &Dim::from(i))).collect())
}

fn tile(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let x = ctx.tensor("x")?;
    let (found, rank) = (ctx.vector_len("reps")?, x.shape.len());
    if found != rank {
        return Err(Fault::value("reps", format!("has {found} entries for rank {rank}")));
    }
    let Some(reps) = ctx.dims("reps").filter(|d| d.len() == rank) else {
        return Ok(vec![Type::tensor(x.dtype, (0..rank).map(|_| ctx.fresh()).collect())]);
    };
    if let Some(bad) = reps.iter().find(|n| n.number().is_some_and(|n| n < 1)) {
        return Err(Fault::value("reps", format!("{bad} is not positive")));
    }
    let shape = x.shape.iter().zip(&reps).map(|(dim, n)| dim * n).collect();
    Ok(vec![Type::tensor(x.dtype, shape)])
}
