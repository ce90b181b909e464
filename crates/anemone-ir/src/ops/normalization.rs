//! Normalisation.

use super::def::*;
use super::domains::*;
use crate::Opset::*;
use crate::infer::{Fault, InferCtx, like_x, show, vector_of_axis};
use crate::{Const, Dim, Type};
use anemone_tensor::Tensor;

const fn epsilon(domain: Domain, default: f64) -> InputDef {
    constant_of("epsilon", domain).default(Default::Float(default))
}

/// `gamma * (x - mean) / sqrt(variance + epsilon) + beta`, by channel.
pub(super) const BATCH_NORM: OpDef = op(
    "batch_norm",
    &[
        version(
            Ios15,
            &[
                tensor("x", T_FLOAT),
                constant_of("mean", T_FLOAT),
                constant_of("variance", T_FLOAT),
                constant_of("gamma", T_FLOAT).optional(),
                constant_of("beta", T_FLOAT).optional(),
                epsilon(T_FLOAT, 1e-5),
            ],
        ),
        version(
            Ios17,
            &[
                tensor("x", T_FLOAT),
                constant_of("mean", U_FLOAT),
                constant_of("variance", U_FLOAT),
                constant_of("gamma", U_FLOAT).optional(),
                constant_of("beta", U_FLOAT).optional(),
                epsilon(U_FLOAT, 1e-5),
            ],
        ),
    ],
    by_channel,
);

/// As `batch_norm`, with the mean and variance of each row's channel.
pub(super) const INSTANCE_NORM: OpDef = op(
    "instance_norm",
    &[
        version(
            Ios15,
            &[
                tensor("x", T_FLOAT),
                constant_of("gamma", T_FLOAT).optional(),
                constant_of("beta", T_FLOAT).optional(),
                epsilon(T_FLOAT, 1e-5),
            ],
        ),
        version(
            Ios17,
            &[
                tensor("x", T_FLOAT),
                constant_of("gamma", U_FLOAT).optional(),
                constant_of("beta", U_FLOAT).optional(),
                epsilon(U_FLOAT, 1e-5),
            ],
        ),
    ],
    by_channel,
);

/// `x / sqrt(sum(x²) + epsilon)` over the last three axes.
pub(super) const L2_NORM: OpDef = op(
    "l2_norm",
    &[
        version(Ios15, &[tensor("x", T_FLOAT), epsilon(T_FLOAT, 1e-6)]),
        version(Ios17, &[tensor("x", T_FLOAT), epsilon(U_FLOAT, 1e-6)]),
    ],
    |ctx| {
        at_least(ctx, 3)?;
        ctx.float("epsilon")?;
        like_x(ctx)
    },
);

/// Normalises `x` over `axes`, scales by `gamma` and shifts by `beta`.
pub(super) const LAYER_NORM: OpDef = op(
    "layer_norm",
    &[
        version(
            Ios15,
            &[
                tensor("x", T_FLOAT),
                constant("axes").default(Default::Computed),
                constant_of("gamma", T_FLOAT).default(Default::Computed),
                constant_of("beta", T_FLOAT).default(Default::Computed),
                constant_of("epsilon", T_FLOAT).default(Default::Computed),
            ],
        ),
        version(
            Ios17,
            &[
                tensor("x", T_FLOAT),
                constant("axes").default(Default::Computed),
                constant_of("gamma", U_FLOAT).default(Default::Computed),
                constant_of("beta", U_FLOAT).default(Default::Computed),
                constant_of("epsilon", U_FLOAT).default(Default::Computed),
            ],
        ),
    ],
    layer_norm,
)
.computed(layer_norm_default);

/// `x / (k + alpha / size * sum(x²))^beta`, the sum over `size` neighbouring channels.
pub(super) const LOCAL_RESPONSE_NORM: OpDef = op(
    "local_response_norm",
    &[
        version(
            Ios15,
            &[
                tensor("x", T_FLOAT),
                constant("size"),
                constant_of("alpha", T_FLOAT).default(Default::Float(0.0001)),
                constant_of("beta", T_FLOAT).default(Default::Float(0.75)),
                constant_of("k", T_FLOAT).default(Default::Float(1.0)),
            ],
        ),
        version(
            Ios17,
            &[
                tensor("x", T_FLOAT),
                constant("size"),
                constant_of("alpha", U_FLOAT).default(Default::Float(0.0001)),
                constant_of("beta", U_FLOAT).default(Default::Float(0.75)),
                constant_of("k", U_FLOAT).default(Default::Float(1.0)),
            ],
        ),
    ],
    local_response_norm,
);

fn at_least(ctx: &InferCtx<'_>, least: usize) -> Result<(), Fault> {
    let rank = ctx.shape("x")?.len();
    if rank >= least {
        return Ok(());
    }
    Err(Fault::Shape(format!("`x` has rank {rank}, which must be at least {least}")))
}

fn by_channel(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    at_least(ctx, 2)?;
    for input in ["mean", "variance", "gamma", "beta"].into_iter().filter(|i| ctx.has(i)) {
        vector_of_axis(ctx, input, 1)?;
    }
    ctx.float("epsilon")?;
    like_x(ctx)
}

fn layer_norm(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let shape = ctx.shape("x")?;
    let axes = ctx.axes("axes", shape.len())?.unwrap_or_default();
    let over: Vec<Dim> =
        (0..shape.len()).filter(|a| axes.contains(a)).map(|a| shape[a].clone()).collect();
    for input in ["gamma", "beta"].into_iter().filter(|i| ctx.has(i)) {
        let found = ctx.shape(input)?;
        if found.len() != over.len() || found.iter().zip(&over).any(|(a, b)| a.differs(b)) {
            let (found, over) = (show(found), show(&over));
            return Err(Fault::Shape(format!("`{input}` is {found}, not {over} as `axes` of `x`")));
        }
    }
    ctx.float("epsilon")?;
    like_x(ctx)
}

fn layer_norm_default(ctx: &InferCtx<'_>, input: &str) -> Option<Const> {
    let tensor = match input {
        "axes" => {
            let rank = i64::try_from(ctx.shape("x").ok()?.len()).ok()?;
            Tensor::from_ints(&(0..rank).collect::<Vec<i64>>())
        }
        "epsilon" => Tensor::from_f64(F32, vec![], [1e-5]).ok()?,
        _ => return None,
    };
    Some(Const::Tensor(tensor))
}

fn local_response_norm(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    at_least(ctx, 3)?;
    let size = ctx.int("size")?;
    if size < 1 {
        return Err(Fault::value("size", format!("must be positive, not {size}")));
    }
    for input in ["alpha", "beta", "k"] {
        ctx.float(input)?;
    }
    like_x(ctx)
}
