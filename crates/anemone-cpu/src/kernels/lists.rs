//! Lists, which are tensors with their length in front.

use anemone_ir::Const;

use crate::array::{Data, DataMut, View};
use crate::kernel::{Prepared, Short};
use crate::prepare::PrepareCtx;

/// A size of a new list's elements.
enum Size {
    Known(usize),
    Operand(usize),
}

pub(super) fn make_list(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let length = ctx.optional_operand("init_length")?;
    let ids = ctx.node.input("elem_shape").to_vec();
    let mut sizes = Vec::with_capacity(ids.len());
    for id in ids {
        let size = &ctx.function.value(id).known;
        sizes.push(match (&size.value, size.dims.as_deref()) {
            // A size with a name is 0 until the first write tells it.
            (Some(Const::Strings(_)), _) => Size::Known(0),
            (_, dims) => match dims.and_then(|dims| dims.first()?.known()) {
                Some(size) => Size::Known(size),
                None => {
                    ctx.operands.push(id);
                    Size::Operand(ctx.operands.len() - 1)
                }
            },
        });
    }
    let shapes = move |inputs: &[View<'_>]| {
        let length = match length {
            Some(operand) => one(inputs[operand])?,
            None => 1,
        };
        let size = |size: &Size| match size {
            Size::Known(size) => Ok(*size),
            Size::Operand(operand) => one(inputs[*operand]),
        };
        let shape = std::iter::once(Ok(length)).chain(sizes.iter().map(size));
        Ok(vec![shape.collect::<Result<_, String>>()?])
    };
    Ok(Prepared::sized(shapes, |io| {
        match &mut io.outputs[0].data {
            DataMut::F32(out) => out.fill(0.0),
            DataMut::I32(out) => out.fill(0),
            DataMut::Bool(out) => out.fill(0),
        }
        Ok(())
    }))
}

pub(super) fn list_length(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let list = ctx.operand("ls")?;
    Ok(Prepared::function(move |io| {
        let length = length(io.inputs[list])?;
        let length = i32::try_from(length).map_err(|_| format!("length {length} overflows"))?;
        io.outputs[0].data.i32()?.fill(length);
        Ok(())
    }))
}

pub(super) fn list_read(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let (list, index) = (ctx.operand("ls")?, ctx.operand("index")?);
    Ok(Prepared::sized(
        move |inputs| Ok(vec![inputs[list].shape.get(1..).unwrap_or_default().to_vec()]),
        move |io| take(io.inputs[list], &[one(io.inputs[index])?], &mut io.outputs[0].data),
    ))
}

pub(super) fn list_gather(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let (list, indices) = (ctx.operand("ls")?, ctx.operand("indices")?);
    Ok(Prepared::sized(
        move |inputs| {
            let element = inputs[list].shape.get(1..).unwrap_or_default();
            Ok(vec![[&[inputs[indices].data.len()], element].concat()])
        },
        move |io| take(io.inputs[list], &all(io.inputs[indices])?, &mut io.outputs[0].data),
    ))
}

pub(super) fn list_write(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let (list, index, value) = (ctx.operand("ls")?, ctx.operand("index")?, ctx.operand("value")?);
    Ok(Prepared::sized(
        move |inputs| grown(inputs[list], &[one(inputs[index])?], inputs[value].shape),
        move |io| {
            let indices = [one(io.inputs[index])?];
            put(io.inputs[list], &indices, io.inputs[value].data, &mut io.outputs[0].data)
        },
    ))
}

pub(super) fn list_scatter(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let (list, indices) = (ctx.operand("ls")?, ctx.operand("indices")?);
    let value = ctx.operand("value")?;
    Ok(Prepared::sized(
        move |inputs| {
            let element = inputs[value].shape.get(1..).unwrap_or_default();
            grown(inputs[list], &all(inputs[indices])?, element)
        },
        move |io| {
            let indices = all(io.inputs[indices])?;
            put(io.inputs[list], &indices, io.inputs[value].data, &mut io.outputs[0].data)
        },
    ))
}

/// The shape of `list` after elements of this shape were written at `indices`.
fn grown(list: View<'_>, indices: &[usize], element: &[usize]) -> Result<Vec<Vec<usize>>, String> {
    let old = list.shape.get(1..).unwrap_or_default();
    if old != element && list.data.len() > 0 {
        return Err(format!("elements have shape {old:?}, the value {element:?}"));
    }
    let needed = indices.iter().map(|i| i.saturating_add(1)).max().unwrap_or(0);
    Ok(vec![[&[length(list)?.max(needed)], element].concat()])
}

fn length(list: View<'_>) -> Result<usize, String> {
    list.shape.first().copied().ok_or_else(|| "a list has no length".to_owned())
}

/// The only element, as an index or size.
fn one(view: View<'_>) -> Result<usize, String> {
    match all(view)?.as_slice() {
        [one] => Ok(*one),
        _ => Err(format!("one integer is needed, not a tensor of shape {:?}", view.shape)),
    }
}

fn all(view: View<'_>) -> Result<Short<usize>, String> {
    let index = |&i: &i32| usize::try_from(i).map_err(|_| format!("{i} is negative"));
    view.data.i32()?.iter().map(index).collect()
}

/// Copies the elements of `list` at `indices`.
fn take(list: View<'_>, indices: &[usize], out: &mut DataMut<'_>) -> Result<(), String> {
    fn rows<T: Copy>(
        list: &[T],
        length: usize,
        indices: &[usize],
        out: &mut [T],
    ) -> Result<(), String> {
        let size = list.len().checked_div(length).unwrap_or(0);
        if out.len() != size.saturating_mul(indices.len()) {
            return Err(format!("elements of {size} values do not fill {}", out.len()));
        }
        for (i, &index) in indices.iter().enumerate() {
            if index >= length {
                return Err(format!("index {index} in a list of length {length}"));
            }
            out[i * size..][..size].copy_from_slice(&list[index * size..][..size]);
        }
        Ok(())
    }
    let length = length(list)?;
    match (list.data, out) {
        (Data::F32(list), DataMut::F32(out)) => rows(list, length, indices, out),
        (Data::I32(list), DataMut::I32(out)) => rows(list, length, indices, out),
        (Data::Bool(list), DataMut::Bool(out)) => rows(list, length, indices, out),
        _ => Err("elements of two types".to_owned()),
    }
}

/// Copies `list`, with the rows of `values` at `indices`; what is new besides is zero.
fn put(
    list: View<'_>,
    indices: &[usize],
    values: Data<'_>,
    out: &mut DataMut<'_>,
) -> Result<(), String> {
    fn rows<T: Copy + Default>(
        list: &[T],
        indices: &[usize],
        values: &[T],
        out: &mut [T],
    ) -> Result<(), String> {
        let size = values.len().checked_div(indices.len()).unwrap_or(0);
        let (kept, new) = out.split_at_mut_checked(list.len()).ok_or("a list does not shrink")?;
        kept.copy_from_slice(list);
        new.fill(T::default());
        for (i, &index) in indices.iter().enumerate() {
            let range =
                index.checked_mul(size).and_then(|start| Some(start..start.checked_add(size)?));
            let row = range.and_then(|range| out.get_mut(range));
            let row = row.ok_or_else(|| format!("index {index} is outside the list"))?;
            row.copy_from_slice(&values[i * size..][..size]);
        }
        Ok(())
    }
    match (list.data, values, out) {
        (Data::F32(l), Data::F32(v), DataMut::F32(out)) => rows(l, indices, v, out),
        (Data::I32(l), Data::I32(v), DataMut::I32(out)) => rows(l, indices, v, out),
        (Data::Bool(l), Data::Bool(v), DataMut::Bool(out)) => rows(l, indices, v, out),
        _ => Err("elements of two types".to_owned()),
    }
}
