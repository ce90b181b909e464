//! Loops over elements: one, two or three tensors in, one out, with broadcasting.
//!
//! Work is split at fixed places. The inner loops are compiled for each instruction set that
//! `rten-simd` knows and chosen when they run, so closures given here should be small.

use std::mem::MaybeUninit;

use rayon::prelude::*;
use rten_simd::{Isa, SimdOp, SimdUnaryOp};

use crate::array::{Data, DataMut, View, ViewMut};
use crate::kernel::Short;

/// Elements that one thread computes at a time.
pub(crate) const CHUNK: usize = 16 * 1024;

/// A type of element in engine storage.
pub(crate) trait Element: Copy + Send + Sync + 'static {
    fn of(data: Data<'_>) -> Result<&[Self], String>;
    fn of_mut<'a>(data: &'a mut DataMut<'_>) -> Result<&'a mut [Self], String>;
}

impl Element for f32 {
    fn of(data: Data<'_>) -> Result<&[f32], String> {
        data.f32()
    }

    fn of_mut<'a>(data: &'a mut DataMut<'_>) -> Result<&'a mut [f32], String> {
        data.f32()
    }
}

impl Element for i32 {
    fn of(data: Data<'_>) -> Result<&[i32], String> {
        data.i32()
    }

    fn of_mut<'a>(data: &'a mut DataMut<'_>) -> Result<&'a mut [i32], String> {
        data.i32()
    }
}

impl Element for u8 {
    fn of(data: Data<'_>) -> Result<&[u8], String> {
        data.bool()
    }

    fn of_mut<'a>(data: &'a mut DataMut<'_>) -> Result<&'a mut [u8], String> {
        data.bool()
    }
}

/// Calls `f` with the index of each piece of `size` elements, on all threads if there is enough to
/// do: `work` is the number of elements that a piece reads.
pub(crate) fn pieces<T: Send>(
    out: &mut [T],
    size: usize,
    work: usize,
    f: &(dyn Fn(usize, &mut [T]) + Sync),
) {
    if size == 0 {
        return;
    }
    if out.len().div_ceil(size).saturating_mul(work) <= CHUNK {
        out.chunks_mut(size).enumerate().for_each(|(i, out)| f(i, out));
    } else {
        let least = (CHUNK / work.max(1)).max(1);
        let pieces = out.par_chunks_mut(size).enumerate().with_min_len(least);
        pieces.for_each(|(i, out)| f(i, out));
    }
}

/// `out[i] = f(x[i])`.
pub(crate) fn map<A: Element, B: Element>(
    x: &View<'_>,
    out: &mut ViewMut<'_>,
    f: &(impl Fn(A) -> B + Sync),
) -> Result<(), String> {
    let (x, out) = (A::of(x.data)?, B::of_mut(&mut out.data)?);
    same_count(x.len(), out.len())?;
    pieces(out, CHUNK, CHUNK, &|i, out| {
        let x = &x[i * CHUNK..][..out.len()];
        fast(
            #[inline(always)]
            || out.iter_mut().zip(x).for_each(|(out, &x)| *out = f(x)),
        );
    });
    Ok(())
}

/// `out[i] = f(x[i])` for a vectorised function.
pub(crate) fn map_simd(
    x: &View<'_>,
    out: &mut ViewMut<'_>,
    f: &(impl SimdUnaryOp<f32> + Sync),
) -> Result<(), String> {
    let (x, out) = (x.data.f32()?, out.data.f32()?);
    same_count(x.len(), out.len())?;
    pieces(out, CHUNK, CHUNK, &|i, out| {
        f.map(&x[i * CHUNK..][..out.len()], uninit(out));
    });
    Ok(())
}

/// Memory that `rten` writes before it reads.
pub(crate) fn uninit(out: &mut [f32]) -> &mut [MaybeUninit<f32>] {
    // SAFETY: the layout is the same, and the functions that take it only write whole floats.
    unsafe { &mut *(std::ptr::from_mut(out) as *mut [MaybeUninit<f32>]) }
}

fn same_count(x: usize, out: usize) -> Result<(), String> {
    if x == out { Ok(()) } else { Err(format!("{x} elements where {out} belong")) }
}

/// Runs a loop compiled for the best instruction set that this machine has.
#[inline(always)]
pub fn fast<R>(f: impl FnOnce() -> R) -> R {
    struct Fast<F>(F);

    impl<R, F: FnOnce() -> R> SimdOp for Fast<F> {
        type Output = R;

        #[inline(always)]
        fn eval<I: Isa>(self, _: I) -> R {
            (self.0)()
        }
    }

    Fast(f).dispatch()
}

/// `out = f(x, y)`, broadcast.
pub(crate) fn zip<A: Element, B: Element, C: Element>(
    x: &View<'_>,
    y: &View<'_>,
    out: &mut ViewMut<'_>,
    f: &(impl Fn(A, B) -> C + Sync),
) -> Result<(), String> {
    if out.shape.contains(&0) {
        return Ok(());
    }
    let walk = Walk::new(out.shape, [x.shape, y.shape])?;
    let (x, y) = (A::of(x.data)?, B::of(y.data)?);
    walk.each(C::of_mut(&mut out.data)?, &|rows, out| {
        fast(
            #[inline(always)]
            || match rows.walk.runs {
                [true, true] => zip_rows::<1, 1, _, _, _>(x, y, &rows, out, f),
                [true, false] => zip_rows::<1, 0, _, _, _>(x, y, &rows, out, f),
                [false, true] => zip_rows::<0, 1, _, _, _>(x, y, &rows, out, f),
                [false, false] => zip_rows::<0, 0, _, _, _>(x, y, &rows, out, f),
            },
        );
    });
    Ok(())
}

/// `out = f(x, y, z)`, broadcast.
pub(crate) fn zip3<A: Element, B: Element, C: Element, D: Element>(
    [x, y, z]: [&View<'_>; 3],
    out: &mut ViewMut<'_>,
    f: &(impl Fn(A, B, C) -> D + Sync),
) -> Result<(), String> {
    if out.shape.contains(&0) {
        return Ok(());
    }
    let walk = Walk::new(out.shape, [x.shape, y.shape, z.shape])?;
    let xyz = (A::of(x.data)?, B::of(y.data)?, C::of(z.data)?);
    walk.each(D::of_mut(&mut out.data)?, &|rows, out| {
        fast(
            #[inline(always)]
            || match rows.walk.runs {
                [true, true, true] => zip3_rows::<1, 1, 1, _, _, _, _>(xyz, &rows, out, f),
                [true, true, false] => zip3_rows::<1, 1, 0, _, _, _, _>(xyz, &rows, out, f),
                [true, false, true] => zip3_rows::<1, 0, 1, _, _, _, _>(xyz, &rows, out, f),
                [true, false, false] => zip3_rows::<1, 0, 0, _, _, _, _>(xyz, &rows, out, f),
                [false, true, true] => zip3_rows::<0, 1, 1, _, _, _, _>(xyz, &rows, out, f),
                [false, true, false] => zip3_rows::<0, 1, 0, _, _, _, _>(xyz, &rows, out, f),
                [false, false, true] => zip3_rows::<0, 0, 1, _, _, _, _>(xyz, &rows, out, f),
                [false, false, false] => zip3_rows::<0, 0, 0, _, _, _, _>(xyz, &rows, out, f),
            },
        );
    });
    Ok(())
}

/// `X` and `Y` are the strides of the operands in a row: 0 or 1.
#[inline(always)]
fn zip_rows<const X: usize, const Y: usize, A: Copy, B: Copy, C>(
    x: &[A],
    y: &[B],
    rows: &Rows<'_, 2>,
    out: &mut [C],
    f: &impl Fn(A, B) -> C,
) {
    for (index, out) in out.chunks_exact_mut(rows.length).enumerate() {
        let [i, j] = rows.starts(index);
        let (x, y) = (row::<X, A>(x, i, out.len()), row::<Y, B>(y, j, out.len()));
        for (k, out) in out.iter_mut().enumerate() {
            *out = f(x[k * X], y[k * Y]);
        }
    }
}

#[inline(always)]
fn zip3_rows<const X: usize, const Y: usize, const Z: usize, A: Copy, B: Copy, C: Copy, D>(
    (x, y, z): (&[A], &[B], &[C]),
    rows: &Rows<'_, 3>,
    out: &mut [D],
    f: &impl Fn(A, B, C) -> D,
) {
    for (index, out) in out.chunks_exact_mut(rows.length).enumerate() {
        let [i, j, k] = rows.starts(index);
        let (x, y) = (row::<X, A>(x, i, out.len()), row::<Y, B>(y, j, out.len()));
        let z = row::<Z, C>(z, k, out.len());
        for (k, out) in out.iter_mut().enumerate() {
            *out = f(x[k * X], y[k * Y], z[k * Z]);
        }
    }
}

#[inline(always)]
fn row<const STRIDE: usize, T>(data: &[T], start: usize, length: usize) -> &[T] {
    &data[start..][..if STRIDE == 1 { length } else { 1 }]
}

/// How `N` dense tensors of broadcast shapes lie under an output: axes that all tensors go
/// through alike are one.
struct Walk<const N: usize> {
    /// Size and strides of the outer axes.
    axes: Short<(usize, [usize; N])>,
    /// The size of the innermost axis.
    inner: usize,
    /// Whether each tensor runs along the innermost axis (else it stays on one element).
    runs: [bool; N],
}

/// Consecutive rows of the output, or a part of one.
struct Rows<'a, const N: usize> {
    walk: &'a Walk<N>,
    first: usize,
    /// Where in the row to begin, and for how long.
    column: usize,
    length: usize,
}

impl<const N: usize> Walk<N> {
    fn new(out: &[usize], shapes: [&[usize]; N]) -> Result<Walk<N>, String> {
        if shapes.iter().any(|s| s.len() > out.len()) {
            return Err("an operand has a higher rank than the output".to_owned());
        }
        let mut axes: Short<(usize, [usize; N])> = Short::new();
        let mut dense = [1; N];
        for (back, &size) in out.iter().rev().enumerate() {
            let mut strides = [0; N];
            for (k, shape) in shapes.iter().enumerate() {
                match shape.len().checked_sub(back + 1).map_or(1, |axis| shape[axis]) {
                    1 => {}
                    n if n == size => strides[k] = dense[k],
                    n => return Err(format!("size {n} does not broadcast to {size}")),
                }
                dense[k] *= if strides[k] == 0 { 1 } else { size };
            }
            match axes.last_mut() {
                _ if size == 1 => {}
                Some((n, inner)) if (0..N).all(|k| strides[k] == inner[k] * *n) => *n *= size,
                _ => axes.push((size, strides)),
            }
        }
        axes.reverse();
        let (inner, strides) = axes.pop().unwrap_or((1, [0; N]));
        Ok(Walk { axes, inner, runs: strides.map(|stride| stride != 0) })
    }

    /// Calls `f` on pieces of `out`: whole rows, or a part of one.
    fn each<C: Element>(&self, out: &mut [C], f: &(dyn Fn(Rows<'_, N>, &mut [C]) + Sync)) {
        let length = self.inner;
        if length >= CHUNK {
            pieces(out, length, length, &|first, row| {
                pieces(row, CHUNK, CHUNK, &|block, out| {
                    let (column, length) = (block * CHUNK, out.len());
                    f(Rows { walk: self, first, column, length }, out);
                });
            });
        } else if let Some(rows) = CHUNK.checked_div(length) {
            pieces(out, rows * length, CHUNK, &|block, out| {
                f(Rows { walk: self, first: block * rows, column: 0, length }, out);
            });
        }
    }
}

impl<const N: usize> Rows<'_, N> {
    /// Where each operand begins in row `index` of the piece.
    #[inline(always)]
    fn starts(&self, index: usize) -> [usize; N] {
        let mut starts = self.walk.runs.map(|runs| if runs { self.column } else { 0 });
        let mut rest = self.first + index;
        for (size, strides) in self.walk.axes.iter().rev() {
            let at = rest % size;
            rest /= size;
            for k in 0..N {
                starts[k] += at * strides[k];
            }
        }
        starts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(x: (&[usize], &[f32]), y: (&[usize], &[f32]), shape: &[usize]) -> Vec<f32> {
        let mut out = vec![f32::NAN; shape.iter().product()];
        let view = |(shape, data)| View { shape, data: Data::F32(data) };
        let mut target = ViewMut { shape, data: DataMut::F32(&mut out) };
        zip(&view(x), &view(y), &mut target, &|a: f32, b: f32| a + b).unwrap();
        out
    }

    #[test]
    fn shapes_broadcast_from_either_side() {
        let (row, column) = ((&[3][..], &[1.0, 2.0, 3.0][..]), (&[2, 1][..], &[10.0, 20.0][..]));
        let whole = [11.0, 12.0, 13.0, 21.0, 22.0, 23.0];
        assert_eq!(sum(row, column, &[2, 3]), whole);
        assert_eq!(sum(column, row, &[2, 3]), whole);
        assert_eq!(sum((&[], &[1.0]), row, &[3]), [2.0, 3.0, 4.0]);
        assert_eq!(sum((&[], &[1.0]), (&[], &[2.0]), &[]), [3.0]);
        assert_eq!(sum((&[0, 3], &[]), row, &[0, 3]), []);
        let channels =
            sum((&[1, 2, 2], &[0.0, 1.0, 2.0, 3.0]), (&[2, 1], &[0.0, 10.0]), &[1, 2, 2]);
        assert_eq!(channels, [0.0, 1.0, 12.0, 13.0]);
    }

    #[test]
    fn long_rows_are_split() {
        let n = CHUNK + 5;
        let x: Vec<f32> = (0..2 * n).map(|i| i as f32).collect();
        let found = sum((&[2, n], &x), (&[2, 1], &[1.0, 2.0]), &[2, n]);
        assert!((0..2 * n).all(|i| found[i] == i as f32 + if i < n { 1.0 } else { 2.0 }));
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        assert!(Walk::new(&[2, 3], [&[3], &[2]]).is_err());
        assert!(Walk::new(&[3], [&[3], &[1, 3]]).is_err());
    }
}
