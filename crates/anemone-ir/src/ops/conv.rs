//! Convolutions.

use super::def::*;
use super::domains::*;
use crate::Opset::*;

pub(super) const CONV: OpDef = OpDef {
    name: "conv",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_FLOAT),
                tensor("weight", T_FLOAT),
                constant_of("bias", T_FLOAT).default(Default::Computed),
                constant("strides").default(Default::Computed),
                constant("pad_type").default(Default::Computed),
                constant("pad").default(Default::Computed),
                constant("dilations").default(Default::Computed),
                constant("groups").default(Default::Computed),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_FLOAT),
                tensor("weight", U_FLOAT),
                tensor("bias", U_FLOAT).default(Default::Computed),
                constant("strides").default(Default::Computed),
                constant("pad_type").default(Default::Computed),
                constant("pad").default(Default::Computed),
                constant("dilations").default(Default::Computed),
                constant("groups").default(Default::Computed),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const CONV_QUANTIZED: OpDef = OpDef {
    name: "conv_quantized",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", domain("T", &[F32, F16])),
            tensor("weight", domain("U", &[U8])),
            constant_of("bias", domain("U", &[U8])).default(Default::Computed),
            constant("quantization_type"),
            constant("nbits").default(Default::Computed),
            constant_of("quant_scale", domain("T", &[F32, F16])),
            constant_of("quant_bias", domain("T", &[F32, F16])),
            constant("strides").default(Default::Computed),
            constant("pad_type").default(Default::Computed),
            constant("pad").default(Default::Computed),
            constant("dilations").default(Default::Computed),
            constant("groups").default(Default::Computed),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const CONV_TRANSPOSE: OpDef = OpDef {
    name: "conv_transpose",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_FLOAT),
                constant_of("weight", T_FLOAT),
                constant_of("bias", T_FLOAT).default(Default::Computed),
                constant("pad").default(Default::Computed),
                constant("output_shape").default(Default::Computed),
                constant("pad_type").default(Default::Computed),
                constant("strides").default(Default::Computed),
                constant("dilations").default(Default::Computed),
                constant("groups").default(Default::Computed),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_FLOAT),
                tensor("weight", U_FLOAT),
                tensor("bias", U_FLOAT).default(Default::Computed),
                constant("pad").default(Default::Computed),
                constant("output_shape").default(Default::Computed),
                constant("pad_type").default(Default::Computed),
                constant("strides").default(Default::Computed),
                constant("dilations").default(Default::Computed),
                constant("groups").default(Default::Computed),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};
