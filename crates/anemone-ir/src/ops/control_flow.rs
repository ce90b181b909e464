//! Constants, branches, loops and lists.

use super::def::*;
use super::domains::*;
use crate::Opset::*;

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

pub(super) const SELECT: OpDef = OpDef {
    name: "select",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            any("cond"),
            tensor("a", domain("T", &[F16, F32, Bool, I32])),
            tensor("b", domain("T", &[F16, F32, Bool, I32])),
        ],
    }],
    infer: Infer::Not("control flow and lists have no shape rule yet"),
    evaluate: None,
    computed: None,
};

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
