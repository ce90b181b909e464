//! Joining tensors and taking them apart.

use super::def::*;
use super::domains::*;
use crate::infer::{Fault, InferCtx, MAX_RANK, normal_axis, show, unify, unify_shapes};
use crate::{Dim, Opset::*, TensorType, Type};

pub(super) const CONCAT: OpDef = op(
    "concat",
    &[version(
        Ios15,
        &[
            other("values", InputKind::Tuple),
            constant("axis"),
            constant("interleave").default(Default::Bool(false)),
        ],
    )],
    concat,
)
.evaluated(joined_elements);

pub(super) const STACK: OpDef =
    op("stack", &[version(Ios15, &[other("values", InputKind::Tuple), constant("axis")])], stack)
        .evaluated(joined_elements);

pub(super) const SPLIT: OpDef = op(
    "split",
    &[version(
        Ios15,
        &[
            tensor("x", T_BASIC),
            constant("num_splits").optional(),
            constant("split_sizes").optional(),
            constant("axis"),
        ],
    )],
    split,
)
.evaluated(split_elements);

/// The tensors to join, all of one element type.
fn values<'a>(ctx: &'a InferCtx<'_>) -> Result<Vec<&'a TensorType>, Fault> {
    let values = ctx.tensors("values")?;
    match values.iter().find(|v| v.dtype != values[0].dtype) {
        Some(odd) => Err(Fault::Type {
            input: "values".to_owned(),
            found: odd.dtype.to_string(),
            expected: format!("{}, like the first", values[0].dtype),
        }),
        None => Ok(values),
    }
}

fn concat(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let values = values(ctx)?;
    let (first, interleave) = (values[0], ctx.boolean("interleave")?);
    // Scalars join to a vector.
    let axis = ctx.axis("axis", first.shape.len().max(1))?;
    let shape_of =
        |v: &TensorType| if v.shape.is_empty() { vec![Dim::ONE] } else { v.shape.clone() };
    let mut shape = shape_of(first);
    for value in &values[1..] {
        let other = shape_of(value);
        let unfit = || {
            let shapes: Vec<String> = values.iter().map(|v| show(&v.shape)).collect();
            Fault::Shape(format!("shapes {} do not join on axis {axis}", shapes.join(", ")))
        };
        if value.shape.len() != first.shape.len() {
            return Err(unfit());
        }
        for (i, (dim, other)) in shape.iter_mut().zip(other).enumerate() {
            *dim = match i == axis {
                true if interleave && unify(&first.shape[i], &other).is_none() => {
                    return Err(unfit());
                }
                true => &*dim + &other,
                false => unify(dim, &other).ok_or_else(unfit)?,
            };
        }
    }
    Ok(vec![Type::tensor(first.dtype, shape)])
}

fn stack(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let values = values(ctx)?;
    let mut shape = values[0].shape.clone();
    for value in &values[1..] {
        shape = unify_shapes(&shape, &value.shape).ok_or_else(|| {
            let (a, b) = (show(&shape), show(&value.shape));
            Fault::Shape(format!("shapes {a} and {b} cannot be stacked"))
        })?;
    }
    let axis = normal_axis("axis", ctx.int("axis")?, shape.len() + 1)?;
    shape.insert(axis, Dim::from(values.len()));
    if shape.len() > MAX_RANK {
        return Err(Fault::value("axis", format!("the rank is above {MAX_RANK}")));
    }
    Ok(vec![Type::tensor(values[0].dtype, shape)])
}

/// Elements of scalars and vectors, one value after another.
fn joined_elements(ctx: &InferCtx<'_>) -> Option<Vec<Dim>> {
    let mut elements = Vec::new();
    for value in ctx.operands("values") {
        let rank = value.ty.as_tensor()?.shape.len();
        let vector = ctx.op == super::Op::Concat && !ctx.boolean("interleave").ok()?;
        elements
            .extend_from_slice(value.dims.as_deref().filter(|_| rank == 0 || vector && rank == 1)?);
    }
    Some(elements)
}

fn split(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let x = ctx.tensor("x")?;
    let axis = ctx.axis("axis", x.shape.len())?;
    let output = |size: Dim| {
        let mut shape = x.shape.clone();
        shape[axis] = size;
        Type::tensor(x.dtype, shape)
    };
    Ok(sizes(ctx, &x.shape[axis])?.into_iter().map(output).collect())
}

fn sizes(ctx: &InferCtx<'_>, total: &Dim) -> Result<Vec<Dim>, Fault> {
    let count = match ctx.has("num_splits") {
        true => Some(ctx.int("num_splits")?),
        false => None,
    };
    let Some(sizes) = ctx.optional_ints("split_sizes")? else {
        let count = count.ok_or(Fault::Missing("num_splits".to_owned()))?;
        let by = Dim::Known(count);
        // The program names each output, so there are no more splits than it has names.
        let outputs = usize::try_from(count).ok().filter(|n| *n >= 1 && *n <= ctx.declared_outputs);
        let left = total.modulo(&by).and_then(|d| d.number()).unwrap_or(0);
        return match (outputs, total.floor_div(&by)) {
            (Some(outputs), Some(size)) if left == 0 => Ok(vec![size; outputs]),
            _ => {
                let found = ctx.declared_outputs;
                let why = format!("{count}, for a size of {total} and {found} outputs");
                Err(Fault::value("num_splits", why))
            }
        };
    };
    let sum = sizes.iter().fold(0i64, |sum, n| sum.saturating_add(*n));
    if sizes.iter().any(|n| *n < 0) || unify(total, &Dim::Known(sum)).is_none() {
        return Err(Fault::value("split_sizes", format!("{sizes:?} do not sum to {total}")));
    }
    match count {
        Some(count) if i64::try_from(sizes.len()) != Ok(count) => {
            let found = sizes.len();
            Err(Fault::value("split_sizes", format!("{found} sizes, `num_splits` is {count}")))
        }
        _ => Ok(sizes.into_iter().map(Dim::Known).collect()),
    }
}

/// The elements of the outputs of a vector, one after another: those of the vector.
fn split_elements(ctx: &InferCtx<'_>) -> Option<Vec<Dim>> {
    ctx.dims("x").filter(|_| ctx.shape("x").is_ok_and(|shape| shape.len() == 1))
}
