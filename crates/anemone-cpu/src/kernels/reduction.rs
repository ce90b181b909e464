//! Reduction kernels. Sums are made in double precision, in an order that the reduced axes tell.

use crate::array::{Data, View, ViewMut};
use crate::axes::Split;
use crate::elementwise::{Element, fast, pieces};
use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;

/// Parts that one run is split into, so that they do not wait for each other.
const LANES: usize = 16;
/// Columns that are reduced together.
const BLOCK: usize = 64;

trait Number: Element + Into<f64> {
    /// The nearest number; integers are cut, and wrap around.
    fn narrow(wide: f64) -> Self;
}

impl Number for f32 {
    fn narrow(wide: f64) -> f32 {
        wide as f32
    }
}

impl Number for i32 {
    fn narrow(wide: f64) -> i32 {
        wide as i64 as i32
    }
}

/// Takes elements in by `step`, starting from `start`, and gives `end` of the sum and the count.
struct Fold<S, Step, Join, End> {
    axes: Vec<usize>,
    start: S,
    step: Step,
    /// The sum of the elements of two sums.
    join: Join,
    end: End,
    /// Whether there is a result of no elements.
    of_nothing: bool,
}

impl<S, Step, Join, End> Kernel for Fold<S, Step, Join, End>
where
    S: Copy + Send + Sync,
    Step: Fn(S, f64) -> S + Send + Sync,
    Join: Fn(S, S) -> S + Send + Sync,
    End: Fn(S, usize) -> f64 + Send + Sync,
{
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        match io.inputs[0].data {
            Data::F32(_) => self.reduce::<f32>(&io.inputs[0], &mut io.outputs[0]),
            Data::I32(_) => self.reduce::<i32>(&io.inputs[0], &mut io.outputs[0]),
            Data::Bool(_) => Err("booleans are not reduced".to_owned()),
        }
    }
}

impl<S, Step, Join, End> Fold<S, Step, Join, End>
where
    S: Copy + Send + Sync,
    Step: Fn(S, f64) -> S + Send + Sync,
    Join: Fn(S, S) -> S + Send + Sync,
    End: Fn(S, usize) -> f64 + Send + Sync,
{
    fn reduce<T: Number>(&self, x: &View<'_>, out: &mut ViewMut<'_>) -> Result<(), String> {
        if out.shape.contains(&0) {
            return Ok(());
        }
        let split = Split::new(x.shape, &self.axes);
        let (x, out, count) = (T::of(x.data)?, T::of_mut(&mut out.data)?, split.count());
        if Some(x.len()) != out.len().checked_mul(count) {
            return Err(format!("{} elements do not make {} sums", x.len(), out.len()));
        }
        match (count, split.run) {
            (0, _) if self.of_nothing => out.fill(T::narrow((self.end)(self.start, 0))),
            (0, _) => return Err("there is nothing to reduce".to_owned()),
            (_, 1) => self.columns(&split, x, out),
            _ => self.runs(&split, x, out),
        }
        Ok(())
    }

    /// The last axis is reduced.
    fn runs<T: Number>(&self, split: &Split, x: &[T], out: &mut [T]) {
        let count = split.count();
        let group = (LANES * BLOCK / count.max(1)).max(1);
        let one = |index: usize| {
            let places = (0..split.places()).map(|place| split.start(index) + split.place(place));
            let runs = places.map(|start| self.run_of(&x[start..][..split.run]));
            T::narrow((self.end)(runs.fold(self.start, &self.join), count))
        };
        pieces(out, group, group * count, &|i, out| {
            fast(|| (i * group..).zip(out).for_each(|(index, out)| *out = one(index)));
        });
    }

    #[inline(always)]
    fn run_of<T: Number>(&self, run: &[T]) -> S {
        let mut sums = [self.start; LANES];
        let mut chunks = run.chunks_exact(LANES);
        for chunk in &mut chunks {
            for (sum, &x) in sums.iter_mut().zip(chunk) {
                *sum = (self.step)(*sum, x.into());
            }
        }
        for (sum, &x) in sums.iter_mut().zip(chunks.remainder()) {
            *sum = (self.step)(*sum, x.into());
        }
        sums.into_iter().fold(self.start, &self.join)
    }

    /// The last axis is kept.
    fn columns<T: Number>(&self, split: &Split, x: &[T], out: &mut [T]) {
        let (count, inner) = (split.count(), split.inner);
        let block = |start: usize, out: &mut [T]| {
            let mut sums = [self.start; BLOCK];
            for place in 0..split.places() {
                let row = &x[start + split.place(place)..][..out.len()];
                for (sum, &x) in sums.iter_mut().zip(row) {
                    *sum = (self.step)(*sum, x.into());
                }
            }
            for (out, &sum) in out.iter_mut().zip(&sums) {
                *out = T::narrow((self.end)(sum, count));
            }
        };
        pieces(out, inner, inner * count, &|row, out| {
            for (i, out) in out.chunks_mut(BLOCK).enumerate() {
                fast(|| block(split.start(row) + i * BLOCK, out));
            }
        });
    }
}

/// The kernel of a reduction over `axes`.
fn fold<S: Copy + Send + Sync + 'static>(
    ctx: &mut PrepareCtx<'_>,
    start: S,
    of_nothing: bool,
    step: impl Fn(S, f64) -> S + Send + Sync + 'static,
    join: impl Fn(S, S) -> S + Send + Sync + 'static,
    end: impl Fn(S, usize) -> f64 + Send + Sync + 'static,
) -> Result<Prepared, String> {
    ctx.operand("x")?;
    let rank = ctx.infer().shape("x").map(<[_]>::len);
    let axes = rank.and_then(|rank| {
        Ok(ctx.infer().axes("axes", rank)?.unwrap_or_else(|| (0..rank).collect()))
    });
    let axes = axes.map_err(|fault| fault.to_string())?;
    Ok(Prepared::kernel(Fold { axes, start, step, join, end, of_nothing }))
}

/// The kernel of a sum of `term`s, put through `end`.
fn sum(
    ctx: &mut PrepareCtx<'_>,
    term: impl Fn(f64) -> f64 + Send + Sync + 'static,
    end: impl Fn(f64, usize) -> f64 + Send + Sync + 'static,
) -> Result<Prepared, String> {
    fold(ctx, 0.0, true, move |sum, x| sum + term(x), |a, b| a + b, end)
}

pub(super) fn reduce_l1_norm(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    sum(ctx, f64::abs, |sum, _| sum)
}

pub(super) fn reduce_l2_norm(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    sum(ctx, |x| x * x, |sum, _| sum.sqrt())
}

pub(super) fn reduce_log_sum(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    sum(ctx, |x| x, |sum, _| sum.ln())
}

pub(super) fn reduce_mean(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    sum(ctx, |x| x, |sum, count| sum / count as f64)
}

pub(super) fn reduce_sum(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    sum(ctx, |x| x, |sum, _| sum)
}

pub(super) fn reduce_sum_square(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    sum(ctx, |x| x * x, |sum, _| sum)
}

pub(super) fn reduce_prod(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    fold(ctx, 1.0, true, |product, x| product * x, |a, b| a * b, |product, _| product)
}

pub(super) fn reduce_max(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let pick = |a: f64, b: f64| if b > a || b.is_nan() { b } else { a };
    fold(ctx, f64::NEG_INFINITY, false, pick, pick, |most, _| most)
}

pub(super) fn reduce_min(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let pick = |a: f64, b: f64| if b < a || b.is_nan() { b } else { a };
    fold(ctx, f64::INFINITY, false, pick, pick, |least, _| least)
}

/// The largest element so far, and the sum of the exponentials of the others less it.
pub(super) fn reduce_log_sum_exp(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let join = |(a, m): (f64, f64), (b, n): (f64, f64)| {
        if a == b {
            (a, m + n)
        } else if b > a {
            (b, m * (a - b).exp() + n)
        } else {
            (a, m + n * (b - a).exp())
        }
    };
    let step = move |sum, x| join(sum, (x, 1.0));
    fold(ctx, (f64::NEG_INFINITY, 0.0), true, step, join, |(most, sum), _| most + sum.ln())
}

/// The place of the first element that is better than those before it, along one axis.
struct Position<B> {
    axis: usize,
    better: B,
}

impl<B: Fn(f64, f64) -> bool + Send + Sync> Kernel for Position<B> {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let (x, out) = (&io.inputs[0], io.outputs[0].data.i32()?);
        match x.data {
            Data::F32(data) => self.find(x.shape, data, out),
            Data::I32(data) => self.find(x.shape, data, out),
            Data::Bool(_) => Err("booleans are not compared".to_owned()),
        }
    }
}

impl<B: Fn(f64, f64) -> bool + Send + Sync> Position<B> {
    fn find<T: Number>(&self, shape: &[usize], x: &[T], out: &mut [i32]) -> Result<(), String> {
        let (Some(&length), Some(after)) = (shape.get(self.axis), shape.get(self.axis + 1..))
        else {
            return Err(format!("there is no axis {} in {shape:?}", self.axis));
        };
        if out.is_empty() {
            return Ok(());
        }
        let inner: usize = after.iter().product();
        if x.len() != out.len() * length || i32::try_from(length).is_err() {
            return Err(format!("{} elements do not make {} positions", x.len(), out.len()));
        }
        if length == 0 {
            return Err("there is nothing to reduce".to_owned());
        }
        pieces(out, inner, length * inner, &|i, out| {
            let x = &x[i * length * inner..][..length * inner];
            for (column, out) in out.iter_mut().enumerate() {
                let mut best = (0, x[column].into());
                for (row, x) in x[column..].iter().step_by(inner).enumerate().skip(1) {
                    let x = (*x).into();
                    if (self.better)(x, best.1) || (x.is_nan() && !best.1.is_nan()) {
                        best = (row, x);
                    }
                }
                *out = best.0 as i32;
            }
        });
        Ok(())
    }
}

fn position(
    ctx: &mut PrepareCtx<'_>,
    better: impl Fn(f64, f64) -> bool + Send + Sync + 'static,
) -> Result<Prepared, String> {
    ctx.operand("x")?;
    let axis = ctx.infer().shape("x").and_then(|shape| ctx.infer().axis("axis", shape.len()));
    Ok(Prepared::kernel(Position { axis: axis.map_err(|fault| fault.to_string())?, better }))
}

pub(super) fn reduce_argmax(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    position(ctx, |x, best| x > best)
}

pub(super) fn reduce_argmin(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    position(ctx, |x, best| x < best)
}
