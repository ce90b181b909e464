//! `resample` and `affine`: images read at coordinates.

use rayon::prelude::*;

use crate::array::Data;
use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;

/// What lies outside the image.
#[derive(Clone, Copy, PartialEq)]
enum Outside {
    Constant(f32),
    Border,
    Reflection,
    Symmetric,
}

/// How coordinates count.
#[derive(Clone, Copy, PartialEq)]
enum Range {
    Pixels,
    MinusOneToOne,
    ZeroToOne,
}

#[derive(Clone, Copy)]
struct Sampling {
    nearest: bool,
    outside: Outside,
    range: Range,
    align_corners: bool,
}

struct Resample {
    x: usize,
    coordinates: usize,
    sampling: Sampling,
}

pub(in super::super) fn resample(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let sampling = Sampling::read(ctx)?;
    let (x, coordinates) = (ctx.operand("x")?, ctx.operand("coordinates")?);
    Ok(Prepared::kernel(Resample { x, coordinates, sampling }))
}

struct Affine {
    x: usize,
    matrix: usize,
    sampling: Sampling,
}

pub(in super::super) fn affine(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let sampling = Sampling::read(ctx)?;
    let (x, matrix) = (ctx.operand("x")?, ctx.operand("transform_matrix")?);
    Ok(Prepared::kernel(Affine { x, matrix, sampling }))
}

impl Sampling {
    fn read(ctx: &PrepareCtx<'_>) -> Result<Sampling, String> {
        let infer = ctx.infer();
        let text = |input: &str| {
            infer.text(input).map(|t| t.to_ascii_lowercase()).map_err(|f| f.to_string())
        };
        let outside = match text("padding_mode")?.as_str() {
            "constant" => {
                Outside::Constant(infer.float("padding_value").map_err(|f| f.to_string())?)
            }
            "border" => Outside::Border,
            "reflection" => Outside::Reflection,
            "symmetric" => Outside::Symmetric,
            other => return Err(format!("padding mode `{other}` has no kernel")),
        };
        let range = match text("coordinates_mode")?.as_str() {
            "unnormalized" => Range::Pixels,
            "normalized_minus_one_to_one" => Range::MinusOneToOne,
            "normalized_zero_to_one" => Range::ZeroToOne,
            other => return Err(format!("coordinates mode `{other}` has no kernel")),
        };
        let nearest = text("sampling_mode")? == "nearest";
        let align_corners = infer.boolean("align_corners").map_err(|f| f.to_string())?;
        Ok(Sampling { nearest, outside, range, align_corners })
    }

    /// The place of a coordinate among `size` elements, in elements.
    fn place(self, coordinate: f32, size: usize) -> f32 {
        let size = size as f32;
        let unit = match self.range {
            Range::Pixels => return self.inside(coordinate, size),
            Range::MinusOneToOne => (coordinate + 1.0) / 2.0,
            Range::ZeroToOne => coordinate,
        };
        let place = if self.align_corners { unit * (size - 1.0) } else { unit * size - 0.5 };
        self.inside(place, size)
    }

    /// A place outside the image brought back into it, unless a constant lies there.
    fn inside(self, place: f32, size: f32) -> f32 {
        let reflected = |low: f32, high: f32| {
            if high <= low {
                return low;
            }
            let (span, from) = (high - low, (place - low).abs());
            let (turns, rest) = ((from / span).floor(), from % span);
            if turns % 2.0 == 0.0 { low + rest } else { high - rest }
        };
        let last = (size - 1.0).max(0.0);
        match self.outside {
            Outside::Constant(_) => place,
            Outside::Border => place.clamp(0.0, last),
            Outside::Reflection => reflected(0.0, last).clamp(0.0, last),
            Outside::Symmetric => reflected(-0.5, size - 0.5).clamp(0.0, last),
        }
    }

    fn value(self, plane: &[f32], [height, width]: [usize; 2], x: f32, y: f32) -> f32 {
        let at = |row: f32, column: f32| {
            let within =
                row >= 0.0 && row < height as f32 && column >= 0.0 && column < width as f32;
            match self.outside {
                _ if within => plane[row as usize * width + column as usize],
                Outside::Constant(value) => value,
                // The second neighbour of the last element: its share is zero.
                Outside::Border | Outside::Reflection | Outside::Symmetric => 0.0,
            }
        };
        let (x, y) = (self.place(x, width), self.place(y, height));
        if self.nearest {
            return at(y.round_ties_even(), x.round_ties_even());
        }
        let (left, top) = (x.floor(), y.floor());
        let (across, down) = (x - left, y - top);
        let above = (1.0 - across) * at(top, left) + across * at(top, left + 1.0);
        let below = (1.0 - across) * at(top + 1.0, left) + across * at(top + 1.0, left + 1.0);
        (1.0 - down) * above + down * below
    }
}

/// Fills `out` of `[images, channels, height, width]` with values at the coordinates that
/// `coordinate` gives for an image, a row and a column.
fn sample(
    sampling: Sampling,
    x: &[f32],
    shape: &[usize],
    out: &mut [f32],
    out_shape: &[usize],
    coordinate: impl Fn(usize, usize, usize) -> (f32, f32) + Sync,
) -> Result<(), String> {
    let (&[_, channels, height, width], &[.., out_height, out_width]) = (shape, out_shape) else {
        return Err("`x` does not have four axes".to_owned());
    };
    if out.is_empty() {
        return Ok(());
    }
    let plane = height * width;
    out.par_chunks_mut(out_height * out_width).enumerate().for_each(|(index, out)| {
        let x = &x[index * plane..][..plane];
        for (i, out) in out.iter_mut().enumerate() {
            let (x_place, y_place) = coordinate(index / channels, i / out_width, i % out_width);
            *out = sampling.value(x, [height, width], x_place, y_place);
        }
    });
    Ok(())
}

impl Kernel for Resample {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let (x, coordinates) = (io.inputs[self.x], io.inputs[self.coordinates]);
        let &[images, height, width, 2] = coordinates.shape else {
            return Err("`coordinates` does not end with pairs".to_owned());
        };
        let output = &mut io.outputs[0];
        if x.shape.first() != Some(&images) || output.shape.get(2..) != Some(&[height, width]) {
            return Err(format!("{:?} does not fit {:?}", coordinates.shape, x.shape));
        }
        let read = |i: usize| match coordinates.data {
            Data::F32(v) => v[i],
            Data::I32(v) => v[i] as f32,
            Data::Bool(v) => f32::from(v[i]),
        };
        let pair = |image: usize, row: usize, column: usize| {
            let at = ((image * height + row) * width + column) * 2;
            (read(at), read(at + 1))
        };
        let out_shape = output.shape;
        sample(self.sampling, x.data.f32()?, x.shape, output.data.f32()?, out_shape, pair)
    }
}

impl Kernel for Affine {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let (x, matrix) = (io.inputs[self.x], io.inputs[self.matrix]);
        let values = matrix.data.f32()?;
        let output = &mut io.outputs[0];
        let [height, width] = super::last_two(output.shape)?;
        let images = x.shape.first().copied().unwrap_or(0);
        if values.len() != 6 && values.len() != images.saturating_mul(6) {
            return Err(format!("{:?} matrices for {images} images", matrix.shape));
        }
        // Output pixels lie from -1 to 1 along each axis, as the corners are aligned.
        let normal = |i: usize, size: usize| match size {
            0 | 1 => 0.0,
            _ => 2.0 * i as f32 / (size - 1) as f32 - 1.0,
        };
        let moved = |image: usize, row: usize, column: usize| {
            let start = if values.len() == 6 { 0 } else { image * 6 };
            let m = &values[start..start + 6];
            let (x, y) = (normal(column, width), normal(row, height));
            (m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5])
        };
        let out_shape = output.shape;
        sample(self.sampling, x.data.f32()?, x.shape, output.data.f32()?, out_shape, moved)
    }
}
