//! The classifier's last op.

use super::def::*;
use crate::Opset::*;

pub(super) const CLASSIFY: OpDef = OpDef {
    name: "classify",
    versions: &[Version {
        since: Ios15,
        inputs: &[any("probabilities"), other("classes", InputKind::List).fixed()],
    }],
    infer: Infer::Not("`classify` has no shape rule yet"),
    evaluate: None,
    computed: None,
};
