//! Convolutions: a product for each image and group, or direct sums where a group has one channel.

mod transposed;

use std::sync::Arc;

use anemone_ir::Dim;
use anemone_ir::window::Window;
use rayon::prelude::*;

use crate::array::{Owned, OwnedData, View};
use crate::gemm::{self, Bias, Epilogue, Left, Matrix, PackedLeft, Right};
use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;
use crate::window::Windows;

pub(super) use transposed::conv_transpose;

/// Elements of the unfolded input that are multiplied at once.
const BLOCK: usize = 1 << 18;
/// Products that run at the same time, each with its own scratch memory.
const LANES: usize = 8;

/// Numbers known when the kernel was prepared, or computed while the program runs.
enum Values {
    Constant(Arc<Owned>),
    Operand(usize),
}

impl Values {
    fn shape<'a>(&'a self, inputs: &[&'a [usize]]) -> &'a [usize] {
        match self {
            Values::Constant(values) => &values.shape,
            Values::Operand(index) => inputs[*index],
        }
    }

    fn get<'a>(&'a self, inputs: &[View<'a>]) -> Result<&'a [f32], String> {
        match self {
            Values::Constant(values) => values.view().data.f32(),
            Values::Operand(index) => inputs[*index].data.f32(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Values::Constant(values) => values.bytes(),
            Values::Operand(_) => 0,
        }
    }
}

enum Weight {
    /// One left side for each group, and the weight's shape.
    Packed(Vec<PackedLeft>, Vec<usize>),
    Plain(Values),
}

struct Conv {
    x: usize,
    weight: Weight,
    bias: Option<Values>,
    window: Window,
    groups: usize,
}

pub(super) fn conv(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let bias = ctx.optional_operand("bias")?.map(Values::Operand);
    let Some(weight) = ctx.constant("weight")? else {
        let weight = Weight::Plain(Values::Operand(ctx.operand("weight")?));
        return finish(ctx, weight, bias);
    };
    let weight = constant_weight(ctx, weight)?;
    finish(ctx, weight, bias)
}

/// `conv` with weights of `scale * weight + bias`.
pub(super) fn conv_quantized(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let kind = ctx.infer().text("quantization_type").map_err(|f| f.to_string())?;
    if kind != "linear" {
        return Err(format!("weights of quantization type `{kind}` have no kernel"));
    }
    let constant = |input: &str| ctx.constant(input)?.ok_or(format!("`{input}` is not a constant"));
    let (weight, scale, shift) =
        (constant("weight")?, constant("quant_scale")?, constant("quant_bias")?);
    let channels = weight.shape.first().copied().unwrap_or(0);
    let each = weight.shape.iter().skip(1).product::<usize>().max(1);
    let per_channel = |input: &str, values: &Owned| {
        let floats = values.floats().unwrap_or_default().to_vec();
        match floats.len() {
            1 => Ok(vec![floats[0]; channels]),
            n if n == channels => Ok(floats),
            n => Err(format!("`{input}` has {n} elements for {channels} output channels")),
        }
    };
    let (scale, shift) = (per_channel("quant_scale", &scale)?, per_channel("quant_bias", &shift)?);
    let integers = weight.view().data.i32()?;
    let decode = |(i, &q): (usize, &i32)| q as f32 * scale[i / each] + shift[i / each];
    let floats = OwnedData::F32(integers.iter().enumerate().map(decode).collect());
    let bias = match ctx.constant("bias")? {
        Some(bias) => {
            let floats = bias.view().data.i32()?.iter().map(|&v| v as f32).collect();
            let data = OwnedData::F32(floats);
            Some(Values::Constant(Arc::new(Owned { shape: bias.shape.clone(), data })))
        }
        None => None,
    };
    let weight = Owned { shape: weight.shape.clone(), data: floats };
    let weight = constant_weight(ctx, Arc::new(weight))?;
    finish(ctx, weight, bias)
}

fn constant_weight(ctx: &PrepareCtx<'_>, weight: Arc<Owned>) -> Result<Weight, String> {
    let groups = groups(ctx)?;
    let values = weight.floats().ok_or("`weight` does not hold floats")?;
    if weight.shape[1] == 1 && groups > 1 {
        return Ok(Weight::Plain(Values::Constant(weight)));
    }
    let rows = weight.shape[0] / groups;
    let inner: usize = weight.shape[1..].iter().product();
    let pack = |group| {
        let values = &values[group * rows * inner..][..rows * inner];
        PackedLeft::new(Matrix::dense(values, rows, inner))
    };
    let packed = (0..groups).map(pack).collect::<Result<_, _>>()?;
    Ok(Weight::Packed(packed, weight.shape.clone()))
}

fn groups(ctx: &PrepareCtx<'_>) -> Result<usize, String> {
    let groups = ctx.infer().int("groups").map_err(|f| f.to_string())?;
    usize::try_from(groups).ok().filter(|&g| g > 0).ok_or(format!("{groups} groups"))
}

fn finish(
    ctx: &mut PrepareCtx<'_>,
    weight: Weight,
    bias: Option<Values>,
) -> Result<Prepared, String> {
    let axes = ctx.output(0)?.shape.len().saturating_sub(2);
    let window = Window::read(ctx.infer(), axes).map_err(|f| f.to_string())?;
    let groups = groups(ctx)?;
    Ok(Prepared::kernel(Conv { x: ctx.operand("x")?, weight, bias, window, groups }))
}

/// The sizes of one run.
struct Sizes {
    windows: Windows,
    /// Channels of the input and the output in one group.
    inputs: usize,
    outputs: usize,
    groups: usize,
    images: usize,
    /// Windows that are unfolded at once.
    block: usize,
}

impl Sizes {
    /// Rows of the unfolded input.
    fn inner(&self) -> usize {
        self.inputs * self.windows.elements()
    }

    /// Elements of the result of one group of one image.
    fn result(&self) -> usize {
        self.outputs * self.windows.outputs()
    }

    fn is_whole(&self) -> bool {
        self.block == self.windows.outputs()
    }
}

impl Conv {
    fn weight_shape<'a>(&'a self, inputs: &[&'a [usize]]) -> &'a [usize] {
        match &self.weight {
            Weight::Packed(_, shape) => shape,
            Weight::Plain(values) => values.shape(inputs),
        }
    }

    fn sizes(&self, inputs: &[&[usize]]) -> Result<Sizes, String> {
        let (x, weight) = (inputs[self.x], self.weight_shape(inputs));
        let ([images, channels, input @ ..], [outputs, each, kernel @ ..]) = (x, weight) else {
            return Err(format!("`x` of {x:?} and `weight` of {weight:?} have too few axes"));
        };
        if input.len() != kernel.len() || *channels != each.saturating_mul(self.groups) {
            return Err(format!("`x` of {x:?} does not fit `weight` of {weight:?}"));
        }
        let mut output = Vec::with_capacity(input.len());
        for (axis, (&size, &kernel)) in input.iter().zip(kernel).enumerate() {
            let dim = self.window.output(axis, &Dim::from(size), &Dim::from(kernel));
            output.push(dim.map_err(|f| f.to_string())?.known().ok_or("an axis has no size")?);
        }
        let windows = Windows::new(&self.window, input, kernel, &output)?;
        let inner = (each * windows.elements()).max(1);
        let block = (BLOCK / inner).next_multiple_of(64).max(64).min(windows.outputs());
        let (groups, outputs) = (self.groups, outputs / self.groups);
        Ok(Sizes { windows, inputs: *each, outputs, groups, images: *images, block })
    }

    fn is_direct(&self, sizes: &Sizes) -> bool {
        sizes.inputs == 1 && sizes.groups > 1 && matches!(self.weight, Weight::Plain(..))
    }

    /// Scratch of one product: the unfolded input, a block of the result, and a single row.
    fn scratch_each(&self, sizes: &Sizes) -> [usize; 3] {
        if self.is_direct(sizes) {
            return [0; 3];
        }
        let unfolded = if sizes.windows.is_identity() { 0 } else { sizes.inner() * sizes.block };
        let result =
            if sizes.is_whole() || unfolded == 0 { 0 } else { sizes.outputs * sizes.block };
        let columns = if unfolded == 0 { sizes.windows.outputs() } else { sizes.block };
        let row = match self.weight {
            Weight::Packed(..) => 0,
            Weight::Plain(..) => gemm::scratch(sizes.outputs, columns),
        };
        [unfolded, result, row]
    }
}

impl Kernel for Conv {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let shapes: Vec<&[usize]> = io.inputs.iter().map(|v| v.shape).collect();
        let sizes = self.sizes(&shapes)?;
        let x = io.inputs[self.x].data.f32()?;
        let bias = self.bias.as_ref().map(|b| b.get(io.inputs)).transpose()?;
        if bias.is_some_and(|b| b.len() != sizes.outputs * sizes.groups) {
            return Err("`bias` does not have one element for each output channel".to_owned());
        }
        let plain = match &self.weight {
            Weight::Plain(values) => values.get(io.inputs)?,
            Weight::Packed(..) => &[],
        };
        let out = io.outputs[0].data.f32()?;
        if out.len() != sizes.images * sizes.groups * sizes.result() {
            return Err("the output does not have the convolution's size".to_owned());
        }
        if out.is_empty() {
            return Ok(());
        }
        if self.is_direct(&sizes) {
            direct(&sizes, x, plain, bias, out);
            return Ok(());
        }
        let scratch_each = self.scratch_each(&sizes);
        in_lanes(
            out,
            sizes.result(),
            io.scratch,
            scratch_each.iter().sum(),
            |index, out, scratch| {
                let group = index % sizes.groups;
                let inputs = sizes.inputs * sizes.windows.inputs();
                let x = &x[index * inputs..][..inputs];
                let left = match &self.weight {
                    Weight::Packed(packed, _) => Left::Packed(&packed[group]),
                    Weight::Plain(..) => {
                        let size = sizes.outputs * sizes.inner();
                        let values = &plain[group * size..][..size];
                        Left::Plain(Matrix::dense(values, sizes.outputs, sizes.inner()))
                    }
                };
                let bias = match bias {
                    Some(bias) => Bias::Rows(&bias[group * sizes.outputs..][..sizes.outputs]),
                    None => Bias::None,
                };
                product(&sizes, x, left, Epilogue::bias(bias), out, scratch, scratch_each)
            },
        )
    }

    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        let Ok(sizes) = self.sizes(inputs) else { return 0 };
        let lanes = sizes.images.saturating_mul(sizes.groups).min(LANES);
        self.scratch_each(&sizes).iter().sum::<usize>().saturating_mul(lanes)
    }

    fn packed_bytes(&self) -> usize {
        let weight: usize = match &self.weight {
            Weight::Packed(packed, _) => packed.iter().map(PackedLeft::bytes).sum(),
            Weight::Plain(values) => values.bytes(),
        };
        weight + self.bias.as_ref().map_or(0, Values::bytes)
    }
}

/// Computes results of `size` elements each, a few at a time, each lane with its own scratch memory.
fn in_lanes(
    out: &mut [f32],
    size: usize,
    scratch: &mut [f32],
    scratch_each: usize,
    work: impl Fn(usize, &mut [f32], &mut [f32]) -> Result<(), String> + Sync,
) -> Result<(), String> {
    if scratch_each == 0 {
        let results = out.par_chunks_mut(size).enumerate();
        return results.try_for_each(|(index, out)| work(index, out, &mut []));
    }
    let lanes = scratch.len() / scratch_each;
    if lanes == 0 {
        return Err("there is no scratch memory".to_owned());
    }
    for (turn, out) in out.chunks_mut(size.saturating_mul(lanes)).enumerate() {
        out.par_chunks_mut(size)
            .zip(scratch.par_chunks_mut(scratch_each))
            .enumerate()
            .try_for_each(|(lane, (out, scratch))| work(turn * lanes + lane, out, scratch))?;
    }
    Ok(())
}

/// The product of one group's weights and its unfolded input, block by block.
fn product(
    sizes: &Sizes,
    x: &[f32],
    left: Left<'_>,
    epilogue: Epilogue<'_>,
    out: &mut [f32],
    scratch: &mut [f32],
    [unfolded, result, _]: [usize; 3],
) -> Result<(), String> {
    let (windows, inner) = (&sizes.windows, sizes.inner());
    let (columns, elements) = (windows.outputs(), windows.elements());
    let (unfolded, scratch) = scratch.split_at_mut(unfolded);
    let (result, row) = scratch.split_at_mut(result);
    if windows.is_identity() {
        let right = Right::Plain(Matrix::dense(x, inner, columns));
        return gemm::multiply(out, left, right, epilogue, row);
    }
    for start in (0..columns).step_by(sizes.block) {
        let end = (start + sizes.block).min(columns);
        let width = end - start;
        let unfolded = &mut unfolded[..inner * width];
        unfolded.par_chunks_mut(width).with_min_len(16).enumerate().for_each(|(row, line)| {
            let plane = &x[row / elements * windows.inputs()..][..windows.inputs()];
            windows.gather(plane, row % elements, start..end, line);
        });
        let right = Right::Plain(Matrix::dense(unfolded, inner, width));
        if sizes.is_whole() {
            return gemm::multiply(out, left, right, epilogue, row);
        }
        let result = &mut result[..sizes.outputs * width];
        gemm::multiply(result, left, right, epilogue, row)?;
        out.par_chunks_mut(columns)
            .zip(result.par_chunks(width))
            .for_each(|(out, result)| out[start..end].copy_from_slice(result));
    }
    Ok(())
}

/// Groups of one input channel each: every output plane is a sum of shifted input planes.
fn direct(sizes: &Sizes, x: &[f32], weight: &[f32], bias: Option<&[f32]>, out: &mut [f32]) {
    let (windows, channels) = (&sizes.windows, sizes.outputs * sizes.groups);
    let (inputs, elements) = (windows.inputs(), windows.elements());
    out.par_chunks_mut(windows.outputs()).enumerate().for_each(|(index, out)| {
        let channel = index % channels;
        let plane = &x[index / sizes.outputs * inputs..][..inputs];
        out.fill(bias.map_or(0.0, |b| b[channel]));
        for element in 0..elements {
            let factor = weight[channel * elements + element];
            windows.rows(element, |row| {
                let out = &mut out[row.output..][..row.count];
                let from = &plane[row.input..];
                if windows.step() == 1 {
                    out.iter_mut().zip(from).for_each(|(sum, v)| *sum += factor * v);
                } else {
                    let from = from.iter().step_by(windows.step());
                    out.iter_mut().zip(from).for_each(|(sum, v)| *sum += factor * v);
                }
            });
        }
    });
}
