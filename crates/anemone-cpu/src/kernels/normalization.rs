//! Normalisation kernels.

use std::sync::Arc;

use rten_simd::SimdOp;
use rten_vecmath::{Normalize, NormalizeOptions, Sum, SumSquareSub};

use super::elementwise_unary::scalar;
use crate::array::{Data, View};
use crate::axes::Split;
use crate::elementwise::{fast, pieces, uninit, zip3};
use crate::fuse::Piece;
use crate::kernel::{Io, Kernel, Prepared, Short};
use crate::prepare::PrepareCtx;

/// Elements that are summed up in single precision, before such sums are in double.
const PART: usize = 4096;
/// Columns that are normalised together where the last axis is kept.
const BLOCK: usize = 64;

/// A function of `x` and of two parameters with an element for each channel.
struct Channels<F> {
    parameters: [Vec<f32>; 2],
    f: F,
}

impl<F: Fn(f32, f32, f32) -> f32 + Send + Sync> Kernel for Channels<F> {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let x = &io.inputs[0];
        let mut shape: Short<usize> = x.shape.iter().skip(1).map(|_| 1).collect();
        let channels = shape.first_mut().ok_or("there is no axis of channels")?;
        *channels = self.parameters[0].len();
        let [a, b] = &self.parameters;
        let parameter = |data| View { shape: &shape, data: Data::F32(data) };
        zip3([x, &parameter(a), &parameter(b)], &mut io.outputs[0], &self.f)
    }

    fn packed_bytes(&self) -> usize {
        self.parameters.iter().map(|p| p.len() * 4).sum()
    }
}

/// `f` of `x` and of two inputs with an element for each channel.
pub(super) fn channels(
    ctx: &mut PrepareCtx<'_>,
    inputs: [&str; 2],
    f: impl Fn(f32, f32, f32) -> f32 + Send + Sync + 'static,
) -> Result<Prepared, String> {
    let [a, b] = inputs.map(|input| required(ctx, input));
    with_channels(ctx, [a?, b?], f)
}

fn with_channels(
    ctx: &mut PrepareCtx<'_>,
    parameters: [Vec<f32>; 2],
    f: impl Fn(f32, f32, f32) -> f32 + Send + Sync + 'static,
) -> Result<Prepared, String> {
    if parameters[0].len() != parameters[1].len() {
        return Err("the parameters differ in length".to_owned());
    }
    ctx.operand("x")?;
    Ok(Prepared::kernel(Channels { parameters, f }))
}

fn vector(ctx: &PrepareCtx<'_>, input: &str) -> Result<Option<Vec<f32>>, String> {
    let Some(value) = ctx.constant(input)? else { return Ok(None) };
    let floats = value.floats().ok_or_else(|| format!("input `{input}` must hold floats"))?;
    Ok(Some(floats.to_vec()))
}

fn required(ctx: &PrepareCtx<'_>, input: &str) -> Result<Vec<f32>, String> {
    vector(ctx, input)?.ok_or_else(|| format!("input `{input}` must be a constant"))
}

pub(super) fn batch_norm(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let (mean, variance) = (required(ctx, "mean")?, required(ctx, "variance")?);
    let (gamma, beta) = (vector(ctx, "gamma")?, vector(ctx, "beta")?);
    let epsilon = f64::from(scalar(ctx, "epsilon")?);
    let n = mean.len();
    let lengths = [Some(&variance), gamma.as_ref(), beta.as_ref()];
    if lengths.into_iter().flatten().any(|v| v.len() != n) {
        return Err("the parameters differ in length".to_owned());
    }
    let at = |v: &Option<Vec<f32>>, i: usize, or: f64| v.as_ref().map_or(or, |v| v[i].into());
    let scale: Vec<f64> =
        (0..n).map(|i| at(&gamma, i, 1.0) / (f64::from(variance[i]) + epsilon).sqrt()).collect();
    let shift = (0..n).map(|i| (at(&beta, i, 0.0) - f64::from(mean[i]) * scale[i]) as f32);
    let parameters = [scale.iter().map(|&s| s as f32).collect(), shift.collect()];
    with_channels(ctx, parameters, |x, scale, shift| x * scale + shift)
}

/// The mean of `row`, and the inverse of its standard deviation.
fn moments(row: &[f32], epsilon: f32) -> (f32, f32) {
    let count = row.len() as f64;
    let sum: f64 = row.chunks(PART).map(|part| f64::from(Sum::new(part).dispatch())).sum();
    let mean = (sum / count) as f32;
    let squares = row.chunks(PART).map(|part| f64::from(SumSquareSub::new(part, mean).dispatch()));
    let variance = squares.sum::<f64>() / count;
    (mean, (1.0 / (variance + f64::from(epsilon)).sqrt()) as f32)
}

/// The number of elements; it saturates, as a tensor without any may have other, huge axes.
fn volume(shape: &[usize]) -> usize {
    shape.iter().fold(1, |n: usize, &size| n.saturating_mul(size))
}

/// Calls `f` on each row of `length` elements, with its index.
fn rows(
    io: &mut Io<'_, '_>,
    length: usize,
    f: impl Fn(usize, &[f32], &mut [f32]) + Sync,
) -> Result<(), String> {
    let (x, out) = (io.inputs[0].data.f32()?, io.outputs[0].data.f32()?);
    if x.len() != out.len() {
        return Err("input and output differ in size".to_owned());
    }
    pieces(out, length, length, &|row, out| f(row, &x[row * length..][..length], out));
    Ok(())
}

struct InstanceNorm {
    gamma: Option<Vec<f32>>,
    beta: Option<Vec<f32>>,
    epsilon: f32,
}

pub(super) fn instance_norm(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("x")?;
    let (gamma, beta) = (vector(ctx, "gamma")?, vector(ctx, "beta")?);
    Ok(Prepared::kernel(InstanceNorm { gamma, beta, epsilon: scalar(ctx, "epsilon")? }))
}

impl Kernel for InstanceNorm {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let &[_, channels, ref space @ ..] = io.inputs[0].shape else {
            return Err("there is no axis of channels".to_owned());
        };
        if [&self.gamma, &self.beta].into_iter().flatten().any(|v| v.len() != channels) {
            return Err(format!("the parameters are not for {channels} channels"));
        }
        rows(io, volume(space), |row, x, out| {
            let (mean, inverse) = moments(x, self.epsilon);
            let at = |v: &Option<Vec<f32>>, or| v.as_ref().map_or(or, |v| v[row % channels]);
            let options = NormalizeOptions {
                pre_scale_bias: mean,
                scale: inverse * at(&self.gamma, 1.0),
                bias: at(&self.beta, 0.0),
                element_scale: None,
                element_bias: None,
            };
            Normalize::new(x, uninit(out), options).dispatch();
        })
    }

    fn packed_bytes(&self) -> usize {
        [&self.gamma, &self.beta].into_iter().flatten().map(|v| v.len() * 4).sum()
    }
}

struct L2Norm {
    epsilon: f32,
}

pub(super) fn l2_norm(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("x")?;
    Ok(Prepared::kernel(L2Norm { epsilon: scalar(ctx, "epsilon")? }))
}

impl Kernel for L2Norm {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let shape = io.inputs[0].shape;
        let last = shape.get(shape.len().wrapping_sub(3)..).ok_or("`x` has a rank below 3")?;
        rows(io, volume(last), |_, x, out| {
            let squares =
                x.chunks(PART).map(|part| f64::from(SumSquareSub::new(part, 0.0).dispatch()));
            let sum = squares.sum::<f64>() + f64::from(self.epsilon);
            let scale = (1.0 / sum.sqrt()) as f32;
            out.iter_mut().zip(x).for_each(|(out, x)| *out = x * scale);
        })
    }
}

pub(crate) struct LayerNorm {
    axes: Vec<usize>,
    /// Whether it is over the last axis alone.
    by_rows: bool,
    gamma: Option<Vec<f32>>,
    beta: Option<Vec<f32>>,
    epsilon: f32,
}

pub(super) fn layer_norm(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("x")?;
    let rank = ctx.infer().shape("x").map_err(|fault| fault.to_string())?.len();
    let axes = ctx.infer().axes("axes", rank).map_err(|fault| fault.to_string())?;
    let axes = axes.unwrap_or_default();
    let by_rows = axes.iter().all(|axis| axis + 1 == rank) && !axes.is_empty();
    let (gamma, beta) = (vector(ctx, "gamma")?, vector(ctx, "beta")?);
    let norm = LayerNorm { axes, by_rows, gamma, beta, epsilon: scalar(ctx, "epsilon")? };
    Ok(Prepared::kernel(Normalized(Arc::new(norm))))
}

impl LayerNorm {
    /// Whether its parameters are for rows of so many elements.
    pub(crate) fn fits(&self, count: usize) -> bool {
        [&self.gamma, &self.beta].into_iter().flatten().all(|v| v.len() == count)
    }

    /// Normalises one row.
    pub(crate) fn row(&self, row: &mut [f32]) {
        let options = self.options(row);
        Normalize::new_mut(row, options).dispatch();
    }

    fn options(&self, row: &[f32]) -> NormalizeOptions<'_> {
        let (mean, inverse) = moments(row, self.epsilon);
        NormalizeOptions {
            pre_scale_bias: mean,
            scale: inverse,
            bias: 0.0,
            element_scale: self.gamma.as_deref(),
            element_bias: self.beta.as_deref(),
        }
    }
}

struct Normalized(Arc<LayerNorm>);

impl Kernel for Normalized {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let norm = &self.0;
        let split = Split::new(io.inputs[0].shape, &norm.axes);
        let count = split.count();
        if !norm.fits(count) {
            return Err(format!("the parameters are not for {count} elements"));
        }
        if split.places() == 1 && split.inner == 1 {
            return rows(io, count, |_, x, out| {
                Normalize::new(x, uninit(out), norm.options(x)).dispatch();
            });
        }
        let (x, out) = (io.inputs[0].data.f32()?, io.outputs[0].data.f32()?);
        if x.len() != out.len() {
            return Err("input and output differ in size".to_owned());
        }
        if x.is_empty() {
            return Ok(());
        }
        match io.inputs[0].shape {
            [batch, rest @ ..] if *batch > 1 && !norm.axes.contains(&0) => {
                let axes: Vec<usize> = norm.axes.iter().map(|axis| axis - 1).collect();
                let (split, size) = (Split::new(rest, &axes), x.len() / batch);
                pieces(out, size, size, &|i, out| {
                    norm.columns(&split, &x[i * size..][..size], out);
                });
            }
            _ => norm.columns(&split, x, out),
        }
        Ok(())
    }

    fn packed_bytes(&self) -> usize {
        [&self.0.gamma, &self.0.beta].into_iter().flatten().map(|v| v.len() * 4).sum()
    }

    fn piece(&self) -> Option<Piece> {
        self.0.by_rows.then(|| Piece::LayerNorm(self.0.clone()))
    }
}

impl LayerNorm {
    /// Normalises over axes that are not the last ones, a block of columns at a time.
    fn columns(&self, split: &Split, x: &[f32], out: &mut [f32]) {
        let count = split.count();
        for outer in 0..x.len() / (count * split.inner) {
            for block in (0..split.inner).step_by(BLOCK) {
                let width = BLOCK.min(split.inner - block);
                let start = split.start(outer) + block;
                let at = |i: usize| {
                    let start = start + split.place(i / split.run) + i % split.run;
                    start..start + width
                };
                fast(|| self.block(count, at, x, out));
            }
        }
    }

    /// Normalises the columns whose element `i` lies in `at(i)`.
    #[inline(always)]
    fn block(
        &self,
        count: usize,
        at: impl Fn(usize) -> std::ops::Range<usize>,
        x: &[f32],
        out: &mut [f32],
    ) {
        let (mut mean, mut scale) = ([0f64; BLOCK], [0f64; BLOCK]);
        for i in 0..count {
            for (mean, &x) in mean.iter_mut().zip(&x[at(i)]) {
                *mean += f64::from(x);
            }
        }
        mean.iter_mut().for_each(|mean| *mean /= count as f64);
        for i in 0..count {
            for ((scale, mean), &x) in scale.iter_mut().zip(&mean).zip(&x[at(i)]) {
                let difference = f64::from(x) - mean;
                *scale += difference * difference;
            }
        }
        for scale in &mut scale {
            *scale = 1.0 / (*scale / count as f64 + f64::from(self.epsilon)).sqrt();
        }
        for i in 0..count {
            let gamma = self.gamma.as_ref().map_or(1.0, |v| f64::from(v[i]));
            let beta = self.beta.as_ref().map_or(0.0, |v| f64::from(v[i]));
            let (x, out) = (&x[at(i)], &mut out[at(i)]);
            for (((out, &x), mean), scale) in out.iter_mut().zip(x).zip(&mean).zip(&scale) {
                *out = ((f64::from(x) - mean) * scale * gamma + beta) as f32;
            }
        }
    }
}

struct LocalResponseNorm {
    size: usize,
    alpha: f32,
    beta: f32,
    k: f32,
}

pub(super) fn local_response_norm(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("x")?;
    let size = ctx.infer().int("size").map_err(|fault| fault.to_string())?;
    let size = usize::try_from(size).ok().filter(|&n| n > 0).ok_or("`size` must be positive")?;
    let [alpha, beta, k] = ["alpha", "beta", "k"].map(|input| scalar(ctx, input));
    Ok(Prepared::kernel(LocalResponseNorm { size, alpha: alpha?, beta: beta?, k: k? }))
}

impl Kernel for LocalResponseNorm {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let &[_, channels, ref space @ ..] = io.inputs[0].shape else {
            return Err("there is no axis of channels".to_owned());
        };
        let inner = volume(space);
        let size = channels.saturating_mul(inner);
        let factor = self.alpha / self.size as f32;
        rows(io, size, |_, x, out| {
            for (channel, out) in out.chunks_exact_mut(inner).enumerate() {
                // The window has the extra channel of an even size before the middle.
                let first = channel.saturating_sub(self.size / 2);
                let last = channel.saturating_add(self.size.div_ceil(2)).min(channels);
                for (i, out) in out.iter_mut().enumerate() {
                    let squares = (first..last).map(|c| x[c * inner + i] * x[c * inner + i]);
                    let denominator = self.k + factor * squares.sum::<f32>();
                    *out = x[channel * inner + i] / denominator.powf(self.beta);
                }
            }
        })
    }
}
