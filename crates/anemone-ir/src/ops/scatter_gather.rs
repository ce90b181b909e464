//! Gathering from and scattering into tensors.

use super::def::*;
use super::domains::*;
use crate::Opset::*;

pub(super) const GATHER: OpDef = OpDef {
    name: "gather",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_NUMBER),
                any("indices"),
                constant("axis").default(Default::Int(0)),
            ],
        },
        Version {
            since: Ios16,
            inputs: &[
                tensor("x", T_NUMBER),
                tensor("indices", I_INDEX),
                constant("axis").default(Default::Int(0)),
                constant("batch_dims").default(Default::Int(0)),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", domain("T", &[F16, F32, I32, I16, U16, I8, U8])),
                tensor("indices", domain("I", &[I32, I16, U16, I8, U8])),
                constant("axis").default(Default::Int(0)),
                constant("batch_dims").default(Default::Int(0)),
                constant("validate_indices").default(Default::Bool(false)),
            ],
        },
    ],
    infer: Infer::Not("this gather or scatter has no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const GATHER_ALONG_AXIS: OpDef = OpDef {
    name: "gather_along_axis",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_NUMBER),
                any("indices"),
                constant("axis").default(Default::Int(0)),
            ],
        },
        Version {
            since: Ios16,
            inputs: &[
                tensor("x", T_NUMBER),
                tensor("indices", I_INDEX),
                constant("axis").default(Default::Int(0)),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", domain("T", &[F16, F32, I32, I16, U16, I8, U8])),
                tensor("indices", domain("I", &[I32, I16, U16, I8, U8])),
                constant("axis").default(Default::Int(0)),
                constant("validate_indices").default(Default::Bool(false)),
            ],
        },
    ],
    infer: Infer::Not("this gather or scatter has no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const GATHER_ND: OpDef = OpDef {
    name: "gather_nd",
    versions: &[
        Version { since: Ios15, inputs: &[tensor("x", T_NUMBER), any("indices")] },
        Version {
            since: Ios16,
            inputs: &[
                tensor("x", T_NUMBER),
                tensor("indices", I_INDEX),
                constant("batch_dims").default(Default::Int(0)),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", domain("T", &[F16, F32, I32, I16, U16, I8, U8])),
                tensor("indices", domain("I", &[I32, I16, U16, I8, U8])),
                constant("batch_dims").default(Default::Int(0)),
                constant("validate_indices").default(Default::Bool(false)),
            ],
        },
    ],
    infer: Infer::Not("this gather or scatter has no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SCATTER: OpDef = OpDef {
    name: "scatter",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("data", T_NUMBER),
                any("indices"),
                tensor("updates", T_NUMBER),
                constant("axis").default(Default::Int(0)),
                constant("mode").default(Default::Text("add")),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("data", T_NUMBER),
                any("indices"),
                tensor("updates", T_NUMBER),
                constant("axis").default(Default::Int(0)),
                constant("mode").default(Default::Text("add")),
                constant("validate_indices").default(Default::Bool(false)),
            ],
        },
    ],
    infer: Infer::Not("this gather or scatter has no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SCATTER_ALONG_AXIS: OpDef = OpDef {
    name: "scatter_along_axis",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("data", T_NUMBER),
                any("indices"),
                tensor("updates", T_NUMBER),
                constant("axis").default(Default::Int(0)),
                constant("mode").default(Default::Text("add")),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("data", T_NUMBER),
                any("indices"),
                tensor("updates", T_NUMBER),
                constant("axis").default(Default::Int(0)),
                constant("mode").default(Default::Text("add")),
                constant("validate_indices").default(Default::Bool(false)),
            ],
        },
    ],
    infer: Infer::Not("this gather or scatter has no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SCATTER_ND: OpDef = OpDef {
    name: "scatter_nd",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("data", T_NUMBER),
                any("indices"),
                tensor("updates", T_NUMBER),
                constant("mode").default(Default::Text("add")),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("data", T_NUMBER),
                any("indices"),
                tensor("updates", T_NUMBER),
                constant("mode").default(Default::Text("add")),
                constant("validate_indices").default(Default::Bool(false)),
            ],
        },
    ],
    infer: Infer::Not("this gather or scatter has no shape rule yet"),
    evaluate: None,
    computed: None,
};
