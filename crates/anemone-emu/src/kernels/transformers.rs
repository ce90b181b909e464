//! Fused attention, as coremltools takes it apart (`_decompose_scaled_dot_product_attention`): the
//! scaled query times the key, the mask added, softmax, times the value. There is no fused form on
//! the engine (Apple's rules for models); that each step is rounded is inferred.

use std::sync::Arc;

use anemone_cpu::{Compute, Data, DataMut, PrepareCtx, View, ViewMut};

use super::activation::{product, softmax_lane};
use super::elementwise_binary::zip;
use super::linear::each;
use super::{Prepared, Setting};
use crate::lanes::Lanes;
use crate::matrix::{Bias, Matrix, Right, multiply};
use crate::record::Extremes;
use crate::rounding::{decode, to_half, to_half_even};

struct Attention {
    query: usize,
    key: usize,
    value: usize,
    mask: Option<usize>,
    extremes: Option<Arc<Extremes>>,
}

pub(super) fn attention(op: &mut PrepareCtx<'_>, setting: &Setting<'_>) -> Prepared {
    Ok(Some(Box::new(Attention {
        query: op.operand("query")?,
        key: op.operand("key")?,
        value: op.operand("value")?,
        mask: op.optional_operand("attn_mask")?,
        extremes: setting.extremes.clone(),
    })))
}

impl Compute for Attention {
    fn run<'a>(&self, inputs: &[View<'a>], outputs: &mut [ViewMut<'a>]) -> Result<(), String> {
        let shapes = [self.query, self.key, self.value].map(|index| inputs[index].shape);
        let [[batch @ .., queries, width], [k @ .., keys, inner], [v @ .., rows, columns]] = shapes
        else {
            return Err("`query`, `key` and `value` need at least two axes".to_owned());
        };
        if batch != k || batch != v || width != inner || keys != rows {
            let [q, k, v] = shapes;
            return Err(format!("{q:?}, {k:?} and {v:?} do not fit together"));
        }
        let (queries, width, keys, columns) = (*queries, *width, *keys, *columns);
        let out = outputs[0].data.f32()?;
        if out.is_empty() || keys == 0 {
            out.fill(f32::NAN);
            return Ok(());
        }
        let (key, value) = (inputs[self.key].data.f32()?, inputs[self.value].data.f32()?);
        let scale = to_half_even(1.0 / (width as f32).sqrt());
        let query: Vec<f32> =
            inputs[self.query].data.f32()?.iter().map(|x| product(*x, scale)).collect();
        let shape = [batch, &[queries, keys]].concat();
        let extremes = self.extremes.as_deref();
        let mut scores = vec![0.0; shape.iter().product()];
        each(&mut scores, queries * keys, |head, scores| {
            let key = Matrix::dense(&key[head * keys * width..][..keys * width], keys, width);
            let query = &query[head * queries * width..][..queries * width];
            let query = Matrix::dense(query, queries, width);
            multiply(query, &Right::new(key.transposed()), Bias::None, scores, extremes)
        })?;
        if let Some(mask) = self.mask {
            scores = masked(&scores, &shape, inputs[mask])?;
        }
        let mut weights = vec![0.0; scores.len()];
        let mut view = ViewMut { shape: &shape, data: DataMut::F32(&mut weights) };
        let softmax = |_: usize, lane: &mut [f32]| softmax_lane(lane);
        Lanes::new(&shape, &[shape.len() - 1]).map(&scores, &mut view, softmax)?;
        each(out, queries * columns, |head, out| {
            let value = &value[head * keys * columns..][..keys * columns];
            let right = Right::new(Matrix::dense(value, keys, columns));
            let weights = &weights[head * queries * keys..][..queries * keys];
            multiply(Matrix::dense(weights, queries, keys), &right, Bias::None, out, extremes)
        })
    }
}

/// The scores with the mask added; false stands for negative infinity.
fn masked(scores: &[f32], shape: &[usize], mask: View<'_>) -> Result<Vec<f32>, String> {
    let addend: Vec<f32> = match mask.data {
        Data::F32(values) => values.to_vec(),
        Data::I32(values) => values.iter().map(|&x| to_half_even(x as f32)).collect(),
        Data::Bool(values) => {
            values.iter().map(|&x| if x == 0 { f32::NEG_INFINITY } else { 0.0 }).collect()
        }
    };
    let mut sums = vec![0.0; scores.len()];
    zip(
        View { shape, data: Data::F32(scores) },
        View { shape: mask.shape, data: Data::F32(&addend) },
        &mut ViewMut { shape, data: DataMut::F32(&mut sums) },
        |x, y| to_half(decode(x) + decode(y)),
    )?;
    Ok(sums)
}
