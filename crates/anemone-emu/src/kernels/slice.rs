//! Slices by the copying engine, which on h13 and h14 takes what is larger than 4094 for infinite
//! where a slice does not begin at the start of the last axis (ANEForge's catalogue of ops).

use anemone_cpu::{Compute, PrepareCtx, View, ViewMut};

use super::{Prepared, Setting, fault};

/// The largest number that passes.
const MOST: f32 = 4094.0;

pub(super) fn slice(op: &mut PrepareCtx<'_>, setting: &Setting<'_>) -> Prepared {
    if !setting.options.clamps_slices || !begins_inside(op)? {
        return Ok(None);
    }
    let Some(own) = op.own_kernel()? else { return Ok(None) };
    Ok(Some(Box::new(Clamped(own))))
}

/// Whether a constant slice of floats begins after the first place of the last axis. One whose
/// places only the data tells does not run on the engine.
fn begins_inside(op: &PrepareCtx<'_>) -> Result<bool, String> {
    let infer = op.infer();
    if !infer.dtype("x").map_err(fault)?.is_float() {
        return Ok(false);
    }
    let Ok(begin) = infer.ints("begin") else { return Ok(false) };
    let shape = infer.shape("x").map_err(fault)?;
    let (Some(begin), Some(size)) = (begin.last(), shape.last()) else { return Ok(false) };
    let masked = match infer.version.inputs.iter().any(|input| input.name == "begin_mask") {
        true => infer.optional_bools("begin_mask").map_err(fault)?,
        false => None,
    };
    let masked = masked.is_some_and(|mask| mask.last() == Some(&true));
    let is_start = *begin == 0 || size.known().is_some_and(|n| *begin == -(n as i64));
    Ok(!masked && !is_start)
}

struct Clamped(Box<dyn Compute>);

impl Compute for Clamped {
    fn run<'a>(&self, inputs: &[View<'a>], outputs: &mut [ViewMut<'a>]) -> Result<(), String> {
        self.0.run(inputs, outputs)?;
        for value in outputs[0].data.f32()?.iter_mut().filter(|value| value.abs() > MOST) {
            *value = f32::INFINITY.copysign(*value);
        }
        Ok(())
    }
}
