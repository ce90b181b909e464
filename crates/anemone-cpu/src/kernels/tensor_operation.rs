//! Kernels that make tensors, or keep their shape or its elements.

use rayon::prelude::*;

use crate::array::{Data, DataMut, View};
use crate::kernel::{Io, Prepared, Short};
use crate::prepare::PrepareCtx;
use crate::strided::{signed, strides};

use super::tensor_transformation::{dense, rank};

fn int(ctx: &PrepareCtx<'_>, input: &str) -> Result<i64, String> {
    ctx.infer().int(input).map_err(|fault| fault.to_string())
}

fn flag(ctx: &PrepareCtx<'_>, input: &str) -> Result<bool, String> {
    ctx.infer().boolean(input).map_err(|fault| fault.to_string())
}

pub(super) fn band_part(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("x")?;
    let kept = |input: &str| Ok::<_, String>(usize::try_from(int(ctx, input)?).ok());
    let (lower, upper) = (kept("lower")?, kept("upper")?);
    Ok(Prepared::function(move |io| {
        let (x, out) = (&io.inputs[0], &mut io.outputs[0]);
        let [.., rows, columns] = *x.shape else { return Err("`x` has no matrix".to_owned()) };
        match (x.data, &mut out.data) {
            (Data::F32(x), DataMut::F32(out)) => band(x, out, rows, columns, lower, upper),
            (Data::I32(x), DataMut::I32(out)) => band(x, out, rows, columns, lower, upper),
            (Data::Bool(x), DataMut::Bool(out)) => band(x, out, rows, columns, lower, upper),
            _ => return Err("the output has another element type".to_owned()),
        }
        Ok(())
    }))
}

fn band<T: Copy + Default>(
    x: &[T],
    out: &mut [T],
    rows: usize,
    columns: usize,
    lower: Option<usize>,
    upper: Option<usize>,
) {
    if columns == 0 {
        return;
    }
    for (i, (x, out)) in x.chunks_exact(columns).zip(out.chunks_exact_mut(columns)).enumerate() {
        let row = i % rows;
        let start = lower.map_or(0, |lower| row.saturating_sub(lower)).min(columns);
        let end = upper.map_or(columns, |upper| row.saturating_add(upper).saturating_add(1));
        let end = end.clamp(start, columns);
        out.fill(T::default());
        out[start..end].copy_from_slice(&x[start..end]);
    }
}

pub(super) fn cumsum(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("x")?;
    let axis = ctx.infer().axis("axis", rank(ctx, "x")?).map_err(|fault| fault.to_string())?;
    let (exclusive, reverse) = (flag(ctx, "exclusive")?, flag(ctx, "reverse")?);
    Ok(Prepared::function(move |io| {
        let (x, out) = (&io.inputs[0], &mut io.outputs[0]);
        let size = x.shape[axis];
        let inner = x.shape[axis + 1..].iter().product();
        match (x.data, &mut out.data) {
            (Data::F32(x), DataMut::F32(out)) => {
                sums(x, out, size, inner, exclusive, reverse, |a, b| a + b);
            }
            (Data::I32(x), DataMut::I32(out)) => {
                sums(x, out, size, inner, exclusive, reverse, i32::wrapping_add);
            }
            _ => return Err("booleans are not summed".to_owned()),
        }
        Ok(())
    }))
}

fn sums<T: Copy + Default + Send + Sync>(
    x: &[T],
    out: &mut [T],
    size: usize,
    inner: usize,
    exclusive: bool,
    reverse: bool,
    add: impl Fn(T, T) -> T + Sync,
) {
    if x.is_empty() {
        return;
    }
    let place = |i: usize| if reverse { size - 1 - i } else { i };
    let slabs = out.par_chunks_mut(size * inner).zip(x.par_chunks(size * inner));
    slabs.for_each(|(out, x)| {
        for lane in 0..inner {
            let mut sum = T::default();
            for i in 0..size {
                let at = place(i) * inner + lane;
                let next = add(sum, x[at]);
                out[at] = if exclusive { sum } else { next };
                sum = next;
            }
        }
    });
}

/// Sets every element to the only one of `value`.
fn fill_with(out: &mut DataMut<'_>, value: Data<'_>) -> Result<(), String> {
    match (out, value) {
        (DataMut::F32(out), Data::F32(&[value])) => out.fill(value),
        (DataMut::I32(out), Data::I32(&[value])) => out.fill(value),
        (DataMut::Bool(out), Data::Bool(&[value])) => out.fill(value),
        _ => return Err("the value is not one element of the output's type".to_owned()),
    }
    Ok(())
}

/// The shape that a vector holds.
pub(super) fn shape_of(vector: &View<'_>) -> Result<Vec<usize>, String> {
    let sizes = vector.data.i32()?;
    let size = |&n: &i32| usize::try_from(n).map_err(|_| format!("{n} is no size"));
    sizes.iter().map(size).collect()
}

pub(super) fn fill(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("shape")?;
    let value = ctx.constant("value")?.ok_or("`value` is not constant")?;
    let shapes = |inputs: &[View<'_>]| Ok(vec![shape_of(&inputs[0])?]);
    Ok(Prepared::sized(shapes, move |io| fill_with(&mut io.outputs[0].data, value.view().data)))
}

pub(super) fn fill_like(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let value = ctx.constant("value")?.ok_or("`value` is not constant")?;
    Ok(Prepared::function(move |io| fill_with(&mut io.outputs[0].data, value.view().data)))
}

pub(super) fn non_zero(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("x")?;
    let shapes = |x: &[View<'_>]| Ok(vec![vec![places(x[0].data).count(), x[0].shape.len()]]);
    Ok(Prepared::sized(shapes, |io| {
        let (x, out) = (&io.inputs[0], io.outputs[0].data.i32()?);
        let rank = x.shape.len();
        let steps = strides(x.shape);
        if places(x.data).count().checked_mul(rank) != Some(out.len()) {
            return Err("another number of elements is not zero".to_owned());
        }
        if rank == 0 {
            return Ok(());
        }
        for (place, row) in places(x.data).zip(out.chunks_exact_mut(rank)) {
            for ((out, step), size) in row.iter_mut().zip(&steps).zip(x.shape) {
                *out = i32::try_from(place / step % size).map_err(|_| "an index is too large")?;
            }
        }
        Ok(())
    }))
}

/// The places of elements that are not zero.
fn places(data: Data<'_>) -> Box<dyn Iterator<Item = usize> + '_> {
    fn of<'a, T: PartialEq + 'a>(x: &'a [T], zero: T) -> Box<dyn Iterator<Item = usize> + 'a> {
        Box::new(x.iter().enumerate().filter(move |(_, v)| **v != zero).map(|(i, _)| i))
    }
    match data {
        Data::F32(x) => of(x, 0.0),
        Data::I32(x) => of(x, 0),
        Data::Bool(x) => of(x, 0),
    }
}

pub(super) fn one_hot(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("indices")?;
    ctx.operand("one_hot_vector_size")?;
    let axis = ctx.infer().axis("axis", rank(ctx, "indices")? + 1);
    let axis = axis.map_err(|fault| fault.to_string())?;
    let constant = |input: &str| ctx.constant(input)?.ok_or(format!("`{input}` is not constant"));
    let (on, off) = (constant("on_value")?, constant("off_value")?);
    let shapes = move |inputs: &[View<'_>]| {
        let size = match shape_of(&inputs[1])?.as_slice() {
            &[size] => size,
            other => return Err(format!("{other:?} is no size")),
        };
        let mut shape = inputs[0].shape.to_vec();
        shape.insert(axis, size);
        Ok(vec![shape])
    };
    Ok(Prepared::sized(shapes, move |io| {
        let (indices, out) = (io.inputs[0].data.i32()?, &mut io.outputs[0]);
        fill_with(&mut out.data, off.view().data)?;
        let inner: usize = out.shape[axis + 1..].iter().product();
        let size = out.shape[axis];
        // An index outside of the vector leaves it without `on_value`, as in TensorFlow.
        let inside = |i: i32| usize::try_from(i).ok().filter(|i| *i < size);
        let place = |(i, &index): (usize, &i32)| {
            Some((i / inner * size + inside(index)?) * inner + i % inner)
        };
        let places = indices.iter().enumerate().filter_map(place);
        match (&mut out.data, on.view().data) {
            (DataMut::F32(out), Data::F32(&[on])) => places.for_each(|at| out[at] = on),
            (DataMut::I32(out), Data::I32(&[on])) => places.for_each(|at| out[at] = on),
            (DataMut::Bool(out), Data::Bool(&[on])) => places.for_each(|at| out[at] = on),
            _ => return Err("`on_value` is not one element of the output's type".to_owned()),
        }
        Ok(())
    }))
}

pub(super) fn range_1d(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    for input in ["start", "end", "step"] {
        ctx.operand(input)?;
    }
    let shapes = |inputs: &[View<'_>]| Ok(vec![vec![range_len(inputs)?]]);
    Ok(Prepared::sized(shapes, |io| {
        match (io.inputs[0].data, io.inputs[2].data, &mut io.outputs[0].data) {
            (Data::F32(&[start]), Data::F32(&[step]), DataMut::F32(out)) => {
                out.iter_mut().enumerate().for_each(|(i, out)| *out = start + i as f32 * step);
            }
            (Data::I32(&[start]), Data::I32(&[step]), DataMut::I32(out)) => {
                let mut next = start;
                for out in out.iter_mut() {
                    *out = next;
                    next = next.wrapping_add(step);
                }
            }
            _ => return Err("the bounds are not scalars of one type".to_owned()),
        }
        Ok(())
    }))
}

fn range_len(inputs: &[View<'_>]) -> Result<usize, String> {
    let mut bounds = [0.0; 3];
    for (bound, input) in bounds.iter_mut().zip(inputs) {
        *bound = match input.data {
            Data::F32(&[v]) => f64::from(v),
            Data::I32(&[v]) => f64::from(v),
            Data::F32(_) | Data::I32(_) | Data::Bool(_) => {
                return Err("the bounds are not scalars".to_owned());
            }
        };
    }
    let [start, end, step] = bounds;
    let count = ((end - start) / step).ceil();
    match count.is_finite() && count < 2f64.powi(53) {
        true => Ok(count.max(0.0) as usize),
        false => Err(format!("the range from {start} to {end} by {step} has no end")),
    }
}

pub(super) fn shape(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("x")?;
    Ok(Prepared::function(|io| {
        let (shape, out) = (io.inputs[0].shape, io.outputs[0].data.i32()?);
        if shape.len() != out.len() {
            return Err(format!("rank {} where {} was promised", shape.len(), out.len()));
        }
        for (out, &size) in out.iter_mut().zip(shape) {
            *out = i32::try_from(size).map_err(|_| format!("size {size} is above int32"))?;
        }
        Ok(())
    }))
}

pub(super) fn tile(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("x")?;
    ctx.operand("reps")?;
    let shapes = |inputs: &[View<'_>]| Ok(vec![tiled(inputs)?]);
    Ok(Prepared::sized(shapes, |io| {
        let (x, out) = (&io.inputs[0], &io.outputs[0]);
        if tiled(io.inputs)? != out.shape {
            return Err(format!("shape {:?} is not tiled to {:?}", x.shape, out.shape));
        }
        let mut sizes: Short<usize> = Short::new();
        let mut distances: Short<isize> = Short::new();
        for ((&size, reps), step) in
            x.shape.iter().zip(shape_of(&io.inputs[1])?).zip(strides(x.shape))
        {
            sizes.extend([reps, size]);
            distances.extend([0, signed(step)]);
        }
        copy_dense(io, &sizes, &distances)
    }))
}

fn copy_dense(io: &mut Io<'_, '_>, sizes: &[usize], distances: &[isize]) -> Result<(), String> {
    let region = dense(0, sizes, distances).ok_or("a distance is missing")?;
    crate::strided::copy(io.inputs[0].data, &mut io.outputs[0].data, region)
}

fn tiled(inputs: &[View<'_>]) -> Result<Vec<usize>, String> {
    let (shape, reps) = (inputs[0].shape, shape_of(&inputs[1])?);
    if reps.len() != shape.len() {
        return Err(format!("{} repetitions for shape {shape:?}", reps.len()));
    }
    let size = |(&size, reps): (&usize, &usize)| size.checked_mul(*reps);
    let shape = shape.iter().zip(&reps).map(size).collect::<Option<Vec<usize>>>();
    shape.ok_or_else(|| format!("{reps:?} repetitions are too many"))
}
