//! Every version of every op has a case, or a reason for having none.

use std::collections::BTreeSet;

use anemone_ir::program::Block;
use anemone_ir::{Op, Opset};

use crate::values;

const WITHOUT: &[(&str, &str)] = &[
    ("_const_symbolic", "stands in coremltools' programs only"),
    ("classify", "its outputs are text and a dictionary, which cases cannot hold"),
    ("const", "stands in cases as literals"),
    ("conv_quantized", "nothing writes it any more, and there is no other implementation of it"),
    ("random_bernoulli", "no two implementations draw alike"),
    ("random_categorical", "no two implementations draw alike"),
    ("random_normal", "no two implementations draw alike"),
    ("random_uniform", "no two implementations draw alike"),
];

/// Versions of ops that `programs` use.
pub(crate) fn used<'a>(programs: impl Iterator<Item = &'a str>) -> BTreeSet<(&'static str, Opset)> {
    let mut used = BTreeSet::new();
    for mil in programs {
        let program = values::program(mil).unwrap_or_else(|e| panic!("{e}\n{mil}"));
        for function in program.functions.values() {
            if let (Some(opset), Some(body)) = (Opset::from_name(&function.opset), function.body())
            {
                collect(body, opset, &mut used);
            }
        }
    }
    used
}

fn collect(block: &Block, opset: Opset, used: &mut BTreeSet<(&'static str, Opset)>) {
    for operation in &block.operations {
        let op = Op::from_name(&operation.op);
        used.extend(op.and_then(|op| Some((op.name(), op.version(opset)?.since))));
        operation.blocks.iter().for_each(|block| collect(block, opset, used));
    }
}

/// What is wrong between the catalogue, the cases and the reasons.
pub(crate) fn gaps(used: &BTreeSet<(&'static str, Opset)>) -> Vec<String> {
    let mut gaps = Vec::new();
    for op in Op::ALL {
        let excused = WITHOUT.iter().find(|(name, _)| *name == op.name());
        for version in op.def().versions {
            match (used.contains(&(op.name(), version.since)), excused) {
                (false, None) => {
                    gaps.push(format!("no case of `{}` of {}", op.name(), version.since))
                }
                (true, Some((_, reason))) => {
                    gaps.push(format!("`{}` has a case, and an excuse: {reason}", op.name()));
                }
                _ => {}
            }
        }
    }
    gaps
}
