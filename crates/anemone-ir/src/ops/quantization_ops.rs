//! Quantisation and dequantisation while the program runs.

use super::def::*;
use super::domains::*;
use crate::Opset::*;

pub(super) const DEQUANTIZE: OpDef = OpDef {
    name: "dequantize",
    versions: &[Version {
        since: Ios17,
        inputs: &[
            tensor("input", domain("SrcT", &[U8, I8])),
            constant_of("zero_point", domain("SrcT", &[U8, I8])).optional(),
            constant_of("scale", domain("DstT", &[F16, F32])),
            constant("axis").optional(),
        ],
    }],
    infer: Infer::Not("run-time quantisation has no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const QUANTIZE: OpDef = OpDef {
    name: "quantize",
    versions: &[Version {
        since: Ios17,
        inputs: &[
            tensor("input", domain("SrcT", &[F16, F32])),
            constant_of("zero_point", domain("DstT", &[U8, I8])).optional(),
            constant_of("scale", domain("SrcT", &[F16, F32])),
            constant("axis").optional(),
            constant("output_dtype"),
        ],
    }],
    infer: Infer::Not("run-time quantisation has no shape rule yet"),
    evaluate: None,
    computed: None,
};
