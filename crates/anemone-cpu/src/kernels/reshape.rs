//! Reshaping to a shape that only the data tells.

use anemone_ir::Opset;

use crate::array::View;
use crate::kernel::Prepared;
use crate::prepare::PrepareCtx;
use crate::strided::copy_all;

pub(super) fn reshape(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let x = ctx.operand("x")?;
    if ctx.infer().dims("shape").is_some() {
        return Ok(Prepared::View(x));
    }
    ctx.operand("shape")?;
    let aligned = ctx.infer().version.since >= Opset::Ios17;
    let shapes = move |inputs: &[View<'_>]| {
        Ok(vec![resolve(inputs[0].shape, inputs[1].data.i32()?, aligned)?])
    };
    Ok(Prepared::sized(shapes, |io| copy_all(io.inputs[0].data, &mut io.outputs[0].data)))
}

/// The target shape with 0 replaced by the size in `from` (aligned at the last axis from iOS17 on),
/// and -1 by what is left over.
fn resolve(from: &[usize], target: &[i32], aligned: bool) -> Result<Vec<usize>, String> {
    let fault = || format!("shape {from:?} cannot become {target:?}");
    let mut shape = Vec::with_capacity(target.len());
    let mut free = None;
    for (axis, &size) in target.iter().enumerate() {
        shape.push(match size {
            0 if aligned || target.len() == from.len() => {
                let same = (axis + from.len()).checked_sub(target.len());
                same.map_or(1, |axis| from[axis])
            }
            -1 if free.is_none() => {
                free = Some(axis);
                1
            }
            _ => usize::try_from(size).map_err(|_| fault())?,
        });
    }
    let total: usize = from.iter().product();
    let given = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).ok_or_else(fault)?;
    match free {
        Some(axis) if given > 0 && total.is_multiple_of(given) => shape[axis] = total / given,
        None if given == total => {}
        _ => return Err(fault()),
    }
    Ok(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_resolved_or_refused() {
        assert_eq!(resolve(&[2, 3, 4], &[0, -1, 2], false), Ok(vec![2, 6, 2]));
        assert_eq!(resolve(&[0, 4], &[0, 4], false), Ok(vec![0, 4]));
        assert_eq!(resolve(&[2, 3], &[1, 0, -1, 0], true), Ok(vec![1, 1, 2, 3]));
        let cases: [(&[usize], &[i32]); 6] = [
            (&[2, 3], &[-1, -1]),
            (&[2, 3], &[4, -1]),
            (&[2, 3], &[7]),
            (&[2, 3], &[-2, -3]),
            (&[0, 3], &[0, -1]),
            (&[6], &[i32::MAX, i32::MAX, i32::MAX]),
        ];
        for (from, target) in cases {
            assert!(resolve(from, target, false).is_err(), "{from:?} {target:?}");
        }
    }
}
