//! Fused attention.

use super::def::*;
use super::domains::*;
use crate::Opset::*;

pub(super) const SCALED_DOT_PRODUCT_ATTENTION: OpDef = OpDef {
    name: "scaled_dot_product_attention",
    versions: &[Version {
        since: Ios18,
        inputs: &[
            tensor("query", T_FLOAT),
            tensor("key", T_FLOAT),
            tensor("value", T_FLOAT),
            tensor("attn_mask", domain("M", &[Bool, F16, F32])).optional(),
        ],
    }],
    infer: Infer::Not("fused attention has no shape rule yet"),
    evaluate: None,
    computed: None,
};
