//! Steps that do the work of several: products with what follows them row by row, products of the
//! same input, and attention with the transposes around it.
//!
//! A fused step computes the same numbers as the steps that it stands for. Those stay in the plan:
//! they run where somebody wants to see a value between them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::kernel::Prepared;
use crate::kernels::{Attention, LayerNorm, Linear};
use crate::plan::{Slot, Step, Turn};

mod rows;

use rows::{Rows, Then};

/// A function of each element of a slice.
pub(crate) type Map = Arc<dyn Fn(&mut [f32]) + Send + Sync>;

/// What a kernel is, to those who fuse it with others.
pub(crate) enum Piece {
    /// Operand 0 times constant weights.
    Linear(Arc<Linear>),
    /// A function of each element of operand 0.
    Map(Map),
    /// The sum of two operands.
    Add,
    /// A normalisation of each row of operand 0.
    LayerNorm(Arc<LayerNorm>),
    /// An exchange of the second and the third of four axes.
    HeadsOut,
    Attention(Attention),
}

/// Steps that one step can stand for.
struct Fused {
    /// In the order in which they run.
    members: Vec<usize>,
    step: Step,
}

/// Adds fused steps to the steps of a body whose results lie in these slots.
pub(crate) fn fuse(steps: Vec<Step>, slots: &[Slot], results: &[usize]) -> Vec<Step> {
    let finder = Finder::new(&steps, slots, results);
    let mut found: Vec<Fused> = Vec::new();
    let mut taken = vec![false; steps.len()];
    for fused in finder.rows() {
        fused.members.iter().for_each(|&member| taken[member] = true);
        found.push(fused);
    }
    found.extend(finder.siblings(&taken));
    found.extend(finder.attention());
    // A step of products of one input comes with the first of them, any other with the last.
    let mut at: HashMap<usize, Step> = HashMap::new();
    let mut turns = vec![Turn::Always; steps.len()];
    for Fused { members, step } in found {
        members.iter().for_each(|&member| turns[member] = Turn::Apart);
        let place = if step.outputs.len() > 1 { members.first() } else { members.last() };
        at.extend(place.map(|&place| (place, step)));
    }
    let mut result = Vec::with_capacity(steps.len() + at.len());
    for (index, (mut step, turn)) in steps.into_iter().zip(turns).enumerate() {
        step.turn = turn;
        result.push(step);
        result.extend(at.remove(&index));
    }
    result
}

/// Who makes and who reads the values of a body.
struct Finder<'a> {
    steps: &'a [Step],
    slots: &'a [Slot],
    pieces: Vec<Option<Piece>>,
    makers: HashMap<usize, usize>,
    /// The steps that read a slot; results are read by a step after the last.
    readers: HashMap<usize, Vec<usize>>,
}

impl<'a> Finder<'a> {
    fn new(steps: &'a [Step], slots: &'a [Slot], results: &[usize]) -> Finder<'a> {
        let piece = |step: &Step| match &step.code {
            Prepared::Kernel(kernel) => kernel.piece(),
            Prepared::View(_) | Prepared::Flow(_) => None,
        };
        let mut makers = HashMap::new();
        let mut readers: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, step) in steps.iter().enumerate() {
            makers.extend(step.outputs.iter().map(|&slot| (slot, index)));
            step.inputs.iter().for_each(|&slot| readers.entry(slot).or_default().push(index));
        }
        for &slot in results {
            readers.entry(slot).or_default().push(steps.len());
        }
        Finder { steps, slots, pieces: steps.iter().map(piece).collect(), makers, readers }
    }

    fn piece(&self, step: usize) -> Option<&Piece> {
        self.pieces.get(step)?.as_ref()
    }

    /// The only step that reads the only output of `step`, where it reads it once.
    fn only_reader(&self, step: usize) -> Option<usize> {
        let &[slot] = self.steps[step].outputs.as_slice() else { return None };
        match self.readers.get(&slot)?.as_slice() {
            [reader] if *reader < self.steps.len() => Some(*reader),
            _ => None,
        }
    }

    fn fused(&self, members: Vec<usize>, code: Prepared, inputs: Vec<usize>) -> Fused {
        let last = &self.steps[members[members.len() - 1]];
        let step = Step {
            code,
            inputs,
            outputs: last.outputs.clone(),
            state: None,
            origin: last.origin.clone(),
            op: last.op,
            turn: Turn::Fused,
            sources: Vec::new(),
        };
        Fused { members, step }
    }

    /// What is done with the rows of a product, by which steps, and the other operand.
    fn then(&self, product: usize) -> (Then, Vec<usize>, Option<usize>) {
        let then = || {
            let next = self.only_reader(product)?;
            match self.piece(next)? {
                Piece::Map(map) => Some((Then::Map(map.clone()), vec![next], None)),
                Piece::Add => {
                    let last = self.only_reader(next)?;
                    let Piece::LayerNorm(norm) = self.piece(last)? else { return None };
                    let slot = self.steps[product].outputs[0];
                    let other = *self.steps[next].inputs.iter().find(|&&input| input != slot)?;
                    // Symbols of equal names have equal sizes, so nothing is broadcast.
                    let same = self.slots[other].shape == self.slots[slot].shape;
                    same.then(|| (Then::AddNorm(norm.clone()), vec![next, last], Some(other)))
                }
                _ => None,
            }
        };
        then().unwrap_or((Then::Nothing, Vec::new(), None))
    }

    /// Products and what is done with their rows, another product among it.
    fn rows(&self) -> Vec<Fused> {
        let mut found = Vec::new();
        let mut taken = vec![false; self.steps.len()];
        for first in 0..self.steps.len() {
            let (Some(Piece::Linear(linear)), false) = (self.piece(first), taken[first]) else {
                continue;
            };
            let mut members = vec![first];
            let (mut then, after, mut more) = self.then(first);
            members.extend(&after);
            let (mut before, mut parts) = (None, vec![linear.clone()]);
            if let (Then::Map(map), Some(second)) =
                (&then, self.only_reader(members[members.len() - 1]))
                && let Some(Piece::Linear(next)) = self.piece(second)
            {
                before = Some((linear.clone(), map.clone()));
                parts = vec![next.clone()];
                let after;
                (then, after, more) = self.then(second);
                members.push(second);
                members.extend(&after);
            }
            if members.len() > 1 {
                members.iter().for_each(|&member| taken[member] = true);
                let inputs = [self.steps[first].inputs[0]].into_iter().chain(more).collect();
                let code = Prepared::kernel(Rows { before, parts, then });
                found.push(self.fused(members, code, inputs));
            }
        }
        found
    }

    /// Products of the same input that nothing else was fused with.
    fn siblings(&self, taken: &[bool]) -> impl Iterator<Item = Fused> {
        let mut families: Vec<(usize, Vec<usize>)> = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            let (Some(Piece::Linear(linear)), false) = (self.piece(index), taken[index]) else {
                continue;
            };
            if !linear.weight.shares_its_left_side() {
                continue;
            }
            let x = step.inputs[0];
            match families.iter_mut().find(|(slot, _)| *slot == x) {
                Some((_, members)) => members.push(index),
                None => families.push((x, vec![index])),
            }
        }
        families.into_iter().filter(|(_, members)| members.len() > 1).map(|(x, members)| {
            let parts = members.iter().filter_map(|&member| match self.piece(member) {
                Some(Piece::Linear(linear)) => Some(linear.clone()),
                _ => None,
            });
            let (before, parts, then) = (None, parts.collect(), Then::Nothing);
            let code = Prepared::kernel(Rows { before, parts, then });
            let steps = members.iter().map(|&member| &self.steps[member]);
            let outputs = steps.clone().flat_map(|step| step.outputs.clone()).collect();
            let sources = steps.map(|step| (step.origin.clone(), 0)).collect();
            let mut fused = self.fused(members, code, vec![x]);
            (fused.step.outputs, fused.step.sources) = (outputs, sources);
            fused
        })
    }

    /// Attention, and the transposes of heads before and after it.
    fn attention(&self) -> impl Iterator<Item = Fused> {
        (0..self.steps.len()).filter_map(|middle| {
            let Piece::Attention(attention) = self.piece(middle)? else { return None };
            let mut attention = attention.clone();
            let step = &self.steps[middle];
            let (mut inputs, mut members) = (step.inputs.clone(), Vec::new());
            for (i, operand) in
                [attention.query, attention.key, attention.value].into_iter().enumerate()
            {
                let Some(&maker) = self.makers.get(&inputs[operand]) else { continue };
                if let (Some(Piece::HeadsOut), Some(_)) =
                    (self.piece(maker), self.only_reader(maker))
                {
                    inputs[operand] = self.steps[maker].inputs[0];
                    attention.inside[i] = true;
                    members.push(maker);
                }
            }
            members.sort_unstable();
            members.push(middle);
            if let Some(last) = self.only_reader(middle)
                && let Some(Piece::HeadsOut) = self.piece(last)
                && self.slots[step.outputs[0]].shape.len() == 4
            {
                attention.inside[3] = true;
                members.push(last);
            }
            (members.len() > 1).then(|| self.fused(members, Prepared::kernel(attention), inputs))
        })
    }
}
