//! Products of one input with constant weights, and what is done with their rows while these are in
//! cache.

use std::sync::Arc;

use super::Map;
use crate::gemm::{self, Part};
use crate::kernel::{Io, Kernel, Short};
use crate::kernels::{LayerNorm, Linear};

/// What is done with the rows of a product.
pub(super) enum Then {
    Nothing,
    Map(Map),
    /// Operand 1 is added, and the sum is normalised.
    AddNorm(Arc<LayerNorm>),
}

/// Operand 0 times the weights of each part.
pub(super) struct Rows {
    pub(super) parts: Vec<Arc<Linear>>,
    pub(super) then: Then,
}

impl Kernel for Rows {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let x = io.inputs[0];
        let mut parts = Vec::with_capacity(self.parts.len());
        for (linear, out) in self.parts.iter().zip(io.outputs.iter_mut()) {
            linear.rows(x.shape)?;
            let (bias, out) = (linear.bias()?, out.data.f32()?);
            parts.push((&linear.weight, Part { bias, out }));
        }
        let x = x.data.f32()?;
        match &self.then {
            Then::Nothing => gemm::multiply_each(parts, x, &|_, _| {}, io.scratch),
            Then::Map(map) => gemm::multiply_each(parts, x, &|_, rows| map(rows), io.scratch),
            Then::AddNorm(norm) => {
                let more = io.inputs[1].data.f32()?;
                let columns = parts[0].0.columns();
                if parts[0].1.out.len() != more.len() || !norm.fits(columns) {
                    return Err("what is added has another shape".to_owned());
                }
                let finish = |first: usize, rows: &mut [f32]| {
                    let more = more[first * columns..].chunks_exact(columns);
                    for (row, more) in rows.chunks_exact_mut(columns).zip(more) {
                        row.iter_mut().zip(more).for_each(|(x, more)| *x += more);
                        norm.row(row);
                    }
                };
                gemm::multiply_each(parts, x, &finish, io.scratch)
            }
        }
    }

    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        let rows = self.parts.first().and_then(|linear| linear.rows(inputs[0]).ok()).unwrap_or(0);
        let weights: Short<_> = self.parts.iter().map(|linear| &linear.weight).collect();
        gemm::scratch_each(&weights, rows)
    }

    fn packed_bytes(&self) -> usize {
        self.parts.iter().map(|linear| linear.bytes()).sum()
    }
}
