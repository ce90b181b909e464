//! Fused attention: scores, softmax and the weighted sum, for a few rows of one head at a time.

use anemone_ir::Dim;
use anemone_ir::infer::broadcast;
use rayon::prelude::*;
use rten_simd::SimdOp;
use rten_vecmath::Softmax;

use crate::array::{Data, View};
use crate::gemm::{self, Bias, Epilogue, Left, Matrix, Right};
use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;

/// Rows of scores that one task holds.
const ROWS: usize = 64;
/// Tasks that run at the same time, each with its own scratch memory.
const LANES: usize = 16;

struct Attention {
    query: usize,
    key: usize,
    value: usize,
    mask: Option<usize>,
}

pub(super) fn attention(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    Ok(Prepared::kernel(Attention {
        query: ctx.operand("query")?,
        key: ctx.operand("key")?,
        value: ctx.operand("value")?,
        mask: ctx.optional_operand("attn_mask")?,
    }))
}

/// The sizes of one run.
struct Sizes {
    heads: usize,
    /// Query rows, key rows, and the widths of queries and values.
    rows: usize,
    length: usize,
    width: usize,
    values: usize,
}

impl Sizes {
    fn new(query: &[usize], key: &[usize], value: &[usize]) -> Result<Sizes, String> {
        let (
            [stack @ .., rows, width],
            [k_stack @ .., length, k],
            [v_stack @ .., v_length, values],
        ) = (query, key, value)
        else {
            return Err("`query`, `key` and `value` need at least two axes".to_owned());
        };
        if stack != k_stack || stack != v_stack || width != k || length != v_length {
            return Err(format!("{query:?}, {key:?} and {value:?} do not fit together"));
        }
        let heads = stack.iter().product();
        Ok(Sizes { heads, rows: *rows, length: *length, width: *width, values: *values })
    }

    fn rows_each(&self) -> usize {
        self.rows.min(ROWS)
    }

    fn scratch_each(&self) -> [usize; 2] {
        let single = gemm::scratch(1, self.length.max(self.values));
        [self.rows_each().saturating_mul(self.length), single]
    }
}

impl Kernel for Attention {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let [query, key, value] = [self.query, self.key, self.value].map(|i| io.inputs[i]);
        let sizes = Sizes::new(query.shape, key.shape, value.shape)?;
        let (q, k, v) = (query.data.f32()?, key.data.f32()?, value.data.f32()?);
        let mask = match self.mask {
            Some(index) => Some(Mask::new(io.inputs[index], query.shape, &sizes)?),
            None => None,
        };
        let out = io.outputs[0].data.f32()?;
        if out.is_empty() {
            return Ok(());
        }
        if sizes.length == 0 {
            out.fill(f32::NAN);
            return Ok(());
        }
        let tasks_per_head = sizes.rows.div_ceil(ROWS);
        let [scores, single] = sizes.scratch_each();
        let mut tasks: Vec<(usize, usize, &mut [f32])> = Vec::new();
        for (head, out) in out.chunks_mut(sizes.rows * sizes.values).enumerate() {
            let blocks = out.chunks_mut(ROWS * sizes.values).enumerate();
            tasks.extend(blocks.map(|(block, out)| (head, block * ROWS, out)));
        }
        debug_assert_eq!(tasks.len(), tasks_per_head * sizes.heads);
        for turn in tasks.chunks_mut(LANES) {
            let lanes = turn.par_iter_mut().zip(io.scratch.par_chunks_mut(scores + single));
            lanes.try_for_each(|((head, first, out), scratch)| {
                let (scores, single) = scratch.split_at_mut(scores);
                let rows = out.len() / sizes.values;
                let scores = &mut scores[..rows * sizes.length];
                let start = (*head * sizes.rows + *first) * sizes.width;
                let q = Matrix::dense(&q[start..][..rows * sizes.width], rows, sizes.width);
                let keys = sizes.length * sizes.width;
                let k = Matrix::dense(&k[*head * keys..][..keys], sizes.length, sizes.width);
                let scale = 1.0 / (sizes.width as f32).sqrt();
                let epilogue = Epilogue { scale, bias: Bias::None };
                let (q, k) = (Left::Plain(q), Right::Plain(k.transposed()));
                gemm::multiply(scores, q, k, epilogue, single)?;
                for (row, scores) in scores.chunks_mut(sizes.length).enumerate() {
                    if let Some(mask) = &mask {
                        mask.add(*head, *first + row, scores);
                    }
                    Softmax::new_mut(scores).dispatch();
                }
                let size = sizes.length * sizes.values;
                let v = Matrix::dense(&v[*head * size..][..size], sizes.length, sizes.values);
                let scores = Left::Plain(Matrix::dense(scores, rows, sizes.length));
                gemm::multiply(out, scores, Right::Plain(v), Epilogue::bias(Bias::None), single)
            })?;
        }
        Ok(())
    }

    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        let [query, key, value] = [self.query, self.key, self.value].map(|i| inputs[i]);
        let Ok(sizes) = Sizes::new(query, key, value) else { return 0 };
        let lanes = sizes.heads.saturating_mul(sizes.rows.div_ceil(ROWS)).min(LANES);
        let [scores, single] = sizes.scratch_each();
        lanes.saturating_mul(scores.saturating_add(single))
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
    fn new(mask: View<'a>, query: &[usize], sizes: &Sizes) -> Result<Mask<'a>, String> {
        let scores = [&query[..query.len() - 1], &[sizes.length]].concat();
        let dims = |shape: &[usize]| shape.iter().map(|&n| Dim::from(n)).collect::<Vec<_>>();
        let wide = broadcast(&dims(mask.shape), &dims(&scores)).map_err(|f| f.to_string())?;
        if wide != dims(&scores) {
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

    fn add(&self, mut head: usize, row: usize, scores: &mut [f32]) {
        let mut start = row * self.row_step;
        for (size, step) in &self.stack {
            start += head % size * step;
            head /= size;
        }
        let at = |column: usize| start + column * self.column_step;
        for (column, score) in scores.iter_mut().enumerate() {
            match self.data {
                Data::F32(mask) => *score += mask[at(column)],
                Data::Bool(mask) if mask[at(column)] == 0 => *score = f32::NEG_INFINITY,
                Data::Bool(_) => {}
                Data::I32(mask) => *score += mask[at(column)] as f32,
            }
        }
    }
}
