//! Resizing, cropping and resampling of images.

mod boxes;
mod sampled;

use anemone_ir::infer::InferCtx;
use rayon::prelude::*;

use crate::array::{Data, DataMut};
use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;

pub(super) use boxes::crop_resize;
pub(super) use sampled::{affine, resample};

/// Where the elements of a resized axis lie between those of the original.
#[derive(Clone, Copy, PartialEq)]
enum Grid {
    Default,
    StrictAlignCorners,
    AlignCorners,
    OffsetCorners,
    UnalignCorners,
}

impl Grid {
    fn read(ctx: &InferCtx<'_>) -> Result<Grid, String> {
        let name = ctx.text("sampling_mode").map_err(|f| f.to_string())?;
        Ok(match name.to_ascii_uppercase().as_str() {
            "DEFAULT" => Grid::Default,
            "STRICT_ALIGN_CORNERS" => Grid::StrictAlignCorners,
            "ALIGN_CORNERS" => Grid::AlignCorners,
            "OFFSET_CORNERS" => Grid::OffsetCorners,
            "UNALIGN_CORNERS" => Grid::UnalignCorners,
            _ => return Err(format!("sampling mode `{name}` has no kernel")),
        })
    }

    /// The place of element `i` of `output` on an axis whose elements lie at 0 to `input - 1`.
    fn place(self, i: usize, input: f32, output: usize) -> f32 {
        let (i, last) = (i as f32, output.saturating_sub(1).max(1) as f32);
        let output_size = output as f32;
        match self {
            Grid::AlignCorners if output == 1 => (input - 1.0) / 2.0,
            Grid::StrictAlignCorners | Grid::AlignCorners => i * ((input - 1.0) / last),
            Grid::Default => i * (input / output_size),
            Grid::OffsetCorners => (i + 0.5) * ((input - 1.0).max(1.0) / output_size),
            Grid::UnalignCorners => {
                let spacing = input / output_size;
                i * spacing + 0.5 * spacing - 0.5
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Interpolation {
    Nearest,
    Linear,
}

/// The last two axes, brought to the size of the output.
struct Resize {
    x: usize,
    grid: Grid,
    interpolation: Interpolation,
}

pub(super) fn upsample_nearest_neighbor(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    prepare(ctx, Grid::Default, Interpolation::Nearest)
}

pub(super) fn resize_nearest_neighbor(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    prepare(ctx, Grid::Default, Interpolation::Nearest)
}

pub(super) fn resize_bilinear(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let grid = Grid::read(ctx.infer())?;
    prepare(ctx, grid, Interpolation::Linear)
}

pub(super) fn upsample_bilinear(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let flag = |input: &str| ctx.infer().boolean(input).map_err(|f| f.to_string());
    let align = flag("align_corners")?;
    let half_pixel = match ctx.infer().has("half_pixel_centers") {
        true => flag("half_pixel_centers")?,
        false => !align,
    };
    let grid = match (align, half_pixel) {
        (true, false) => Grid::StrictAlignCorners,
        (false, true) => Grid::UnalignCorners,
        (false, false) => Grid::Default,
        (true, true) => return Err("corners are aligned and pixel centres halved".to_owned()),
    };
    prepare(ctx, grid, Interpolation::Linear)
}

pub(super) fn resize(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let mode = ctx.infer().text("interpolation_mode").map_err(|f| f.to_string())?;
    let interpolation = match mode.eq_ignore_ascii_case("LINEAR") {
        true => Interpolation::Linear,
        false => Interpolation::Nearest,
    };
    let resized = ctx.infer().int("resized_dims").map_err(|f| f.to_string())?;
    let rank = ctx.infer().shape("x").map_err(|f| f.to_string())?.len();
    if resized > 2 || rank < 2 {
        return Err(format!("resizing {resized} axes of a tensor of rank {rank} has no kernel"));
    }
    let grid = Grid::read(ctx.infer())?;
    if ctx.infer().dims("shape").is_some() {
        return prepare(ctx, grid, interpolation);
    }
    let resized = usize::try_from(resized).map_err(|_| "a negative number of axes")?;
    let (x, shape) = (ctx.operand("x")?, ctx.operand("shape")?);
    let kernel = Resize { x, grid, interpolation };
    Ok(Prepared::kernel(ResizeToData { kernel, shape, resized }))
}

fn prepare(
    ctx: &mut PrepareCtx<'_>,
    grid: Grid,
    interpolation: Interpolation,
) -> Result<Prepared, String> {
    Ok(Prepared::kernel(Resize { x: ctx.operand("x")?, grid, interpolation }))
}

/// Two neighbours on an axis and how far the place lies from the first to the second.
#[derive(Clone, Copy)]
struct Between {
    first: usize,
    second: usize,
    part: f32,
}

impl Between {
    fn new(place: f32, size: usize) -> Between {
        let last = size.saturating_sub(1);
        let place = place.clamp(0.0, last as f32);
        let first = (place as usize).min(last);
        Between { first, second: (first + 1).min(last), part: place - first as f32 }
    }

    fn mix(self, a: f32, b: f32) -> f32 {
        (1.0 - self.part) * a + self.part * b
    }
}

impl Resize {
    fn places(&self, input: usize, output: usize) -> Vec<Between> {
        let between = |i| Between::new(self.grid.place(i, input as f32, output), input);
        (0..output).map(between).collect()
    }

    /// The nearest element for each element of the output.
    fn nearest(&self, input: usize, output: usize) -> Vec<usize> {
        let shift = if self.grid == Grid::Default { 0.0 } else { 0.5 };
        let place = |i| (self.grid.place(i, input as f32, output) + shift).max(0.0) as usize;
        (0..output).map(|i| place(i).min(input.saturating_sub(1))).collect()
    }
}

fn last_two(shape: &[usize]) -> Result<[usize; 2], String> {
    match shape {
        [.., height, width] => Ok([*height, *width]),
        _ => Err("an image needs two axes".to_owned()),
    }
}

impl Kernel for Resize {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let x = io.inputs[self.x];
        let [height, width] = last_two(x.shape)?;
        let [out_height, out_width] = last_two(io.outputs[0].shape)?;
        if height * width == 0 || out_height * out_width == 0 {
            return match io.outputs[0].shape.contains(&0) {
                true => Ok(()),
                false => Err("an image without elements cannot be resized".to_owned()),
            };
        }
        let (plane, out_plane) = (height * width, out_height * out_width);
        if self.interpolation == Interpolation::Nearest {
            let (rows, columns) =
                (self.nearest(height, out_height), self.nearest(width, out_width));
            let at = |i: usize| rows[i / out_width] * width + columns[i % out_width];
            match (x.data, &mut io.outputs[0].data) {
                (Data::F32(x), DataMut::F32(out)) => pick(x, plane, out, out_plane, at),
                (Data::I32(x), DataMut::I32(out)) => pick(x, plane, out, out_plane, at),
                _ => return Err("images of this type cannot be resized".to_owned()),
            }
            return Ok(());
        }
        let (rows, columns) = (self.places(height, out_height), self.places(width, out_width));
        let out = io.outputs[0].data.f32()?;
        out.par_chunks_mut(out_plane).zip(x.data.f32()?.par_chunks(plane)).for_each(|(out, x)| {
            for (out, row) in out.chunks_mut(out_width).zip(&rows) {
                let (above, below) = (&x[row.first * width..], &x[row.second * width..]);
                for (out, column) in out.iter_mut().zip(&columns) {
                    let mix = |line: &[f32]| column.mix(line[column.first], line[column.second]);
                    *out = row.mix(mix(above), mix(below));
                }
            }
        });
        Ok(())
    }
}

fn pick<T: Copy + Send + Sync>(
    x: &[T],
    plane: usize,
    out: &mut [T],
    out_plane: usize,
    at: impl Fn(usize) -> usize + Sync,
) {
    out.par_chunks_mut(out_plane).zip(x.par_chunks(plane)).for_each(|(out, x)| {
        out.iter_mut().enumerate().for_each(|(i, out)| *out = x[at(i)]);
    });
}

/// A `resize` to sizes that only the data tells.
struct ResizeToData {
    kernel: Resize,
    shape: usize,
    resized: usize,
}

impl Kernel for ResizeToData {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        self.kernel.run(io)
    }

    fn output_shapes(&self, inputs: &[crate::array::View<'_>]) -> Result<Vec<Vec<usize>>, String> {
        let mut shape = inputs[self.kernel.x].shape.to_vec();
        let sizes = inputs[self.shape].data.i32()?;
        let (Some(first), Some(skipped)) =
            (shape.len().checked_sub(self.resized), sizes.len().checked_sub(self.resized))
        else {
            return Err(format!("{} sizes for {} axes", sizes.len(), self.resized));
        };
        for (axis, &size) in shape[first..].iter_mut().zip(&sizes[skipped..]) {
            if size != 0 {
                *axis = usize::try_from(size).map_err(|_| format!("{size} is not a size"))?;
            }
        }
        Ok(vec![shape])
    }
}

/// The last two axes without their margins.
struct Crop {
    x: usize,
    top: usize,
    left: usize,
}

pub(super) fn crop(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let before = |input: &str| {
        let amounts = ctx.infer().ints(input).map_err(|f| f.to_string())?;
        let first = amounts.first().and_then(|&n| usize::try_from(n).ok());
        first.ok_or_else(|| format!("`{input}` holds no amount"))
    };
    let (top, left) = (before("crop_height")?, before("crop_width")?);
    Ok(Prepared::kernel(Crop { x: ctx.operand("x")?, top, left }))
}

impl Kernel for Crop {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let x = io.inputs[self.x];
        let [height, width] = last_two(x.shape)?;
        let [out_height, out_width] = last_two(io.outputs[0].shape)?;
        if self.top + out_height > height || self.left + out_width > width {
            return Err(format!("the crop does not fit {height} x {width}"));
        }
        let out = io.outputs[0].data.f32()?;
        if out.is_empty() {
            return Ok(());
        }
        let x = x.data.f32()?;
        out.par_chunks_mut(out_width).enumerate().for_each(|(line, out)| {
            let (plane, row) = (line / out_height, line % out_height + self.top);
            let start = (plane * height + row) * width + self.left;
            out.copy_from_slice(&x[start..][..out_width]);
        });
        Ok(())
    }
}
