//! Padding.

use rayon::prelude::*;

use crate::array::{View, ViewMut};
use crate::kernel::{Prepared, Short};
use crate::prepare::PrepareCtx;
use crate::strided::{Axis, Region, copy, signed, strides};

#[derive(Clone, Copy)]
enum Mode {
    Constant(f32),
    Reflect,
    Replicate,
}

/// Padding of one axis.
#[derive(Clone, Copy)]
struct Sides {
    before: usize,
    size: usize,
    after: usize,
}

impl Sides {
    fn total(&self) -> Option<usize> {
        self.before.checked_add(self.size)?.checked_add(self.after)
    }

    /// The index in the source of an index in the output.
    fn source(&self, index: usize, mode: Mode) -> usize {
        let last = self.size - 1;
        match mode {
            Mode::Reflect if index < self.before => self.before - index,
            Mode::Reflect if index - self.before > last => 2 * last - (index - self.before),
            Mode::Constant(_) | Mode::Reflect | Mode::Replicate => {
                index.saturating_sub(self.before).min(last)
            }
        }
    }
}

pub(super) fn pad(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("x")?;
    ctx.operand("pad")?;
    let mode = match ctx.infer().text("mode").map_err(|fault| fault.to_string())?.as_str() {
        "constant" => {
            let value = ctx.infer().float("constant_val");
            Mode::Constant(value.map_err(|fault| fault.to_string())?)
        }
        "reflect" => Mode::Reflect,
        "replicate" => Mode::Replicate,
        other => return Err(format!("there is no mode `{other}`")),
    };
    let shapes = move |inputs: &[View<'_>]| Ok(vec![padded(&sides(inputs, mode)?)?]);
    Ok(Prepared::sized(shapes, move |io| {
        let sides = sides(io.inputs, mode)?;
        let (x, out) = (&io.inputs[0], &mut io.outputs[0]);
        if padded(&sides)? != out.shape {
            return Err(format!("shape {:?} is not padded to {:?}", x.shape, out.shape));
        }
        match mode {
            Mode::Constant(value) => surround(x, out, &sides, value),
            Mode::Reflect | Mode::Replicate => extend(x.data.f32()?, out.data.f32()?, &sides, mode),
        }
    }))
}

/// The padding of each axis; `pad` has two numbers for each of the last ones.
fn sides(inputs: &[View<'_>], mode: Mode) -> Result<Short<Sides>, String> {
    let (shape, pad) = (inputs[0].shape, inputs[1].data.i32()?);
    let plain = shape.len().checked_sub(pad.len() / 2);
    let plain = plain.filter(|_| pad.len().is_multiple_of(2));
    let plain = plain.ok_or_else(|| format!("{} pads for shape {shape:?}", pad.len()))?;
    let size = |n: i32| usize::try_from(n).map_err(|_| format!("a pad is {n}"));
    let mut sides = Short::new();
    for (axis, &length) in shape.iter().enumerate() {
        let (before, after) = match axis.checked_sub(plain) {
            Some(i) => (size(pad[2 * i])?, size(pad[2 * i + 1])?),
            None => (0, 0),
        };
        let room = match mode {
            Mode::Constant(_) => usize::MAX,
            Mode::Reflect => length.saturating_sub(1),
            Mode::Replicate if length == 0 => 0,
            Mode::Replicate => usize::MAX,
        };
        if before > room || after > room {
            return Err(format!("a pad of {} on axis {axis} of size {length}", before.max(after)));
        }
        sides.push(Sides { before, size: length, after });
    }
    Ok(sides)
}

fn padded(sides: &[Sides]) -> Result<Vec<usize>, String> {
    let shape = sides.iter().map(Sides::total).collect::<Option<Vec<usize>>>();
    shape.ok_or_else(|| "the pads are too large".to_owned())
}

fn surround(
    x: &View<'_>,
    out: &mut ViewMut<'_>,
    sides: &[Sides],
    value: f32,
) -> Result<(), String> {
    out.data.f32()?.fill(value);
    let (from, to) = (strides(x.shape), strides(out.shape));
    if x.data.len() == 0 {
        return Ok(());
    }
    let start = sides.iter().zip(&to).map(|(side, step)| side.before * step).sum();
    let axis = |axis: usize| Axis { size: x.shape[axis], from: signed(from[axis]), to: to[axis] };
    let axes = (0..x.shape.len()).map(axis).collect();
    copy(x.data, &mut out.data, Region { from: 0, to: start, axes })
}

fn extend(x: &[f32], out: &mut [f32], sides: &[Sides], mode: Mode) -> Result<(), String> {
    let Some((line, outer)) = sides.split_last() else {
        out.copy_from_slice(x);
        return Ok(());
    };
    let width = line.before + line.size + line.after;
    if out.is_empty() {
        return Ok(());
    }
    out.par_chunks_mut(width).enumerate().for_each(|(row, out)| {
        let (mut left, mut start, mut step) = (row, 0, line.size);
        for axis in outer.iter().rev() {
            let total = axis.before + axis.size + axis.after;
            start += axis.source(left % total, mode) * step;
            (left, step) = (left / total, step * axis.size);
        }
        let x = &x[start..start + line.size];
        out[line.before..line.before + line.size].copy_from_slice(x);
        for i in (0..line.before).chain(line.before + line.size..width) {
            out[i] = x[line.source(i, mode)];
        }
    });
    Ok(())
}
