//! Transposed convolutions: a product gives each input element's share of each window element,
//! and the shares are summed where windows overlap.

use anemone_ir::window::Window;
use rayon::prelude::*;

use super::{Values, groups};
use crate::gemm::{self, Bias, Epilogue, Left, Matrix, PackedLeft, Right};
use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;
use crate::window::Windows;

struct ConvTranspose {
    x: usize,
    weight: Weight,
    bias: Option<Values>,
    window: Window,
    groups: usize,
}

enum Weight {
    /// One left side for each group, and the weight's shape.
    Packed(Vec<PackedLeft>, Vec<usize>),
    Operand(usize),
}

pub(in super::super) fn conv_transpose(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let groups = groups(ctx)?;
    let weight = match ctx.constant("weight")? {
        Some(weight) => {
            let floats = weight.floats().ok_or("`weight` does not hold floats")?;
            let pack = |group| PackedLeft::new(group_weight(floats, &weight.shape, groups, group));
            let packed = (0..groups).map(pack).collect::<Result<_, _>>()?;
            Weight::Packed(packed, weight.shape.clone())
        }
        None => Weight::Operand(ctx.operand("weight")?),
    };
    let bias = ctx.optional_operand("bias")?.map(Values::Operand);
    let axes = ctx.output(0)?.shape.len().saturating_sub(2);
    let window = Window::read(ctx.infer(), axes).map_err(|f| f.to_string())?;
    Ok(Prepared::kernel(ConvTranspose { x: ctx.operand("x")?, weight, bias, window, groups }))
}

/// A row for each output channel and window element of the group, a column for each input channel.
fn group_weight<'a>(values: &'a [f32], shape: &[usize], groups: usize, group: usize) -> Matrix<'a> {
    let channels = shape[0] / groups;
    let rows: usize = shape[1..].iter().product();
    let values = &values[group * channels * rows..][..channels * rows];
    Matrix::dense(values, channels, rows).transposed()
}

impl ConvTranspose {
    fn weight_shape<'a>(&'a self, inputs: &[&'a [usize]]) -> &'a [usize] {
        match &self.weight {
            Weight::Packed(_, shape) => shape,
            Weight::Operand(index) => inputs[*index],
        }
    }

    /// Elements of the shares of one group, and of a single row's scratch.
    fn shares(&self, inputs: &[&[usize]]) -> [usize; 2] {
        let (x, weight) = (inputs[self.x], self.weight_shape(inputs));
        let product = |sizes: &[usize]| sizes.iter().fold(1usize, |n, &d| n.saturating_mul(d));
        let rows = product(weight.get(1..).unwrap_or_default());
        let columns = product(x.get(2..).unwrap_or_default());
        let row = match self.weight {
            Weight::Packed(..) => 0,
            Weight::Operand(_) => gemm::scratch(rows, columns),
        };
        [rows.saturating_mul(columns), row]
    }
}

impl Kernel for ConvTranspose {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let shapes: Vec<&[usize]> = io.inputs.iter().map(|v| v.shape).collect();
        let (x, weight) = (shapes[self.x], self.weight_shape(&shapes));
        let ([_, channels, input @ ..], [inputs, outputs, kernel @ ..]) = (x, weight) else {
            return Err(format!("`x` of {x:?} and `weight` of {weight:?} have too few axes"));
        };
        if channels != inputs || input.len() != kernel.len() || inputs % self.groups != 0 {
            return Err(format!("`x` of {x:?} does not fit `weight` of {weight:?}"));
        }
        let output = io.outputs[0].shape.get(2..).unwrap_or_default();
        // As a convolution from the output's size to the input's.
        let windows = Windows::new(&self.window, output, kernel, input)?;
        let bias = self.bias.as_ref().map(|b| b.get(io.inputs)).transpose()?;
        if bias.is_some_and(|b| b.len() != outputs * self.groups) {
            return Err("`bias` does not have one element for each output channel".to_owned());
        }
        let [shares, _] = self.shares(&shapes);
        let (each, columns) = (inputs / self.groups, windows.outputs());
        let x = io.inputs[self.x].data.f32()?;
        let plain = match self.weight {
            Weight::Packed(..) => &[],
            Weight::Operand(index) => io.inputs[index].data.f32()?,
        };
        let (shares, row) = io.scratch.split_at_mut(shares);
        let size = outputs * windows.inputs();
        let out = io.outputs[0].data.f32()?;
        if out.is_empty() {
            return Ok(());
        }
        for (index, out) in out.chunks_mut(size).enumerate() {
            let group = index % self.groups;
            let left = match &self.weight {
                Weight::Packed(packed, _) => Left::Packed(&packed[group]),
                Weight::Operand(_) => Left::Plain(group_weight(plain, weight, self.groups, group)),
            };
            let x = &x[index * each * columns..][..each * columns];
            let right = Right::Plain(Matrix::dense(x, each, columns));
            gemm::multiply(shares, left, right, Epilogue::bias(Bias::None), row)?;
            out.par_chunks_mut(windows.inputs()).enumerate().for_each(|(channel, out)| {
                out.fill(bias.map_or(0.0, |b| b[group * outputs + channel]));
                let elements = windows.elements();
                let shares = &shares[channel * elements * columns..][..elements * columns];
                scatter(&windows, shares, out);
            });
        }
        Ok(())
    }

    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        self.shares(inputs).iter().fold(0, |sum, &n| sum.saturating_add(n))
    }

    fn packed_bytes(&self) -> usize {
        let weight: usize = match &self.weight {
            Weight::Packed(packed, _) => packed.iter().map(PackedLeft::bytes).sum(),
            Weight::Operand(_) => 0,
        };
        weight + self.bias.as_ref().map_or(0, Values::bytes)
    }
}

/// Adds each window element's share to the element of the plane that it meets.
fn scatter(windows: &Windows, shares: &[f32], plane: &mut [f32]) {
    for (element, shares) in shares.chunks(windows.outputs()).enumerate() {
        windows.rows(element, |row| {
            let shares = &shares[row.output..][..row.count];
            let to = plane[row.input..].iter_mut().step_by(windows.step());
            to.zip(shares).for_each(|(sum, share)| *sum += share);
        });
    }
}
