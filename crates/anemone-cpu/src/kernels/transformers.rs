//! Fused attention: scores, softmax and the weighted sum, for a few rows of one head at a time.

use std::cell::RefCell;

use anemone_ir::Dim;
use anemone_ir::infer::broadcast;
use rayon::prelude::*;
use rten_simd::SimdOp;

use crate::array::{Data, View};
use crate::attention::{Addend, Head, Rows};
use crate::fuse::Piece;
use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;

/// Rows that a task computes.
const ROWS: usize = 128;
/// Multiplications that are worth a second thread.
const WORK: usize = 1 << 20;

/// Which operand is which, and how heads lie in them.
#[derive(Clone)]
pub(crate) struct Attention {
    pub(crate) query: usize,
    pub(crate) key: usize,
    pub(crate) value: usize,
    pub(crate) mask: Option<usize>,
    /// Whether the heads of query, key, value and output stand inside the rows, as
    /// `[batch, rows, heads, width]`.
    pub(crate) inside: [bool; 4],
}

pub(super) fn attention(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    Ok(Prepared::kernel(Attention {
        query: ctx.operand("query")?,
        key: ctx.operand("key")?,
        value: ctx.operand("value")?,
        mask: ctx.optional_operand("attn_mask")?,
        inside: [false; 4],
    }))
}

/// A stack of matrices in memory, a head each.
#[derive(Clone, Debug, PartialEq)]
struct Stack {
    /// All axes before the last two, as if heads stood outside.
    axes: Vec<usize>,
    rows: usize,
    width: usize,
    /// Heads that lie inside one row, and the distance from one row to the next.
    inside: usize,
    step: usize,
}

impl Stack {
    fn new(shape: &[usize], inside: bool) -> Result<Stack, String> {
        match *shape {
            [batch, rows, heads, width] if inside => {
                let step = heads.saturating_mul(width);
                Ok(Stack { axes: vec![batch, heads], rows, width, inside: heads, step })
            }
            [ref axes @ .., rows, width] if !inside => {
                Ok(Stack { axes: axes.to_vec(), rows, width, inside: 1, step: width })
            }
            _ => Err("`query`, `key` and `value` need at least two axes".to_owned()),
        }
    }

    /// Where a head's matrix begins.
    fn start(&self, head: usize) -> usize {
        head / self.inside * self.rows * self.step + head % self.inside * self.width
    }

    fn head<'a>(&self, data: &'a [f32], head: usize) -> Head<'a> {
        Head::new(&data[self.start(head)..], self.rows, self.width, self.step)
    }
}

thread_local! {
    /// What a thread works in.
    static LANE: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl Attention {
    fn stacks(&self, inputs: &[View<'_>]) -> Result<[Stack; 3], String> {
        let stack =
            |index: usize, inside: usize| Stack::new(inputs[index].shape, self.inside[inside]);
        let [q, k, v] = [stack(self.query, 0)?, stack(self.key, 1)?, stack(self.value, 2)?];
        if q.axes != k.axes || q.axes != v.axes || q.width != k.width || k.rows != v.rows {
            let [q, k, v] = [self.query, self.key, self.value].map(|i| inputs[i].shape);
            return Err(format!("{q:?}, {k:?} and {v:?} do not fit together"));
        }
        Ok([q, k, v])
    }
}

impl Kernel for Attention {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let [queries, keys, values] = self.stacks(io.inputs)?;
        let floats = |index: usize| -> Result<&[f32], String> { io.inputs[index].data.f32() };
        let (q, k, v) = (floats(self.query)?, floats(self.key)?, floats(self.value)?);
        let scores = [queries.axes.as_slice(), &[queries.rows, keys.rows]].concat();
        let mask = match self.mask {
            Some(index) => Some(Mask::new(io.inputs[index], &scores)?),
            None => None,
        };
        let out = io.outputs[0].data.f32()?;
        if out.is_empty() {
            return Ok(());
        }
        if keys.rows == 0 {
            out.fill(f32::NAN);
            return Ok(());
        }
        // Heads that one task computes, as their results lie between each other.
        let heads = if self.inside[3] { queries.axes[1] } else { 1 };
        let (rows, width) = (queries.rows, values.width);
        let mut tasks: Vec<(usize, usize, &mut [f32])> = Vec::new();
        for (group, out) in out.chunks_mut(rows * heads * width).enumerate() {
            let blocks = out.chunks_mut(ROWS * heads * width).enumerate();
            tasks.extend(blocks.map(|(block, out)| (group * heads, block * ROWS, out)));
        }
        let task = |(first, start, out): &mut (usize, usize, &mut [f32])| {
            LANE.with_borrow_mut(|scratch| {
                for head in 0..heads {
                    let addend = |row: usize, scores: &mut [f32]| match &mask {
                        None => Addend::Added,
                        Some(mask) => mask.addend(*first + head, row, scores),
                    };
                    Rows {
                        query: queries.head(q, *first + head),
                        key: keys.head(k, *first + head),
                        value: values.head(v, *first + head),
                        rows: *start..*start + out.len() / (heads * width),
                        addend: &addend,
                        out: &mut out[head * width..],
                        step: heads * width,
                        scratch,
                    }
                    .dispatch();
                }
            });
        };
        let work = scores.iter().chain([&width]).fold(1, |n: usize, &size| n.saturating_mul(size));
        if work < WORK {
            tasks.iter_mut().for_each(task);
        } else {
            tasks.par_iter_mut().for_each(task);
        }
        Ok(())
    }

    fn piece(&self) -> Option<Piece> {
        Some(Piece::Attention(self.clone()))
    }
}

/// What is added to the scores, broadcast to their shape.
struct Mask<'a> {
    data: Data<'a>,
    /// Sizes of the stack's axes from the last, and how far the mask moves along them.
    stack: Vec<(usize, usize)>,
    row_step: usize,
    column_step: usize,
}

impl<'a> Mask<'a> {
    fn new(mask: View<'a>, scores: &[usize]) -> Result<Mask<'a>, String> {
        let dims = |shape: &[usize]| shape.iter().map(|&n| Dim::from(n)).collect::<Vec<_>>();
        let wide = broadcast(&dims(mask.shape), &dims(scores)).map_err(|f| f.to_string())?;
        if wide != dims(scores) {
            return Err(format!("a mask of {:?} does not broadcast to {scores:?}", mask.shape));
        }
        let mut step = 1;
        let mut steps: Vec<(usize, usize)> = Vec::with_capacity(scores.len());
        for axis in 0..scores.len() {
            let size = mask.shape.len().checked_sub(axis + 1).map_or(1, |i| mask.shape[i]);
            steps.push((scores[scores.len() - 1 - axis], if size == 1 { 0 } else { step }));
            step *= size;
        }
        let stack = steps.split_off(2);
        Ok(Mask { data: mask.data, stack, row_step: steps[1].1, column_step: steps[0].1 })
    }

    /// Adds the mask to a row of scores, or gives what is to be added to them.
    fn addend(&self, mut head: usize, row: usize, scores: &mut [f32]) -> Addend<'a> {
        let mut start = row * self.row_step;
        for (size, step) in &self.stack {
            start += head % size * step;
            head /= size;
        }
        let at = |column: usize| start + column * self.column_step;
        match self.data {
            Data::F32(mask) if self.column_step == 1 => {
                return Addend::Left(&mask[start..][..scores.len()]);
            }
            Data::F32(mask) => {
                scores.iter_mut().enumerate().for_each(|(i, score)| *score += mask[at(i)]);
            }
            Data::Bool(mask) => {
                for (i, score) in scores.iter_mut().enumerate() {
                    if mask[at(i)] == 0 {
                        *score = f32::NEG_INFINITY;
                    }
                }
            }
            Data::I32(mask) => {
                scores.iter_mut().enumerate().for_each(|(i, score)| *score += mask[at(i)] as f32);
            }
        }
        Addend::Added
    }
}
