//! Random tensors. Element `i` depends on the seed and on `i` alone; a negative seed asks for
//! other numbers in each run.

use std::f64::consts::TAU;
use std::hash::{BuildHasher, RandomState};

use crate::kernel::{Io, Prepared};
use crate::prepare::PrepareCtx;

use super::tensor_operation::shape_of;

/// A stream of numbers that can be asked for at any place.
#[derive(Clone, Copy)]
struct Stream(u64);

impl Stream {
    fn new(seed: i64) -> Stream {
        Stream(match u64::try_from(seed) {
            Ok(seed) => mixed(seed),
            Err(_) => RandomState::new().hash_one(seed),
        })
    }

    /// A number from 0, below 1, with 53 random bits.
    fn at(self, index: u64) -> f64 {
        let bits = mixed(self.0 ^ mixed(index));
        (bits >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The finalizer of SplitMix64.
fn mixed(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

fn float(ctx: &PrepareCtx<'_>, input: &str) -> Result<f64, String> {
    ctx.infer().float(input).map(f64::from).map_err(|fault| fault.to_string())
}

/// A tensor of the shape `shape`, its elements made by place.
fn filled(
    ctx: &mut PrepareCtx<'_>,
    element: impl Fn(Stream, u64) -> f32 + Send + Sync + 'static,
) -> Result<Prepared, String> {
    ctx.operand("shape")?;
    let seed = ctx.infer().int("seed").map_err(|fault| fault.to_string())?;
    Ok(Prepared::sized(
        |inputs| Ok(vec![shape_of(&inputs[0])?]),
        move |io| {
            let stream = Stream::new(seed);
            let out = io.outputs[0].data.f32()?;
            (0..).zip(out).for_each(|(i, out)| *out = element(stream, i));
            Ok(())
        },
    ))
}

pub(super) fn random_bernoulli(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let prob = float(ctx, "prob")?;
    filled(ctx, move |stream, i| if stream.at(i) < prob { 1.0 } else { 0.0 })
}

pub(super) fn random_uniform(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let (low, high) = (float(ctx, "low")?, float(ctx, "high")?);
    filled(ctx, move |stream, i| {
        let value = (low + (high - low) * stream.at(i)) as f32;
        // Rounding may reach the end, which does not belong to the interval.
        if f64::from(value) >= high && low < high { (high as f32).next_down() } else { value }
    })
}

pub(super) fn random_normal(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let (mean, stddev) = (float(ctx, "mean")?, float(ctx, "stddev")?);
    filled(ctx, move |stream, i| {
        let (radius, angle) = (1.0 - stream.at(2 * i), stream.at(2 * i + 1));
        (mean + stddev * (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()) as f32
    })
}

pub(super) fn random_categorical(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("x")?;
    let seed = ctx.infer().int("seed").map_err(|fault| fault.to_string())?;
    let mode = ctx.infer().text("mode").map_err(|fault| fault.to_string())?;
    let logits = mode == "logits";
    Ok(Prepared::function(move |io| categorical(io, Stream::new(seed), logits)))
}

fn categorical(io: &mut Io<'_, '_>, stream: Stream, logits: bool) -> Result<(), String> {
    let (x, out) = (&io.inputs[0], &mut io.outputs[0]);
    let (&classes, &size) = x.shape.last().zip(out.shape.last()).ok_or("`x` is a scalar")?;
    let out = out.data.f32()?;
    if out.is_empty() {
        return Ok(());
    }
    if classes == 0 {
        return Err("there is no class to draw".to_owned());
    }
    let mut place = 0;
    for (x, out) in x.data.f32()?.chunks_exact(classes).zip(out.chunks_exact_mut(size)) {
        let best = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weight = |&x: &f32| match logits {
            true => f64::from(x - best).exp(),
            false => f64::from(x).max(0.0),
        };
        let total: f64 = x.iter().map(weight).sum();
        for out in out {
            let mut left = stream.at(place) * total;
            place += 1;
            let drawn = x.iter().position(|x| {
                left -= weight(x);
                left < 0.0
            });
            *out = drawn.unwrap_or(classes - 1) as f32;
        }
    }
    Ok(())
}
