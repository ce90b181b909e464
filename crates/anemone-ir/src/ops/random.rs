//! Random tensors.

use super::def::*;
use super::domains::*;
use crate::Opset::*;

pub(super) const RANDOM_BERNOULLI: OpDef = OpDef {
    name: "random_bernoulli",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            any("shape"),
            constant_of("prob", T_FLOAT).default(Default::Float(0.5)),
            constant("seed").default(Default::Int(-1)),
        ],
    }],
    infer: Infer::Not("random ops have no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const RANDOM_CATEGORICAL: OpDef = OpDef {
    name: "random_categorical",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_FLOAT),
            constant("mode").default(Default::Text("logits")),
            constant("size").default(Default::Int(1)),
            constant("seed").default(Default::Int(-1)),
        ],
    }],
    infer: Infer::Not("random ops have no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const RANDOM_NORMAL: OpDef = OpDef {
    name: "random_normal",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            any("shape"),
            constant_of("mean", T_FLOAT).default(Default::Float(0.0)),
            constant_of("stddev", T_FLOAT).default(Default::Float(1.0)),
            constant("seed").default(Default::Int(-1)),
        ],
    }],
    infer: Infer::Not("random ops have no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const RANDOM_UNIFORM: OpDef = OpDef {
    name: "random_uniform",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            any("shape"),
            constant_of("low", T_FLOAT).default(Default::Float(0.0)),
            constant_of("high", T_FLOAT).default(Default::Float(1.0)),
            constant("seed").default(Default::Int(-1)),
        ],
    }],
    infer: Infer::Not("random ops have no shape rule yet"),
    evaluate: None,
    computed: None,
};
