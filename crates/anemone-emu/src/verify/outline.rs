//! The ops of a function in program order, nested blocks among them.

use std::collections::HashMap;

use anemone_ir::{CheckedFunction, Node, Op, Origin, ValueId};

/// Ops in program order, and which outputs of them are compared.
pub(crate) struct Outline {
    pub(crate) ops: Vec<Entry>,
    at: HashMap<Origin, usize>,
    /// What the inputs of a loop's blocks stand for: what goes into the loop, and what a turn gives.
    carried: HashMap<ValueId, Vec<ValueId>>,
}

/// One op.
pub(crate) struct Entry {
    pub(crate) origin: Origin,
    pub(crate) op: Op,
    /// Values that it reads; of those that a loop carries, what they stand for.
    pub(crate) inputs: Vec<ValueId>,
    pub(crate) outputs: Vec<ValueId>,
    /// For each output, whether it holds floats.
    floats: Vec<bool>,
}

impl Outline {
    pub(crate) fn new(function: &CheckedFunction) -> Outline {
        let (ops, at, carried) = (Vec::new(), HashMap::new(), HashMap::new());
        let mut outline = Outline { ops, at, carried };
        outline.nodes(function, function.nodes());
        for i in 0..outline.ops.len() {
            let inputs = outline.sources(&outline.ops[i].inputs);
            outline.ops[i].inputs = inputs;
        }
        outline
    }

    /// The same values, those that a loop carries replaced by what they stand for.
    fn sources(&self, ids: &[ValueId]) -> Vec<ValueId> {
        let mut seen: Vec<ValueId> = Vec::new();
        let mut next = ids.to_vec();
        while let Some(id) = next.pop() {
            if !seen.contains(&id) {
                seen.push(id);
                next.extend(self.carried.get(&id).into_iter().flatten());
            }
        }
        seen.retain(|id| !self.carried.contains_key(id));
        seen
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
                let turn = node.blocks.last().map_or(&[][..], |body| &body.outputs);
                for (i, input) in block.inputs.iter().enumerate() {
                    let before = node.input("loop_vars").get(i);
                    let carried = before.into_iter().chain(turn.get(i)).copied().collect();
                    self.carried.insert(*input, carried);
                }
                self.nodes(function, &block.nodes);
            }
        }
    }

    /// The place of the op at `origin`, if its output holds floats.
    pub(crate) fn compared(&self, origin: &Origin, output: usize) -> Option<usize> {
        let index = *self.at.get(origin)?;
        self.ops[index].floats.get(output).copied().unwrap_or(false).then_some(index)
    }
}
