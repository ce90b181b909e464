//! Normalisation.

use super::def::*;
use super::domains::*;
use crate::Opset::*;

pub(super) const BATCH_NORM: OpDef = OpDef {
    name: "batch_norm",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_FLOAT),
                constant_of("mean", T_FLOAT),
                constant_of("variance", T_FLOAT),
                constant_of("gamma", T_FLOAT).optional(),
                constant_of("beta", T_FLOAT).optional(),
                constant_of("epsilon", T_FLOAT).default(Default::Float(1e-05)),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_FLOAT),
                constant_of("mean", U_FLOAT),
                constant_of("variance", U_FLOAT),
                constant_of("gamma", U_FLOAT).optional(),
                constant_of("beta", U_FLOAT).optional(),
                constant_of("epsilon", U_FLOAT).default(Default::Float(1e-05)),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const INSTANCE_NORM: OpDef = OpDef {
    name: "instance_norm",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_FLOAT),
                constant_of("gamma", T_FLOAT).optional(),
                constant_of("beta", T_FLOAT).optional(),
                constant_of("epsilon", T_FLOAT).default(Default::Float(1e-05)),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_FLOAT),
                constant_of("gamma", U_FLOAT).optional(),
                constant_of("beta", U_FLOAT).optional(),
                constant_of("epsilon", U_FLOAT).default(Default::Float(1e-05)),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const L2_NORM: OpDef = OpDef {
    name: "l2_norm",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_FLOAT),
                constant_of("epsilon", T_FLOAT).default(Default::Float(1e-06)),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_FLOAT),
                constant_of("epsilon", U_FLOAT).default(Default::Float(1e-06)),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const LAYER_NORM: OpDef = OpDef {
    name: "layer_norm",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_FLOAT),
                constant("axes").default(Default::Computed),
                constant_of("gamma", T_FLOAT).default(Default::Computed),
                constant_of("beta", T_FLOAT).default(Default::Computed),
                constant_of("epsilon", T_FLOAT).default(Default::Computed),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_FLOAT),
                constant("axes").default(Default::Computed),
                constant_of("gamma", U_FLOAT).default(Default::Computed),
                constant_of("beta", U_FLOAT).default(Default::Computed),
                constant_of("epsilon", U_FLOAT).default(Default::Computed),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const LOCAL_RESPONSE_NORM: OpDef = OpDef {
    name: "local_response_norm",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_FLOAT),
                constant("size"),
                constant_of("alpha", T_FLOAT).default(Default::Float(0.0001)),
                constant_of("beta", T_FLOAT).default(Default::Float(0.75)),
                constant_of("k", T_FLOAT).default(Default::Float(1.0)),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_FLOAT),
                constant("size"),
                constant_of("alpha", U_FLOAT).default(Default::Float(0.0001)),
                constant_of("beta", U_FLOAT).default(Default::Float(0.75)),
                constant_of("k", U_FLOAT).default(Default::Float(1.0)),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};
