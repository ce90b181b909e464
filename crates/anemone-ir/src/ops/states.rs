//! Reading and writing of states.

use super::def::*;
use crate::Opset::*;

pub(super) const READ_STATE: OpDef = OpDef {
    name: "read_state",
    versions: &[Version { since: Ios18, inputs: &[other("input", InputKind::State)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

/// On disk only: coremltools writes its `coreml_update_state` as this and a `read_state`.
pub(super) const WRITE_STATE: OpDef = OpDef {
    name: "write_state",
    versions: &[Version { since: Ios18, inputs: &[other("input", InputKind::State), any("data")] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};
