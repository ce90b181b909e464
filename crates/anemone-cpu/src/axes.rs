//! The axes of a dense tensor, split into those that an op reduces and those that it keeps.

use crate::kernel::Short;

/// Size and stride of axes that lie beside each other and are one.
type Axes = Short<(usize, usize)>;

/// Which elements are reduced together. The order in which they are visited depends on the
/// reduced axes alone, never on the sizes of the kept ones.
pub(crate) struct Split {
    kept: Axes,
    reduced: Axes,
    /// The number of last, kept elements that lie beside each other; 1 if the last axis is reduced.
    pub(crate) inner: usize,
    /// The number of last, reduced elements that lie beside each other; 1 if the last axis is kept.
    pub(crate) run: usize,
}

impl Split {
    /// Splits `shape` by `axes`, of which each lies within the rank. Sizes saturate: a tensor
    /// without elements may have axes whose product overflows.
    pub(crate) fn new(shape: &[usize], axes: &[usize]) -> Split {
        let mut groups: Short<(bool, usize, usize)> = Short::new();
        let mut stride = 1;
        for (axis, &size) in shape.iter().enumerate().rev() {
            let reduced = axes.contains(&axis);
            match groups.last_mut() {
                Some((kind, n, _)) if *kind == reduced => *n = n.saturating_mul(size),
                _ => groups.push((reduced, size, stride)),
            }
            stride = usize::saturating_mul(stride, size);
        }
        let (inner, run) = match groups.first() {
            Some(&(false, size, _)) => (size, 1),
            Some(&(true, size, _)) => (1, size),
            None => (1, 1),
        };
        let of = |kind: bool| {
            let outer = groups.iter().skip(1).rev().filter(|g| g.0 == kind);
            outer.map(|&(_, size, stride)| (size, stride)).collect()
        };
        Split { kept: of(false), reduced: of(true), inner, run }
    }

    /// The number of places at which a run, or a row of `inner` elements, is reduced into one.
    pub(crate) fn places(&self) -> usize {
        self.reduced.iter().fold(1, |n: usize, (size, _)| n.saturating_mul(*size))
    }

    /// The number of elements reduced into one.
    pub(crate) fn count(&self) -> usize {
        self.places().saturating_mul(self.run)
    }

    /// Where the elements of kept index `index` begin.
    pub(crate) fn start(&self, index: usize) -> usize {
        offset(&self.kept, index)
    }

    /// How far place `index` lies from the first.
    pub(crate) fn place(&self, index: usize) -> usize {
        offset(&self.reduced, index)
    }
}

fn offset(axes: &Axes, mut index: usize) -> usize {
    let mut offset = 0;
    for &(size, stride) in axes.iter().rev() {
        offset += index % size * stride;
        index /= size;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_axes_are_one() {
        let last = Split::new(&[2, 3, 4, 5], &[2, 3]);
        assert_eq!((last.inner, last.run, last.count()), (1, 20, 20));
        assert_eq!((0..3).map(|i| last.start(i)).collect::<Vec<_>>(), [0, 20, 40]);
        let outer = Split::new(&[2, 3, 4, 5], &[0, 2]);
        assert_eq!((outer.inner, outer.run, outer.count()), (5, 1, 8));
        assert_eq!((0..3).map(|i| outer.start(i)).collect::<Vec<_>>(), [0, 20, 40]);
        assert_eq!((3..6).map(|i| outer.place(i)).collect::<Vec<_>>(), [15, 60, 65]);
        let scalar = Split::new(&[], &[]);
        assert_eq!((scalar.inner, scalar.run, scalar.count()), (1, 1, 1));
    }
}
