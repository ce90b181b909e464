//! Activation kernels.

use rten_simd::{SimdOp, SimdUnaryOp};
use rten_vecmath as vecmath;

use super::elementwise_unary::{each, scalar, vector};
use super::normalization::channels;
use crate::elementwise::{fast, pieces, uninit};
use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;
use crate::simd;

pub(super) fn clamped_relu(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let (alpha, beta) = (scalar(ctx, "alpha")?, scalar(ctx, "beta")?);
    each(ctx, move |x: f32| {
        let x = if x < 0.0 { alpha * x } else { x };
        if x > beta { beta } else { x }
    })
}

pub(super) fn elu(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let alpha = scalar(ctx, "alpha")?;
    vector(ctx, vecmath::Elu { alpha })
}

pub(super) fn gelu(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let mode = ctx.infer().text("mode").map_err(|fault| fault.to_string())?;
    match mode.as_str() {
        "EXACT" => vector(ctx, simd::Gelu),
        "TANH_APPROXIMATION" => vector(ctx, vecmath::ApproxGelu {}),
        "SIGMOID_APPROXIMATION" => vector(ctx, vecmath::Swish { alpha: 1.702 }),
        _ => Err(format!("mode `{mode}` is unknown")),
    }
}

pub(super) fn leaky_relu(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let alpha = scalar(ctx, "alpha")?;
    each(ctx, move |x: f32| if x < 0.0 { alpha * x } else { x })
}

pub(super) fn linear_activation(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let (alpha, beta) = (scalar(ctx, "alpha")?, scalar(ctx, "beta")?);
    each(ctx, move |x: f32| alpha * x + beta)
}

pub(super) fn relu(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    vector(ctx, simd::Relu)
}

pub(super) fn relu6(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    each(ctx, |x: f32| {
        let x = if x < 0.0 { 0.0 } else { x };
        if x > 6.0 { 6.0 } else { x }
    })
}

pub(super) fn scaled_tanh(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let (alpha, beta) = (scalar(ctx, "alpha")?, scalar(ctx, "beta")?);
    vector(ctx, simd::ScaledTanh { alpha, beta })
}

pub(super) fn sigmoid(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    vector(ctx, vecmath::Sigmoid {})
}

pub(super) fn sigmoid_hard(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let (alpha, beta) = (scalar(ctx, "alpha")?, scalar(ctx, "beta")?);
    each(ctx, move |x: f32| {
        let x = alpha * x + beta;
        let x = if x < 0.0 { 0.0 } else { x };
        if x > 1.0 { 1.0 } else { x }
    })
}

pub(super) fn silu(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    vector(ctx, vecmath::Silu {})
}

pub(super) fn softplus(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    vector(ctx, simd::Softplus)
}

pub(super) fn softsign(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    each(ctx, |x: f32| x / (1.0 + x.abs()))
}

pub(super) fn thresholded_relu(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let alpha = scalar(ctx, "alpha")?;
    each(ctx, move |x: f32| if x < alpha { 0.0 } else { x })
}

pub(super) fn prelu(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    channels(ctx, ["alpha", "alpha"], |x, alpha, _| if x < 0.0 { alpha * x } else { x })
}

pub(super) fn softplus_parametric(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    channels(ctx, ["alpha", "beta"], |x, alpha, beta| {
        let x = beta * x;
        alpha * ((-x.abs()).exp().ln_1p() + if x < 0.0 { 0.0 } else { x })
    })
}

/// Columns that a softmax over an axis before the last computes at a time.
const BLOCK: usize = 64;

struct Softmax {
    axis: usize,
}

pub(super) fn softmax(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("x")?;
    let axis = ctx.infer().shape("x").and_then(|shape| ctx.infer().axis("axis", shape.len()));
    Ok(Prepared::kernel(Softmax { axis: axis.map_err(|fault| fault.to_string())? }))
}

impl Kernel for Softmax {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let (x, out) = (io.inputs[0].data.f32()?, io.outputs[0].data.f32()?);
        let shape = io.inputs[0].shape;
        let (Some(&length), Some(after)) = (shape.get(self.axis), shape.get(self.axis + 1..))
        else {
            return Err(format!("there is no axis {} in {shape:?}", self.axis));
        };
        if x.len() != out.len() {
            return Err("input and output differ in size".to_owned());
        }
        if x.is_empty() {
            return Ok(());
        }
        let inner: usize = after.iter().product();
        let size = length * inner;
        pieces(out, size, size, &|i, out| {
            let x = &x[i * size..][..size];
            if inner == 1 {
                vecmath::Softmax::new(x, uninit(out)).dispatch();
            } else {
                fast(|| over_columns(x, out, inner));
            }
        });
        Ok(())
    }
}

/// Softmax of each column of a matrix with `width` columns.
#[inline(always)]
fn over_columns(x: &[f32], out: &mut [f32], width: usize) {
    for start in (0..width).step_by(BLOCK) {
        let block = start..width.min(start + BLOCK);
        let (mut most, mut sum) = ([f32::NEG_INFINITY; BLOCK], [0f32; BLOCK]);
        for row in x.chunks_exact(width) {
            for (most, &x) in most.iter_mut().zip(&row[block.clone()]) {
                *most = most.max(x);
            }
        }
        for (row, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
            let out = &mut out[block.clone()];
            for ((out, &x), most) in out.iter_mut().zip(&row[block.clone()]).zip(&most) {
                *out = x - most;
            }
            vecmath::Exp {}.map_mut(out);
            for (sum, &out) in sum.iter_mut().zip(out.iter()) {
                *sum += out;
            }
        }
        for out in out.chunks_exact_mut(width) {
            for (out, sum) in out[block.clone()].iter_mut().zip(&sum) {
                *out /= sum;
            }
        }
    }
}
