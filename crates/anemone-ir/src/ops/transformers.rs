//! Fused attention.

use super::def::*;
use super::domains::*;
use crate::Opset::*;
use crate::infer::{Fault, InferCtx, broadcast, show};
use crate::{Dim, Type};

pub(super) const SCALED_DOT_PRODUCT_ATTENTION: OpDef = OpDef {
    name: "scaled_dot_product_attention",
    versions: &[Version {
        since: Ios18,
        inputs: &[
            tensor("query", T_FLOAT),
            tensor("key", T_FLOAT),
            tensor("value", T_FLOAT),
            tensor("attn_mask", domain("M", &[Bool, F16, F32])).optional(),
        ],
    }],
    infer: Infer::Rule(attention),
    evaluate: None,
    computed: None,
};

fn attention(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let query = ctx.tensor("query")?;
    let (q, k, v) = (&query.shape, ctx.shape("key")?, ctx.shape("value")?);
    let rank = q.len();
    if rank < 3 || k.len() != rank || v.len() != rank {
        let shapes = [q, k, v].map(show).join(", ");
        let why = format!("`query`, `key` and `value` need one rank of at least 3: {shapes}");
        return Err(Fault::Shape(why));
    }
    let same = |what: &str, a: &Dim, b: &Dim| match a.differs(b) {
        true => Err(Fault::Shape(format!("{what} differ: {a} and {b}"))),
        false => Ok(()),
    };
    for axis in 0..rank - 2 {
        same("batch axes of `query` and `key`", &q[axis], &k[axis])?;
        same("batch axes of `query` and `value`", &q[axis], &v[axis])?;
    }
    same("embedding sizes of `query` and `key`", &q[rank - 1], &k[rank - 1])?;
    same("lengths of `key` and `value`", &k[rank - 2], &v[rank - 2])?;
    if ctx.has("attn_mask") {
        check_mask(ctx.shape("attn_mask")?, &q[..rank - 1], &k[rank - 2])?;
    }
    let shape = q[..rank - 1].iter().chain(&v[rank - 1..]).cloned().collect();
    Ok(vec![Type::tensor(query.dtype, shape)])
}

/// The mask must broadcast to the scores, whose shape is `rows` and then `length`.
fn check_mask(mask: &[Dim], rows: &[Dim], length: &Dim) -> Result<(), Fault> {
    let scores: Vec<Dim> = rows.iter().chain([length]).cloned().collect();
    let wide = broadcast(mask, &scores)?;
    if mask.is_empty()
        || wide.len() != scores.len()
        || wide.iter().zip(&scores).any(|(a, b)| a.differs(b))
    {
        let why =
            format!("`attn_mask` of shape {} does not broadcast to {}", show(mask), show(&scores));
        return Err(Fault::Shape(why));
    }
    Ok(())
}
