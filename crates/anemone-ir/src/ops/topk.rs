//! Sorting along an axis.

use super::def::*;
use super::domains::*;
use crate::infer::{Fault, InferCtx};
use crate::{Const, Dim, Opset::*, Type};
use anemone_tensor::{DataType, Tensor};

pub(super) const ARGSORT: OpDef = op(
    "argsort",
    &[version(
        Ios15,
        &[
            tensor("x", T_NUMBER),
            constant("axis").default(Default::Int(-1)),
            constant("ascending").default(Default::Bool(false)),
        ],
    )],
    argsort,
);

const OPTIONS: [InputDef; 5] = [
    constant("k").default(Default::Int(1)),
    constant("axis").default(Default::Int(-1)),
    constant("ascending").default(Default::Bool(false)),
    constant("sort").default(Default::Bool(true)),
    constant("return_indices").default(Default::Bool(true)),
];

pub(super) const TOPK: OpDef = op(
    "topk",
    &[
        version(Ios15, &[tensor("x", T_NUMBER), OPTIONS[0], OPTIONS[1], OPTIONS[2]]),
        version(
            Ios16,
            &[tensor("x", T_NUMBER), OPTIONS[0], OPTIONS[1], OPTIONS[2], OPTIONS[3], OPTIONS[4]],
        ),
        version(
            Ios17,
            &[
                tensor("x", domain("T", &[F16, F32, I8, I16, I32, U8, U16])),
                constant_of("k", domain("K", &[I8, I16, I32])).default(Default::Computed),
                constant("axis").default(Default::Computed),
                constant("ascending").default(Default::Computed),
                constant("sort").default(Default::Computed),
                constant("return_indices").default(Default::Computed),
                constant("output_indices_dtype").default(Default::Computed),
            ],
        ),
    ],
    topk,
)
.computed(default_of);

/// As in the earlier versions; an element type for indices only where there are any.
fn default_of(ctx: &InferCtx<'_>, input: &str) -> Option<Const> {
    let scalar = |dtype, v| Tensor::from_f64(dtype, vec![], [v]).ok().map(Const::Tensor);
    match input {
        "k" => scalar(DataType::I32, 1.0),
        "axis" => scalar(DataType::I32, -1.0),
        "ascending" => scalar(DataType::Bool, 0.0),
        "sort" | "return_indices" => scalar(DataType::Bool, 1.0),
        "output_indices_dtype" => ctx
            .boolean("return_indices")
            .is_ok_and(|indices| indices)
            .then(|| Const::Strings(vec!["int32".to_owned()])),
        _ => None,
    }
}

fn argsort(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let shape = ctx.shape("x")?;
    ctx.axis("axis", shape.len())?;
    ctx.boolean("ascending")?;
    Ok(vec![Type::tensor(DataType::I32, shape.to_vec())])
}

fn topk(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let x = ctx.tensor("x")?;
    let axis = ctx.axis("axis", x.shape.len())?;
    ctx.boolean("ascending")?;
    let size = &x.shape[axis];
    let k = match ctx.int("k")? {
        -1 if ctx.version.since >= Ios17 => size.clone(),
        k if k < 1 || size.number().is_some_and(|n| k > n) => {
            return Err(Fault::value("k", format!("{k}, axis {axis} has {size}")));
        }
        k => Dim::Known(k),
    };
    let mut shape = x.shape.clone();
    shape[axis] = k;
    let values = Type::tensor(x.dtype, shape.clone());
    let input = |name: &str| ctx.version.inputs.iter().any(|def| def.name == name);
    if input("return_indices") && !ctx.boolean("return_indices")? {
        if ctx.has("output_indices_dtype") {
            return Err(Fault::value("output_indices_dtype", "there are no indices"));
        }
        return Ok(vec![values]);
    }
    let dtype = match input("output_indices_dtype") {
        true => ctx.text("output_indices_dtype")?,
        false => "int32".to_owned(),
    };
    match DataType::from_name(&dtype) {
        Some(dtype @ (DataType::I32 | DataType::U16)) => {
            Ok(vec![values, Type::tensor(dtype, shape)])
        }
        _ => Err(Fault::value("output_indices_dtype", format!("`{dtype}` is not int32 or uint16"))),
    }
}
