//! Products of one input with constant weights, and what is done with their rows while these are in
//! cache.

use std::sync::Arc;

use super::Map;
use crate::gemm::{self, Part};
use crate::kernel::{Io, Kernel, Short};
use crate::kernels::{LayerNorm, Linear};

/// Rows between two products that are held at a time.
const HELD: usize = 1024;

/// What is done with the rows of a product.
pub(super) enum Then {
    Nothing,
    Map(Map),
    /// Operand 1 is added, and the sum is normalised.
    AddNorm(Arc<LayerNorm>),
}

/// Operand 0 times the weights of each part.
pub(super) struct Rows {
    /// A product whose rows, mapped, take the place of the operand.
    pub(super) before: Option<(Arc<Linear>, Map)>,
    pub(super) parts: Vec<Arc<Linear>>,
    pub(super) then: Then,
}

impl Rows {
    fn first(&self) -> Result<&Arc<Linear>, String> {
        let first = self.before.as_ref().map(|(linear, _)| linear).or(self.parts.first());
        first.ok_or_else(|| "there is no product".to_owned())
    }

    /// Multiplies rows, the first of which is row `start` of all.
    fn multiply(
        &self,
        start: usize,
        x: &[f32],
        outs: Short<&mut [f32]>,
        more: &[f32],
        scratch: &mut [f32],
    ) -> Result<(), String> {
        let mut parts = Vec::with_capacity(self.parts.len());
        for (linear, out) in self.parts.iter().zip(outs) {
            parts.push((&linear.weight, Part { bias: linear.bias()?, out }));
        }
        match &self.then {
            Then::Nothing => gemm::multiply_each(parts, x, &|_, _| {}, scratch),
            Then::Map(map) => gemm::multiply_each(parts, x, &|_, rows| map(rows), scratch),
            Then::AddNorm(norm) => {
                let columns = self.parts.first().map_or(0, |linear| linear.weight.columns());
                let finish = |first: usize, rows: &mut [f32]| {
                    let more = more[(start + first) * columns..].chunks_exact(columns);
                    for (row, more) in rows.chunks_exact_mut(columns).zip(more) {
                        row.iter_mut().zip(more).for_each(|(x, more)| *x += more);
                        norm.row(row);
                    }
                };
                gemm::multiply_each(parts, x, &finish, scratch)
            }
        }
    }
}

impl Kernel for Rows {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let x = io.inputs[0];
        let rows = self.first()?.rows(x.shape)?;
        let x = x.data.f32()?;
        let mut outs: Short<&mut [f32]> = Short::new();
        for (linear, out) in self.parts.iter().zip(io.outputs.iter_mut()) {
            let out = out.data.f32()?;
            if out.len() != rows * linear.weight.columns() {
                return Err("an output has another shape".to_owned());
            }
            outs.push(out);
        }
        let more = match &self.then {
            Then::AddNorm(norm) => {
                let more = io.inputs[1].data.f32()?;
                let columns = self.parts.first().map_or(0, |linear| linear.weight.columns());
                if more.len() != outs[0].len() || !norm.fits(columns) {
                    return Err("what is added has another shape".to_owned());
                }
                more
            }
            Then::Nothing | Then::Map(_) => &[],
        };
        let Some((linear, map)) = &self.before else {
            return self.multiply(0, x, outs, more, io.scratch);
        };
        let (inner, width) = (linear.weight.rows(), linear.weight.columns());
        if self.parts.iter().any(|part| part.weight.rows() != width) {
            return Err("one product does not fit the next".to_owned());
        }
        let (held, scratch) = io
            .scratch
            .split_at_mut_checked(rows.min(HELD) * width)
            .ok_or("rows have no scratch memory")?;
        for start in (0..rows).step_by(HELD) {
            let count = HELD.min(rows - start);
            let held = &mut held[..count * width];
            let part = Part { bias: linear.bias()?, out: &mut *held };
            let x = &x[start * inner..][..count * inner];
            let parts = vec![(&linear.weight, part)];
            gemm::multiply_each(parts, x, &|_, rows| map(rows), scratch)?;
            let mut now: Short<&mut [f32]> = Short::new();
            for (linear, out) in self.parts.iter().zip(&mut outs) {
                let columns = linear.weight.columns();
                now.push(&mut out[start * columns..][..count * columns]);
            }
            self.multiply(start, held, now, more, scratch)?;
        }
        Ok(())
    }

    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        let rows = self.first().and_then(|linear| linear.rows(inputs[0])).unwrap_or(0);
        let held = if self.before.is_some() { rows.min(HELD) } else { rows };
        let weights: Short<_> = self.parts.iter().map(|linear| &linear.weight).collect();
        let parts = gemm::scratch_each(&weights, held);
        match &self.before {
            None => parts,
            Some((linear, _)) => {
                let first = gemm::scratch_each(&[&linear.weight], held);
                let width = linear.weight.columns();
                held.saturating_mul(width).saturating_add(parts.max(first))
            }
        }
    }

    fn packed_bytes(&self) -> usize {
        let before = self.before.as_ref().map_or(0, |(linear, _)| linear.bytes());
        before + self.parts.iter().map(|linear| linear.bytes()).sum::<usize>()
    }
}
