//! Compressed weights of the iOS 18 forms, and how compressed values are read.
//!
//! These ops only run while a program is compiled. They read packed constants as they lie in the
//! file, and write their result once.

use std::ops::Range;
use std::sync::Arc;

use anemone_ir::Const;
use anemone_tensor::Tensor;

use crate::array::{DataMut, Owned, ViewMut};
use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;
use crate::quantised::Quantised;

/// A constant: as packed in the file, or the result of another of these ops.
pub(super) enum Source {
    Packed(Tensor),
    Decoded(Arc<Owned>),
}

impl Source {
    pub(super) fn new(ctx: &PrepareCtx<'_>, input: &str) -> Result<Source, String> {
        Source::optional(ctx, input)?.ok_or_else(|| format!("`{input}` is not a constant"))
    }

    fn optional(ctx: &PrepareCtx<'_>, input: &str) -> Result<Option<Source>, String> {
        if let Some(value) = ctx.infer().constant(input)
            && let Const::Tensor(tensor) = value.as_ref()
        {
            return Ok(Some(Source::Packed(tensor.clone())));
        }
        Ok(ctx.constant(input)?.map(Source::Decoded))
    }

    pub(super) fn shape(&self) -> &[usize] {
        match self {
            Source::Packed(tensor) => tensor.shape(),
            Source::Decoded(owned) => &owned.shape,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.shape().iter().product()
    }

    /// Element `index` of a mask or of indices into a table.
    fn integer(&self, index: usize) -> Result<usize, String> {
        let value = match self {
            Source::Packed(tensor) => tensor.get_i64(index),
            Source::Decoded(owned) => i64::from(owned.view().data.i32()?[index]),
        };
        usize::try_from(value).map_err(|_| format!("{value} is not an index"))
    }

    /// The elements from `start` on as floats, as many as `values` holds.
    pub(super) fn read(&self, start: usize, values: &mut [f32]) -> Result<(), String> {
        match self {
            Source::Packed(tensor) => tensor.read_f32(start, values),
            Source::Decoded(owned) => match owned.floats() {
                Some(floats) => values.copy_from_slice(&floats[start..][..values.len()]),
                None => {
                    let integers = &owned.view().data.i32()?[start..][..values.len()];
                    values.iter_mut().zip(integers).for_each(|(to, &from)| *to = from as f32);
                }
            },
        }
        Ok(())
    }

    pub(super) fn floats(&self) -> Result<Vec<f32>, String> {
        let mut values = vec![0.0; self.count()];
        self.read(0, &mut values)?;
        Ok(values)
    }
}

/// Calls `visit` for each run of elements of `shape` that lie in one block, with the run and the
/// block's number; `blocks` says into how many blocks each axis is divided.
pub(super) fn each_run(
    shape: &[usize],
    blocks: &[usize],
    mut visit: impl FnMut(Range<usize>, usize) -> Result<(), String>,
) -> Result<(), String> {
    let count: usize = shape.iter().product();
    if count == 0 {
        return Ok(());
    }
    let Some(last) = blocks.iter().rposition(|&n| n != 1) else { return visit(0..count, 0) };
    let run = shape[last] / blocks[last] * shape[last + 1..].iter().product::<usize>();
    for (number, start) in (0..count).step_by(run).enumerate() {
        let (mut rest, mut block, mut step) = (number / blocks[last], number % blocks[last], 1);
        for axis in (0..last).rev() {
            step *= blocks[axis + 1];
            block += rest % shape[axis] / (shape[axis] / blocks[axis]) * step;
            rest /= shape[axis];
        }
        visit(start..start + run, block)?;
    }
    Ok(())
}

/// The elements of a dense tensor that a mask keeps.
struct Mask {
    bits: Source,
}

impl Mask {
    fn is_set(&self, index: usize) -> Result<bool, String> {
        Ok(self.bits.integer(index)? != 0)
    }

    fn write(&self, out: &mut ViewMut<'_>) -> Result<(), String> {
        for (i, bit) in out.data.i32()?.iter_mut().enumerate() {
            *bit = i32::from(self.is_set(i)?);
        }
        Ok(())
    }
}

/// `scale * (data - offset)`, with a scale and an offset for each block.
struct Blockwise {
    data: Source,
    mask: Option<Mask>,
    scale: Source,
    offset: Option<Source>,
}

/// The packed constants of [`blockwise`], where there are blocks along one axis at most.
pub(super) fn quantised(ctx: &PrepareCtx<'_>) -> Result<Option<Quantised>, String> {
    let (data, scale) = (Source::new(ctx, "data")?, Source::new(ctx, "scale")?);
    let offset = Source::optional(ctx, "offset")?;
    let mut wide = scale.shape().iter().enumerate().filter(|(_, n)| **n != 1);
    let (axis, more) = (wide.next().map_or(0, |(axis, _)| axis), wide.next());
    let (Source::Packed(numbers), None) = (data, more) else { return Ok(None) };
    let offset = offset.map_or(Ok(Vec::new()), |offset| offset.floats())?;
    Ok(Quantised::new(numbers, axis, scale.floats()?, offset))
}

pub(super) fn blockwise(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let (data, scale) = (Source::new(ctx, "data")?, Source::new(ctx, "scale")?);
    let offset = Source::optional(ctx, "offset")?;
    Ok(Prepared::kernel(Blockwise { data, mask: None, scale, offset }))
}

pub(super) fn sparse_blockwise(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let (data, scale) = (Source::new(ctx, "nonzero_data")?, Source::new(ctx, "scale")?);
    let mask = Some(Mask { bits: Source::new(ctx, "data_mask")? });
    let offset = Source::optional(ctx, "offset")?;
    Ok(Prepared::kernel(Blockwise { data, mask, scale, offset }))
}

impl Kernel for Blockwise {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let scale = self.scale.floats()?;
        let offset = self.offset.as_ref().map(|o| o.floats()).transpose()?;
        let decode = |value: f32, block: usize| match &offset {
            Some(offset) => scale[block] * (value - offset[block]),
            None => scale[block] * value,
        };
        let Some(mask) = &self.mask else {
            let out = io.outputs[0].data.f32()?;
            return each_run(self.data.shape(), self.scale.shape(), |run, block| {
                let values = &mut out[run.clone()];
                self.data.read(run.start, values)?;
                values.iter_mut().for_each(|v| *v = decode(*v, block));
                Ok(())
            });
        };
        mask.write(&mut io.outputs[0])?;
        let out = io.outputs[1].data.f32()?;
        self.data.read(0, out)?;
        let mut left = out.iter_mut();
        each_run(mask.bits.shape(), self.scale.shape(), |run, block| {
            for index in run {
                if mask.is_set(index)? {
                    let value = left.next().ok_or("the mask has more bits than elements")?;
                    *value = decode(*value, block);
                }
            }
            Ok(())
        })
    }
}

/// Entries of a table for indices, with a table for each block and entries of one or more elements.
pub(super) struct Lookup {
    pub(super) indices: Source,
    pub(super) lut: Source,
    /// Into how many blocks each axis of the indices is divided.
    pub(super) blocks: Vec<usize>,
    /// Elements of an entry, and the axis along which they lie.
    pub(super) vector: usize,
    pub(super) axis: usize,
}

impl Lookup {
    pub(super) fn new(
        ctx: &PrepareCtx<'_>,
        indices: Source,
        shape: &[usize],
    ) -> Result<Lookup, String> {
        let lut = Source::new(ctx, "lut")?;
        let [blocks @ .., _, vector] = lut.shape() else {
            return Err("`lut` has less than two axes".to_owned());
        };
        let axis = match ctx.infer().has("vector_axis") {
            true => ctx.infer().axis("vector_axis", shape.len()).map_err(|f| f.to_string())?,
            false => 0,
        };
        let (blocks, vector) = (blocks.to_vec(), *vector);
        Ok(Lookup { indices, lut, blocks, vector, axis })
    }

    /// Calls `store` with the place of each element of the result and its place in the table;
    /// `index` gives the table's entry for an element of `shape`.
    pub(super) fn each(
        &self,
        shape: &[usize],
        index: impl Fn(usize) -> Result<Option<usize>, String>,
        mut store: impl FnMut(usize, usize),
    ) -> Result<(), String> {
        let inner: usize = shape[(self.axis + 1).min(shape.len())..].iter().product();
        let tables: usize = self.blocks.iter().product();
        let entries = self.lut.count() / (tables * self.vector).max(1);
        each_run(shape, &self.blocks, |run, block| {
            for at in run {
                let Some(entry) = index(at)? else { continue };
                if entry >= entries {
                    return Err(format!("index {entry} is outside a table of {entries} entries"));
                }
                for element in 0..self.vector {
                    let to = (at / inner * self.vector + element) * inner + at % inner;
                    store(to, (block * entries + entry) * self.vector + element);
                }
            }
            Ok(())
        })
    }
}

impl Kernel for Lookup {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let table = self.lut.floats()?;
        let index = |at| self.indices.integer(at).map(Some);
        match &mut io.outputs[0].data {
            DataMut::F32(out) => {
                self.each(self.indices.shape(), index, |to, from| out[to] = table[from])
            }
            DataMut::I32(out) => {
                self.each(self.indices.shape(), index, |to, from| out[to] = table[from] as i32)
            }
            DataMut::Bool(_) => Err("a table of booleans".to_owned()),
        }
    }
}

/// A lookup of the elements that a mask keeps.
struct SparseLookup {
    lookup: Lookup,
    mask: Mask,
}

pub(super) fn lut_to_sparse(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let mask = Mask { bits: Source::new(ctx, "indices_mask")? };
    let indices = Source::new(ctx, "indices_nonzero_data")?;
    let lookup = Lookup::new(ctx, indices, mask.bits.shape())?;
    Ok(Prepared::kernel(SparseLookup { lookup, mask }))
}

impl Kernel for SparseLookup {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let (lookup, shape) = (&self.lookup, self.mask.bits.shape());
        // Which of the kept elements each dense place holds, counted from 1.
        let mut numbers = vec![0usize; shape.iter().product()];
        let mut kept = 0;
        for (at, number) in numbers.iter_mut().enumerate() {
            if self.mask.is_set(at)? {
                kept += 1;
                *number = kept;
            }
        }
        if kept != lookup.indices.count() {
            return Err(format!("the mask keeps {kept} of {} elements", lookup.indices.count()));
        }
        let index = |at: usize| match numbers[at] {
            0 => Ok(None),
            number => lookup.indices.integer(number - 1).map(Some),
        };
        let mut places = Vec::with_capacity(kept * lookup.vector);
        lookup.each(shape, index, |to, from| places.push((to, from)))?;
        places.sort_unstable();
        let (masks, values) = io.outputs.split_at_mut(1);
        let mask = masks[0].data.i32()?;
        mask.fill(0);
        places.iter().for_each(|&(to, _)| mask[to] = 1);
        let table = lookup.lut.floats()?;
        let taken = places.iter().map(|&(_, from)| table[from]);
        match &mut values[0].data {
            DataMut::F32(out) => out.iter_mut().zip(taken).for_each(|(to, v)| *to = v),
            DataMut::I32(out) => out.iter_mut().zip(taken).for_each(|(to, v)| *to = v as i32),
            DataMut::Bool(_) => return Err("a table of booleans".to_owned()),
        }
        Ok(())
    }
}

/// The kept elements at their places, and zeros between them.
pub(super) struct Spread {
    pub(super) nonzero: Source,
    pub(super) mask: Source,
}

impl Kernel for Spread {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let nonzero = self.nonzero.floats()?;
        let mut left = nonzero.into_iter();
        let mut next = |index| match self.mask.integer(index)? {
            0 => Ok(0.0),
            _ => left.next().ok_or("the mask has more bits than elements".to_owned()),
        };
        match &mut io.outputs[0].data {
            DataMut::F32(out) => {
                for (index, to) in out.iter_mut().enumerate() {
                    *to = next(index)?;
                }
            }
            DataMut::I32(out) => {
                for (index, to) in out.iter_mut().enumerate() {
                    *to = next(index)? as i32;
                }
            }
            DataMut::Bool(_) => return Err("sparse booleans".to_owned()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_cover_a_tensor_with_the_number_of_their_block() {
        let cases: [(&[usize], &[usize], &[usize]); 4] = [
            (&[2, 4], &[1, 2], &[0, 0, 1, 1, 0, 0, 1, 1]),
            (&[4, 2], &[2, 1], &[0, 0, 0, 0, 1, 1, 1, 1]),
            (&[4, 2], &[2, 2], &[0, 1, 0, 1, 2, 3, 2, 3]),
            (&[2, 2], &[1, 1], &[0, 0, 0, 0]),
        ];
        for (shape, blocks, expected) in cases {
            let mut found = vec![usize::MAX; expected.len()];
            each_run(shape, blocks, |run, block| {
                found[run].fill(block);
                Ok(())
            })
            .unwrap();
            assert_eq!(found, expected, "{shape:?} in {blocks:?}");
        }
    }
}
