//! One step of a recurrent layer, for every row of the batch.

use rten_simd::SimdUnaryOp;
use rten_vecmath::{Sigmoid, Tanh};

use crate::gemm::{Bias, Epilogue, Left, Matrix, PackedRight, Right, multiply};

/// What a layer does in each step. Gates stand in this order in each row.
pub(super) enum Cell {
    /// The new state.
    Rnn { recurrent: PackedRight, activation: Activation },
    /// Reset, update and new state.
    Gru {
        /// Of the first two gates.
        gates: PackedRight,
        /// Of the third.
        candidate: PackedRight,
        /// The recurrent bias of the third, where the reset comes after its product.
        after: Option<Vec<f32>>,
        gate: Activation,
        activation: Activation,
    },
    /// Input, forget, output and cell.
    Lstm {
        recurrent: PackedRight,
        /// Of the first three gates.
        peephole: Option<Vec<f32>>,
        clip: Option<f32>,
        gate: Activation,
        cell: Activation,
        activation: Activation,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Activation {
    Tanh,
    Sigmoid,
    HardSigmoid,
    Relu,
    Linear,
}

/// The state of a layer, and room for products.
pub(super) struct Spare<'a> {
    pub(super) h: &'a mut [f32],
    pub(super) c: &'a mut [f32],
    product: &'a mut [f32],
    hidden: usize,
}

impl Spare<'_> {
    pub(super) fn new(
        memory: &mut [f32],
        batch: usize,
        hidden: usize,
        gates: usize,
    ) -> Result<Spare<'_>, String> {
        let short = "scratch memory is too small";
        let (h, rest) = memory.split_at_mut_checked(batch * hidden).ok_or(short)?;
        let (c, rest) = rest.split_at_mut_checked(batch * hidden).ok_or(short)?;
        let product = rest.get_mut(..batch * hidden * gates).ok_or(short)?;
        Ok(Spare { h, c, product, hidden })
    }

    /// How many numbers the memory must hold.
    pub(super) fn count(batch: usize, hidden: usize, gates: usize) -> usize {
        batch.saturating_mul(hidden).saturating_mul(gates.saturating_add(2))
    }
}

impl Cell {
    pub(super) fn resets_after(&self) -> bool {
        matches!(self, Cell::Gru { after: Some(_), .. })
    }

    pub(super) fn packed_bytes(&self) -> usize {
        match self {
            Cell::Rnn { recurrent, .. } | Cell::Lstm { recurrent, .. } => recurrent.bytes(),
            Cell::Gru { gates, candidate, .. } => gates.bytes() + candidate.bytes(),
        }
    }

    /// Takes the input's part of the gates to the next state.
    pub(super) fn step(&self, gates: &mut [f32], spare: &mut Spare<'_>) -> Result<(), String> {
        let n = spare.hidden;
        match self {
            Cell::Rnn { recurrent, activation } => {
                product(spare.product, spare.h, recurrent, n)?;
                add(gates, spare.product);
                activation.apply(gates);
                spare.h.copy_from_slice(gates);
            }
            Cell::Gru { gates: weights, candidate, after, gate, activation } => {
                let (two, one) = spare.product.split_at_mut(2 * spare.h.len());
                product(two, spare.h, weights, n)?;
                for (row, two) in gates.chunks_exact_mut(3 * n).zip(two.chunks_exact(2 * n)) {
                    add(&mut row[..2 * n], two);
                    gate.apply(&mut row[..2 * n]);
                }
                if let Some(bias) = after {
                    product(one, spare.h, candidate, n)?;
                    for (row, one) in gates.chunks_exact(3 * n).zip(one.chunks_exact_mut(n)) {
                        for ((one, bias), reset) in one.iter_mut().zip(bias).zip(row) {
                            *one = reset * (*one + bias);
                        }
                    }
                } else {
                    let reset = &mut two[..spare.h.len()];
                    for ((row, h), reset) in gates
                        .chunks_exact(3 * n)
                        .zip(spare.h.chunks_exact(n))
                        .zip(reset.chunks_exact_mut(n))
                    {
                        reset.iter_mut().zip(row).zip(h).for_each(|((o, r), h)| *o = r * h);
                    }
                    product(one, reset, candidate, n)?;
                }
                for ((row, h), one) in gates
                    .chunks_exact_mut(3 * n)
                    .zip(spare.h.chunks_exact_mut(n))
                    .zip(one.chunks_exact(n))
                {
                    let (row, new) = row.split_at_mut(2 * n);
                    add(new, one);
                    activation.apply(new);
                    for ((h, new), update) in h.iter_mut().zip(new).zip(&row[n..]) {
                        *h = (1.0 - update) * *new + update * *h;
                    }
                }
            }
            Cell::Lstm { recurrent, peephole, clip, gate, cell, activation } => {
                product(spare.product, spare.h, recurrent, n)?;
                add(gates, spare.product);
                let states = spare.c.chunks_exact_mut(n).zip(spare.h.chunks_exact_mut(n));
                for (row, (c, h)) in gates.chunks_exact_mut(4 * n).zip(states) {
                    if let Some(peephole) = peephole {
                        peep(&mut row[..n], c, &peephole[..n]);
                        peep(&mut row[n..2 * n], c, &peephole[n..2 * n]);
                    }
                    gate.apply(&mut row[..2 * n]);
                    cell.apply(&mut row[3 * n..]);
                    let (first, rest) = row.split_at_mut(2 * n);
                    let (output, new) = rest.split_at_mut(n);
                    for (k, c) in c.iter_mut().enumerate() {
                        *c = first[n + k] * *c + first[k] * new[k];
                        if let Some(clip) = clip {
                            *c = c.clamp(-clip, *clip);
                        }
                    }
                    if let Some(peephole) = peephole {
                        peep(output, c, &peephole[2 * n..]);
                    }
                    gate.apply(output);
                    h.copy_from_slice(c);
                    activation.apply(h);
                    h.iter_mut().zip(output).for_each(|(h, o)| *h *= *o);
                }
            }
        }
        Ok(())
    }
}

fn product(
    out: &mut [f32],
    state: &[f32],
    weights: &PackedRight,
    hidden: usize,
) -> Result<(), String> {
    let left = Left::Plain(Matrix::dense(state, state.len() / hidden, hidden));
    multiply(out, left, Right::Packed(weights), Epilogue::bias(Bias::None), &mut [])
}

fn add(to: &mut [f32], from: &[f32]) {
    to.iter_mut().zip(from).for_each(|(t, f)| *t += f);
}

/// Adds what a gate sees of the cell.
fn peep(gate: &mut [f32], cell: &[f32], weights: &[f32]) {
    gate.iter_mut().zip(cell).zip(weights).for_each(|((g, c), w)| *g += c * w);
}

impl Activation {
    /// The activation of this name, whatever its case.
    pub(super) fn from_name(name: &str) -> Result<Activation, String> {
        match name.to_lowercase().as_str() {
            // With its default scales, the scaled one is the same.
            "tanh" | "scaled_tanh" => Ok(Activation::Tanh),
            "sigmoid" => Ok(Activation::Sigmoid),
            "hard_sigmoid" | "sigmoid_hard" => Ok(Activation::HardSigmoid),
            "relu" => Ok(Activation::Relu),
            "linear" => Ok(Activation::Linear),
            _ => Err(format!("there is no activation `{name}`")),
        }
    }

    fn apply(self, values: &mut [f32]) {
        match self {
            Activation::Tanh => Tanh {}.map_mut(values),
            Activation::Sigmoid => Sigmoid {}.map_mut(values),
            Activation::HardSigmoid => {
                values.iter_mut().for_each(|v| *v = (0.2 * *v + 0.5).clamp(0.0, 1.0));
            }
            // A NaN stays one.
            Activation::Relu => {
                values.iter_mut().for_each(|v| *v = if *v < 0.0 { 0.0 } else { *v })
            }
            Activation::Linear => {}
        }
    }
}
