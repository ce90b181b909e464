//! Pooling.

use super::def::*;
use super::domains::*;
use crate::Opset::*;
use crate::infer::{Fault, InferCtx};
use crate::window::Window;
use crate::{Const, Dim, Type};

const X: InputDef = tensor("x", T_FLOAT);
const KERNEL_SIZES: InputDef = constant("kernel_sizes");
const STRIDES: InputDef = constant("strides").default(Default::Computed);
const PAD_TYPE: InputDef = constant("pad_type");
const PAD: InputDef = constant("pad").default(Default::Computed);
const CEIL_MODE: InputDef = constant("ceil_mode").default(Default::Computed);

pub(super) const AVG_POOL: OpDef = OpDef {
    name: "avg_pool",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            constant("exclude_padding_from_average").default(Default::Computed),
            X,
            KERNEL_SIZES,
            STRIDES,
            PAD_TYPE,
            PAD,
            CEIL_MODE,
        ],
    }],
    infer: Infer::Rule(pool),
    evaluate: None,
    computed: Some(defaults),
};

pub(super) const L2_POOL: OpDef = OpDef {
    name: "l2_pool",
    versions: &[Version {
        since: Ios15,
        inputs: &[X, KERNEL_SIZES, STRIDES, PAD_TYPE, PAD, CEIL_MODE],
    }],
    infer: Infer::Rule(l2_pool),
    evaluate: None,
    computed: Some(defaults),
};

pub(super) const MAX_POOL: OpDef = OpDef {
    name: "max_pool",
    versions: &[Version {
        since: Ios15,
        inputs: &[X, KERNEL_SIZES, STRIDES, PAD_TYPE, PAD, CEIL_MODE],
    }],
    infer: Infer::Rule(pool),
    evaluate: None,
    computed: Some(defaults),
};

fn defaults(ctx: &InferCtx<'_>, input: &str) -> Option<Const> {
    let axes = ctx.shape("x").ok()?.len().checked_sub(2)?;
    let ints = |values: &[i64]| Some(Const::Tensor(anemone_tensor::Tensor::from_ints(values)));
    match input {
        "strides" => ints(&vec![1; axes]),
        "pad" => ints(&vec![0; 2 * axes]),
        "ceil_mode" | "exclude_padding_from_average" => {
            anemone_tensor::Tensor::from_f64(Bool, vec![], [0.0]).ok().map(Const::Tensor)
        }
        _ => None,
    }
}

fn pool(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let x = ctx.tensor("x")?;
    let rank = x.shape.len();
    if !(3..=5).contains(&rank) {
        return Err(Fault::Shape(format!("`x` has rank {rank}, not 3, 4 or 5")));
    }
    let window = Window::read(ctx, rank - 2)?;
    let kernels = Window::kernel_sizes(ctx, rank - 2)?;
    let mut shape = x.shape[..2].to_vec();
    for (axis, kernel) in kernels.into_iter().enumerate() {
        shape.push(window.output(axis, &x.shape[axis + 2], &Dim::from(kernel))?);
    }
    Ok(vec![Type::tensor(x.dtype, shape)])
}

fn l2_pool(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    match ctx.shape("x")?.len() {
        5.. => Err(Fault::Shape("`x` may have one or two spatial axes".to_owned())),
        _ => pool(ctx),
    }
}
