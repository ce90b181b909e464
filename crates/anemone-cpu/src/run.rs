//! Running a kernel on owned tensors, as folding does, and rounding of results.

use std::sync::Arc;

use anemone_engine::Rounding;
use anemone_ir::TensorType;
use anemone_tensor::DataType;
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use crate::array::{DataMut, Owned, OwnedData, Storage, View, ViewMut, zeros};
use crate::kernel::{Io, Kernel, Prepared};

/// Computes an op whose operands are all known.
pub(crate) fn fold(
    prepared: &Prepared,
    inputs: &[Arc<Owned>],
    types: &[&TensorType],
    rounding: Rounding,
) -> Result<Vec<Owned>, String> {
    let kernel = match prepared {
        Prepared::Kernel(kernel) => kernel,
        Prepared::Flow(_) => return Err("nested blocks are not folded".to_owned()),
        Prepared::View(operand) => {
            let shape = types[0].known_shape().ok_or("a view's shape is not known")?;
            return Ok(vec![Owned { shape, data: inputs[*operand].data.clone() }]);
        }
    };
    let views: Vec<View<'_>> = inputs.iter().map(|v| v.view()).collect();
    let mut results = Vec::with_capacity(types.len());
    for (ty, shape) in types.iter().zip(shapes(kernel.as_ref(), &views, types)?) {
        results.push(zeros(Storage::of(ty.dtype)?, shape)?);
    }
    let sizes: Vec<&[usize]> = views.iter().map(|v| v.shape).collect();
    let mut scratch = vec![0.0; kernel.scratch(&sizes)];
    let mut outputs: Vec<ViewMut<'_>> = results.iter_mut().map(Owned::view_mut).collect();
    let mut io = Io { inputs: &views, outputs: &mut outputs, state: None, scratch: &mut scratch };
    kernel.run(&mut io)?;
    for (ty, output) in types.iter().zip(&mut outputs) {
        round(rounding, ty.dtype, &mut output.data);
    }
    Ok(results)
}

fn shapes(
    kernel: &dyn Kernel,
    inputs: &[View<'_>],
    types: &[&TensorType],
) -> Result<Vec<Vec<usize>>, String> {
    match types.iter().map(|t| t.known_shape()).collect::<Option<Vec<_>>>() {
        Some(shapes) => Ok(shapes),
        None => kernel.output_shapes(inputs),
    }
}

impl Owned {
    fn view_mut(&mut self) -> ViewMut<'_> {
        let data = match &mut self.data {
            OwnedData::F32(v) => DataMut::F32(v),
            OwnedData::I32(v) => DataMut::I32(v),
            OwnedData::Bool(v) => DataMut::Bool(v),
        };
        ViewMut { shape: &self.shape, data }
    }
}

/// Rounds an op's result to its declared type, where that is asked for.
pub(crate) fn round(rounding: Rounding, dtype: DataType, data: &mut DataMut<'_>) {
    let (Rounding::Declared, DataMut::F32(values)) = (rounding, data) else { return };
    match dtype {
        DataType::F16 => {
            let mut halves = [f16::ZERO; 256];
            for chunk in values.chunks_mut(256) {
                let halves = &mut halves[..chunk.len()];
                halves.convert_from_f32_slice(chunk);
                halves.convert_to_f32_slice(chunk);
            }
        }
        DataType::BF16 => values.iter_mut().for_each(|v| *v = bf16::from_f32(*v).to_f32()),
        _ => {}
    }
}
