//! Slices of a tensor, read and written.

use super::def::*;
use super::domains::*;
use crate::infer::{Fault, InferCtx, like_x, show, unify_shapes};
use crate::{Dim, Opset::*, Type};

const STRIDE: [InputDef; 4] = [
    constant("stride").optional(),
    constant("begin_mask").optional(),
    constant("end_mask").optional(),
    constant("squeeze_mask").optional(),
];
const STRIDE_17: InputDef = constant_of("stride", U_INT).optional();

pub(super) const SLICE_BY_INDEX: OpDef = op(
    "slice_by_index",
    &[
        version(
            Ios15,
            &[
                tensor("x", T_BASIC),
                any("begin"),
                any("end"),
                STRIDE[0],
                STRIDE[1],
                STRIDE[2],
                STRIDE[3],
            ],
        ),
        version(
            Ios17,
            &[
                tensor("x", T_ANY),
                tensor("begin", U_INT),
                tensor("end", U_INT),
                STRIDE_17,
                STRIDE[1],
                STRIDE[2],
                STRIDE[3],
            ],
        ),
    ],
    slice_by_index,
)
.evaluated(elements_by_index);

pub(super) const SLICE_BY_SIZE: OpDef = op(
    "slice_by_size",
    &[
        version(Ios15, &[tensor("x", T_BASIC), any("begin"), any("size")]),
        version(Ios17, &[tensor("x", T_ANY), tensor("begin", U_INT), tensor("size", U_INT)]),
    ],
    slice_by_size,
)
.evaluated(elements_by_size);

pub(super) const SLICE_UPDATE: OpDef = op(
    "slice_update",
    &[version(
        Ios18,
        &[
            tensor("x", T_ANY),
            tensor("update", T_ANY),
            tensor("begin", U_INT),
            tensor("end", U_INT),
            STRIDE_17,
            STRIDE[1],
            STRIDE[2],
            STRIDE[3],
        ],
    )],
    slice_update,
);

/// A slice of one axis, as the inputs give it.
struct Axis {
    /// `None` where only the data tells.
    begin: Option<Dim>,
    end: Option<Dim>,
    stride: i64,
    begin_masked: bool,
    end_masked: bool,
    squeezed: bool,
}

fn axes(ctx: &InferCtx<'_>) -> Result<Vec<Axis>, Fault> {
    let rank = ctx.shape("x")?.len();
    let fits = |input: &str, found: usize| match found == rank {
        true => Ok(()),
        false => Err(Fault::value(input, format!("has {found} entries for rank {rank}"))),
    };
    let bounds = |input: &str| {
        fits(input, ctx.vector_len(input)?)?;
        let dims = ctx.dims(input).filter(|d| d.len() == rank);
        Ok(dims.map_or(vec![None; rank], |d| d.into_iter().map(Some).collect()))
    };
    let mask = |input: &str| match ctx.optional_bools(input)? {
        Some(mask) => fits(input, mask.len()).map(|()| mask),
        None => Ok(vec![false; rank]),
    };
    let stride = ctx.optional_ints("stride")?.unwrap_or(vec![1; rank]);
    fits("stride", stride.len())?;
    if stride.contains(&0) {
        return Err(Fault::value("stride", "must not be 0"));
    }
    let (begin, end): (Vec<Option<Dim>>, Vec<Option<Dim>>) = (bounds("begin")?, bounds("end")?);
    let (begin_mask, end_mask) = (mask("begin_mask")?, mask("end_mask")?);
    let squeeze_mask = mask("squeeze_mask")?;
    let axis = |(i, (begin, end))| Axis {
        begin,
        end,
        stride: stride[i],
        begin_masked: begin_mask[i],
        end_masked: end_mask[i],
        squeezed: squeeze_mask[i],
    };
    Ok(begin.into_iter().zip(end).enumerate().map(axis).collect())
}

/// The slice's shape, squeezed axes left out.
fn sliced(ctx: &InferCtx<'_>) -> Result<Vec<Dim>, Fault> {
    let mut shape = Vec::new();
    for (i, (size, axis)) in ctx.shape("x")?.iter().zip(axes(ctx)?).enumerate() {
        if !axis.squeezed {
            shape.push(axis.count(size).unwrap_or_else(|| ctx.fresh()));
        } else if let (Some(n), Some(at)) = (size.number(), axis.index(size))
            && at.number().is_some_and(|at| at < 0 || at >= n)
        {
            let why = format!("index {at} is outside axis {i} of size {n}");
            return Err(Fault::value("begin", why));
        }
    }
    Ok(shape)
}

impl Axis {
    /// The number of elements of the slice; `None` where only the data tells.
    fn count(&self, size: &Dim) -> Option<Dim> {
        if let Some(count) = self.certain(size) {
            return Some(count);
        }
        let zero = Dim::Known(0);
        let begin = self.bound(&self.begin, self.begin_masked)?;
        let end = self.bound(&self.end, self.end_masked)?;
        let from_front =
            |d: &Dim| if is_negative(d) { (d + size).at_least(&zero) } else { d.clone() };
        let span = if let (1.., Some(begin), None) = (self.stride, &begin, &end)
            && is_negative(begin)
        {
            size.at_most(&-begin)
        } else if self.stride > 0 {
            let begin = begin.as_ref().map_or(zero.clone(), from_front);
            &end.as_ref().map_or(size.clone(), from_front).at_most(size) - &begin
        } else {
            let last = size - &Dim::ONE;
            let begin = begin.as_ref().map_or(last.clone(), from_front).at_most(&last);
            &begin - &end.as_ref().map_or(Dim::Known(-1), from_front)
        };
        span.at_least(&zero).ceil_div(&Dim::Known(self.stride.checked_abs()?))
    }

    /// A known bound (`None` where a mask leaves the axis open), if it is known.
    fn bound(&self, given: &Option<Dim>, masked: bool) -> Option<Option<Dim>> {
        match given {
            _ if masked => Some(None),
            // The largest index is how exporters write "to the end".
            Some(Dim::Known(n)) if *n >= i64::from(i32::MAX) && self.stride > 0 => Some(None),
            Some(dim) => Some(Some(dim.clone())),
            None => None,
        }
    }

    /// Counts that hold whatever the size of an axis is, as Core ML's own type rule has them.
    fn certain(&self, size: &Dim) -> Option<Dim> {
        let begin = self.begin.as_ref().filter(|_| !self.begin_masked);
        let end = self.end.as_ref().filter(|_| !self.end_masked);
        let unknown =
            (begin.is_none() && !self.begin_masked) || (end.is_none() && !self.end_masked);
        let short = match (begin, end) {
            (Some(begin), Some(end)) => self.short(begin, end),
            (Some(Dim::Known(0)), None) if self.stride < 0 && self.end_masked => Some(Dim::ONE),
            (Some(Dim::Known(-1)), None) if self.stride > 0 && self.end_masked => Some(Dim::ONE),
            _ => None,
        };
        short.or_else(|| (*size == Dim::ONE && (unknown || begin.is_some())).then_some(Dim::ONE))
    }

    /// The count between two bounds that count from the same end, if it is at most 1.
    fn short(&self, begin: &Dim, end: &Dim) -> Option<Dim> {
        let forward = !is_negative(begin) && !is_negative(end) && self.stride > 0;
        let backward = is_negative(begin) && is_negative(end) && self.stride < 0;
        let count = (end - begin).ceil_div(&Dim::Known(self.stride))?;
        count.number().filter(|n| *n <= 1 && (forward || backward)).map(|n| Dim::Known(n.max(0)))
    }

    /// The first index, counted from the front.
    fn index(&self, size: &Dim) -> Option<Dim> {
        if self.begin_masked {
            return Some(Dim::Known(0));
        }
        self.begin.as_ref().map(|b| if is_negative(b) { b + size } else { b.clone() })
    }
}

/// Whether a bound counts from the end. An expression of unknown sign is taken to count from the
/// front; the kernel holds the true numbers against the shape.
fn is_negative(bound: &Dim) -> bool {
    match bound {
        Dim::Known(n) => *n < 0,
        Dim::Expr(_) => (-bound).is_never_negative(),
    }
}

fn slice_by_index(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    Ok(vec![Type::tensor(ctx.dtype("x")?, sliced(ctx)?)])
}

fn slice_update(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let (sliced, update) = (sliced(ctx)?, ctx.shape("update")?);
    if unify_shapes(&sliced, update).is_none() {
        let (update, sliced) = (show(update), show(&sliced));
        return Err(Fault::Shape(format!("`update` is {update}, the slice is {sliced}")));
    }
    like_x(ctx)
}

fn elements_by_index(ctx: &InferCtx<'_>) -> Option<Vec<Dim>> {
    let (dims, axes) = (ctx.dims("x")?, axes(ctx).ok()?);
    let ([axis], [_]) = (axes.as_slice(), ctx.shape("x").ok()?) else { return None };
    let size = Dim::from(dims.len());
    let count = if axis.squeezed { 1 } else { axis.count(&size)?.known()? };
    let first = match axis.index(&size)?.number()? {
        _ if axis.begin_masked && axis.stride < 0 => dims.len().checked_sub(1)?,
        at if axis.stride < 0 && !axis.squeezed => {
            usize::try_from(at.max(0)).ok()?.min(dims.len().checked_sub(1)?)
        }
        at => usize::try_from(at.max(0)).ok()?,
    };
    let stride = isize::try_from(axis.stride).ok()?;
    let at = |i: usize| first.checked_add_signed(stride.checked_mul(isize::try_from(i).ok()?)?);
    (0..count).map(|i| dims.get(at(i)?).cloned()).collect()
}

fn slice_by_size(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let x = ctx.tensor("x")?;
    let rank = x.shape.len();
    for input in ["begin", "size"] {
        let found = ctx.vector_len(input)?;
        if found != rank {
            return Err(Fault::value(input, format!("has {found} entries for rank {rank}")));
        }
    }
    let begin = ctx.dims("begin").filter(|d| d.len() == rank);
    let size = ctx.dims("size").filter(|d| d.len() == rank);
    let count = |axis: usize| -> Result<Dim, Fault> {
        let dim = &x.shape[axis];
        let begin = begin.as_ref().map(|b| &b[axis]);
        let first = begin.map(|b| if is_negative(b) { b + dim } else { b.clone() });
        let count = match (size.as_ref().map(|s| &s[axis]), &first) {
            (Some(Dim::Known(-1)), Some(first)) => dim - first,
            (Some(Dim::Known(-1)), None) | (None, _) => return Ok(ctx.fresh()),
            (Some(size), _) => size.clone(),
        };
        let outside = |d: Dim| d.number().is_some_and(|n| n < 0);
        let first = first.unwrap_or(Dim::Known(0));
        if outside(count.clone()) || outside(first.clone()) || outside(dim - &(&first + &count)) {
            let why = format!("{count} elements from {first} on axis {axis} of size {dim}");
            return Err(Fault::value("size", why));
        }
        Ok(count)
    };
    Ok(vec![Type::tensor(x.dtype, (0..rank).map(count).collect::<Result<_, _>>()?)])
}

fn elements_by_size(ctx: &InferCtx<'_>) -> Option<Vec<Dim>> {
    let (dims, begin, size) = (ctx.dims("x")?, ctx.dims("begin")?, ctx.dims("size")?);
    let ([begin], [size], [_]) = (begin.as_slice(), size.as_slice(), ctx.shape("x").ok()?) else {
        return None;
    };
    let begin = begin.number()?;
    let first = if begin < 0 { begin.checked_add_unsigned(dims.len() as u64)? } else { begin };
    let rest = dims.get(usize::try_from(first).ok()?..)?;
    match size.number()? {
        -1 => Some(rest.to_vec()),
        n => rest.get(..usize::try_from(n).ok()?).map(<[Dim]>::to_vec),
    }
}
