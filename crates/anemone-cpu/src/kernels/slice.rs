//! Slices of a tensor, read and written.

use crate::array::View;
use crate::kernel::{Prepared, Short};
use crate::prepare::PrepareCtx;
use crate::strided::{Axis, Region, copy, copy_all, signed, strides};

use super::tensor_transformation::rank;

/// What is fixed of a slice at compile time.
struct Slice {
    stride: Vec<i64>,
    begin_mask: Vec<bool>,
    end_mask: Vec<bool>,
    squeeze_mask: Vec<bool>,
}

/// A slice of one axis.
struct Span {
    first: usize,
    count: usize,
    stride: isize,
    squeezed: bool,
}

impl Slice {
    fn new(ctx: &PrepareCtx<'_>) -> Result<Slice, String> {
        let rank = rank(ctx, "x")?;
        let mask = |input: &str| {
            let mask = ctx.infer().optional_bools(input).map_err(|fault| fault.to_string())?;
            Ok::<_, String>(mask.unwrap_or(vec![false; rank]))
        };
        let stride = ctx.infer().optional_ints("stride").map_err(|fault| fault.to_string())?;
        Ok(Slice {
            stride: stride.unwrap_or(vec![1; rank]),
            begin_mask: mask("begin_mask")?,
            end_mask: mask("end_mask")?,
            squeeze_mask: mask("squeeze_mask")?,
        })
    }

    fn spans(&self, x: &[usize], begin: View<'_>, end: View<'_>) -> Result<Short<Span>, String> {
        let (begin, end) = (begin.data.i32()?, end.data.i32()?);
        if begin.len() != x.len() || end.len() != x.len() {
            let (begin, end) = (begin.len(), end.len());
            return Err(format!("{begin} begins and {end} ends for shape {x:?}"));
        }
        let span = |axis: usize| {
            let bound = |masked: bool, bound: i32| (!masked).then_some(i64::from(bound));
            let begin = bound(self.begin_mask[axis], begin[axis]);
            let end = bound(self.end_mask[axis], end[axis]);
            let span = match self.squeeze_mask[axis] {
                true => one(x[axis], begin.unwrap_or(0)),
                false => span(x[axis], begin, end, self.stride[axis]),
            };
            span.ok_or_else(|| {
                let begin = begin.unwrap_or(0);
                format!("index {begin} is outside axis {axis} of size {}", x[axis])
            })
        };
        (0..x.len()).map(span).collect()
    }
}

fn one(size: usize, index: i64) -> Option<Span> {
    let from_front = if index < 0 { index.checked_add_unsigned(size as u64)? } else { index };
    let first = usize::try_from(from_front).ok().filter(|i| *i < size)?;
    Some(Span { first, count: 1, stride: 1, squeezed: true })
}

/// A slice of an axis, with bounds as Core ML clamps them; `None` for a bound is an open end.
fn span(size: usize, begin: Option<i64>, end: Option<i64>, stride: i64) -> Option<Span> {
    let size = i64::try_from(size).ok()?;
    if let Some(span) = short(size, begin, end, stride) {
        return Some(span);
    }
    let from_front = |bound: i64| if bound < 0 { (bound + size).max(0) } else { bound };
    let (first, reach) = if stride > 0 {
        let first = begin.map_or(0, from_front);
        (first, end.map_or(size, from_front).min(size) - first)
    } else {
        let first = begin.map_or(size - 1, from_front).min(size - 1);
        (first, first - end.map_or(-1, from_front))
    };
    let count = usize::try_from(reach.max(0)).ok()?.div_ceil(usize::try_from(stride.abs()).ok()?);
    let stride = isize::try_from(stride).ok()?;
    Some(Span { first: usize::try_from(first.max(0)).ok()?, count, stride, squeezed: false })
}

/// Slices that Core ML's type rule takes to be short whatever the size of the axis: at most one
/// element between bounds that count from the same end, and the only element of an axis.
fn short(size: i64, begin: Option<i64>, end: Option<i64>, stride: i64) -> Option<Span> {
    let span = |first: i64, count: usize| {
        let first = usize::try_from(first).ok()?;
        Some(Span { first, count, stride: 1, squeezed: false })
    };
    if let (Some(begin), Some(end)) = (begin, end) {
        let forward = begin >= 0 && end >= 0 && stride > 0;
        let backward = begin < 0 && end < 0 && stride < 0;
        let reach = if stride > 0 { end - begin } else { begin - end };
        if (forward || backward) && reach <= stride.abs() {
            let first = if begin < 0 { (begin + size).max(0) } else { begin };
            return span(first, usize::from(reach > 0));
        }
    }
    if size == 1 && begin.is_some() { span(0, 1) } else { None }
}

fn shape(spans: &[Span]) -> Vec<usize> {
    spans.iter().filter(|s| !s.squeezed).map(|s| s.count).collect()
}

/// The elements of the spans in a tensor of shape `x`, into a dense output.
fn region(x: &[usize], spans: &[Span]) -> Region {
    let sizes: Short<usize> = spans.iter().map(|s| s.count).collect();
    let (from, to) = (strides(x), strides(&sizes));
    let mut region = Region { from: 0, to: 0, axes: Short::new() };
    for ((span, &step), &to) in spans.iter().zip(&from).zip(&to) {
        if span.count > 0 {
            region.from += signed(span.first * step);
        }
        let from = if span.count > 1 { signed(step) * span.stride } else { 0 };
        region.axes.push(Axis { size: span.count, from, to });
    }
    region
}

fn same_shape(found: &[usize], expected: &[usize]) -> Result<(), String> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("the slice has shape {found:?} where {expected:?} belongs")),
    }
}

pub(super) fn slice_by_index(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    for input in ["x", "begin", "end"] {
        ctx.operand(input)?;
    }
    let slice = std::sync::Arc::new(Slice::new(ctx)?);
    let spans = move |x: &[View<'_>]| slice.spans(x[0].shape, x[1], x[2]);
    let shapes = {
        let spans = spans.clone();
        move |inputs: &[View<'_>]| Ok(vec![shape(&spans(inputs)?)])
    };
    Ok(Prepared::sized(shapes, move |io| {
        let (spans, out) = (spans(io.inputs)?, &mut io.outputs[0]);
        same_shape(&shape(&spans), out.shape)?;
        copy(io.inputs[0].data, &mut out.data, region(io.inputs[0].shape, &spans))
    }))
}

pub(super) fn slice_update(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    for input in ["x", "update", "begin", "end"] {
        ctx.operand(input)?;
    }
    let slice = Slice::new(ctx)?;
    Ok(Prepared::function(move |io| {
        let (x, update, out) = (&io.inputs[0], &io.inputs[1], &mut io.outputs[0]);
        let spans = slice.spans(x.shape, io.inputs[2], io.inputs[3])?;
        same_shape(update.shape, &shape(&spans))?;
        copy_all(x.data, &mut out.data)?;
        copy(update.data, &mut out.data, turned(region(x.shape, &spans)))
    }))
}

/// The way back: from a dense source to the elements that the region reads.
fn turned(region: Region) -> Region {
    let mut back = Region { from: 0, to: 0, axes: Short::new() };
    let mut to = region.from;
    for axis in region.axes {
        let mut from = signed(axis.to);
        if axis.from < 0 {
            // Outputs only go forward: begin at the other end of both.
            let last = signed(axis.size.saturating_sub(1));
            to += last * axis.from;
            back.from += last * from;
            from = -from;
        }
        back.axes.push(Axis { size: axis.size, from, to: axis.from.unsigned_abs() });
    }
    back.to = usize::try_from(to).unwrap_or(usize::MAX);
    back
}

fn spans_by_size(inputs: &[View<'_>]) -> Result<Short<Span>, String> {
    let (x, begin, size) = (inputs[0].shape, inputs[1].data.i32()?, inputs[2].data.i32()?);
    if begin.len() != x.len() || size.len() != x.len() {
        let (begin, size) = (begin.len(), size.len());
        return Err(format!("{begin} begins and {size} sizes for shape {x:?}"));
    }
    let span = |axis: usize| {
        let (begin, size) = (i64::from(begin[axis]), i64::from(size[axis]));
        let total = i64::try_from(x[axis]).ok()?;
        let first = if begin < 0 { begin + total } else { begin };
        let count = if size == -1 { total - first } else { size };
        let count = usize::try_from(count).ok().filter(|_| first >= 0)?;
        let first = usize::try_from(first).ok()?;
        let inside = first.checked_add(count)? <= x[axis];
        inside.then_some(Span { first, count, stride: 1, squeezed: false })
    };
    let fault = |axis: usize| {
        let (size, begin) = (size[axis], begin[axis]);
        format!("{size} elements from {begin} on axis {axis} of size {}", x[axis])
    };
    (0..x.len()).map(|axis| span(axis).ok_or_else(|| fault(axis))).collect()
}

pub(super) fn slice_by_size(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    for input in ["x", "begin", "size"] {
        ctx.operand(input)?;
    }
    let shapes = |inputs: &[View<'_>]| Ok(vec![shape(&spans_by_size(inputs)?)]);
    Ok(Prepared::sized(shapes, |io| {
        let (spans, out) = (spans_by_size(io.inputs)?, &mut io.outputs[0]);
        same_shape(&shape(&spans), out.shape)?;
        copy(io.inputs[0].data, &mut out.data, region(io.inputs[0].shape, &spans))
    }))
}
