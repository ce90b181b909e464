//! Where windows meet their input, over three axes; fewer axes count as 1 in front.

use std::ops::Range;

use anemone_ir::window::Window;

/// Windows with the sizes of one run.
#[derive(Clone, Debug)]
pub struct Windows {
    pub(crate) input: [usize; 3],
    pub(crate) output: [usize; 3],
    pub(crate) kernel: [usize; 3],
    strides: [usize; 3],
    dilations: [usize; 3],
    before: [usize; 3],
    after: [usize; 3],
}

/// A run of windows along the last axis for which one element of the window meets the input.
pub struct Row {
    /// The first window.
    pub output: usize,
    /// The element that it meets; the next window meets the one [`Windows::step`] further.
    pub input: usize,
    /// How many windows.
    pub count: usize,
}

impl Windows {
    /// Windows of `kernel` elements; all sizes of the spatial axes, in order.
    pub fn new(
        window: &Window,
        input: &[usize],
        kernel: &[usize],
        output: &[usize],
    ) -> Result<Windows, String> {
        let axes = window.strides.len();
        if input.len() != axes || kernel.len() != axes || output.len() != axes {
            return Err(format!("windows over {axes} axes cannot slide over {input:?}"));
        }
        let mut windows = Windows {
            input: [1; 3],
            output: [1; 3],
            kernel: [1; 3],
            strides: [1; 3],
            dilations: [1; 3],
            before: [0; 3],
            after: [0; 3],
        };
        for axis in 0..axes {
            let at = 3 - axes + axis;
            windows.input[at] = input[axis];
            windows.output[at] = output[axis];
            windows.kernel[at] = kernel[axis];
            windows.strides[at] = window.strides[axis];
            windows.dilations[at] = window.dilations[axis];
            (windows.before[at], windows.after[at]) =
                window.pads(axis, input[axis], kernel[axis], output[axis]);
        }
        Ok(windows)
    }

    /// Elements of one input plane.
    pub fn inputs(&self) -> usize {
        self.input.iter().product()
    }

    /// Windows on one input plane.
    pub fn outputs(&self) -> usize {
        self.output.iter().product()
    }

    /// Elements of a window.
    pub fn elements(&self) -> usize {
        self.kernel.iter().product()
    }

    /// How far neighbouring windows along the last axis are apart.
    pub fn step(&self) -> usize {
        self.strides[2]
    }

    /// Whether every window is the input element of the same index.
    pub(crate) fn is_identity(&self) -> bool {
        self.kernel == [1; 3]
            && self.strides == [1; 3]
            && self.before == [0; 3]
            && self.input == self.output
    }

    /// Elements of the window, in order, without those that no window brings inside the input: a
    /// window may be far larger than its input.
    pub(crate) fn meeting(&self) -> impl Iterator<Item = usize> {
        let [_, height, width] = self.kernel;
        let [depths, lines, columns] = [0, 1, 2].map(|axis| {
            let last = self.output[axis].saturating_sub(1).saturating_mul(self.strides[axis]);
            let first = self.before[axis].saturating_sub(last).div_ceil(self.dilations[axis]);
            let end = (self.before[axis] + self.input[axis]).div_ceil(self.dilations[axis]);
            first..end.min(self.kernel[axis])
        });
        depths.flat_map(move |depth| {
            let columns = columns.clone();
            lines.clone().flat_map(move |line| {
                columns.clone().map(move |column| (depth * height + line) * width + column)
            })
        })
    }

    /// The windows along `axis` whose element `k` lies inside the input.
    fn inside(&self, axis: usize, k: usize) -> Range<usize> {
        let offset = k * self.dilations[axis];
        let (before, stride) = (self.before[axis], self.strides[axis]);
        let first = before.saturating_sub(offset).div_ceil(stride);
        let end = (self.input[axis] + before).saturating_sub(offset).div_ceil(stride);
        let end = end.min(self.output[axis]);
        first.min(end)..end
    }

    /// Calls `visit` for each row of windows whose element `k` of the window lies inside the input.
    pub fn rows(&self, element: usize, mut visit: impl FnMut(Row)) {
        let [_, height, width] = self.kernel;
        let k = [element / width / height, element / width % height, element % width];
        let [depths, lines, columns] = [0, 1, 2].map(|axis| self.inside(axis, k[axis]));
        if columns.is_empty() {
            return;
        }
        let meets = |axis: usize, window: usize| {
            window * self.strides[axis] + k[axis] * self.dilations[axis] - self.before[axis]
        };
        for depth in depths {
            for line in lines.clone() {
                let input = meets(0, depth) * self.input[1] + meets(1, line);
                visit(Row {
                    output: (depth * self.output[1] + line) * self.output[2] + columns.start,
                    input: input * self.input[2] + meets(2, columns.start),
                    count: columns.len(),
                });
            }
        }
    }

    /// How many elements of window `output` lie inside the input; with `padding`, inside the input
    /// or the padding around it.
    pub(crate) fn covered(&self, output: usize, padding: bool) -> usize {
        let [_, lines, columns] = self.output;
        let at = [output / columns / lines, output / columns % lines, output % columns];
        (0..3)
            .map(|axis| {
                let (start, dilation) = (at[axis] * self.strides[axis], self.dilations[axis]);
                let (low, high) = match padding {
                    true => (0, self.before[axis] + self.input[axis] + self.after[axis]),
                    false => (self.before[axis], self.before[axis] + self.input[axis]),
                };
                let elements = |limit: usize| {
                    limit.saturating_sub(start).div_ceil(dilation).min(self.kernel[axis])
                };
                elements(high) - elements(low)
            })
            .product()
    }

    /// Writes element `element` of the windows in `columns` into `line`, one after the other; zero
    /// where it lies outside `plane`.
    pub fn gather(&self, plane: &[f32], element: usize, columns: Range<usize>, line: &mut [f32]) {
        line.fill(0.0);
        let step = self.step();
        self.rows(element, |row| {
            let start = row.output.max(columns.start);
            let end = (row.output + row.count).min(columns.end);
            if start >= end {
                return;
            }
            let from = &plane[row.input + (start - row.output) * step..];
            let to = &mut line[start - columns.start..end - columns.start];
            if step == 1 {
                to.copy_from_slice(&from[..to.len()]);
            } else {
                to.iter_mut().zip(from.iter().step_by(step)).for_each(|(to, from)| *to = *from);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use anemone_ir::window::Padding;

    use super::*;

    #[test]
    fn gathered_elements_are_those_under_the_windows() {
        let window = Window {
            strides: vec![2, 1],
            dilations: vec![1, 2],
            padding: Padding::Custom(vec![(1, 1), (2, 1)]),
            ceil: false,
        };
        let windows = Windows::new(&window, &[3, 4], &[2, 2], &[2, 5]).unwrap();
        let plane: Vec<f32> = (1..=12).map(|v| v as f32).collect();
        for element in 0..4 {
            let mut line = [f32::NAN; 10];
            windows.gather(&plane, element, 0..10, &mut line);
            for (output, &found) in line.iter().enumerate() {
                let y = (output / 5 * 2 + element / 2) as isize - 1;
                let x = (output % 5 + element % 2 * 2) as isize - 2;
                let inside = (0..3).contains(&y) && (0..4).contains(&x);
                let expected = if inside { plane[(y * 4 + x) as usize] } else { 0.0 };
                assert_eq!(found, expected, "element {element} of window {output}");
            }
            let mut part = [f32::NAN; 4];
            windows.gather(&plane, element, 3..7, &mut part);
            assert_eq!(part, line[3..7]);
        }
        assert_eq!(windows.covered(0, false), 1);
        assert_eq!(windows.covered(0, true), 4);
    }
}
