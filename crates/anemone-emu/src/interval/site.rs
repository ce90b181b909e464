//! What a rule sees of one op: the ranges and sizes of its operands, and its constants.

use std::borrow::Cow;

use anemone_ir::infer::InferCtx;
use anemone_ir::{CheckedFunction, Const, Node, ValueId};
use anemone_tensor::Tensor;

use super::propagate::Known;
use super::range::Range;

pub(crate) struct Site<'a> {
    pub(crate) function: &'a CheckedFunction,
    pub(crate) node: &'a Node,
    pub(crate) infer: InferCtx<'a>,
    pub(crate) known: &'a Known,
}

impl Site<'_> {
    pub(crate) fn range(&self, id: ValueId) -> Range {
        self.known.range(self.function, id)
    }

    pub(crate) fn ids(&self, input: &str) -> &[ValueId] {
        self.node.input(input)
    }

    /// The values bound to `input`, or its default; none where it has neither.
    pub(crate) fn optional(&self, input: &str) -> Option<Range> {
        let bound = self.ids(input).iter().map(|id| self.range(*id)).reduce(Range::join);
        bound.or_else(|| Some(of_tensor(self.infer.constant(input)?.tensor()?).stored()))
    }

    /// The values bound to `input`, or its default.
    pub(crate) fn of(&self, input: &str) -> Range {
        self.optional(input).unwrap_or(Range::ANY)
    }

    /// Each element of the vector bound to `input`, or one range for all of them.
    pub(crate) fn optional_channels(&self, input: &str) -> Option<Vec<Range>> {
        match self.constant(input) {
            Some(tensor) => {
                // Rounded to fp16 before use.
                let element = |i: usize| Range::point(tensor.get_f64(i)).stored();
                Some((0..tensor.count()).map(element).collect())
            }
            None => Some(vec![self.optional(input)?]),
        }
    }

    pub(crate) fn constant(&self, input: &str) -> Option<Cow<'_, Tensor>> {
        match self.ids(input) {
            [id] => self.constant_of(*id).map(Cow::Owned),
            _ => self.infer.constant(input)?.tensor().cloned().map(Cow::Owned),
        }
    }

    pub(crate) fn constant_of(&self, id: ValueId) -> Option<Tensor> {
        let stored = self.function.value(id).known.value.as_ref().and_then(Const::tensor);
        stored.cloned().or_else(|| self.known.weights(id))
    }

    /// A constant number, or its default.
    pub(crate) fn number(&self, input: &str) -> Option<f64> {
        self.infer.float(input).ok().map(f64::from)
    }

    /// The size of an axis of `input`, from the end where it is negative; infinite if not known.
    pub(crate) fn size(&self, input: &str, axis: i64) -> f64 {
        self.ids(input).first().map_or(f64::INFINITY, |id| self.size_of(*id, axis))
    }

    pub(crate) fn size_of(&self, id: ValueId, axis: i64) -> f64 {
        let Some(ty) = self.function.value(id).ty().as_tensor() else { return f64::INFINITY };
        let rank = ty.shape.len() as i64;
        let axis = if axis < 0 { axis + rank } else { axis };
        let dim = usize::try_from(axis).ok().and_then(|axis| ty.shape.get(axis));
        dim.map_or(f64::INFINITY, |dim| self.known.size(dim))
    }

    /// The product of the sizes of `input` from an axis on.
    pub(crate) fn sizes(&self, input: &str, from: usize) -> f64 {
        let Some(id) = self.ids(input).first() else { return f64::INFINITY };
        let Some(ty) = self.function.value(*id).ty().as_tensor() else { return f64::INFINITY };
        (from..ty.shape.len()).map(|axis| self.size_of(*id, axis as i64)).product()
    }

    /// How many elements a window of a pool has.
    pub(crate) fn window(&self) -> f64 {
        let sizes = self.infer.ints("kernel_sizes");
        sizes.map_or(f64::INFINITY, |sizes| sizes.iter().map(|size| *size as f64).product())
    }

    /// How many elements are reduced to one.
    pub(crate) fn reduced(&self) -> f64 {
        let Some(id) = self.ids("x").first() else { return f64::INFINITY };
        let Some(ty) = self.function.value(*id).ty().as_tensor() else { return f64::INFINITY };
        match self.infer.axes("axes", ty.shape.len()) {
            Ok(Some(axes)) => axes.iter().map(|axis| self.size_of(*id, *axis as i64)).product(),
            Ok(None) => self.sizes("x", 0),
            Err(_) => f64::INFINITY,
        }
    }
}

/// What the elements of a constant are.
pub(crate) fn of_tensor(tensor: &Tensor) -> Range {
    let mut range: Option<Range> = None;
    let mut buffer = [0f32; 256];
    let mut start = 0;
    while start < tensor.count() {
        let values = &mut buffer[..(tensor.count() - start).min(256)];
        let exact = tensor.dtype().is_int() && tensor.dtype().bits() > 16;
        let (mut lowest, mut highest, mut nan) = (f64::INFINITY, f64::NEG_INFINITY, false);
        if exact {
            for index in start..start + values.len() {
                lowest = lowest.min(tensor.get_f64(index));
                highest = highest.max(tensor.get_f64(index));
            }
        } else {
            tensor.read_f32(start, values);
            for value in values.iter().copied() {
                nan |= value.is_nan();
                lowest = lowest.min(value.into());
                highest = highest.max(value.into());
            }
        }
        let part = if lowest > highest { Range::point(0.0) } else { Range::new(lowest, highest) };
        range = Some(range.map_or(part, |all| all.join(part)).or_nan(nan));
        start += values.len();
    }
    range.unwrap_or(Range::point(0.0))
}
