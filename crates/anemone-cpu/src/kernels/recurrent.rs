//! Recurrent layers: one product for all inputs, then step by step.

use std::sync::Arc;

use rten_simd::SimdUnaryOp;
use rten_vecmath::{Sigmoid, Tanh};

use crate::array::Owned;
use crate::gemm::{self, Bias, Epilogue, Left, Matrix, PackedRight, Right};
use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;

#[derive(Clone, Copy)]
enum Activation {
    Tanh,
    Sigmoid,
    HardSigmoid,
    Relu,
    Linear,
}

impl Activation {
    fn new(ctx: &PrepareCtx<'_>, input: &str) -> Result<Activation, String> {
        let name = ctx.infer().text(input).map_err(|fault| fault.to_string())?;
        match name.to_lowercase().as_str() {
            // With the scales that Core ML uses here the two are the same.
            "tanh" | "scaled_tanh" => Ok(Activation::Tanh),
            "sigmoid" => Ok(Activation::Sigmoid),
            "hard_sigmoid" | "sigmoid_hard" => Ok(Activation::HardSigmoid),
            "relu" => Ok(Activation::Relu),
            "linear" => Ok(Activation::Linear),
            other => Err(format!("there is no activation `{other}`")),
        }
    }

    fn apply(self, x: &mut [f32]) {
        match self {
            Activation::Tanh => Tanh {}.map_mut(x),
            Activation::Sigmoid => Sigmoid {}.map_mut(x),
            Activation::HardSigmoid => {
                x.iter_mut().for_each(|x| *x = (0.2 * *x + 0.5).clamp(0.0, 1.0));
            }
            Activation::Relu => x.iter_mut().filter(|x| **x < 0.0).for_each(|x| *x = 0.0),
            Activation::Linear => {}
        }
    }
}

/// What a step makes of its gates.
enum Cell {
    /// h = activation(g)
    Plain(Activation),
    /// Gates: reset, output, update.
    Gru { gate: Activation, activation: Activation, reset_after: bool },
    /// Gates: input, forget, output, cell.
    Lstm { gate: Activation, cell: Activation, activation: Activation, clip: Option<f32> },
}

impl Cell {
    fn gates(&self) -> usize {
        match self {
            Cell::Plain(_) => 1,
            Cell::Gru { .. } => 3,
            Cell::Lstm { .. } => 4,
        }
    }
}

/// The weights of one direction.
struct Direction {
    input: PackedRight,
    /// Weights of the state, in parts that need their own product.
    state: Vec<PackedRight>,
    /// Added to the product of the inputs.
    bias: Vec<f32>,
    /// Added to the state's part of the output gate, before it is reset.
    reset_bias: Vec<f32>,
    peephole: Option<Arc<Owned>>,
}

struct Layer {
    cell: Cell,
    directions: Vec<Direction>,
    hidden: usize,
    features: usize,
    reverse: bool,
    sequence: bool,
}

pub(super) fn rnn(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let cell = Cell::Plain(Activation::new(ctx, "activation")?);
    layer(ctx, cell, &["x", "initial_h"])
}

pub(super) fn gru(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let reset_after = match ctx.node.input("reset_after") {
        [] => false,
        _ => ctx.infer().boolean("reset_after").map_err(|fault| fault.to_string())?,
    };
    let gate = Activation::new(ctx, "recurrent_activation")?;
    let cell = Cell::Gru { gate, activation: Activation::new(ctx, "activation")?, reset_after };
    layer(ctx, cell, &["x", "initial_h"])
}

pub(super) fn lstm(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let clip = match ctx.node.input("clip") {
        [] => None,
        _ => Some(ctx.infer().float("clip").map_err(|fault| fault.to_string())?),
    };
    let cell = Cell::Lstm {
        gate: Activation::new(ctx, "recurrent_activation")?,
        cell: Activation::new(ctx, "cell_activation")?,
        activation: Activation::new(ctx, "activation")?,
        clip,
    };
    layer(ctx, cell, &["x", "initial_h", "initial_c"])
}

fn layer(ctx: &mut PrepareCtx<'_>, cell: Cell, operands: &[&str]) -> Result<Prepared, String> {
    for input in operands {
        ctx.operand(input)?;
    }
    let name = ctx.infer().text("direction").map_err(|fault| fault.to_string())?;
    let sequence = ctx.infer().boolean("output_sequence").map_err(|fault| fault.to_string())?;
    let weight = weight(ctx, "weight_ih")?;
    let &[rows, features] = weight.shape.as_slice() else {
        return Err("`weight_ih` is not a matrix".to_owned());
    };
    let hidden = rows / cell.gates();
    let mut directions = vec![direction(ctx, &cell, "", hidden, features)?];
    if name == "bidirectional" {
        directions.push(direction(ctx, &cell, "_back", hidden, features)?);
    }
    let reverse = name == "reverse";
    Ok(Prepared::kernel(Layer { cell, directions, hidden, features, reverse, sequence }))
}

fn weight(ctx: &PrepareCtx<'_>, input: &str) -> Result<Arc<Owned>, String> {
    ctx.constant(input)?.ok_or_else(|| format!("`{input}` is not a constant"))
}

fn direction(
    ctx: &PrepareCtx<'_>,
    cell: &Cell,
    suffix: &str,
    hidden: usize,
    features: usize,
) -> Result<Direction, String> {
    let all = cell.gates() * hidden;
    let input = weight(ctx, &format!("weight_ih{suffix}"))?;
    let state = weight(ctx, &format!("weight_hh{suffix}"))?;
    if input.shape != [all, features] || state.shape != [all, hidden] {
        return Err(format!("weights of {:?} and {:?}", input.shape, state.shape));
    }
    let pack = |rows: &[f32], columns: usize| {
        PackedRight::new(Matrix::dense(rows, rows.len() / columns.max(1), columns).transposed())
    };
    let vector = |input: &str, count: usize| match ctx.node.input(input) {
        [] => Ok(None),
        _ => {
            let vector = weight(ctx, input)?;
            let fits = vector.floats().is_some_and(|v| v.len() == count);
            if fits { Ok(Some(vector)) } else { Err(format!("`{input}` has another length")) }
        }
    };
    let mut bias = vec![0.0; all];
    let mut reset_bias = vec![0.0; hidden];
    let mut add = |source: &Owned, delayed: bool| {
        for (i, &value) in source.floats().unwrap_or_default().iter().enumerate() {
            if delayed && (hidden..2 * hidden).contains(&i) {
                reset_bias[i - hidden] += value;
            } else {
                bias[i] += value;
            }
        }
    };
    if let Some(source) = vector(&format!("bias{suffix}"), all)? {
        add(&source, matches!(cell, Cell::Gru { reset_after: true, .. }));
    }
    if let Some(source) = vector("input_bias", all)? {
        add(&source, false);
    }
    let floats = |owned: &Arc<Owned>| owned.floats().map(<[f32]>::to_vec).ok_or("no floats");
    let (input, state) = (floats(&input)?, floats(&state)?);
    let part = |gate: usize| &state[gate * hidden * hidden..(gate + 1) * hidden * hidden];
    let state = match cell {
        Cell::Plain(_) | Cell::Lstm { .. } => vec![pack(&state, hidden)?],
        Cell::Gru { .. } => {
            vec![pack(&[part(0), part(2)].concat(), hidden)?, pack(part(1), hidden)?]
        }
    };
    let peephole = vector(&format!("peephole{suffix}"), 3 * hidden)?;
    Ok(Direction { input: pack(&input, features)?, state, bias, reset_bias, peephole })
}

/// Memory of one direction's run.
struct Work<'a> {
    /// Gates of the inputs of all steps.
    inputs: &'a mut [f32],
    /// The state's part of the gates of one step.
    gates: &'a mut [f32],
    h: &'a mut [f32],
    c: &'a mut [f32],
    product: &'a mut [f32],
}

impl Kernel for Layer {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let &[steps, batch, features] = io.inputs[0].shape else {
            return Err("`x` does not have three axes".to_owned());
        };
        let state = [batch, self.directions.len() * self.hidden];
        if features != self.features || io.inputs[1..].iter().any(|v| v.shape != state) {
            let shapes: Vec<&[usize]> = io.inputs.iter().map(|v| v.shape).collect();
            return Err(format!("inputs of shapes {shapes:?} do not fit the weights"));
        }
        for at in 0..self.directions.len() {
            self.direction(io, at, steps, batch)?;
        }
        Ok(())
    }

    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        let &[steps, batch, _] = inputs[0] else { return 0 };
        let gates = self.cell.gates() * self.hidden;
        let rows = steps.saturating_add(1).saturating_mul(batch);
        let states = batch.saturating_mul(2 * self.hidden);
        rows.saturating_mul(gates).saturating_add(states).saturating_add(gemm::scratch(1, gates))
    }

    fn packed_bytes(&self) -> usize {
        let bytes = |d: &Direction| {
            let vectors = (d.bias.len() + d.reset_bias.len()) * 4;
            d.input.bytes() + d.state.iter().map(PackedRight::bytes).sum::<usize>() + vectors
        };
        self.directions.iter().map(bytes).sum()
    }
}

impl Layer {
    fn direction(
        &self,
        io: &mut Io<'_, '_>,
        at: usize,
        steps: usize,
        batch: usize,
    ) -> Result<(), String> {
        let (hidden, gates) = (self.hidden, self.cell.gates() * self.hidden);
        let direction = &self.directions[at];
        let (inputs, rest) = io.scratch.split_at_mut(steps * batch * gates);
        let (per_step, rest) = rest.split_at_mut(batch * gates);
        let (h, rest) = rest.split_at_mut(batch * hidden);
        let (c, product) = rest.split_at_mut(batch * hidden);
        let mut work = Work { inputs, gates: per_step, h, c, product };
        let width = self.directions.len() * hidden;
        for (state, input) in [&mut *work.h, &mut *work.c].into_iter().zip(&io.inputs[1..]) {
            columns(input.data.f32()?, width, at * hidden, state, hidden);
        }
        if steps * batch > 0 {
            let x = Matrix::dense(io.inputs[0].data.f32()?, steps * batch, self.features);
            let epilogue = Epilogue::bias(Bias::Columns(&direction.bias));
            let right = Right::Packed(&direction.input);
            gemm::multiply(work.inputs, Left::Plain(x), right, epilogue, work.product)?;
        }
        let backward = self.reverse || at == 1;
        for step in 0..steps {
            let time = if backward { steps - 1 - step } else { step };
            self.step(direction, &mut work, time, batch)?;
            if self.sequence {
                // One direction alone gives its outputs in the order of its steps.
                let place = if self.directions.len() > 1 { time } else { step };
                let out = &mut io.outputs[0].data.f32()?[place * batch * width..][..batch * width];
                spread(work.h, hidden, out, width, at * hidden);
            }
        }
        let states = [&*work.h, &*work.h, &*work.c];
        for (i, (out, state)) in io.outputs.iter_mut().zip(states).enumerate() {
            if i > 0 || !self.sequence {
                spread(state, hidden, out.data.f32()?, width, at * hidden);
            }
        }
        Ok(())
    }

    fn step(
        &self,
        direction: &Direction,
        work: &mut Work<'_>,
        time: usize,
        batch: usize,
    ) -> Result<(), String> {
        let (hidden, gates) = (self.hidden, self.cell.gates() * self.hidden);
        let inputs = &mut work.inputs[time * batch * gates..(time + 1) * batch * gates];
        let product = |h: &[f32], out: &mut [f32], part: usize, scratch: &mut [f32]| {
            let left = Left::Plain(Matrix::dense(h, batch, hidden));
            let right = Right::Packed(&direction.state[part]);
            gemm::multiply(out, left, right, Epilogue::bias(Bias::None), scratch)
        };
        match self.cell {
            Cell::Plain(activation) => {
                product(work.h, work.gates, 0, work.product)?;
                work.h.copy_from_slice(inputs);
                add(work.h, work.gates);
                activation.apply(work.h);
            }
            Cell::Lstm { gate, cell, activation, clip } => {
                product(work.h, work.gates, 0, work.product)?;
                add(inputs, work.gates);
                let peephole = direction.peephole.as_ref().and_then(|p| p.floats());
                let rows = inputs.chunks_exact_mut(gates);
                let states = work.h.chunks_exact_mut(hidden).zip(work.c.chunks_exact_mut(hidden));
                for (row, (h, c)) in rows.zip(states) {
                    let (both, rest) = row.split_at_mut(2 * hidden);
                    let (output, update) = rest.split_at_mut(hidden);
                    if let Some(peephole) = peephole {
                        for (i, both) in both.iter_mut().enumerate() {
                            *both += c[i % hidden] * peephole[i];
                        }
                    }
                    gate.apply(both);
                    cell.apply(update);
                    for (i, c) in c.iter_mut().enumerate() {
                        *c = *c * both[hidden + i] + both[i] * update[i];
                        if let Some(clip) = clip.filter(|clip| c.abs() > *clip) {
                            *c = clip.copysign(*c);
                        }
                    }
                    if let Some(peephole) = peephole {
                        for (i, output) in output.iter_mut().enumerate() {
                            *output += c[i] * peephole[2 * hidden + i];
                        }
                    }
                    gate.apply(output);
                    h.copy_from_slice(c);
                    activation.apply(h);
                    h.iter_mut().zip(&*output).for_each(|(h, o)| *h *= o);
                }
            }
            Cell::Gru { gate, activation, reset_after } => {
                let (both, output) = work.gates.split_at_mut(2 * batch * hidden);
                product(work.h, both, 0, work.product)?;
                let rows = inputs.chunks_exact_mut(gates).zip(both.chunks_exact(2 * hidden));
                for ((row, both), c) in rows.zip(work.c.chunks_exact_mut(hidden)) {
                    let (reset, rest) = row.split_at_mut(hidden);
                    let update = &mut rest[hidden..];
                    add(reset, &both[..hidden]);
                    add(update, &both[hidden..]);
                    gate.apply(reset);
                    gate.apply(update);
                    c.copy_from_slice(reset);
                }
                // `c` holds the reset gate, and what the output gate sees of the state.
                if reset_after {
                    product(work.h, output, 1, work.product)?;
                } else {
                    work.c.iter_mut().zip(&*work.h).for_each(|(c, h)| *c *= h);
                    product(work.c, output, 1, work.product)?;
                }
                let rows = inputs.chunks_exact_mut(gates).zip(output.chunks_exact(hidden));
                for ((row, seen), h) in rows.zip(work.h.chunks_exact_mut(hidden)) {
                    let (reset, rest) = row.split_at_mut(hidden);
                    let (output, update) = rest.split_at_mut(hidden);
                    for (i, output) in output.iter_mut().enumerate() {
                        *output += match reset_after {
                            true => reset[i] * (seen[i] + direction.reset_bias[i]),
                            false => seen[i],
                        };
                    }
                    activation.apply(output);
                    for (i, h) in h.iter_mut().enumerate() {
                        *h = (1.0 - update[i]) * output[i] + update[i] * *h;
                    }
                }
            }
        }
        Ok(())
    }
}

fn add(out: &mut [f32], x: &[f32]) {
    out.iter_mut().zip(x).for_each(|(out, x)| *out += x);
}

/// Columns of a matrix of this width, from `first` on, as a matrix of their own.
fn columns(from: &[f32], width: usize, first: usize, to: &mut [f32], count: usize) {
    if count > 0 {
        let rows = from.chunks_exact(width).zip(to.chunks_exact_mut(count));
        rows.for_each(|(from, to)| to.copy_from_slice(&from[first..first + count]));
    }
}

/// The way back.
fn spread(from: &[f32], count: usize, to: &mut [f32], width: usize, first: usize) {
    if count > 0 {
        let rows = from.chunks_exact(count).zip(to.chunks_exact_mut(width));
        rows.for_each(|(from, to)| to[first..first + count].copy_from_slice(from));
    }
}
