//! Element by element ops of two inputs, with broadcasting.

use super::def::*;
use super::domains::*;
use crate::Opset::*;

pub(super) const ADD: OpDef = OpDef {
    name: "add",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_NUMBER), tensor("y", T_NUMBER)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const EQUAL: OpDef = OpDef {
    name: "equal",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_NUMBER), tensor("y", T_NUMBER)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const FLOOR_DIV: OpDef = OpDef {
    name: "floor_div",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_NUMBER), tensor("y", T_NUMBER)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const GREATER: OpDef = OpDef {
    name: "greater",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_NUMBER), tensor("y", T_NUMBER)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const GREATER_EQUAL: OpDef = OpDef {
    name: "greater_equal",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_NUMBER), tensor("y", T_NUMBER)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const LESS: OpDef = OpDef {
    name: "less",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_NUMBER), tensor("y", T_NUMBER)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const LESS_EQUAL: OpDef = OpDef {
    name: "less_equal",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_NUMBER), tensor("y", T_NUMBER)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const LOGICAL_AND: OpDef = OpDef {
    name: "logical_and",
    versions: &[Version {
        since: Ios15,
        inputs: &[tensor("x", domain("T", &[Bool])), tensor("y", domain("T", &[Bool]))],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const LOGICAL_OR: OpDef = OpDef {
    name: "logical_or",
    versions: &[Version {
        since: Ios15,
        inputs: &[tensor("x", domain("T", &[Bool])), tensor("y", domain("T", &[Bool]))],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const LOGICAL_XOR: OpDef = OpDef {
    name: "logical_xor",
    versions: &[Version {
        since: Ios15,
        inputs: &[tensor("x", domain("T", &[Bool])), tensor("y", domain("T", &[Bool]))],
    }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const MAXIMUM: OpDef = OpDef {
    name: "maximum",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_NUMBER), tensor("y", T_NUMBER)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const MINIMUM: OpDef = OpDef {
    name: "minimum",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_NUMBER), tensor("y", T_NUMBER)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const MOD: OpDef = OpDef {
    name: "mod",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_NUMBER), tensor("y", T_NUMBER)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const MUL: OpDef = OpDef {
    name: "mul",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_NUMBER), tensor("y", T_NUMBER)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const NOT_EQUAL: OpDef = OpDef {
    name: "not_equal",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_NUMBER), tensor("y", T_NUMBER)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const POW: OpDef = OpDef {
    name: "pow",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_NUMBER), tensor("y", T_NUMBER)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const REAL_DIV: OpDef = OpDef {
    name: "real_div",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_NUMBER), tensor("y", T_NUMBER)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};

pub(super) const SUB: OpDef = OpDef {
    name: "sub",
    versions: &[Version { since: Ios15, inputs: &[tensor("x", T_NUMBER), tensor("y", T_NUMBER)] }],
    infer: Infer::Not("not written yet"),
    evaluate: None,
    computed: None,
};
