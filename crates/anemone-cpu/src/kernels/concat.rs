//! Joining tensors and taking them apart.

use crate::kernel::{Io, Prepared};
use crate::prepare::PrepareCtx;
use crate::strided::{Axis, Region, copy, signed};

use super::tensor_transformation::rank;

pub(super) fn concat(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operands("values");
    let rank = ctx.output(0)?.shape.len();
    let axis = ctx.infer().axis("axis", rank).map_err(|fault| fault.to_string())?;
    let interleave = ctx.infer().boolean("interleave").map_err(|fault| fault.to_string())?;
    Ok(Prepared::function(move |io| join(io, axis, interleave)))
}

pub(super) fn stack(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operands("values");
    let rank = ctx.output(0)?.shape.len();
    let axis = ctx.infer().axis("axis", rank).map_err(|fault| fault.to_string())?;
    Ok(Prepared::function(move |io| {
        let out = io.outputs[0].shape;
        let same =
            |shape: &[usize]| shape[..axis] == out[..axis] && shape[axis..] == out[axis + 1..];
        if out[axis] != io.inputs.len() || !io.inputs.iter().all(|v| same(v.shape)) {
            return Err(unfit(io));
        }
        join_runs(io, out[..axis].iter().product())
    }))
}

fn unfit(io: &Io<'_, '_>) -> String {
    let shapes: Vec<&[usize]> = io.inputs.iter().map(|v| v.shape).collect();
    format!("shapes {shapes:?} do not join to {:?}", io.outputs[0].shape)
}

/// Joins on `axis`, the values one after another or taking turns.
fn join(io: &mut Io<'_, '_>, axis: usize, interleave: bool) -> Result<(), String> {
    let out = io.outputs[0].shape;
    let mut total = 0usize;
    for value in io.inputs {
        // Scalars join to a vector.
        let shape = if value.shape.is_empty() { &[1] } else { value.shape };
        let others =
            |s: &[usize], t: &[usize]| s[..axis] == t[..axis] && s[axis + 1..] == t[axis + 1..];
        let unequal = interleave && value.shape != io.inputs[0].shape;
        if unequal || shape.len() != out.len() || !others(shape, out) {
            return Err(unfit(io));
        }
        total += shape[axis];
    }
    if total != out[axis] {
        return Err(unfit(io));
    }
    let turns = if interleave { out[axis] / io.inputs.len() } else { 1 };
    join_runs(io, out[..axis].iter().product::<usize>() * turns)
}

/// Joins runs: in each of `outer` turns, the next run of each value.
fn join_runs(io: &mut Io<'_, '_>, outer: usize) -> Result<(), String> {
    let out = &mut io.outputs[0];
    let whole = out.shape.iter().product::<usize>().checked_div(outer).unwrap_or(0);
    let mut to = 0;
    for value in io.inputs {
        let run = value.data.len().checked_div(outer).unwrap_or(0);
        let axes = [
            Axis { size: outer, from: signed(run), to: whole },
            Axis { size: run, from: 1, to: 1 },
        ];
        copy(value.data, &mut out.data, Region { from: 0, to, axes: axes.into_iter().collect() })?;
        to += run;
    }
    Ok(())
}

pub(super) fn split(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("x")?;
    let axis = ctx.infer().axis("axis", rank(ctx, "x")?).map_err(|fault| fault.to_string())?;
    Ok(Prepared::function(move |io| {
        let x = &io.inputs[0];
        let total: usize = io.outputs.iter().map(|out| out.shape[axis]).sum();
        if total != x.shape[axis] {
            return Err(format!("axis {axis} of size {} is split into {total}", x.shape[axis]));
        }
        let outer: usize = x.shape[..axis].iter().product();
        let inner: usize = x.shape[axis + 1..].iter().product();
        let mut from = 0;
        for out in io.outputs.iter_mut() {
            let run = out.shape[axis] * inner;
            let axes = [
                Axis { size: outer, from: signed(total * inner), to: run },
                Axis { size: run, from: 1, to: 1 },
            ];
            let axes = axes.into_iter().collect();
            copy(x.data, &mut out.data, Region { from: signed(from), to: 0, axes })?;
            from += run;
        }
        Ok(())
    }))
}
