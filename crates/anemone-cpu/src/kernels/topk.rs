//! Sorting along an axis.

use std::cmp::Ordering;

use rayon::prelude::*;

use crate::array::{Data, DataMut, View};
use crate::kernel::{Io, Prepared};
use crate::prepare::PrepareCtx;

use super::tensor_transformation::rank;

/// A number that can be sorted: NaN comes last in either direction.
trait Key: Copy + Send + Sync {
    fn order(self, other: Self, ascending: bool) -> Ordering;
}

impl Key for f32 {
    fn order(self, other: f32, ascending: bool) -> Ordering {
        let order = self.partial_cmp(&other);
        let order = order.map(|o| if ascending { o } else { o.reverse() });
        order.unwrap_or_else(|| self.is_nan().cmp(&other.is_nan()))
    }
}

impl Key for i32 {
    fn order(self, other: i32, ascending: bool) -> Ordering {
        if ascending { self.cmp(&other) } else { other.cmp(&self) }
    }
}

pub(super) fn argsort(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let (axis, ascending) = options(ctx)?;
    Ok(Prepared::function(move |io| {
        let [indices] = io.outputs else { return Err("there is one output".to_owned()) };
        let indices = indices.data.i32()?;
        match io.inputs[0].data {
            Data::F32(x) => best(&io.inputs[0], x, axis, ascending, None, Some(indices)),
            Data::I32(x) => best(&io.inputs[0], x, axis, ascending, None, Some(indices)),
            Data::Bool(_) => Err("booleans are not sorted".to_owned()),
        }
    }))
}

pub(super) fn topk(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let (axis, ascending) = options(ctx)?;
    Ok(Prepared::function(move |io| run_topk(io, axis, ascending)))
}

fn options(ctx: &mut PrepareCtx<'_>) -> Result<(usize, bool), String> {
    ctx.operand("x")?;
    let axis = ctx.infer().axis("axis", rank(ctx, "x")?).map_err(|fault| fault.to_string())?;
    Ok((axis, ctx.infer().boolean("ascending").map_err(|fault| fault.to_string())?))
}

fn run_topk(io: &mut Io<'_, '_>, axis: usize, ascending: bool) -> Result<(), String> {
    let (values, rest) = io.outputs.split_first_mut().ok_or("there is no output")?;
    let indices = rest.first_mut().map(|out| out.data.i32()).transpose()?;
    match (io.inputs[0].data, &mut values.data) {
        (Data::F32(x), DataMut::F32(out)) => {
            best(&io.inputs[0], x, axis, ascending, Some(out), indices)
        }
        (Data::I32(x), DataMut::I32(out)) => {
            best(&io.inputs[0], x, axis, ascending, Some(out), indices)
        }
        _ => Err("the values have another element type".to_owned()),
    }
}

/// The best elements of each line along `axis`, as many as the outputs have room for.
fn best<T: Key>(
    view: &View<'_>,
    x: &[T],
    axis: usize,
    ascending: bool,
    values: Option<&mut [T]>,
    indices: Option<&mut [i32]>,
) -> Result<(), String> {
    let size = view.shape[axis];
    let inner: usize = view.shape[axis + 1..].iter().product();
    let outer: usize = view.shape[..axis].iter().product();
    let room = values.as_ref().map(|v| v.len()).or(indices.as_ref().map(|v| v.len()));
    let k = room.unwrap_or(0).checked_div(outer * inner).unwrap_or(0);
    if k > size || i32::try_from(size).is_err() {
        return Err(format!("{k} of {size} elements cannot be chosen"));
    }
    if k == 0 {
        return Ok(());
    }
    let chunks = |len: usize| (0..outer).map(move |i| i * len..(i + 1) * len);
    let values = parts(values, k * inner, outer);
    let indices = parts(indices, k * inner, outer);
    let lines = chunks(size * inner).map(|range| &x[range]);
    let work: Vec<_> = lines.zip(values.into_iter().zip(indices)).collect();
    work.into_par_iter().for_each(|(x, (mut values, mut indices))| {
        let mut order: Vec<usize> = Vec::with_capacity(size);
        for i in 0..inner {
            order.clear();
            order.extend(0..size);
            let at = |j: usize| x[j * inner + i];
            let compare = |&a: &usize, &b: &usize| at(a).order(at(b), ascending).then(a.cmp(&b));
            if k < size {
                order.select_nth_unstable_by(k - 1, compare);
                order.truncate(k);
            }
            order.sort_unstable_by(compare);
            for (place, &j) in order.iter().enumerate() {
                if let Some(values) = &mut values {
                    values[place * inner + i] = at(j);
                }
                if let Some(indices) = &mut indices {
                    indices[place * inner + i] = i32::try_from(j).unwrap_or(i32::MAX);
                }
            }
        }
    });
    Ok(())
}

/// An output in `count` parts of `len` elements; nothings where there is no output.
fn parts<T>(out: Option<&mut [T]>, len: usize, count: usize) -> Vec<Option<&mut [T]>> {
    match out {
        Some(out) => out.chunks_mut(len).map(Some).collect(),
        None => (0..count).map(|_| None).collect(),
    }
}
