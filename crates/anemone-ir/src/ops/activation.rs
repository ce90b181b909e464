//! Activation functions.

use super::def::*;
use super::domains::*;
use crate::Opset::*;

pub(super) const CLAMPED_RELU: OpDef = OpDef {
    name: "clamped_relu",
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
                constant_of("alpha", U_FLOAT),
                constant_of("beta", U_FLOAT),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const ELU: OpDef = OpDef {
    name: "elu",
    versions: &[
        Version { since: Ios15, inputs: &[tensor("x", T_FLOAT), constant_of("alpha", T_FLOAT)] },
        Version { since: Ios17, inputs: &[tensor("x", T_FLOAT), constant_of("alpha", U_FLOAT)] },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const GELU: OpDef = OpDef {
    name: "gelu",
    versions: &[Version {
        since: Ios15,
        inputs: &[tensor("x", T_FLOAT), constant("mode").default(Default::Text("EXACT"))],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const LEAKY_RELU: OpDef = OpDef {
    name: "leaky_relu",
    versions: &[
        Version { since: Ios15, inputs: &[tensor("x", T_FLOAT), constant_of("alpha", T_FLOAT)] },
        Version { since: Ios17, inputs: &[tensor("x", T_FLOAT), constant_of("alpha", U_FLOAT)] },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const LINEAR_ACTIVATION: OpDef = OpDef {
    name: "linear_activation",
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
                constant_of("alpha", U_FLOAT),
                constant_of("beta", U_FLOAT),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const PRELU: OpDef = OpDef {
    name: "prelu",
    versions: &[
        Version { since: Ios15, inputs: &[tensor("x", T_FLOAT), constant_of("alpha", T_FLOAT)] },
        Version { since: Ios17, inputs: &[tensor("x", T_FLOAT), constant_of("alpha", U_FLOAT)] },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const RELU: OpDef = OpDef {
    name: "relu",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const RELU6: OpDef = OpDef {
    name: "relu6",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SCALED_TANH: OpDef = OpDef {
    name: "scaled_tanh",
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
                constant_of("alpha", U_FLOAT),
                constant_of("beta", U_FLOAT),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SIGMOID: OpDef = OpDef {
    name: "sigmoid",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SIGMOID_HARD: OpDef = OpDef {
    name: "sigmoid_hard",
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
                constant_of("alpha", U_FLOAT),
                constant_of("beta", U_FLOAT),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SILU: OpDef = OpDef {
    name: "silu",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SOFTMAX: OpDef = OpDef {
    name: "softmax",
    versions: &[Version {
        since: Ios15,
        inputs: &[tensor("x", T_FLOAT), constant("axis").default(Default::Int(-1))],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SOFTPLUS: OpDef = OpDef {
    name: "softplus",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SOFTPLUS_PARAMETRIC: OpDef = OpDef {
    name: "softplus_parametric",
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
                constant_of("alpha", U_FLOAT),
                constant_of("beta", U_FLOAT),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SOFTSIGN: OpDef = OpDef {
    name: "softsign",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_FLOAT)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const THRESHOLDED_RELU: OpDef = OpDef {
    name: "thresholded_relu",
    versions: &[
        Version { since: Ios15, inputs: &[tensor("x", T_FLOAT), constant_of("alpha", T_FLOAT)] },
        Version { since: Ios17, inputs: &[tensor("x", T_FLOAT), constant_of("alpha", U_FLOAT)] },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};
