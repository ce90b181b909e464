//! Ops that make or rearrange whole tensors.

use super::def::*;
use super::domains::*;
use crate::Opset::*;

pub(super) const ARGSORT: OpDef = OpDef {
    name: "argsort",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_NUMBER),
            constant("axis").default(Default::Int(-1)),
            constant("ascending").default(Default::Bool(false)),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const BAND_PART: OpDef = OpDef {
    name: "band_part",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_BASIC),
            constant("lower").default(Default::Int(-1)),
            constant("upper").default(Default::Int(-1)),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const CONCAT: OpDef = OpDef {
    name: "concat",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            other("values", InputKind::Tuple),
            constant("axis"),
            constant("interleave").default(Default::Bool(false)),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const CUMSUM: OpDef = OpDef {
    name: "cumsum",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_NUMBER),
            constant("axis").default(Default::Int(0)),
            constant("exclusive").default(Default::Bool(false)),
            constant("reverse").default(Default::Bool(false)),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const FILL: OpDef = OpDef {
    name: "fill",
    versions: &[Version {
        since: Ios15,
        inputs: &[any("shape"), constant_of("value", T_BASIC).default(Default::Float(0.0))],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const FILL_LIKE: OpDef = OpDef {
    name: "fill_like",
    versions: &[Version {
        since: Ios16,
        inputs: &[
            tensor("ref_tensor", T_BASIC),
            constant_of("value", domain("U", &[F16, F32, I32, Bool])).default(Default::Float(0.0)),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const FLATTEN2D: OpDef = OpDef {
    name: "flatten2d",
    versions: &[Version {
        since: Ios15,
        inputs: &[tensor("x", T_BASIC), constant("axis").default(Default::Int(1))],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const IDENTITY: OpDef = OpDef {
    name: "identity",
    versions: &[Version { since: Ios15, inputs: &[other("x", InputKind::ListTensorOrDict)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const NON_MAXIMUM_SUPPRESSION: OpDef = OpDef {
    name: "non_maximum_suppression",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("boxes", T_FLOAT),
                tensor("scores", T_FLOAT),
                constant_of("iou_threshold", T_FLOAT),
                constant_of("score_threshold", T_FLOAT),
                constant("max_boxes"),
                constant("per_class_suppression").default(Default::Bool(false)),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("boxes", T_FLOAT),
                tensor("scores", T_FLOAT),
                constant_of("iou_threshold", T_FLOAT),
                constant("max_boxes"),
                constant("per_class_suppression").default(Default::Bool(false)),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const NON_ZERO: OpDef = OpDef {
    name: "non_zero",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_BASIC)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const ONE_HOT: OpDef = OpDef {
    name: "one_hot",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            any("indices"),
            any("one_hot_vector_size"),
            constant("axis").default(Default::Int(-1)),
            constant_of("on_value", T_BASIC).default(Default::Int(1)),
            constant_of("off_value", T_BASIC).default(Default::Int(0)),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const PAD: OpDef = OpDef {
    name: "pad",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_FLOAT),
            any("pad"),
            constant("mode").default(Default::Text("constant")),
            constant_of("constant_val", T_FLOAT).default(Default::Float(0.0)),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const RANGE_1D: OpDef = OpDef {
    name: "range_1d",
    versions: &[Version {
        since: Ios15,
        inputs: &[tensor("end", T_NUMBER), tensor("start", T_NUMBER), tensor("step", T_NUMBER)],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SHAPE: OpDef = OpDef {
    name: "shape",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_BASIC)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SPLIT: OpDef = OpDef {
    name: "split",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_BASIC),
            constant("num_splits").optional(),
            constant("split_sizes").optional(),
            constant("axis"),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const STACK: OpDef = OpDef {
    name: "stack",
    versions: &[Version {
        since: Ios15,
        inputs: &[other("values", InputKind::Tuple), constant("axis")],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const TILE: OpDef = OpDef {
    name: "tile",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_BASIC), any("reps")] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const TOPK: OpDef = OpDef {
    name: "topk",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_NUMBER),
                constant("k").default(Default::Int(1)),
                constant("axis").default(Default::Int(-1)),
                constant("ascending").default(Default::Bool(false)),
            ],
        },
        Version {
            since: Ios16,
            inputs: &[
                tensor("x", T_NUMBER),
                constant("k").default(Default::Int(1)),
                constant("axis").default(Default::Int(-1)),
                constant("ascending").default(Default::Bool(false)),
                constant("sort").default(Default::Bool(true)),
                constant("return_indices").default(Default::Bool(true)),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", domain("T", &[F16, F32, I8, I16, I32, U8, U16])),
                constant_of("k", domain("K", &[I8, I16, I32])).default(Default::Computed),
                constant("axis").default(Default::Computed),
                constant("ascending").default(Default::Computed),
                constant("sort").default(Default::Computed),
                constant("return_indices").default(Default::Computed),
                constant("output_indices_dtype").default(Default::Computed),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};
