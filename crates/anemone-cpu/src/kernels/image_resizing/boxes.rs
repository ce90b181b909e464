//! `crop_resize`: boxes cut out of images and brought to one size.

use rayon::prelude::*;

use super::{Between, Grid};
use crate::array::{Data, View};
use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;

struct CropResize {
    x: usize,
    boxes: Boxes,
    grid: Grid,
    normalized: bool,
    scale: f32,
    centers: bool,
    width_first: bool,
    outside: f32,
}

/// Where the boxes stand.
enum Boxes {
    /// In one tensor of 4 coordinates for all images, or of 5 with the image first.
    Regions(usize),
    /// In a tensor of 4 coordinates, with images in another or counted from 0.
    Apart { boxes: usize, images: Option<usize> },
}

pub(in super::super) fn crop_resize(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let boxes = match ctx.optional_operand("roi")? {
        Some(index) => Boxes::Regions(index),
        None => Boxes::Apart {
            boxes: ctx.operand("boxes")?,
            images: ctx.optional_operand("box_indices")?,
        },
    };
    let infer = ctx.infer();
    let mode = infer.text("box_coordinate_mode").map_err(|f| f.to_string())?.to_ascii_uppercase();
    let has_outside = infer.version.inputs.iter().any(|d| d.name == "pad_value");
    let outside = match has_outside {
        true => infer.float("pad_value").map_err(|f| f.to_string())?,
        false => 0.0,
    };
    let kernel = CropResize {
        boxes,
        grid: Grid::read(infer)?,
        normalized: infer.boolean("normalized_coordinates").map_err(|f| f.to_string())?,
        scale: infer.float("spatial_scale").map_err(|f| f.to_string())?,
        centers: mode.starts_with("CENTER"),
        width_first: mode.ends_with("WIDTH_FIRST"),
        outside,
        x: ctx.operand("x")?,
    };
    Ok(Prepared::kernel(kernel))
}

impl CropResize {
    /// Start and end of one box along height and width.
    fn spans(&self, coordinates: [f32; 4], height: usize, width: usize) -> [[f32; 2]; 2] {
        let [a, b, c, d] = coordinates.map(|v| v * self.scale);
        let (first, second) = match self.centers {
            true => ([a - c / 2.0, a + c / 2.0], [b - d / 2.0, b + d / 2.0]),
            false => ([a, c], [b, d]),
        };
        let (rows, columns) = if self.width_first { (second, first) } else { (first, second) };
        let size = |n: usize| if self.normalized { n.saturating_sub(1) as f32 } else { 1.0 };
        [rows.map(|v| v * size(height)), columns.map(|v| v * size(width))]
    }

    /// Places along one axis; `None` outside the image.
    fn places(&self, [start, end]: [f32; 2], input: usize, output: usize) -> Vec<Option<Between>> {
        let last = input.saturating_sub(1) as f32;
        let place = |i| start + self.grid.place(i, end - start + 1.0, output);
        (0..output)
            .map(place)
            .map(|p| (input > 0 && (0.0..=last).contains(&p)).then(|| Between::new(p, input)))
            .collect()
    }
}

fn read(view: View<'_>, index: usize) -> f32 {
    match view.data {
        Data::F32(v) => v[index],
        Data::I32(v) => v[index] as f32,
        Data::Bool(v) => f32::from(v[index]),
    }
}

impl Kernel for CropResize {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let inputs = io.inputs;
        let x = inputs[self.x];
        let &[images, channels, height, width] = x.shape else {
            return Err("`x` does not have four axes".to_owned());
        };
        let [out_height, out_width] = super::last_two(io.outputs[0].shape)?;
        let size = out_height * out_width;
        let out = io.outputs[0].data.f32()?;
        if out.is_empty() {
            return Ok(());
        }
        let x = x.data.f32()?;
        let (boxes, fields) = match self.boxes {
            Boxes::Regions(index) => (inputs[index], inputs[index].shape[2]),
            Boxes::Apart { boxes, .. } => (inputs[boxes], 4),
        };
        // The old form has a result for each box and image, even where the box names its image.
        let each = match self.boxes {
            Boxes::Regions(_) => images,
            Boxes::Apart { .. } => 1,
        };
        let image = |number: usize, turn: usize| -> Result<usize, String> {
            let image = match self.boxes {
                Boxes::Regions(_) if fields == 4 => return Ok(turn),
                Boxes::Regions(_) => read(boxes, number * fields) as i64,
                Boxes::Apart { images: Some(index), .. } => {
                    i64::from(inputs[index].data.i32()?[number])
                }
                Boxes::Apart { images: None, .. } => number as i64,
            };
            let found = usize::try_from(image).ok().filter(|&i| i < images);
            found.ok_or_else(|| format!("box {number} is of image {image}, there are {images}"))
        };
        let crops = out.par_chunks_mut(channels * size).enumerate();
        crops.try_for_each(|(index, out)| -> Result<(), String> {
            let (number, turn) = (index / each.max(1), index % each.max(1));
            let first = number * fields + fields - 4;
            let coordinates = [0, 1, 2, 3].map(|i| read(boxes, first + i));
            let [rows, columns] = self.spans(coordinates, height, width);
            let rows = self.places(rows, height, out_height);
            let columns = self.places(columns, width, out_width);
            let image = image(number, turn)? * channels;
            for (channel, out) in out.chunks_mut(size).enumerate() {
                let plane = &x[(image + channel) * height * width..][..height * width];
                for (i, out) in out.iter_mut().enumerate() {
                    *out = match (rows[i / out_width], columns[i % out_width]) {
                        (Some(row), Some(column)) => {
                            let line = |y: usize| {
                                let line = &plane[y * width..];
                                column.mix(line[column.first], line[column.second])
                            };
                            row.mix(line(row.first), line(row.second))
                        }
                        _ => self.outside,
                    };
                }
            }
            Ok(())
        })
    }
}
