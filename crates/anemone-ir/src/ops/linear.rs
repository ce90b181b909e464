//! Matrix products.

use super::def::*;
use super::domains::*;
use crate::Opset::*;

pub(super) const EINSUM: OpDef = OpDef {
    name: "einsum",
    versions: &[Version {
        since: Ios15,
        inputs: &[other("values", InputKind::Tuple), constant("equation")],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const LINEAR: OpDef = OpDef {
    name: "linear",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_NUMBER),
                constant_of("weight", T_NUMBER),
                constant_of("bias", T_NUMBER).default(Default::Computed),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_NUMBER),
                constant_of("weight", domain("U", &[F16, F32, I32])),
                constant_of("bias", domain("U", &[F16, F32, I32])).default(Default::Computed),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const MATMUL: OpDef = OpDef {
    name: "matmul",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_NUMBER),
                tensor("y", T_NUMBER),
                constant("transpose_x").default(Default::Bool(false)),
                constant("transpose_y").default(Default::Bool(false)),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_NUMBER),
                tensor("y", domain("U", &[F16, F32, I32])),
                constant("transpose_x").default(Default::Bool(false)),
                constant("transpose_y").default(Default::Bool(false)),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};
