//! Pooling.

use super::def::*;
use super::domains::*;
use crate::Opset::*;

pub(super) const AVG_POOL: OpDef = OpDef {
    name: "avg_pool",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            constant("exclude_padding_from_average").default(Default::Computed),
            tensor("x", T_FLOAT),
            constant("kernel_sizes"),
            constant("strides").default(Default::Computed),
            constant("pad_type"),
            constant("pad").default(Default::Computed),
            constant("ceil_mode").default(Default::Computed),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const L2_POOL: OpDef = OpDef {
    name: "l2_pool",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_FLOAT),
            constant("kernel_sizes"),
            constant("strides").default(Default::Computed),
            constant("pad_type"),
            constant("pad").default(Default::Computed),
            constant("ceil_mode").default(Default::Computed),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const MAX_POOL: OpDef = OpDef {
    name: "max_pool",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_FLOAT),
            constant("kernel_sizes"),
            constant("strides").default(Default::Computed),
            constant("pad_type"),
            constant("pad").default(Default::Computed),
            constant("ceil_mode").default(Default::Computed),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};
