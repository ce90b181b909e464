//! The ops of a function in program order, nested blocks among them.

use std::collections::HashMap;

use anemone_ir::{CheckedBlock, CheckedFunction, Node, Op, Origin, ValueId};

/// Ops in program order, and which outputs of them are compared.
pub(crate) struct Outline {
    pub(crate) ops: Vec<Entry>,
    at: HashMap<Origin, usize>,
}

/// One op.
pub(crate) struct Entry {
    pub(crate) origin: Origin,
    pub(crate) op: Op,
    /// Values that it reads.
    pub(crate) inputs: Vec<ValueId>,
    pub(crate) outputs: Vec<ValueId>,
    /// For each output, whether it holds floats.
    floats: Vec<bool>,
}

impl Outline {
    pub(crate) fn new(function: &CheckedFunction) -> Outline {
        let mut outline = Outline { ops: Vec::new(), at: HashMap::new() };
        outline.nodes(function, function.nodes());
        outline
    }

    fn nodes(&mut self, function: &CheckedFunction, nodes: &[Node]) {
        for node in nodes {
            let float = |id: &ValueId| {
                function.value(*id).ty().as_tensor().is_some_and(|ty| ty.dtype.is_float())
            };
            self.at.insert(node.origin.clone(), self.ops.len());
            self.ops.push(Entry {
                origin: node.origin.clone(),
                op: node.op,
                inputs: node.inputs.iter().flat_map(|(_, ids)| ids).copied().collect(),
                outputs: node.outputs.clone(),
                floats: node.outputs.iter().map(float).collect(),
            });
            for block in &node.blocks {
                self.block(function, block);
            }
        }
    }

    fn block(&mut self, function: &CheckedFunction, block: &CheckedBlock) {
        self.nodes(function, &block.nodes);
    }

    /// The place of the op at `origin`, if its output holds floats.
    pub(crate) fn compared(&self, origin: &Origin, output: usize) -> Option<usize> {
        let index = *self.at.get(origin)?;
        self.ops[index].floats.get(output).copied().unwrap_or(false).then_some(index)
    }
}
