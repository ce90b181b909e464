//! Kernels that change the order of a tensor's axes or of what lies along them.

use crate::fuse::Piece;
use crate::kernel::{Io, Prepared, Short};
use crate::prepare::PrepareCtx;
use crate::strided::{Axis, Region, copy, signed, strides};

/// The elements of `x` in their order.
pub(super) fn same_elements(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    Ok(Prepared::View(ctx.operand("x")?))
}

/// A kernel whose output is a rearrangement of operand 0, told by the two shapes.
pub(super) fn rearranged(
    region: impl Fn(&[usize], &[usize]) -> Option<Region> + Send + Sync + 'static,
) -> Prepared {
    Prepared::function(move |io| {
        let (x, out) = (&io.inputs[0], &mut io.outputs[0]);
        match region(x.shape, out.shape) {
            Some(region) => copy(x.data, &mut out.data, region),
            None => Err(format!("shape {:?} cannot become {:?}", x.shape, out.shape)),
        }
    })
}

/// The region that fills a dense output of this shape from distances in the source.
pub(super) fn dense(from: isize, shape: &[usize], distances: &[isize]) -> Option<Region> {
    let to = strides(shape);
    let axis = |((&size, &from), &to)| Axis { size, from, to };
    let axes = shape.iter().zip(distances).zip(&to).map(axis).collect();
    (shape.len() == distances.len()).then_some(Region { from, to: 0, axes })
}

fn constant_axes(
    ctx: &PrepareCtx<'_>,
    input: &str,
    rank: usize,
) -> Result<Option<Vec<usize>>, String> {
    ctx.infer().axes(input, rank).map_err(|fault| fault.to_string())
}

/// The rank of `x`.
pub(super) fn rank(ctx: &PrepareCtx<'_>, input: &str) -> Result<usize, String> {
    Ok(ctx.infer().shape(input).map_err(|fault| fault.to_string())?.len())
}

pub(super) fn transpose(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("x")?;
    let perm = constant_axes(ctx, "perm", rank(ctx, "x")?)?.unwrap_or_default();
    let heads = perm == [0, 2, 1, 3];
    let prepared = rearranged(move |x, out| {
        let from = strides(x);
        let fits = perm.iter().zip(out).all(|(&p, &size)| x.get(p) == Some(&size));
        let distances: Short<isize> = perm.iter().map(|&p| signed(from[p])).collect();
        dense(0, out, &distances).filter(|_| fits)
    });
    Ok(if heads { prepared.known_as(|| Piece::HeadsOut) } else { prepared })
}

pub(super) fn reverse(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("x")?;
    let rank = rank(ctx, "x")?;
    let axes = constant_axes(ctx, "axes", rank)?.unwrap_or((0..rank).collect());
    Ok(rearranged(move |x, out| {
        let mut distances: Short<isize> = strides(x).iter().map(|&s| signed(s)).collect();
        let mut start = 0;
        for &axis in axes.iter().filter(|&&a| x[a] > 0) {
            start += signed(x[axis] - 1) * distances[axis];
            distances[axis] = -distances[axis];
        }
        dense(start, out, &distances).filter(|_| x == out)
    }))
}

pub(super) fn sliding_windows(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("x")?;
    let rank = rank(ctx, "x")?;
    let axis = ctx.infer().axis("axis", rank).map_err(|fault| fault.to_string())?;
    let stride = ctx.infer().int("stride").map_err(|fault| fault.to_string())?;
    let stride = isize::try_from(stride).map_err(|_| format!("`stride` is {stride}"))?;
    Ok(rearranged(move |x, out| {
        let mut distances: Short<isize> = strides(x).iter().map(|&s| signed(s)).collect();
        let step = distances[axis];
        distances[axis] = step.checked_mul(stride)?;
        distances.insert(axis + 1, step);
        dense(0, out, &distances)
    }))
}

pub(super) fn reverse_sequence(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("x")?;
    ctx.operand("lengths")?;
    let rank = rank(ctx, "x")?;
    let axis = |input: &str| ctx.infer().axis(input, rank).map_err(|fault| fault.to_string());
    let (sequence, batch) = (axis("seq_axis")?, axis("batch_axis")?);
    Ok(Prepared::function(move |io| reversed_sequences(io, sequence, batch)))
}

fn reversed_sequences(io: &mut Io<'_, '_>, sequence: usize, batch: usize) -> Result<(), String> {
    let (x, lengths) = (&io.inputs[0], io.inputs[1].data.i32()?);
    let out = &mut io.outputs[0];
    if x.shape != out.shape || lengths.len() != x.shape[batch] {
        return Err(format!("{} lengths for shape {:?}", lengths.len(), x.shape));
    }
    let steps = strides(x.shape);
    let other = |axis: usize| axis != sequence && axis != batch;
    let others = (0..x.shape.len()).filter(|&a| other(a));
    let others: Short<Axis> =
        others.map(|a| Axis { size: x.shape[a], from: signed(steps[a]), to: steps[a] }).collect();
    let (step, size) = (steps[sequence], x.shape[sequence]);
    for (i, &length) in lengths.iter().enumerate() {
        let turned = usize::try_from(length).ok().filter(|n| *n <= size);
        let turned = turned.ok_or_else(|| format!("length {length} is outside of 0 to {size}"))?;
        let start = i * steps[batch];
        let parts = [
            (start + turned.saturating_sub(1) * step, start, turned, -signed(step)),
            (start + turned * step, start + turned * step, size - turned, signed(step)),
        ];
        for (from, to, size, distance) in parts {
            let mut axes = others.clone();
            axes.push(Axis { size, from: distance, to: step });
            copy(x.data, &mut out.data, Region { from: signed(from), to, axes })?;
        }
    }
    Ok(())
}
