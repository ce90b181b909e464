//! Copies between strided regions: what transposing, slicing, tiling, joining and splitting are.

use rayon::prelude::*;

use crate::array::{Data, DataMut};
use crate::kernel::Short;

/// Elements that one thread copies at a time.
const CHUNK: usize = 16 * 1024;
/// The side of a block that is transposed in registers.
const BLOCK: usize = 8;
/// Rows of the output that are transposed together: a cache line of the source.
const STRIP: usize = 2 * BLOCK;

/// One axis of a region: how many elements it has, and how far apart they lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) size: usize,
    /// The distance in the source.
    pub(crate) from: isize,
    /// The distance in the output.
    pub(crate) to: usize,
}

/// Elements of a source, and where they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    /// The index of the first element in the source.
    pub(crate) from: isize,
    /// The index of the first element in the output.
    pub(crate) to: usize,
    /// The axes, in any order; in the output none may reach into another's step.
    pub(crate) axes: Short<Axis>,
}

/// Distances between neighbours along each axis of a dense tensor.
pub(crate) fn strides(shape: &[usize]) -> Short<usize> {
    let mut strides: Short<usize> = shape.iter().map(|_| 1).collect();
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis].saturating_mul(shape[axis]);
    }
    strides
}

/// A distance in a source. Tensors that have elements are shorter than `isize::MAX`.
pub(crate) fn signed(n: usize) -> isize {
    isize::try_from(n).unwrap_or(isize::MAX)
}

/// Copies the elements of a region.
pub(crate) fn copy(x: Data<'_>, out: &mut DataMut<'_>, region: Region) -> Result<(), String> {
    match (x, out) {
        (Data::F32(x), DataMut::F32(out)) => copy_elements(x, out, region),
        (Data::I32(x), DataMut::I32(out)) => copy_elements(x, out, region),
        (Data::Bool(x), DataMut::Bool(out)) => copy_elements(x, out, region),
        _ => Err("the output has another element type".to_owned()),
    }
}

/// Copies all elements in their order.
pub(crate) fn copy_all(x: Data<'_>, out: &mut DataMut<'_>) -> Result<(), String> {
    let axes = [Axis { size: x.len(), from: 1, to: 1 }].into_iter().collect();
    copy(x, out, Region { from: 0, to: 0, axes })
}

fn copy_elements<T: Copy + Send + Sync>(
    x: &[T],
    out: &mut [T],
    region: Region,
) -> Result<(), String> {
    if region.axes.iter().any(|a| a.size == 0) {
        return Ok(());
    }
    let outside = || "a copy reaches outside of a tensor".to_owned();
    let axes = normal(region.axes);
    let extent = extent(&axes).ok_or_else(outside)?;
    let end = region.to.checked_add(extent).ok_or_else(outside)?;
    if !reaches(x.len(), region.from, &axes).ok_or_else(outside)? {
        return Err(outside());
    }
    parallel(x, region.from, out.get_mut(region.to..end).ok_or_else(outside)?, &axes);
    Ok(())
}

/// Axes by falling distance in the output, without those of one element, joined where they can be.
fn normal(mut axes: Short<Axis>) -> Short<Axis> {
    axes.retain(|a| a.size != 1);
    axes.sort_by_key(|a| std::cmp::Reverse(a.to));
    let mut joined: Short<Axis> = Short::new();
    for axis in axes {
        match joined.last_mut() {
            Some(outer)
                if axis.size.checked_mul(axis.to) == Some(outer.to)
                    && signed(axis.size).checked_mul(axis.from) == Some(outer.from) =>
            {
                *outer = Axis { size: outer.size.saturating_mul(axis.size), ..axis };
            }
            _ => joined.push(axis),
        }
    }
    joined
}

/// The length of the region in the output; `None` where one axis reaches into another's step.
fn extent(axes: &[Axis]) -> Option<usize> {
    axes.iter().rev().try_fold(1usize, |inner, axis| {
        let nested = axis.to >= inner;
        (axis.size - 1).checked_mul(axis.to)?.checked_add(inner).filter(|_| nested)
    })
}

/// Whether every element read lies in a source of `count` elements; `None` on overflow.
fn reaches(count: usize, from: isize, axes: &[Axis]) -> Option<bool> {
    let (mut low, mut high) = (from, from);
    for axis in axes {
        let reach = signed(axis.size - 1).checked_mul(axis.from)?;
        low = low.checked_add(reach.min(0))?;
        high = high.checked_add(reach.max(0))?;
    }
    Some(low >= 0 && usize::try_from(high).is_ok_and(|high| high < count))
}

fn volume(axes: &[Axis]) -> usize {
    axes.iter().map(|a| a.size).product()
}

fn is_tile(outer: &Axis, inner: &Axis) -> bool {
    outer.from == 1 && inner.to == 1 && inner.from != 1
}

fn parallel<T: Copy + Send + Sync>(x: &[T], from: isize, out: &mut [T], axes: &[Axis]) {
    let Some((first, rest)) = axes.split_first() else { return serial(x, from, out, axes) };
    let inner = volume(rest);
    if first.size.saturating_mul(inner) <= CHUNK {
        return serial(x, from, out, axes);
    }
    let least = if rest.last().is_some_and(|last| is_tile(first, last)) { STRIP } else { 1 };
    let block = (CHUNK / inner).max(least);
    let tasks = out.par_chunks_mut(block * first.to).take(first.size.div_ceil(block));
    tasks.enumerate().for_each(|(i, out)| {
        let start = i * block;
        let from = from + signed(start) * first.from;
        if block == 1 {
            return parallel(x, from, out, rest);
        }
        let mut axes = Short::from(axes);
        axes[0].size = block.min(first.size - start);
        serial(x, from, out, &axes);
    });
}

fn serial<T: Copy>(x: &[T], from: isize, out: &mut [T], axes: &[Axis]) {
    let Some((last, others)) = axes.split_last() else {
        out[0] = x[index(from)];
        return;
    };
    match others.iter().position(|a| is_tile(a, last)) {
        Some(at) if at + 1 < others.len() => {
            let mut reordered = Short::from(axes);
            reordered[at..others.len()].rotate_left(1);
            nest(x, from, out, &reordered);
        }
        _ => nest(x, from, out, axes),
    }
}

fn nest<T: Copy>(x: &[T], from: isize, out: &mut [T], axes: &[Axis]) {
    match axes {
        [] => out[0] = x[index(from)],
        [line] => copy_line(x, from, out, line),
        [rows, line] if is_tile(rows, line) => transpose(x, from, out, rows, line),
        [first, rest @ ..] => {
            for i in 0..first.size {
                nest(x, from + signed(i) * first.from, &mut out[i * first.to..], rest);
            }
        }
    }
}

fn copy_line<T: Copy>(x: &[T], from: isize, out: &mut [T], line: &Axis) {
    let start = index(from);
    match (line.from, line.to) {
        (1, 1) => out[..line.size].copy_from_slice(&x[start..start + line.size]),
        (0, 1) => out[..line.size].fill(x[start]),
        (step, to) => {
            for (i, out) in out.iter_mut().step_by(to).take(line.size).enumerate() {
                *out = x[index(from + signed(i) * step)];
            }
        }
    }
}

/// Rows of the output are columns of the source.
fn transpose<T: Copy>(x: &[T], from: isize, out: &mut [T], rows: &Axis, line: &Axis) {
    for top in (0..rows.size).step_by(STRIP) {
        for left in (0..line.size).step_by(BLOCK) {
            for top in (top..rows.size.min(top + STRIP)).step_by(BLOCK) {
                let from = from + signed(top) + signed(left) * line.from;
                let out = &mut out[top * rows.to + left..];
                let (high, wide) = (BLOCK.min(rows.size - top), BLOCK.min(line.size - left));
                if (high, wide) == (BLOCK, BLOCK) {
                    transpose_block(x, from, out, line.from, rows.to);
                    continue;
                }
                for row in 0..high {
                    let line = Axis { size: wide, ..*line };
                    copy_line(x, from + signed(row), &mut out[row * rows.to..], &line);
                }
            }
        }
    }
}

fn transpose_block<T: Copy>(x: &[T], from: isize, out: &mut [T], step: isize, to: usize) {
    let block: [&[T; BLOCK]; BLOCK] = std::array::from_fn(|i| {
        let start = index(from + signed(i) * step);
        x[start..start + BLOCK].try_into().expect("the range has as many elements")
    });
    for row in 0..BLOCK {
        let line: [T; BLOCK] = std::array::from_fn(|i| block[i][row]);
        out[row * to..row * to + BLOCK].copy_from_slice(&line);
    }
}

/// An index that `reaches` has found to lie in the source.
fn index(from: isize) -> usize {
    usize::try_from(from).expect("the region lies in the source")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permute(shape: &[usize], perm: &[usize]) -> (Vec<i32>, Vec<i32>) {
        let count: usize = shape.iter().product();
        let x: Vec<i32> = (0..count as i32).collect();
        let from = strides(shape);
        let sizes: Vec<usize> = perm.iter().map(|&p| shape[p]).collect();
        let to = strides(&sizes);
        let axes = perm
            .iter()
            .zip(&to)
            .map(|(&p, &to)| Axis { size: shape[p], from: signed(from[p]), to })
            .collect();
        let mut found = vec![-1; count];
        let mut data = DataMut::I32(&mut found);
        copy(Data::I32(&x), &mut data, Region { from: 0, to: 0, axes }).unwrap();
        let expected = (0..count)
            .map(|i| {
                let coordinate = |k: usize| i / to[k] % sizes[k];
                perm.iter().enumerate().map(|(k, &p)| coordinate(k) * from[p]).sum::<usize>() as i32
            })
            .collect();
        (found, expected)
    }

    #[test]
    fn every_permutation_of_small_and_large_shapes() {
        let cases: [(&[usize], &[usize]); 9] = [
            (&[37, 53], &[1, 0]),
            (&[300, 301], &[1, 0]),
            (&[2, 33, 4, 16], &[0, 2, 1, 3]),
            (&[2, 12, 65, 64], &[0, 1, 3, 2]),
            (&[70, 3, 90], &[2, 1, 0]),
            (&[3, 40, 50, 5], &[3, 0, 2, 1]),
            (&[1, 1, 1], &[2, 0, 1]),
            (&[2, 3, 56, 57], &[0, 2, 3, 1]),
            (&[2, 2, 2, 2, 3, 2], &[5, 4, 3, 2, 1, 0]),
        ];
        for (shape, perm) in cases {
            let (found, expected) = permute(shape, perm);
            assert_eq!(found, expected, "{shape:?} {perm:?}");
        }
    }

    #[test]
    fn a_region_outside_of_a_tensor_is_refused() {
        let x = [1, 2, 3];
        let mut out = [0; 3];
        let axis = |size, from, to| [Axis { size, from, to }].into_iter().collect::<Short<Axis>>();
        let cases = [
            Region { from: 0, to: 0, axes: axis(4, 0, 1) },
            Region { from: 0, to: 0, axes: axis(2, 3, 1) },
            Region { from: 0, to: 0, axes: axis(2, -1, 1) },
            Region { from: 0, to: 2, axes: axis(2, 1, 1) },
            Region { from: 0, to: 0, axes: axis(2, isize::MAX, 1) },
            Region { from: 0, to: 0, axes: axis(2, 1, 0) },
        ];
        for region in cases {
            let mut data = DataMut::I32(&mut out);
            assert!(copy(Data::I32(&x), &mut data, region.clone()).is_err(), "{region:?}");
        }
    }
}
