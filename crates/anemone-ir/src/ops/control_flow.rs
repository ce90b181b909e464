//! Constants, branches, loops and lists.

use super::def::*;
use super::domains::*;
use crate::Opset::*;
use crate::Type;
use crate::infer::{Fault, InferCtx, broadcast, broadcast_elements};

const T_SELECT: Domain = domain("T", &[F16, F32, Bool, I32]);

pub(super) const CONST_SYMBOLIC: OpDef = OpDef {
    name: "_const_symbolic",
    versions: &[Version { since: Ios15, inputs: &[other("val", InputKind::Internal).fixed()] }],
    infer: Infer::Not("control flow and lists have no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const COND: OpDef = OpDef {
    name: "cond",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            any("pred"),
            other("_true_fn", InputKind::Block),
            other("_false_fn", InputKind::Block),
            other("_existing_blocks", InputKind::Internal).optional(),
        ],
    }],
    infer: Infer::Not("control flow and lists have no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const CONST: OpDef = OpDef {
    name: "const",
    versions: &[Version { since: Ios15, inputs: &[other("val", InputKind::Internal).fixed()] }],
    infer: Infer::Not("control flow and lists have no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const LIST_GATHER: OpDef = OpDef {
    name: "list_gather",
    versions: &[Version { since: Ios15, inputs: &[other("ls", InputKind::List), any("indices")] }],
    infer: Infer::Not("control flow and lists have no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const LIST_LENGTH: OpDef = OpDef {
    name: "list_length",
    versions: &[Version { since: Ios15, inputs: &[other("ls", InputKind::List)] }],
    infer: Infer::Not("control flow and lists have no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const LIST_READ: OpDef = OpDef {
    name: "list_read",
    versions: &[Version { since: Ios15, inputs: &[other("ls", InputKind::List), any("index")] }],
    infer: Infer::Not("control flow and lists have no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const LIST_SCATTER: OpDef = OpDef {
    name: "list_scatter",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            other("ls", InputKind::List),
            any("indices"),
            tensor("value", domain("T", &[F16, F32, Bool, I32])),
        ],
    }],
    infer: Infer::Not("control flow and lists have no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const LIST_WRITE: OpDef = OpDef {
    name: "list_write",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            other("ls", InputKind::List),
            any("index"),
            tensor("value", domain("T", &[F16, F32, Bool, I32])),
        ],
    }],
    infer: Infer::Not("control flow and lists have no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const MAKE_LIST: OpDef = OpDef {
    name: "make_list",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            any("init_length").default(Default::Int(1)),
            constant("dynamic_length").default(Default::Bool(true)),
            other("elem_shape", InputKind::Tuple),
            constant("dtype").default(Default::Text("fp32")),
        ],
    }],
    infer: Infer::Not("control flow and lists have no shape rule yet"),
    evaluate: None,
    computed: None,
};

/// `a` where `cond` holds, else `b`.
pub(super) const SELECT: OpDef = op(
    "select",
    &[version(Ios15, &[any("cond"), tensor("a", T_SELECT), tensor("b", T_SELECT)])],
    select,
)
.evaluated(|ctx| {
    broadcast_elements(ctx, ["cond", "a", "b"], |[cond, a, b]| match cond.number() {
        Some(cond) => Some(if cond != 0 { a } else { b }.clone()),
        None => (a == b).then(|| a.clone()),
    })
});

pub(super) const WHILE_LOOP: OpDef = OpDef {
    name: "while_loop",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            other("_cond", InputKind::Block),
            other("_body", InputKind::Block),
            other("loop_vars", InputKind::Tuple),
            other("_existing_blocks", InputKind::Internal).optional(),
        ],
    }],
    infer: Infer::Not("control flow and lists have no shape rule yet"),
    evaluate: None,
    computed: None,
};

fn select(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    ctx.expect_bool("cond")?;
    let shape = broadcast(ctx.shape("a")?, ctx.shape("b")?)?;
    Ok(vec![Type::tensor(ctx.dtype("a")?, broadcast(ctx.shape("cond")?, &shape)?)])
}
