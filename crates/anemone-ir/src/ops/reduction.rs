//! Reductions over axes.

use super::def::*;
use super::domains::*;
use crate::Opset::*;

pub(super) const REDUCE_ARGMAX: OpDef = OpDef {
    name: "reduce_argmax",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_NUMBER),
                constant("axis").default(Default::Int(-1)),
                constant("keep_dims").default(Default::Bool(false)),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_NUMBER),
                constant("axis").default(Default::Int(-1)),
                constant("keep_dims").default(Default::Bool(false)),
                constant("output_dtype").default(Default::Text("int32")),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const REDUCE_ARGMIN: OpDef = OpDef {
    name: "reduce_argmin",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_NUMBER),
                constant("axis").default(Default::Int(-1)),
                constant("keep_dims").default(Default::Bool(false)),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_NUMBER),
                constant("axis").default(Default::Int(-1)),
                constant("keep_dims").default(Default::Bool(false)),
                constant("output_dtype").default(Default::Text("int32")),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const REDUCE_L1_NORM: OpDef = OpDef {
    name: "reduce_l1_norm",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_NUMBER),
            constant("axes").optional(),
            constant("keep_dims").default(Default::Bool(false)),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const REDUCE_L2_NORM: OpDef = OpDef {
    name: "reduce_l2_norm",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_NUMBER),
            constant("axes").optional(),
            constant("keep_dims").default(Default::Bool(false)),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const REDUCE_LOG_SUM: OpDef = OpDef {
    name: "reduce_log_sum",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_NUMBER),
            constant("axes").optional(),
            constant("keep_dims").default(Default::Bool(false)),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const REDUCE_LOG_SUM_EXP: OpDef = OpDef {
    name: "reduce_log_sum_exp",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_NUMBER),
            constant("axes").optional(),
            constant("keep_dims").default(Default::Bool(false)),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const REDUCE_MAX: OpDef = OpDef {
    name: "reduce_max",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_NUMBER),
            constant("axes").optional(),
            constant("keep_dims").default(Default::Bool(false)),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const REDUCE_MEAN: OpDef = OpDef {
    name: "reduce_mean",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_NUMBER),
            constant("axes").optional(),
            constant("keep_dims").default(Default::Bool(false)),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const REDUCE_MIN: OpDef = OpDef {
    name: "reduce_min",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_NUMBER),
            constant("axes").optional(),
            constant("keep_dims").default(Default::Bool(false)),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const REDUCE_PROD: OpDef = OpDef {
    name: "reduce_prod",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_NUMBER),
            constant("axes").optional(),
            constant("keep_dims").default(Default::Bool(false)),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const REDUCE_SUM: OpDef = OpDef {
    name: "reduce_sum",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_NUMBER),
            constant("axes").optional(),
            constant("keep_dims").default(Default::Bool(false)),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const REDUCE_SUM_SQUARE: OpDef = OpDef {
    name: "reduce_sum_square",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_NUMBER),
            constant("axes").optional(),
            constant("keep_dims").default(Default::Bool(false)),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};
