//! Convolutions and products of 8-bit activations and 8-bit weights, where the program says so: `x`
//! is dequantised from int8 by one scale, the weights from int8 by one scale for each output, and
//! there are no zero points. The scales come last, as measured (H50); that the compiler recognises
//! this form is inferred.

use anemone_cpu::{PrepareCtx, View, ViewMut, Windows};
use anemone_ir::window::Window;
use anemone_ir::{Node, Op, ValueId};
use anemone_tensor::{DataType, Tensor};

use super::linear::each;
use super::{Prepared, Setting, fault};
use crate::integers::dot;

/// What an op multiplies.
struct Factors {
    x: ValueId,
    scale: f64,
    weight: Vec<i32>,
    shape: Vec<usize>,
    /// One for each output.
    scales: Vec<f64>,
}

/// The op that makes the value bound to `input`.
fn maker<'a>(op: &PrepareCtx<'a>, input: &str) -> Option<&'a Node> {
    let [id] = op.node().input(input) else { return None };
    op.function().nodes().iter().find(|node| node.outputs.contains(id))
}

fn constant<'a>(op: &PrepareCtx<'a>, node: &Node, input: &str) -> Option<&'a Tensor> {
    let [id] = node.input(input) else { return None };
    op.function().value(*id).known.value.as_ref()?.tensor()
}

/// Whether `input` is absent or 0.
fn is_zero(op: &PrepareCtx<'_>, node: &Node, input: &str) -> bool {
    node.input(input).is_empty()
        || constant(op, node, input)
            .is_some_and(|tensor| (0..tensor.count()).all(|i| tensor.get_f64(i) == 0.0))
}

fn factors(op: &PrepareCtx<'_>, setting: &Setting<'_>) -> Option<Factors> {
    if !setting.options.sums_integers {
        return None;
    }
    let (left, right) = (maker(op, "x")?, maker(op, "weight")?);
    let (data, shift) = if right.op == Op::ConstexprAffineDequantize {
        ("quantized_data", "zero_point")
    } else if right.op == Op::ConstexprBlockwiseShiftScale {
        ("data", "offset")
    } else {
        return None;
    };
    if !is_zero(op, right, shift) {
        return None;
    }
    let is_plain = left.op == Op::Dequantize && is_zero(op, left, "zero_point");
    let scale = constant(op, left, "scale").filter(|scale| is_plain && scale.count() == 1)?;
    let [x] = left.input("input") else { return None };
    let is_eight_bit = op.function().value(*x).ty().as_tensor()?.dtype == DataType::I8;
    let weight = constant(op, right, data).filter(|w| is_eight_bit && w.dtype() == DataType::I8)?;
    let scales = constant(op, right, "scale")?;
    let outputs = *weight.shape().first()?;
    let by_output = match scales.count() {
        1 => vec![scales.get_f64(0); outputs],
        n if n == outputs && scales.shape().first() == Some(&n) => {
            (0..n).map(|i| scales.get_f64(i)).collect()
        }
        _ => return None,
    };
    Some(Factors {
        x: *x,
        scale: scale.get_f64(0),
        weight: (0..weight.count()).map(|i| weight.get_i64(i) as i32).collect(),
        shape: weight.shape().to_vec(),
        scales: by_output,
    })
}

/// The bias of output `i`.
fn at(bias: &Option<Vec<f32>>, i: usize) -> f32 {
    bias.as_ref().map_or(0.0, |bias| bias[i])
}

pub(super) fn linear(op: &mut PrepareCtx<'_>, setting: &Setting<'_>) -> Prepared {
    let Some(factors) = factors(op, setting) else { return Ok(None) };
    let &[outputs, inner] = factors.shape.as_slice() else { return Ok(None) };
    let bias = op.floats("bias")?.map(|(_, bias)| bias);
    let x = op.value(factors.x);
    Ok(Some(Box::new(move |inputs: &[View<'_>], out: &mut [ViewMut<'_>]| {
        let x = inputs[x].data.i32()?;
        each(out[0].data.f32()?, outputs, |row, out| {
            for (i, out) in out.iter_mut().enumerate() {
                let weight = &factors.weight[i * inner..][..inner];
                let scale = factors.scale * factors.scales[i];
                *out = dot(&x[row * inner..][..inner], weight, scale, at(&bias, i));
            }
            Ok(())
        })
    })))
}

pub(super) fn conv(op: &mut PrepareCtx<'_>, setting: &Setting<'_>) -> Prepared {
    let Some(factors) = factors(op, setting) else { return Ok(None) };
    let bias = op.floats("bias")?.map(|(_, bias)| bias);
    if bias.is_none() && !op.node().input("bias").is_empty() {
        return Ok(None);
    }
    let groups = usize::try_from(op.infer().int("groups").map_err(fault)?).unwrap_or(1);
    let window = Window::read(op.infer(), factors.shape.len().saturating_sub(2)).map_err(fault)?;
    let x = op.value(factors.x);
    Ok(Some(Box::new(move |inputs: &[View<'_>], out: &mut [ViewMut<'_>]| {
        let (View { shape, data }, out) = (inputs[x], &mut out[0]);
        let ([outputs, channels, kernel @ ..], [_, _, input @ ..], [_, _, output @ ..]) =
            (factors.shape.as_slice(), shape, out.shape)
        else {
            return Err("a convolution needs channels".to_owned());
        };
        let windows = Windows::new(&window, input, kernel, output)?;
        let (rows, elements, to) = (outputs / groups, windows.elements(), windows.outputs());
        let inner = channels * elements;
        // Whole numbers of 8 bits are the same as floats.
        let planes: Vec<f32> = data.i32()?.iter().map(|x| *x as f32).collect();
        each(out.data.f32()?, rows * to, |index, out| {
            let x = &planes[index * channels * windows.inputs()..][..channels * windows.inputs()];
            let mut columns = vec![0; to * inner];
            let mut line = vec![0.0; to];
            for row in 0..inner {
                let plane = &x[row / elements * windows.inputs()..][..windows.inputs()];
                windows.gather(plane, row % elements, 0..to, &mut line);
                for (column, value) in line.iter().enumerate() {
                    columns[column * inner + row] = *value as i32;
                }
            }
            for (row, out) in out.chunks_mut(to).enumerate() {
                let i = index % groups * rows + row;
                let weight = &factors.weight[i * inner..][..inner];
                let scale = factors.scale * factors.scales[i];
                for (column, out) in out.iter_mut().enumerate() {
                    *out = dot(&columns[column * inner..][..inner], weight, scale, at(&bias, i));
                }
            }
            Ok(())
        })
    })))
}
