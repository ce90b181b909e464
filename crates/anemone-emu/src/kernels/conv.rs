//! Convolutions and transposed convolutions: a product for each image and group, of the weights and
//! the unfolded input.

use std::ops::Range;
use std::sync::Arc;

use anemone_cpu::{Compute, PrepareCtx, View, ViewMut, Windows};
use anemone_ir::window::Window;

use super::linear::each;
use super::{Prepared, Setting, eight_bit, fault};
use crate::matrix::{Bias, Matrix, Right, multiply};
use crate::record::Extremes;

/// Elements of the unfolded input that are multiplied at once.
const BLOCK: usize = 1 << 18;

struct Conv {
    x: usize,
    weight: Weight,
    bias: Option<usize>,
    window: Window,
    groups: usize,
    is_transposed: bool,
    extremes: Option<Arc<Extremes>>,
}

/// With a row for each output channel, a column for each input channel and window element.
enum Weight {
    Constant(Vec<usize>, Vec<f32>),
    Operand(usize),
}

pub(super) fn conv(op: &mut PrepareCtx<'_>, setting: &Setting<'_>) -> Prepared {
    match eight_bit::conv(op, setting)? {
        Some(kernel) => Ok(Some(kernel)),
        None => prepare(op, setting, false),
    }
}

pub(super) fn conv_transpose(op: &mut PrepareCtx<'_>, setting: &Setting<'_>) -> Prepared {
    prepare(op, setting, true)
}

fn prepare(op: &mut PrepareCtx<'_>, setting: &Setting<'_>, is_transposed: bool) -> Prepared {
    let groups = op.infer().int("groups").map_err(fault)?;
    let groups = usize::try_from(groups).ok().filter(|&g| g > 0).ok_or("groups below 1")?;
    let axes = op.output(0)?.shape.len().saturating_sub(2);
    let window = Window::read(op.infer(), axes).map_err(fault)?;
    let weight = match op.floats("weight")? {
        Some((shape, values)) => {
            let values = oriented(&shape, values, groups, is_transposed);
            Weight::Constant(shape, values)
        }
        None => Weight::Operand(op.operand("weight")?),
    };
    let (x, bias) = (op.operand("x")?, op.optional_operand("bias")?);
    let extremes = setting.extremes.clone();
    Ok(Some(Box::new(Conv { x, weight, bias, window, groups, is_transposed, extremes })))
}

/// From `[group, input, output, window]` to `[group, output, input, window]` where transposed.
fn oriented(shape: &[usize], values: Vec<f32>, groups: usize, is_transposed: bool) -> Vec<f32> {
    let [inputs, outputs, kernel @ ..] = shape else { return values };
    let (inputs, elements) = (inputs / groups, kernel.iter().product::<usize>());
    if !is_transposed || values.is_empty() {
        return values;
    }
    let mut turned = Vec::with_capacity(values.len());
    for group in values.chunks(inputs * outputs * elements) {
        for output in 0..*outputs {
            for input in 0..inputs {
                turned.extend(&group[(input * outputs + output) * elements..][..elements]);
            }
        }
    }
    turned
}

/// The sizes of one run.
struct Sizes {
    windows: Windows,
    /// Channels of one group.
    inputs: usize,
    outputs: usize,
    /// Elements of a plane of the input and of the output.
    from: usize,
    to: usize,
}

impl Conv {
    fn sizes(&self, x: &[usize], weight: &[usize], out: &[usize]) -> Result<Sizes, String> {
        let misfit = || format!("`x` of {x:?} does not fit `weight` of {weight:?}");
        let ([_, channels, input @ ..], [first, second, kernel @ ..], [_, _, output @ ..]) =
            (x, weight, out)
        else {
            return Err(misfit());
        };
        let (inputs, outputs) = match self.is_transposed {
            true => (first / self.groups, *second),
            false => (*second, first / self.groups),
        };
        if *channels != inputs * self.groups {
            return Err(misfit());
        }
        // A transposed convolution is one from the output's size to the input's.
        let windows = match self.is_transposed {
            true => Windows::new(&self.window, output, kernel, input)?,
            false => Windows::new(&self.window, input, kernel, output)?,
        };
        let (mut from, mut to) = (windows.inputs(), windows.outputs());
        if self.is_transposed {
            (from, to) = (to, from);
        }
        Ok(Sizes { windows, inputs, outputs, from, to })
    }
}

impl Compute for Conv {
    fn run<'a>(&self, inputs: &[View<'a>], outputs: &mut [ViewMut<'a>]) -> Result<(), String> {
        let out = &mut outputs[0];
        let turned;
        let (shape, weight): (&[usize], &[f32]) = match &self.weight {
            Weight::Constant(shape, values) => (shape, values),
            Weight::Operand(index) => {
                let View { shape, data } = inputs[*index];
                turned = oriented(shape, data.f32()?.to_vec(), self.groups, self.is_transposed);
                (shape, &turned)
            }
        };
        let sizes = self.sizes(inputs[self.x].shape, shape, out.shape)?;
        let x = inputs[self.x].data.f32()?;
        let bias = self.bias.map(|index| inputs[index].data.f32()).transpose()?;
        if bias.is_some_and(|bias| bias.len() != sizes.outputs * self.groups) {
            return Err("`bias` does not have one element for each output channel".to_owned());
        }
        let inner = sizes.inputs * sizes.windows.elements();
        each(out.data.f32()?, sizes.outputs * sizes.to, |index, out| {
            let group = index % self.groups;
            let x = &x[index * sizes.inputs * sizes.from..][..sizes.inputs * sizes.from];
            let weight = &weight[group * sizes.outputs * inner..][..sizes.outputs * inner];
            let bias = match bias {
                Some(bias) => Bias::Rows(&bias[group * sizes.outputs..][..sizes.outputs]),
                None => Bias::None,
            };
            let left = Matrix::dense(weight, sizes.outputs, inner);
            self.product(&sizes, x, left, bias, out)
        })
    }
}

impl Conv {
    /// The product of one group's weights and its unfolded input, block by block.
    fn product(
        &self,
        sizes: &Sizes,
        x: &[f32],
        left: Matrix<'_>,
        bias: Bias<'_>,
        out: &mut [f32],
    ) -> Result<(), String> {
        let (inner, elements) = (left.shape[1], sizes.windows.elements());
        let block = (BLOCK / inner.max(1)).max(64).min(sizes.to);
        for start in (0..sizes.to).step_by(block) {
            let columns = start..(start + block).min(sizes.to);
            let width = columns.len();
            let mut unfolded = vec![0.0; inner * width];
            for (row, line) in unfolded.chunks_mut(width).enumerate() {
                let plane = &x[row / elements * sizes.from..][..sizes.from];
                if self.is_transposed {
                    spread(&sizes.windows, plane, row % elements, columns.clone(), line);
                } else {
                    sizes.windows.gather(plane, row % elements, columns.clone(), line);
                }
            }
            let right = Right::new(Matrix::dense(&unfolded, inner, width));
            if width == sizes.to {
                return multiply(left, &right, bias, out, self.extremes.as_deref());
            }
            let mut result = vec![0.0; left.shape[0] * width];
            multiply(left, &right, bias, &mut result, self.extremes.as_deref())?;
            for (out, result) in out.chunks_mut(sizes.to).zip(result.chunks(width)) {
                out[columns.clone()].copy_from_slice(result);
            }
        }
        Ok(())
    }
}

/// Writes what element `element` of the windows brings to the places in `columns` into `line`, each
/// window being an element of `plane`; zero where it brings nothing.
fn spread(
    windows: &Windows,
    plane: &[f32],
    element: usize,
    columns: Range<usize>,
    line: &mut [f32],
) {
    windows.rows(element, |row| {
        for (i, value) in plane[row.output..][..row.count].iter().enumerate() {
            let place = row.input + i * windows.step();
            if columns.contains(&place) {
                line[place - columns.start] = *value;
            }
        }
    });
}
