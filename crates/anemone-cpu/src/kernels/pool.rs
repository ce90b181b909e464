//! Pooling.

use anemone_ir::Dim;
use anemone_ir::window::Window;
use rayon::prelude::*;

use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;
use crate::window::Windows;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Max,
    /// Whether padding counts as elements.
    Average {
        padded: bool,
    },
    /// The root of the sum of squares.
    L2,
}

struct Pool {
    x: usize,
    kind: Kind,
    window: Window,
    kernel: Vec<usize>,
}

pub(super) fn max_pool(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    pool(ctx, Kind::Max)
}

pub(super) fn avg_pool(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let exclude = ctx.infer().boolean("exclude_padding_from_average");
    let padded = !exclude.map_err(|f| f.to_string())?;
    pool(ctx, Kind::Average { padded })
}

pub(super) fn l2_pool(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    pool(ctx, Kind::L2)
}

fn pool(ctx: &mut PrepareCtx<'_>, kind: Kind) -> Result<Prepared, String> {
    let axes = ctx.output(0)?.shape.len().saturating_sub(2);
    let window = Window::read(ctx.infer(), axes).map_err(|f| f.to_string())?;
    let kernel = Window::kernel_sizes(ctx.infer(), axes).map_err(|f| f.to_string())?;
    Ok(Prepared::kernel(Pool { x: ctx.operand("x")?, kind, window, kernel }))
}

impl Pool {
    fn windows(&self, x: &[usize]) -> Result<Windows, String> {
        let input = x.get(2..).ok_or("`x` has no spatial axes")?;
        let mut output = Vec::with_capacity(input.len());
        for (axis, (&size, &kernel)) in input.iter().zip(&self.kernel).enumerate() {
            let dim = self.window.output(axis, &Dim::from(size), &Dim::from(kernel));
            output.push(dim.map_err(|f| f.to_string())?.known().ok_or("an axis has no size")?);
        }
        Windows::new(&self.window, input, &self.kernel, &output)
    }
}

impl Kernel for Pool {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let x = io.inputs[self.x];
        let windows = self.windows(x.shape)?;
        let (inputs, outputs) = (windows.inputs(), windows.outputs());
        let x = x.data.f32()?;
        let out = io.outputs[0].data.f32()?;
        let counts =
            &mut io.scratch[..if let Kind::Average { .. } = self.kind { outputs } else { 0 }];
        if let Kind::Average { padded } = self.kind {
            for (output, count) in counts.iter_mut().enumerate() {
                *count = windows.covered(output, padded) as f32;
            }
        }
        if out.is_empty() {
            return Ok(());
        }
        out.par_chunks_mut(outputs).enumerate().for_each(|(index, out)| {
            let plane = &x[index * inputs..][..inputs];
            match self.kind {
                Kind::Max => sweep(&windows, plane, out, f32::NEG_INFINITY, larger),
                Kind::Average { .. } => {
                    sweep(&windows, plane, out, 0.0, |sum, v| sum + v);
                    out.iter_mut().zip(&*counts).for_each(|(sum, count)| *sum /= count);
                }
                Kind::L2 => {
                    sweep(&windows, plane, out, 0.0, |sum, v| sum + v * v);
                    out.iter_mut().for_each(|sum| *sum = sum.sqrt());
                }
            }
        });
        Ok(())
    }

    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        match self.kind {
            Kind::Average { .. } => self.windows(inputs[self.x]).map_or(0, |w| w.outputs()),
            Kind::Max | Kind::L2 => 0,
        }
    }
}

fn larger(most: f32, value: f32) -> f32 {
    if value > most || value.is_nan() { value } else { most }
}

/// Combines the elements of each window in order.
fn sweep(
    windows: &Windows,
    plane: &[f32],
    out: &mut [f32],
    start: f32,
    combine: impl Fn(f32, f32) -> f32,
) {
    out.fill(start);
    for element in windows.meeting() {
        windows.rows(element, |row| {
            let out = &mut out[row.output..][..row.count];
            let from = plane[row.input..].iter().step_by(windows.step());
            out.iter_mut().zip(from).for_each(|(out, &value)| *out = combine(*out, value));
        });
    }
}
