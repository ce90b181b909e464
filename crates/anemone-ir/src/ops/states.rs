//! Reading and writing of states.

use super::def::*;
use crate::Opset::*;
use crate::infer::{Fault, InferCtx};
use crate::{TensorType, Type};

pub(super) const READ_STATE: OpDef = OpDef {
    name: "read_state",
    versions: &[Version { since: Ios18, inputs: &[other("input", InputKind::State)] }],
    infer: Infer::Rule(read_state),
    evaluate: None,
    computed: None,
};

/// On disk only: coremltools writes its `coreml_update_state` as this and a `read_state`.
pub(super) const WRITE_STATE: OpDef = OpDef {
    name: "write_state",
    versions: &[Version { since: Ios18, inputs: &[other("input", InputKind::State), any("data")] }],
    infer: Infer::Rule(write_state),
    evaluate: None,
    computed: None,
};

fn held<'a>(ctx: &'a InferCtx<'_>) -> Result<&'a TensorType, Fault> {
    match &ctx.operand("input")?.ty {
        Type::State(held) => Ok(held),
        other => Err(Fault::Type {
            input: "input".to_owned(),
            found: other.to_string(),
            expected: "a state".to_owned(),
        }),
    }
}

fn read_state(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    Ok(vec![Type::Tensor(held(ctx)?.clone())])
}

fn write_state(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let (held, data) = (held(ctx)?, ctx.tensor("data")?);
    let same_rank = held.shape.len() == data.shape.len();
    let clash = held.shape.iter().zip(&data.shape).any(|(a, b)| a.differs(b));
    if held.dtype != data.dtype || !same_rank || clash {
        return Err(Fault::Type {
            input: "data".to_owned(),
            found: data.to_string(),
            expected: held.to_string(),
        });
    }
    Ok(vec![])
}
