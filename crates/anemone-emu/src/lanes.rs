//! Elements of a dense tensor that belong together along some axes.

use anemone_cpu::ViewMut;
use rayon::prelude::*;

/// Elements that one thread computes at least.
pub(crate) const CHUNK: usize = 4096;

/// Where each lane begins, and how far its elements lie from there.
pub(crate) struct Lanes {
    starts: Vec<usize>,
    steps: Vec<usize>,
}

impl Lanes {
    /// Lanes along `axes`, in the order of the other axes.
    pub(crate) fn new(shape: &[usize], axes: &[usize]) -> Lanes {
        let offsets = |wanted: bool| {
            let mut offsets = vec![0];
            for (axis, &size) in shape.iter().enumerate() {
                let stride: usize = shape[axis + 1..].iter().product();
                if axes.contains(&axis) == wanted {
                    offsets = offsets
                        .iter()
                        .flat_map(|from| (0..size).map(move |i| from + i * stride))
                        .collect();
                }
            }
            offsets
        };
        if shape.contains(&0) {
            // Other axes may have sizes whose product overflows.
            return Lanes { starts: Vec::new(), steps: Vec::new() };
        }
        Lanes { starts: offsets(false), steps: offsets(true) }
    }

    /// Elements of a lane.
    pub(crate) fn count(&self) -> usize {
        self.steps.len()
    }

    /// `f` of each lane.
    pub(crate) fn reduce(
        &self,
        x: &[f32],
        out: &mut [f32],
        f: impl Fn(&mut dyn Iterator<Item = f32>) -> f32 + Sync,
    ) -> Result<(), String> {
        if out.len() != self.starts.len() {
            return Err(format!("{} results for {} lanes", out.len(), self.starts.len()));
        }
        let least = (CHUNK / self.count().max(1)).max(1);
        out.par_iter_mut().zip(&self.starts).with_min_len(least).for_each(|(out, start)| {
            *out = f(&mut self.steps.iter().map(|step| x[start + step]));
        });
        Ok(())
    }

    /// Copies `x` to `out`, and lets `f` change each lane, given with its index.
    pub(crate) fn map(
        &self,
        x: &[f32],
        out: &mut ViewMut<'_>,
        f: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Result<(), String> {
        let out = out.data.f32()?;
        let count = self.count();
        if x.len() != out.len() || out.len() != self.starts.len() * count {
            return Err("input and output differ in size".to_owned());
        }
        if out.is_empty() {
            return Ok(());
        }
        let least = (CHUNK / count).max(1);
        let apply = |lanes: &mut [f32]| {
            let lanes = lanes.par_chunks_mut(count).enumerate().with_min_len(least);
            lanes.for_each(|(index, lane)| f(index, lane));
        };
        if self.steps.last() == Some(&(count - 1)) {
            out.copy_from_slice(x);
            apply(out);
            return Ok(());
        }
        let mut lanes: Vec<f32> = Vec::with_capacity(x.len());
        for start in &self.starts {
            lanes.extend(self.steps.iter().map(|step| x[start + step]));
        }
        apply(&mut lanes);
        for (start, lane) in self.starts.iter().zip(lanes.chunks(count)) {
            for (step, value) in self.steps.iter().zip(lane) {
                out[start + step] = *value;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use anemone_cpu::DataMut;

    use super::*;

    #[test]
    fn lanes_along_any_axes() {
        let x: Vec<f32> = (0..24).map(|i| i as f32).collect();
        for (axes, sums) in [
            (vec![2], vec![6.0, 22.0, 38.0, 54.0, 70.0, 86.0]),
            (vec![0, 1], vec![60.0, 66.0, 72.0, 78.0]),
            (vec![0, 2], vec![60.0, 92.0, 124.0]),
            (vec![0, 1, 2], vec![276.0]),
        ] {
            let lanes = Lanes::new(&[2, 3, 4], &axes);
            let mut out = vec![f32::NAN; sums.len()];
            lanes.reduce(&x, &mut out, |lane| lane.sum()).unwrap();
            assert_eq!(out, sums, "{axes:?}");
            let mut mapped = vec![f32::NAN; 24];
            let mut view = ViewMut { shape: &[2, 3, 4], data: DataMut::F32(&mut mapped) };
            let change = |index: usize, lane: &mut [f32]| {
                assert_eq!(lane.iter().sum::<f32>(), sums[index]);
                lane.iter_mut().for_each(|value| *value += 1.0);
            };
            lanes.map(&x, &mut view, change).unwrap();
            assert!(mapped.iter().zip(&x).all(|(out, x)| *out == x + 1.0), "{axes:?}");
        }
        assert_eq!(Lanes::new(&[0, usize::MAX, 3], &[0]).count(), 0);
    }
}
