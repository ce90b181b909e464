//! Ops that change a tensor's shape or view.

use super::def::*;
use super::domains::*;
use crate::Opset::*;

pub(super) const BATCH_TO_SPACE: OpDef = OpDef {
    name: "batch_to_space",
    versions: &[Version {
        since: Ios15,
        inputs: &[tensor("x", T_FLOAT), constant("block_shape"), constant("crops")],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const DEPTH_TO_SPACE: OpDef = OpDef {
    name: "depth_to_space",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT), constant("block_size")] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const EXPAND_DIMS: OpDef = OpDef {
    name: "expand_dims",
    versions: &[
        Version { since: Ios15, inputs: &[tensor("x", T_BASIC), constant("axes")] },
        Version { since: Ios17, inputs: &[tensor("x", T_ANY), constant("axes")] },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const PIXEL_SHUFFLE: OpDef = OpDef {
    name: "pixel_shuffle",
    versions: &[Version {
        since: Ios15,
        inputs: &[tensor("x", T_FLOAT), constant("upscale_factor")],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const PIXEL_UNSHUFFLE: OpDef = OpDef {
    name: "pixel_unshuffle",
    versions: &[Version {
        since: Ios16,
        inputs: &[tensor("x", T_FLOAT), constant("downscale_factor")],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const RESHAPE: OpDef = OpDef {
    name: "reshape",
    versions: &[
        Version { since: Ios15, inputs: &[tensor("x", T_BASIC), any("shape")] },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", domain("T", &[F16, F32, I8, U8, I16, U16, I32, Bool])),
                tensor("shape", U_INT),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const RESHAPE_LIKE: OpDef = OpDef {
    name: "reshape_like",
    versions: &[
        Version {
            since: Ios16,
            inputs: &[
                tensor("x", T_BASIC),
                other("ref_tensors", InputKind::Tuple),
                other("begins", InputKind::Tuple),
                other("ends", InputKind::Tuple),
                other("end_masks", InputKind::Tuple),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_ANY),
                other("ref_tensors", InputKind::Tuple),
                other("begins", InputKind::Tuple),
                other("ends", InputKind::Tuple),
                other("end_masks", InputKind::Tuple),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const REVERSE: OpDef = OpDef {
    name: "reverse",
    versions: &[
        Version { since: Ios15, inputs: &[tensor("x", T_BASIC), constant("axes").optional()] },
        Version { since: Ios17, inputs: &[tensor("x", T_ANY), constant("axes").optional()] },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const REVERSE_SEQUENCE: OpDef = OpDef {
    name: "reverse_sequence",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_BASIC),
                any("lengths"),
                constant("seq_axis").default(Default::Int(0)),
                constant("batch_axis").default(Default::Int(0)),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_ANY),
                tensor("lengths", U_INT),
                constant("seq_axis").default(Default::Int(0)),
                constant("batch_axis").default(Default::Int(0)),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SLICE_BY_INDEX: OpDef = OpDef {
    name: "slice_by_index",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_BASIC),
                any("begin"),
                any("end"),
                constant("stride").optional(),
                constant("begin_mask").optional(),
                constant("end_mask").optional(),
                constant("squeeze_mask").optional(),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_ANY),
                tensor("begin", U_INT),
                tensor("end", U_INT),
                constant_of("stride", U_INT).optional(),
                constant("begin_mask").optional(),
                constant("end_mask").optional(),
                constant("squeeze_mask").optional(),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SLICE_BY_SIZE: OpDef = OpDef {
    name: "slice_by_size",
    versions: &[
        Version { since: Ios15, inputs: &[tensor("x", T_BASIC), any("begin"), any("size")] },
        Version {
            since: Ios17,
            inputs: &[tensor("x", T_ANY), tensor("begin", U_INT), tensor("size", U_INT)],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SLICE_UPDATE: OpDef = OpDef {
    name: "slice_update",
    versions: &[Version {
        since: Ios18,
        inputs: &[
            tensor("x", T_ANY),
            tensor("update", T_ANY),
            tensor("begin", U_INT),
            tensor("end", U_INT),
            constant_of("stride", U_INT).optional(),
            constant("begin_mask").optional(),
            constant("end_mask").optional(),
            constant("squeeze_mask").optional(),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SLIDING_WINDOWS: OpDef = OpDef {
    name: "sliding_windows",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_NUMBER),
                constant("axis"),
                constant("size"),
                constant("stride").default(Default::Int(1)),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_ANY),
                constant("axis"),
                constant("size"),
                constant("stride").default(Default::Int(1)),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SPACE_TO_BATCH: OpDef = OpDef {
    name: "space_to_batch",
    versions: &[Version {
        since: Ios15,
        inputs: &[tensor("x", T_FLOAT), constant("block_shape"), constant("paddings")],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SPACE_TO_DEPTH: OpDef = OpDef {
    name: "space_to_depth",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT), constant("block_size")] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SQUEEZE: OpDef = OpDef {
    name: "squeeze",
    versions: &[
        Version { since: Ios15, inputs: &[tensor("x", T_BASIC), constant("axes").optional()] },
        Version { since: Ios17, inputs: &[tensor("x", T_ANY), constant("axes").optional()] },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const TRANSPOSE: OpDef = OpDef {
    name: "transpose",
    versions: &[
        Version { since: Ios15, inputs: &[tensor("x", T_BASIC), constant("perm")] },
        Version { since: Ios17, inputs: &[tensor("x", T_ANY), constant("perm")] },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};
