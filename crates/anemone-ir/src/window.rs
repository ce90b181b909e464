//! Windows that slide over spatial axes: what `conv` and the pools read, the output sizes that
//! follow, and the padding of one axis once its size is a number.

use crate::infer::{Fault, InferCtx};
use crate::{Dim, Opset};

/// How far each window reaches and how it steps, over one to three axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Steps, at least 1.
    pub strides: Vec<usize>,
    /// Distances between the elements of a window, at least 1.
    pub dilations: Vec<usize>,
    /// What lies around the input.
    pub padding: Padding,
    /// Whether a last window that is only partly inside counts.
    pub ceil: bool,
}

/// How much padding lies around the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Padding {
    /// None.
    Valid,
    /// As much as gives `ceil(input / stride)` windows, an odd element after.
    Same,
    /// As much as gives `ceil(input / stride)` windows, an odd element before.
    SameLower,
    /// Before and after, for each axis.
    Custom(Vec<(usize, usize)>),
}

impl Window {
    /// The window that `conv`, `conv_transpose` or a pool declares over `axes` axes; inputs that
    /// the op's version has not count as absent.
    pub fn read(ctx: &InferCtx<'_>, axes: usize) -> Result<Window, Fault> {
        let ceil = declares(ctx, "ceil_mode") && ctx.boolean("ceil_mode")?;
        let window = Window {
            strides: steps(ctx, "strides", axes)?,
            dilations: steps(ctx, "dilations", axes)?,
            padding: padding(ctx, axes)?,
            ceil,
        };
        if ceil {
            window.check_ceil(axes)?;
        }
        Ok(window)
    }

    /// The constant window sizes of a pool over `axes` axes.
    pub fn kernel_sizes(ctx: &InferCtx<'_>, axes: usize) -> Result<Vec<usize>, Fault> {
        sizes("kernel_sizes", &ctx.ints("kernel_sizes")?, axes, 1)
    }

    fn check_ceil(&self, axes: usize) -> Result<(), Fault> {
        let why = match &self.padding {
            _ if axes > 2 => "is only for one or two spatial axes",
            Padding::Same => "cannot be with `pad_type` `same`",
            Padding::Custom(pads) if pads.iter().any(|(before, after)| before != after) => {
                "needs as much padding before as after"
            }
            _ => return Ok(()),
        };
        Err(Fault::value("ceil_mode", why))
    }

    /// Windows along `axis` of an input of this size, for windows of `kernel` elements.
    pub fn output(&self, axis: usize, input: &Dim, kernel: &Dim) -> Result<Dim, Fault> {
        let stride = Dim::from(self.strides[axis]);
        let (before, after) = match &self.padding {
            Padding::Valid => (0, 0),
            Padding::Custom(pads) => pads[axis],
            Padding::Same | Padding::SameLower => {
                return at_least_one(axis, div(input, &stride));
            }
        };
        let padded = input + &(&Dim::from(before) + &Dim::from(after));
        let room = &padded - &self.extent(axis, kernel);
        if !self.ceil {
            return at_least_one(axis, &div_down(&room, &stride) + &Dim::ONE);
        }
        let all = &div(&room, &stride) + &Dim::ONE;
        if before == 0 {
            return at_least_one(axis, all);
        }
        // A last window must begin inside the input or the padding before it.
        let inside = div(&(input + &Dim::from(before)), &stride);
        at_least_one(axis, all.at_most(&inside).at_least(&(&all - &Dim::ONE)))
    }

    /// Elements that a window of `kernel` elements spans along `axis`.
    pub fn extent(&self, axis: usize, kernel: &Dim) -> Dim {
        &(&(kernel - &Dim::ONE) * &Dim::from(self.dilations[axis])) + &Dim::ONE
    }

    /// Padding before and after `axis`, where `outputs` windows of `kernel` elements stand on
    /// `input` elements.
    pub fn pads(&self, axis: usize, input: usize, kernel: usize, outputs: usize) -> (usize, usize) {
        let total = || {
            let last = outputs.saturating_sub(1).saturating_mul(self.strides[axis]);
            let extent = kernel.saturating_sub(1).saturating_mul(self.dilations[axis]) + 1;
            last.saturating_add(extent).saturating_sub(input)
        };
        match &self.padding {
            Padding::Valid => (0, 0),
            Padding::Same => (total() / 2, total().div_ceil(2)),
            Padding::SameLower => (total().div_ceil(2), total() / 2),
            Padding::Custom(pads) => pads[axis],
        }
    }
}

fn declares(ctx: &InferCtx<'_>, input: &str) -> bool {
    ctx.version.inputs.iter().any(|d| d.name == input)
}

fn div(a: &Dim, stride: &Dim) -> Dim {
    a.ceil_div(stride).expect("strides are at least 1")
}

fn div_down(a: &Dim, stride: &Dim) -> Dim {
    a.floor_div(stride).expect("strides are at least 1")
}

fn at_least_one(axis: usize, size: Dim) -> Result<Dim, Fault> {
    match size.number() {
        Some(n) if n < 1 => {
            Err(Fault::Shape(format!("spatial axis {axis} would have {n} elements")))
        }
        _ => Ok(size),
    }
}

fn steps(ctx: &InferCtx<'_>, input: &str, axes: usize) -> Result<Vec<usize>, Fault> {
    if !declares(ctx, input) {
        return Ok(vec![1; axes]);
    }
    let Some(steps) = ctx.optional_ints(input)? else { return Ok(vec![1; axes]) };
    sizes(input, &steps, axes, 1)
}

/// `count` sizes of at least `least` each.
fn sizes(input: &str, values: &[i64], count: usize, least: i64) -> Result<Vec<usize>, Fault> {
    if values.len() != count {
        let why = format!("has {} elements, not {count}", values.len());
        return Err(Fault::value(input, why));
    }
    let size = |&v: &i64| match u32::try_from(v) {
        Ok(size) if v >= least => Ok(size as usize),
        _ => Err(Fault::value(input, format!("{v} is not a size of at least {least}"))),
    };
    values.iter().map(size).collect()
}

fn padding(ctx: &InferCtx<'_>, axes: usize) -> Result<Padding, Fault> {
    let name = ctx.text("pad_type")?;
    match name.to_ascii_lowercase().as_str() {
        "valid" => Ok(Padding::Valid),
        "same" => Ok(Padding::Same),
        "same_lower" if ctx.opset > Opset::Ios15 => Ok(Padding::SameLower),
        "same_lower" => Err(Fault::value("pad_type", "`same_lower` needs opset iOS16")),
        "custom" => {
            let Some(pads) = ctx.optional_ints("pad")? else {
                return Ok(Padding::Custom(vec![(0, 0); axes]));
            };
            let pads = sizes("pad", &pads, 2 * axes, 0)?;
            Ok(Padding::Custom(pads.chunks(2).map(|p| (p[0], p[1])).collect()))
        }
        _ => Err(Fault::value(
            "pad_type",
            format!("`{name}` is not `valid`, `same`, `same_lower` or `custom`"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Symbol;

    fn window(stride: usize, dilation: usize, padding: Padding, ceil: bool) -> Window {
        Window { strides: vec![stride], dilations: vec![dilation], padding, ceil }
    }

    #[test]
    fn sizes_follow_padding_and_ceiling() {
        use Padding::{Custom, Same, Valid};
        // (input, kernel, stride, dilation, padding, ceil, output, padding before)
        let cases = [
            (7, 3, 2, 1, Valid, false, 3, 0),
            (7, 3, 2, 2, Valid, false, 2, 0),
            (7, 3, 2, 1, Same, false, 4, 1),
            (8, 3, 2, 1, Same, false, 4, 0),
            (8, 3, 2, 1, Padding::SameLower, false, 4, 1),
            (3, 2, 3, 1, Same, false, 1, 0),
            (6, 3, 2, 1, Custom(vec![(1, 1)]), true, 4, 1),
            (6, 2, 2, 1, Custom(vec![(1, 1)]), true, 4, 1),
            (6, 1, 3, 1, Custom(vec![(1, 1)]), true, 3, 1),
            (5, 2, 2, 1, Custom(vec![(0, 0)]), true, 3, 0),
        ];
        for (input, kernel, stride, dilation, padding, ceil, output, before) in cases {
            let w = window(stride, dilation, padding, ceil);
            let found = w.output(0, &Dim::from(input), &Dim::from(kernel)).unwrap();
            assert_eq!(found, Dim::Known(output), "{input} {kernel} {w:?}");
            assert_eq!(w.pads(0, input, kernel, output as usize).0, before, "{input} {w:?}");
        }
    }

    #[test]
    fn a_free_size_stays_an_expression() {
        let n = Dim::symbol(Symbol(0));
        let w = window(1, 1, Padding::Custom(vec![(1, 1)]), false);
        assert_eq!(w.output(0, &n, &Dim::Known(3)), Ok(n.clone()));
        let w = window(2, 1, Padding::Same, false);
        assert_eq!(w.output(0, &n, &Dim::Known(3)), Ok(n.ceil_div(&Dim::Known(2)).unwrap()));
    }

    #[test]
    fn a_window_larger_than_the_input_is_refused() {
        let w = window(1, 1, Padding::Valid, false);
        let found = w.output(0, &Dim::Known(2), &Dim::Known(3)).unwrap_err();
        assert_eq!(found, Fault::Shape("spatial axis 0 would have 0 elements".to_owned()));
    }
}
