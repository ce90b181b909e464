//! Branches and loops: compiled nested blocks, and how they take turns.

use std::ops::Range;
use std::sync::Arc;

use crate::array::{Data, Owned, View};
use crate::execute::{Call, Stop, Yield};
use crate::kernel::Short;
use crate::memory::Arena;
use crate::plan::Body;

/// An op with nested blocks.
pub(crate) enum Flow {
    /// One of two blocks.
    Cond {
        /// The operand that chooses.
        pred: usize,
        /// Where it holds.
        then: Block,
        /// Where it does not.
        otherwise: Block,
    },
    /// One block while the other holds.
    Loop {
        /// The operands that the variables start with.
        variables: Range<usize>,
        /// Says whether there is another turn.
        condition: Block,
        /// Gives the variables of the next turn.
        body: Block,
    },
}

/// A compiled nested block.
pub(crate) struct Block {
    pub(crate) body: Body,
    /// The operands of the op that are outer values which the block reads.
    pub(crate) outer: Range<usize>,
}

impl Flow {
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &Block> {
        let (Flow::Cond { then: a, otherwise: b, .. } | Flow::Loop { condition: a, body: b, .. }) =
            self;
        [a, b].into_iter()
    }

    /// Runs the blocks; gives the op's outputs.
    pub(crate) fn run(&self, call: &mut Call<'_>) -> Result<Vec<Arc<Owned>>, Stop> {
        match self {
            Flow::Cond { pred, then, otherwise } => {
                let holds = truth(call.inputs[*pred])?;
                let block = if holds { then } else { otherwise };
                let given = block.given(&[], call.inputs);
                let results = call.run(&block.body, &mut Arena::default(), &given)?;
                results.into_iter().map(|r| finished(r, &[], &given)).collect()
            }
            Flow::Loop { variables, condition, body } => {
                let first = call.inputs[variables.clone()].iter();
                let first = first.map(|view| Owned::from_view(*view).map(Arc::new));
                let mut values = first.collect::<Result<Vec<_>, String>>()?;
                let mut arenas = (Arena::default(), Arena::default());
                while turns(call, condition, &mut arenas.0, &values)? {
                    let given = body.given(&values, call.inputs);
                    let results = call.run(&body.body, &mut arenas.1, &given)?;
                    let next = results.into_iter().map(|r| finished(r, &values, &given));
                    let next = next.collect::<Result<Vec<_>, Stop>>()?;
                    drop(given);
                    values = next;
                }
                Ok(values)
            }
        }
    }
}

/// Whether a loop with these variables has another turn.
fn turns(
    call: &mut Call<'_>,
    condition: &Block,
    arena: &mut Arena,
    values: &[Arc<Owned>],
) -> Result<bool, Stop> {
    call.interrupted()?;
    let given = condition.given(values, call.inputs);
    let mut results = call.run(&condition.body, arena, &given)?;
    match (results.pop(), results.is_empty()) {
        (Some(holds), true) => Ok(truth(finished(holds, values, &given)?.view())?),
        _ => Err("the condition must give one value".to_owned().into()),
    }
}

impl Block {
    /// What the block is given: its inputs, then the outer values.
    fn given<'a>(&self, inputs: &'a [Arc<Owned>], operands: &[View<'a>]) -> Short<View<'a>> {
        let inputs = inputs.iter().map(|value| value.view());
        inputs.chain(operands[self.outer.clone()].iter().copied()).collect()
    }
}

/// A block's result as a tensor; `inputs` are the first values that it was given.
fn finished(result: Yield, inputs: &[Arc<Owned>], given: &[View<'_>]) -> Result<Arc<Owned>, Stop> {
    match result {
        Yield::Value(value) => Ok(value),
        Yield::Given(index) => match inputs.get(index) {
            Some(value) => Ok(value.clone()),
            None => Ok(Arc::new(Owned::from_view(given[index])?)),
        },
    }
}

fn truth(view: View<'_>) -> Result<bool, String> {
    match view.data {
        Data::Bool([value]) => Ok(*value != 0),
        _ => Err(format!("a boolean is needed, not a tensor of shape {:?}", view.shape)),
    }
}
