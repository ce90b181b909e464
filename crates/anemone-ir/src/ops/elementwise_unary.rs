//! Element by element ops of one input.

use super::def::*;
use super::domains::*;
use crate::Opset::*;

pub(super) const ABS: OpDef = OpDef {
    name: "abs",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_NUMBER)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const ACOS: OpDef = OpDef {
    name: "acos",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const ASIN: OpDef = OpDef {
    name: "asin",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const ATAN: OpDef = OpDef {
    name: "atan",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const ATANH: OpDef = OpDef {
    name: "atanh",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const CAST: OpDef = OpDef {
    name: "cast",
    versions: &[
        Version { since: Ios15, inputs: &[tensor("x", T_BASIC), constant("dtype")] },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", domain("T", &[F16, F32, I8, U8, I16, U16, I32, Bool])),
                constant("dtype"),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const CEIL: OpDef = OpDef {
    name: "ceil",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const CLIP: OpDef = OpDef {
    name: "clip",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_FLOAT),
                constant_of("alpha", T_FLOAT),
                constant_of("beta", T_FLOAT),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_FLOAT),
                constant_of("alpha", T_FLOAT),
                constant_of("beta", T_FLOAT),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const COS: OpDef = OpDef {
    name: "cos",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const COSH: OpDef = OpDef {
    name: "cosh",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const ERF: OpDef = OpDef {
    name: "erf",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const EXP: OpDef = OpDef {
    name: "exp",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const EXP2: OpDef = OpDef {
    name: "exp2",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_NUMBER)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const FLOOR: OpDef = OpDef {
    name: "floor",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const INVERSE: OpDef = OpDef {
    name: "inverse",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_FLOAT),
                constant_of("epsilon", T_FLOAT).default(Default::Computed),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_FLOAT),
                constant_of("epsilon", U_FLOAT).default(Default::Computed),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const LOG: OpDef = OpDef {
    name: "log",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_FLOAT),
                constant_of("epsilon", T_FLOAT).default(Default::Computed),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_FLOAT),
                constant_of("epsilon", U_FLOAT).default(Default::Computed),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const LOGICAL_NOT: OpDef = OpDef {
    name: "logical_not",
    versions: &[Version { since: Ios15, inputs: &[any("x")] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const ROUND: OpDef = OpDef {
    name: "round",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const RSQRT: OpDef = OpDef {
    name: "rsqrt",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_FLOAT),
                constant_of("epsilon", T_FLOAT).default(Default::Computed),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_FLOAT),
                constant_of("epsilon", U_FLOAT).default(Default::Computed),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SIGN: OpDef = OpDef {
    name: "sign",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_NUMBER)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SIN: OpDef = OpDef {
    name: "sin",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SINH: OpDef = OpDef {
    name: "sinh",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SQRT: OpDef = OpDef {
    name: "sqrt",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SQUARE: OpDef = OpDef {
    name: "square",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_NUMBER)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const TAN: OpDef = OpDef {
    name: "tan",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const TANH: OpDef = OpDef {
    name: "tanh",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const THRESHOLD: OpDef = OpDef {
    name: "threshold",
    versions: &[Version {
        since: Ios15,
        inputs: &[tensor("x", T_NUMBER), constant_of("alpha", T_NUMBER)],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};
