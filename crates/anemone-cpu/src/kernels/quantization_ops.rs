//! Quantisation and dequantisation while the program runs.

use rayon::prelude::*;

use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;

/// Elements that one task converts where one scale holds for all.
const CHUNK: usize = 1 << 14;

/// Scales and zero points: one of each, or one for each place on an axis.
struct Parameters {
    input: usize,
    scale: Vec<f32>,
    zero_point: Vec<f32>,
    axis: Option<usize>,
}

impl Parameters {
    fn read(ctx: &mut PrepareCtx<'_>) -> Result<Parameters, String> {
        let scale = ctx.constant("scale")?.ok_or("`scale` is not a constant")?;
        let scale = scale.floats().ok_or("`scale` does not hold floats")?.to_vec();
        let zero_point = match ctx.constant("zero_point")? {
            Some(values) => values.view().data.i32()?.iter().map(|&v| v as f32).collect(),
            None => vec![0.0; scale.len()],
        };
        let rank = ctx.infer().shape("input").map_err(|f| f.to_string())?.len();
        let axis = match ctx.infer().has("axis") {
            true => Some(ctx.infer().axis("axis", rank).map_err(|f| f.to_string())?),
            false => None,
        };
        Ok(Parameters { input: ctx.operand("input")?, scale, zero_point, axis })
    }

    /// Converts runs of elements that share one scale, with scale and zero point.
    fn each<A: Sync, B: Send>(
        &self,
        shape: &[usize],
        input: &[A],
        out: &mut [B],
        convert: impl Fn(&A, f32, f32) -> B + Sync,
    ) -> Result<(), String> {
        let (run, places) = match self.axis {
            Some(axis) => (shape[axis + 1..].iter().product(), shape[axis]),
            None => (CHUNK, 1),
        };
        if self.scale.len() != places || self.zero_point.len() != places {
            return Err(format!("{} scales for {places} places on the axis", self.scale.len()));
        }
        if out.is_empty() {
            return Ok(());
        }
        let runs = out.par_chunks_mut(run).zip(input.par_chunks(run)).enumerate();
        runs.for_each(|(index, (out, input))| {
            let place = index % places;
            let (scale, zero_point) = (self.scale[place], self.zero_point[place]);
            out.iter_mut().zip(input).for_each(|(to, from)| *to = convert(from, scale, zero_point));
        });
        Ok(())
    }
}

struct Quantize {
    parameters: Parameters,
    low: f32,
    high: f32,
}

pub(super) fn quantize(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let dtype = ctx.output(0)?.dtype;
    let (low, high) = dtype.int_range().ok_or("the output is not an integer type")?;
    let parameters = Parameters::read(ctx)?;
    Ok(Prepared::kernel(Quantize { parameters, low: low as f32, high: high as f32 }))
}

impl Kernel for Quantize {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let input = io.inputs[self.parameters.input];
        let out = io.outputs[0].data.i32()?;
        self.parameters.each(input.shape, input.data.f32()?, out, |&v, scale, zero_point| {
            ((v / scale).round_ties_even() + zero_point).clamp(self.low, self.high) as i32
        })
    }
}

struct Dequantize(Parameters);

pub(super) fn dequantize(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    Ok(Prepared::kernel(Dequantize(Parameters::read(ctx)?)))
}

impl Kernel for Dequantize {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let input = io.inputs[self.0.input];
        let out = io.outputs[0].data.f32()?;
        self.0.each(input.shape, input.data.i32()?, out, |&q, scale, zero_point| {
            (q as f32 - zero_point) * scale
        })
    }
}
