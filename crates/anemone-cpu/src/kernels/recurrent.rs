//! Recurrent layers: one product for the inputs of several steps, then step by step.

mod cell;

use std::sync::Arc;

use self::cell::{Activation, Cell, Spare};
use crate::array::Owned;
use crate::gemm::{Bias, Epilogue, Left, Matrix, PackedRight, Right, multiply};
use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;

/// Steps whose inputs are multiplied at once.
const STEPS: usize = 32;

struct Recurrent {
    directions: Vec<Direction>,
    hidden: usize,
    features: usize,
    /// Rows of the weights, in units of `hidden`.
    gates: usize,
    sequence: bool,
    x: usize,
    initial_h: usize,
    initial_c: Option<usize>,
}

/// One pass over the sequence.
struct Direction {
    reverse: bool,
    input: PackedRight,
    bias: Vec<f32>,
    cell: Cell,
}

pub(super) fn rnn(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let activation = activation(ctx, "activation")?;
    layer(ctx, 1, |ctx, hidden, suffix| {
        let recurrent = packed(&weight(ctx, "weight_hh", suffix)?, hidden)?;
        Ok((Cell::Rnn { recurrent, activation }, vec![0]))
    })
}

pub(super) fn gru(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let gate = activation(ctx, "recurrent_activation")?;
    let activation = activation(ctx, "activation")?;
    let has_reset_after = ctx.infer().has("reset_after");
    let reset_after = has_reset_after && ctx.infer().boolean("reset_after").is_ok_and(|r| r);
    layer(ctx, 3, |ctx, hidden, suffix| {
        let weights = weight(ctx, "weight_hh", suffix)?;
        // The file has the reset, output and update gates in this order.
        let candidate = block(&weights, 1, hidden * hidden)?;
        let gates =
            [block(&weights, 0, hidden * hidden)?, block(&weights, 2, hidden * hidden)?].concat();
        let after = match reset_after {
            true => match bias(ctx, "bias", suffix)? {
                Some(bias) => Some(block(&bias, 1, hidden)?.to_vec()),
                None => Some(vec![0.0; hidden]),
            },
            false => None,
        };
        let (gates, candidate) = (packed(&gates, hidden)?, packed(candidate, hidden)?);
        Ok((Cell::Gru { gates, candidate, after, gate, activation }, vec![0, 2, 1]))
    })
}

pub(super) fn lstm(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let gate = activation(ctx, "recurrent_activation")?;
    let cell = activation(ctx, "cell_activation")?;
    let activation = activation(ctx, "activation")?;
    let clip = match ctx.infer().has("clip") {
        true => Some(ctx.infer().float("clip").map_err(|f| f.to_string())?),
        false => None,
    };
    layer(ctx, 4, |ctx, hidden, suffix| {
        let recurrent = packed(&weight(ctx, "weight_hh", suffix)?, hidden)?;
        let peephole = bias(ctx, "peephole", suffix)?;
        let cell = Cell::Lstm { recurrent, peephole, clip, gate, cell, activation };
        Ok((cell, vec![0, 1, 2, 3]))
    })
}

/// A cell and the order of the file's gates in it.
type Ordered = (Cell, Vec<usize>);

fn layer(
    ctx: &mut PrepareCtx<'_>,
    gates: usize,
    cell: impl Fn(&PrepareCtx<'_>, usize, &str) -> Result<Ordered, String>,
) -> Result<Prepared, String> {
    let direction = ctx.infer().text("direction").map_err(|f| f.to_string())?;
    let passes: &[(&str, bool)] = match direction.as_str() {
        "forward" => &[("", false)],
        "reverse" => &[("", true)],
        _ => &[("", false), ("_back", true)],
    };
    let shape = ctx.infer().shape("weight_ih").map_err(|f| f.to_string())?;
    let [rows, features] = shape else { return Err("`weight_ih` is not a matrix".to_owned()) };
    let (Some(rows), Some(features)) = (rows.known(), features.known()) else {
        return Err("the size of `weight_ih` is not known".to_owned());
    };
    let hidden = rows / gates;
    if hidden == 0 || features == 0 {
        return Err(format!("a layer of {hidden} units for {features} features"));
    }
    let mut directions = Vec::with_capacity(passes.len());
    for &(suffix, reverse) in passes {
        let (cell, order) = cell(ctx, hidden, suffix)?;
        let weights = weight(ctx, "weight_ih", suffix)?;
        let mut input = Vec::with_capacity(weights.len());
        for &gate in &order {
            input.extend_from_slice(block(&weights, gate, hidden * features)?);
        }
        let mut sum = vec![0.0; rows];
        for name in ["bias", "input_bias"] {
            let Some(bias) = bias(ctx, name, suffix)? else { continue };
            for (sum, &gate) in sum.chunks_exact_mut(hidden).zip(&order) {
                // This part of the bias stands inside of the reset gate.
                if name == "bias" && gate == 1 && cell.resets_after() {
                    continue;
                }
                let bias = block(&bias, gate, hidden)?;
                sum.iter_mut().zip(bias).for_each(|(s, b)| *s += b);
            }
        }
        let input = packed(&input, features)?;
        directions.push(Direction { reverse, input, bias: sum, cell });
    }
    let sequence = ctx.infer().boolean("output_sequence").map_err(|f| f.to_string())?;
    let (x, initial_h) = (ctx.operand("x")?, ctx.operand("initial_h")?);
    let initial_c = match gates {
        4 => Some(ctx.operand("initial_c")?),
        _ => None,
    };
    Ok(Prepared::kernel(Recurrent {
        directions,
        hidden,
        features,
        gates,
        sequence,
        x,
        initial_h,
        initial_c,
    }))
}

fn activation(ctx: &PrepareCtx<'_>, input: &str) -> Result<Activation, String> {
    Activation::from_name(&ctx.infer().text(input).map_err(|f| f.to_string())?)
}

fn weight(ctx: &PrepareCtx<'_>, name: &str, suffix: &str) -> Result<Vec<f32>, String> {
    bias(ctx, name, suffix)?.ok_or_else(|| format!("`{name}{suffix}` must be a constant"))
}

fn bias(ctx: &PrepareCtx<'_>, name: &str, suffix: &str) -> Result<Option<Vec<f32>>, String> {
    let name = format!("{name}{suffix}");
    if !ctx.infer().has(&name) {
        return Ok(None);
    }
    let value: Arc<Owned> =
        ctx.constant(&name)?.ok_or_else(|| format!("`{name}` must be a constant"))?;
    let floats = value.floats().ok_or_else(|| format!("`{name}` holds no floats"))?;
    Ok(Some(floats.to_vec()))
}

/// Block `index` of blocks of this size.
fn block(values: &[f32], index: usize, size: usize) -> Result<&[f32], String> {
    values.chunks_exact(size).nth(index).ok_or_else(|| "weights are too short".to_owned())
}

/// The transpose of a matrix with this many columns, packed.
fn packed(weights: &[f32], columns: usize) -> Result<PackedRight, String> {
    PackedRight::new(Matrix::dense(weights, weights.len() / columns, columns).transposed())
}

impl Kernel for Recurrent {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let x = io.inputs[self.x];
        let &[steps, batch, features] = x.shape else {
            return Err(format!("`x` has shape {:?}", x.shape));
        };
        let width = self.directions.len() * self.hidden;
        if features != self.features {
            return Err(format!("`x` has {features} features, not {}", self.features));
        }
        let x = x.data.f32()?;
        let h = io.inputs[self.initial_h].data.f32()?;
        let c = match self.initial_c {
            Some(c) => io.inputs[c].data.f32()?,
            None => h,
        };
        if h.len() != batch * width || c.len() != h.len() {
            return Err(format!("the first state has {} elements, not {batch}x{width}", h.len()));
        }
        let mut outputs = io.outputs.iter_mut();
        let mut output = || outputs.next().ok_or("an output is missing")?.data.f32();
        let (all, last) = (output()?, output()?);
        let mut last_c = match self.initial_c {
            Some(_) => Some(output()?),
            None => None,
        };
        let written = if self.sequence { steps } else { 1 } * batch * width;
        if all.len() != written || last.len() != batch * width {
            return Err(format!("{steps} steps of {batch}x{width} do not fit the outputs"));
        }
        if batch == 0 {
            return Ok(());
        }
        let rows = batch * self.gates * self.hidden;
        let (projected, rest) = io.scratch.split_at_mut(steps.min(STEPS) * rows);
        for (number, direction) in self.directions.iter().enumerate() {
            let mut spare = Spare::new(rest, batch, self.hidden, self.gates)?;
            let own = number * self.hidden;
            let first = |state: &[f32], own_state: &mut [f32]| {
                for (row, from) in
                    own_state.chunks_exact_mut(self.hidden).zip(state.chunks_exact(width))
                {
                    row.copy_from_slice(&from[own..][..self.hidden]);
                }
            };
            first(h, spare.h);
            first(c, spare.c);
            let store = |out: &mut [f32], state: &[f32]| {
                for (row, to) in state.chunks_exact(self.hidden).zip(out.chunks_exact_mut(width)) {
                    to[own..][..self.hidden].copy_from_slice(row);
                }
            };
            for start in (0..steps).step_by(STEPS) {
                let count = STEPS.min(steps - start);
                let from = if direction.reverse { steps - start - count } else { start };
                let input = &x[from * batch * features..][..count * batch * features];
                let projected = &mut projected[..count * rows];
                multiply(
                    projected,
                    Left::Plain(Matrix::dense(input, count * batch, features)),
                    Right::Packed(&direction.input),
                    Epilogue::bias(Bias::Columns(&direction.bias)),
                    &mut [],
                )?;
                for k in 0..count {
                    let at = if direction.reverse { count - 1 - k } else { k };
                    direction.cell.step(&mut projected[at * rows..][..rows], &mut spare)?;
                    if self.sequence {
                        // A layer that runs in reverse alone gives its steps in the order in
                        // which it took them; beside a forward one, in that of the sequence.
                        let to = if self.directions.len() == 1 { start + k } else { from + at };
                        store(&mut all[to * batch * width..][..batch * width], spare.h);
                    }
                }
            }
            if !self.sequence {
                store(all, spare.h);
            }
            store(last, spare.h);
            if let Some(last_c) = &mut last_c {
                store(last_c, spare.c);
            }
        }
        Ok(())
    }

    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        let &[steps, batch, _] = inputs[self.x] else { return 0 };
        let row = self.gates.saturating_mul(self.hidden);
        let projected = steps.min(STEPS).saturating_mul(batch).saturating_mul(row);
        projected.saturating_add(Spare::count(batch, self.hidden, self.gates))
    }

    fn packed_bytes(&self) -> usize {
        self.directions.iter().map(|d| d.input.bytes() + d.cell.packed_bytes()).sum()
    }
}
