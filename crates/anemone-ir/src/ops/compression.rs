//! Weights compressed in the iOS 18 forms.

use super::def::*;
use super::domains::*;
use crate::Opset::*;

pub(super) const CONSTEXPR_BLOCKWISE_SHIFT_SCALE: OpDef = OpDef {
    name: "constexpr_blockwise_shift_scale",
    versions: &[Version {
        since: Ios18,
        inputs: &[
            constant_of("data", domain("SrcT", &[I4, U4, I8, U8, F16, F32])),
            constant_of("scale", domain("DstT", &[F16, F32])),
            constant_of("offset", domain("OffsetT", &[I4, U4, I8, U8, F16, F32])).optional(),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const CONSTEXPR_LUT_TO_SPARSE: OpDef = OpDef {
    name: "constexpr_lut_to_sparse",
    versions: &[Version {
        since: Ios18,
        inputs: &[
            constant("indices_mask"),
            constant_of("indices_nonzero_data", domain("IndicesT", &[U1, U2, U3, U4, U6, U8])),
            constant_of("lut", domain("T", &[I8, U8, F16, F32])),
            constant("vector_axis").optional(),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const CONSTEXPR_SPARSE_BLOCKWISE_SHIFT_SCALE: OpDef = OpDef {
    name: "constexpr_sparse_blockwise_shift_scale",
    versions: &[Version {
        since: Ios18,
        inputs: &[
            constant("data_mask"),
            constant_of("nonzero_data", domain("SrcT", &[I4, U4, I8, U8, F16, F32])),
            constant_of("scale", domain("DstT", &[F16, F32])),
            constant_of("offset", domain("OffsetT", &[I4, U4, I8, U8, F16, F32])).optional(),
        ],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};
