//! Compressed weights of the iOS 16 forms, and the ops that iOS 18 gave another form.

use anemone_tensor::{DataType, Tensor};

use super::compression::{Lookup, Source, Spread, each_run};
use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;
use crate::quantised::Quantised;

/// `scale * (data - zero_point)`, with numbers for the whole tensor or for each place on one axis.
struct Affine {
    data: Source,
    zero_point: Source,
    scale: Source,
    axis: usize,
}

/// The packed constants of [`affine_dequantize`].
pub(super) fn quantised(ctx: &PrepareCtx<'_>) -> Result<Option<Quantised>, String> {
    let data = Source::new(ctx, "quantized_data")?;
    let axis = ctx.infer().axis("axis", data.shape().len()).map_err(|f| f.to_string())?;
    let (zero_point, scale) = (Source::new(ctx, "zero_point")?, Source::new(ctx, "scale")?);
    let Source::Packed(numbers) = data else { return Ok(None) };
    Ok(Quantised::new(numbers, axis, scale.floats()?, zero_point.floats()?))
}

pub(super) fn affine_dequantize(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let data = Source::new(ctx, "quantized_data")?;
    let axis = ctx.infer().axis("axis", data.shape().len()).map_err(|f| f.to_string())?;
    let (zero_point, scale) = (Source::new(ctx, "zero_point")?, Source::new(ctx, "scale")?);
    Ok(Prepared::kernel(Affine { data, zero_point, scale, axis }))
}

impl Kernel for Affine {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let (zero_point, scale) = (self.zero_point.floats()?, self.scale.floats()?);
        let shape = self.data.shape();
        let mut blocks = vec![1; shape.len()];
        blocks[self.axis] = shape[self.axis];
        let at = |values: &[f32], block: usize| values[if values.len() == 1 { 0 } else { block }];
        let out = io.outputs[0].data.f32()?;
        each_run(shape, &blocks, |run, block| {
            let (zero_point, scale) = (at(&zero_point, block), at(&scale, block));
            let values = &mut out[run.clone()];
            self.data.read(run.start, values)?;
            values.iter_mut().for_each(|v| *v = scale * (*v - zero_point));
            Ok(())
        })
    }
}

/// The same numbers in another float type, which are the same `f32`.
struct Cast(Source);

pub(super) fn cast(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    Ok(Prepared::kernel(Cast(Source::new(ctx, "source_val")?)))
}

impl Kernel for Cast {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        self.0.read(0, io.outputs[0].data.f32()?)
    }
}

pub(super) fn lut_to_dense(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let indices = Source::new(ctx, "indices")?;
    if !ctx.infer().has("shape") {
        let shape = indices.shape().to_vec();
        return Ok(Prepared::kernel(Lookup::new(ctx, indices, &shape)?));
    }
    let lut = Source::new(ctx, "lut")?;
    let dtype = match lut.count() {
        2 => DataType::U1,
        4 => DataType::U2,
        16 => DataType::U4,
        64 => DataType::U6,
        256 => DataType::U8,
        n => return Err(format!("a table of {n} entries")),
    };
    let indices = unpacked(ctx, indices, dtype)?;
    let blocks = vec![1; indices.shape().len()];
    Ok(Prepared::kernel(Lookup { indices, lut, blocks, vector: 1, axis: 0 }))
}

pub(super) fn sparse_to_dense(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let (nonzero, mask) = (Source::new(ctx, "nonzero_data")?, Source::new(ctx, "mask")?);
    let mask = match ctx.infer().has("shape") {
        true => unpacked(ctx, mask, DataType::U1)?,
        false => mask,
    };
    Ok(Prepared::kernel(Spread { nonzero, mask }))
}

/// The bytes of an iOS 16 form as the elements that they pack.
fn unpacked(ctx: &PrepareCtx<'_>, source: Source, dtype: DataType) -> Result<Source, String> {
    let Source::Packed(bytes) = source else {
        return Err("packed bytes that another op computes".to_owned());
    };
    let shape = ctx.output(0)?.known_shape().ok_or("a constant's shape is not known")?;
    let tensor = Tensor::new(dtype, shape, bytes.data().clone()).map_err(|e| e.to_string())?;
    Ok(Source::Packed(tensor))
}
