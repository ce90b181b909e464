//! Weights compressed in the iOS 16 forms.

use super::def::*;
use super::domains::*;
use crate::Opset::*;

pub(super) const CONSTEXPR_AFFINE_DEQUANTIZE: OpDef = OpDef {
    name: "constexpr_affine_dequantize",
    versions: &[Version {
        since: Ios16,
        inputs: &[
            constant_of("quantized_data", domain("SrcT", &[U8, I8])),
            constant_of("zero_point", domain("ZeroPointT", &[U8, I8, F32])),
            constant_of("scale", domain("DstT", &[F16, F32])),
            constant("axis"),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const CONSTEXPR_CAST: OpDef = OpDef {
    name: "constexpr_cast",
    versions: &[
        Version { since: Ios16, inputs: &[constant("source_val"), constant("output_dtype")] },
        Version { since: Ios18, inputs: &[constant("source_val"), constant("output_dtype")] },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const CONSTEXPR_LUT_TO_DENSE: OpDef = OpDef {
    name: "constexpr_lut_to_dense",
    versions: &[
        Version {
            since: Ios16,
            inputs: &[
                constant("indices"),
                constant_of("lut", domain("T", &[I8, U8, F16, F32])),
                constant("shape"),
            ],
        },
        Version {
            since: Ios18,
            inputs: &[
                constant_of("indices", domain("IndicesT", &[U1, U2, U3, U4, U6, U8])),
                constant_of("lut", domain("T", &[I8, U8, F16, F32])),
                constant("vector_axis").optional(),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const CONSTEXPR_SPARSE_TO_DENSE: OpDef = OpDef {
    name: "constexpr_sparse_to_dense",
    versions: &[
        Version {
            since: Ios16,
            inputs: &[
                constant_of("nonzero_data", domain("T", &[I8, U8, F16, F32])),
                constant("mask"),
                constant("shape"),
            ],
        },
        Version {
            since: Ios18,
            inputs: &[
                constant_of("nonzero_data", domain("T", &[I4, U4, I8, U8, F16, F32])),
                constant("mask"),
            ],
        },
    ],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};
