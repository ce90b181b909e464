//! Random tensors. Element `i` of a seed is always the same, on every machine and in every run;
//! the values are not those that Core ML draws. A negative seed stands for another one each time.

use std::hash::{BuildHasher, RandomState};

use rayon::prelude::*;

use crate::array::View;
use crate::elementwise::CHUNK;
use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;

pub(super) fn random_bernoulli(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let prob = f64::from(number(ctx, "prob")?);
    distribution(ctx, move |stream, i| if stream.uniform(i) < prob { 1.0 } else { 0.0 })
}

pub(super) fn random_uniform(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let (low, high) = (number(ctx, "low")?, number(ctx, "high")?);
    let (start, width) = (f64::from(low), f64::from(high) - f64::from(low));
    distribution(ctx, move |stream, i| {
        let value = (start + width * stream.uniform(i)) as f32;
        // Rounding must not reach the upper end, which is excluded.
        if value >= high && high > low { high.next_down() } else { value }
    })
}

pub(super) fn random_normal(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let (mean, deviation) = (f64::from(number(ctx, "mean")?), f64::from(number(ctx, "stddev")?));
    distribution(ctx, move |stream, i| {
        let radius = (-2.0 * (1.0 - stream.uniform(2 * i)).ln()).sqrt();
        let angle = std::f64::consts::TAU * stream.uniform(2 * i + 1);
        (mean + deviation * radius * angle.cos()) as f32
    })
}

pub(super) fn random_categorical(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let x = ctx.operand("x")?;
    let logits = ctx.infer().text("mode").map_err(|f| f.to_string())? == "logits";
    let seed = ctx.infer().int("seed").map_err(|f| f.to_string())?;
    Ok(Prepared::kernel(Categorical { x, logits, seed }))
}

fn number(ctx: &PrepareCtx<'_>, input: &str) -> Result<f32, String> {
    ctx.infer().float(input).map_err(|f| f.to_string())
}

fn distribution(
    ctx: &mut PrepareCtx<'_>,
    draw: impl Fn(&Stream, u64) -> f32 + Send + Sync + 'static,
) -> Result<Prepared, String> {
    let shape = ctx.operand("shape")?;
    let seed = ctx.infer().int("seed").map_err(|f| f.to_string())?;
    let sizes = move |inputs: &[View<'_>]| {
        let size = |&n: &i32| usize::try_from(n).map_err(|_| format!("size {n} is negative"));
        Ok(vec![inputs[shape].data.i32()?.iter().map(size).collect::<Result<_, String>>()?])
    };
    Ok(Prepared::sized(sizes, move |io| {
        let stream = Stream::new(seed);
        let out = io.outputs[0].data.f32()?;
        out.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, out)| {
            let first = (chunk * CHUNK) as u64;
            out.iter_mut().zip(first..).for_each(|(o, i)| *o = draw(&stream, i));
        });
        Ok(())
    }))
}

/// Numbers by their index: SplitMix64.
struct Stream(u64);

impl Stream {
    fn new(seed: i64) -> Stream {
        match u64::try_from(seed) {
            Ok(seed) => Stream(mix(seed)),
            Err(_) => Stream(RandomState::new().hash_one(0)),
        }
    }

    /// A number from 0, but below 1.
    fn uniform(&self, index: u64) -> f64 {
        let bits = mix(self.0.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        (bits >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

struct Categorical {
    x: usize,
    logits: bool,
    seed: i64,
}

impl Kernel for Categorical {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let x = io.inputs[self.x];
        let classes = *x.shape.last().ok_or("`x` is a scalar")?;
        let draws = *io.outputs[0].shape.last().ok_or("the output is a scalar")?;
        let (x, out) = (x.data.f32()?, io.outputs[0].data.f32()?);
        if classes == 0 || draws == 0 {
            return match out.is_empty() {
                true => Ok(()),
                false => Err("there is no class to draw".to_owned()),
            };
        }
        let stream = Stream::new(self.seed);
        let rows = out.par_chunks_mut(draws).zip(x.par_chunks(classes)).enumerate();
        rows.for_each(|(row, (out, x))| {
            let sums = self.sums(x);
            let total = sums[classes - 1];
            let first = (row * draws) as u64;
            for (o, i) in out.iter_mut().zip(first..) {
                let at = stream.uniform(i) * total;
                *o = sums.partition_point(|&sum| sum <= at).min(classes - 1) as f32;
            }
        });
        Ok(())
    }
}

impl Categorical {
    /// For each class, the weight of it and of those before it.
    fn sums(&self, x: &[f32]) -> Vec<f64> {
        let largest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weight = |&x: &f32| match self.logits {
            // Also where both are infinite.
            true if x == largest => 1.0,
            true => f64::from(x - largest).exp(),
            false => f64::from(x),
        };
        let weights = x.iter().map(weight).map(|w| if w > 0.0 { w } else { 0.0 });
        let sum = |sum: &mut f64, w: f64| {
            *sum += w;
            Some(*sum)
        };
        weights.scan(0.0, sum).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_even() {
        let stream = Stream::new(7);
        let mean = (0..10_000).map(|i| stream.uniform(i)).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        assert_ne!(Stream::new(-1).uniform(0), Stream::new(-1).uniform(0));
    }

    #[test]
    fn impossible_classes_have_no_weight() {
        let sums = |logits, x: &[f32]| Categorical { x: 0, logits, seed: 0 }.sums(x);
        assert_eq!(sums(true, &[f32::NEG_INFINITY, 0.0, f32::NAN, 0.0]), [0.0, 1.0, 1.0, 2.0]);
        assert_eq!(sums(true, &[f32::INFINITY, 0.0]), [1.0, 1.0]);
        assert_eq!(sums(false, &[-1.0, 0.25, 0.75]), [0.0, 0.25, 1.0]);
    }
}
