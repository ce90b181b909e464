//! Which values stand in a state's own memory: what is read of it, and what is put into it in place.

use std::collections::{BTreeMap, BTreeSet};

use anemone_ir::{Node, Op, ValueId};

use crate::model::Item;

/// The values of a function that are names for a state's memory, and the state of each.
#[derive(Debug, Default)]
pub(crate) struct InState {
    values: BTreeMap<ValueId, ValueId>,
}

impl InState {
    /// A read gives a name. An update is in place if what it gives is written to the state that it comes from, and
    /// nothing but further updates takes the old value afterwards: coremltools merges reads across writes
    /// (coremltools#2786), so that a cache's updates may all name its first read.
    pub(crate) fn new(items: &[Item<'_>]) -> InState {
        let (mut states, mut last_use) = (BTreeMap::new(), BTreeMap::new());
        for (i, Item { node, .. }) in items.iter().enumerate() {
            let origin = match node.op {
                Op::ReadState => node.input("input").first().copied(),
                _ => changed(node).and_then(|id| states.get(&id).copied()),
            };
            if let (Some(state), Some(output)) = (origin, node.outputs.first()) {
                states.insert(*output, state);
            }
            let ids = node.inputs.iter().flat_map(|(_, ids)| ids);
            for id in ids.filter(|id| Some(**id) != changed(node)) {
                last_use.insert(*id, i);
            }
        }
        let mut values = BTreeMap::new();
        let mut written = BTreeSet::new();
        for (i, Item { node, .. }) in items.iter().enumerate().rev() {
            let output = node.outputs.first();
            match (node.op, output.and_then(|id| Some((*id, *states.get(id)?)))) {
                (Op::WriteState, _) => {
                    let (state, data) = (node.input("input").first(), node.input("data").first());
                    written.extend(data.filter(|id| states.get(id) == state));
                }
                (Op::ReadState, Some((output, state))) => drop(values.insert(output, state)),
                (_, Some((output, state))) if written.contains(&output) => {
                    let old = changed(node).filter(|id| last_use.get(id).is_none_or(|at| *at < i));
                    if let Some(old) = old {
                        values.insert(output, state);
                        written.insert(old);
                    }
                }
                _ => {}
            }
        }
        InState { values }
    }

    /// The state whose memory the value is a name for.
    pub(crate) fn of(&self, id: ValueId) -> Option<ValueId> {
        self.values.get(&id).copied()
    }
}

/// What an op changes a part of.
fn changed(node: &Node) -> Option<ValueId> {
    let input = match node.op {
        Op::SliceUpdate => "x",
        Op::Scatter | Op::ScatterAlongAxis | Op::ScatterNd => "data",
        _ => return None,
    };
    node.input(input).first().copied()
}
