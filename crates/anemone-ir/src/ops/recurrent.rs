//! Recurrent layers.

use super::def::*;
use super::domains::*;
use crate::Opset::*;

pub(super) const GRU: OpDef = OpDef {
    name: "gru",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", domain("T", &[F32])),
                tensor("initial_h", domain("T", &[F32])),
                constant_of("weight_ih", domain("T", &[F32])),
                constant_of("weight_hh", domain("T", &[F32])),
                constant_of("bias", domain("T", &[F32])).optional(),
                constant("direction").default(Default::Text("forward")),
                constant("output_sequence").default(Default::Bool(false)),
                constant("recurrent_activation").default(Default::Text("sigmoid")),
                constant("activation").default(Default::Text("tanh")),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_FLOAT),
                tensor("initial_h", T_FLOAT),
                constant_of("weight_ih", T_FLOAT),
                constant_of("weight_hh", T_FLOAT),
                constant_of("bias", T_FLOAT).optional(),
                constant("direction").default(Default::Text("forward")),
                constant("output_sequence").default(Default::Bool(false)),
                constant("recurrent_activation").default(Default::Text("sigmoid")),
                constant("activation").default(Default::Text("tanh")),
            ],
        },
        Version {
            since: Ios18,
            inputs: &[
                tensor("x", T_FLOAT),
                tensor("initial_h", T_FLOAT),
                constant_of("weight_ih", T_FLOAT),
                constant_of("weight_hh", T_FLOAT),
                constant_of("bias", T_FLOAT).optional(),
                constant("direction").default(Default::Text("forward")),
                constant("output_sequence").default(Default::Bool(false)),
                constant("recurrent_activation").default(Default::Text("sigmoid")),
                constant("activation").default(Default::Text("tanh")),
                constant("reset_after").optional(),
                constant_of("input_bias", T_FLOAT).optional(),
            ],
        },
    ],
    infer: Infer::Not("recurrent ops have no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const LSTM: OpDef = OpDef {
    name: "lstm",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", domain("T", &[F32])),
                tensor("initial_h", domain("T", &[F32])),
                tensor("initial_c", domain("T", &[F32])),
                constant_of("weight_ih", domain("T", &[F32])),
                constant_of("weight_hh", domain("T", &[F32])),
                constant_of("bias", domain("T", &[F32])).optional(),
                constant_of("peephole", domain("T", &[F32])).optional(),
                constant_of("weight_ih_back", domain("T", &[F32])).optional(),
                constant_of("weight_hh_back", domain("T", &[F32])).optional(),
                constant_of("bias_back", domain("T", &[F32])).optional(),
                constant_of("peephole_back", domain("T", &[F32])).optional(),
                constant("direction").default(Default::Text("forward")),
                constant("output_sequence").default(Default::Bool(false)),
                constant("recurrent_activation").default(Default::Text("sigmoid")),
                constant("cell_activation").default(Default::Text("tanh")),
                constant("activation").default(Default::Text("tanh")),
                constant_of("clip", domain("T", &[F32])).optional(),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_FLOAT),
                tensor("initial_h", T_FLOAT),
                tensor("initial_c", T_FLOAT),
                constant_of("weight_ih", T_FLOAT),
                constant_of("weight_hh", T_FLOAT),
                constant_of("bias", T_FLOAT).optional(),
                constant_of("peephole", T_FLOAT).optional(),
                constant_of("weight_ih_back", T_FLOAT).optional(),
                constant_of("weight_hh_back", T_FLOAT).optional(),
                constant_of("bias_back", T_FLOAT).optional(),
                constant_of("peephole_back", T_FLOAT).optional(),
                constant("direction").default(Default::Text("forward")),
                constant("output_sequence").default(Default::Bool(false)),
                constant("recurrent_activation").default(Default::Text("sigmoid")),
                constant("cell_activation").default(Default::Text("tanh")),
                constant("activation").default(Default::Text("tanh")),
                constant_of("clip", T_FLOAT).optional(),
            ],
        },
    ],
    infer: Infer::Not("recurrent ops have no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const RNN: OpDef = OpDef {
    name: "rnn",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", domain("T", &[F32])),
                tensor("initial_h", domain("T", &[F32])),
                constant_of("weight_ih", domain("T", &[F32])),
                constant_of("weight_hh", domain("T", &[F32])),
                constant_of("bias", domain("T", &[F32])).optional(),
                constant("direction").default(Default::Text("forward")),
                constant("output_sequence").default(Default::Bool(false)),
                constant("activation").default(Default::Text("tanh")),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_FLOAT),
                tensor("initial_h", T_FLOAT),
                constant_of("weight_ih", T_FLOAT),
                constant_of("weight_hh", T_FLOAT),
                constant_of("bias", T_FLOAT).optional(),
                constant("direction").default(Default::Text("forward")),
                constant("output_sequence").default(Default::Bool(false)),
                constant("activation").default(Default::Text("tanh")),
            ],
        },
    ],
    infer: Infer::Not("recurrent ops have no shape rule yet"),
    evaluate: None,
    computed: None,
};
