//! Weights compressed in the iOS 18 forms.

use super::def::*;
use super::domains::*;
use crate::Opset::*;
use crate::infer::{Fault, InferCtx, normal_axis, show};
use crate::{Dim, Type};
use anemone_tensor::DataType;

pub(super) const CONSTEXPR_BLOCKWISE_SHIFT_SCALE: OpDef = OpDef {
    name: "constexpr_blockwise_shift_scale",
    versions: &[Version {
        since: Ios18,
        inputs: &[
            constant_of("data", domain("SrcT", &[I4, U4, I8, U8, F16, F32])),
            constant_of("scale", domain("DstT", &[F16, F32])),
            constant_of("offset", domain("OffsetT", &[I4, U4, I8, U8, F16, F32])).optional(),
        ],
    }],
    infer: Infer::Rule(blockwise),
    evaluate: None,
    computed: None,
};

pub(super) const CONSTEXPR_LUT_TO_SPARSE: OpDef = OpDef {
    name: "constexpr_lut_to_sparse",
    versions: &[Version {
        since: Ios18,
        inputs: &[
            constant("indices_mask"),
            constant_of("indices_nonzero_data", domain("IndicesT", &[U1, U2, U3, U4, U6, U8])),
            constant_of("lut", domain("T", &[I8, U8, F16, F32])),
            constant("vector_axis").optional(),
        ],
    }],
    infer: Infer::Rule(lut_to_sparse),
    evaluate: None,
    computed: None,
};

pub(super) const CONSTEXPR_SPARSE_BLOCKWISE_SHIFT_SCALE: OpDef = OpDef {
    name: "constexpr_sparse_blockwise_shift_scale",
    versions: &[Version {
        since: Ios18,
        inputs: &[
            constant("data_mask"),
            constant_of("nonzero_data", domain("SrcT", &[I4, U4, I8, U8, F16, F32])),
            constant_of("scale", domain("DstT", &[F16, F32])),
            constant_of("offset", domain("OffsetT", &[I4, U4, I8, U8, F16, F32])).optional(),
        ],
    }],
    infer: Infer::Rule(sparse_blockwise),
    evaluate: None,
    computed: None,
};

fn blockwise(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let data = ctx.tensor("data")?;
    check_blocks(ctx, "data", &data.shape)?;
    Ok(vec![Type::tensor(ctx.dtype("scale")?, data.shape.clone())])
}

fn sparse_blockwise(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let mask = ctx.shape("data_mask")?;
    check_nonzero(ctx, "data_mask", "nonzero_data")?;
    check_blocks(ctx, "nonzero_data", mask)?;
    let nonzero = ctx.shape("nonzero_data")?.to_vec();
    Ok(vec![Type::tensor(U1, mask.to_vec()), Type::tensor(ctx.dtype("scale")?, nonzero)])
}

fn lut_to_sparse(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let indices = ctx.dtype("indices_nonzero_data")?;
    check_nonzero(ctx, "indices_mask", "indices_nonzero_data")?;
    let mut mask = ctx.shape("indices_mask")?.to_vec();
    let vector = check_lut(ctx, &mask, indices)?;
    let mut nonzero = ctx.shape("indices_nonzero_data")?.to_vec();
    if let Some((axis, size)) = vector {
        mask[axis] = &mask[axis] * &size;
        nonzero[0] = &nonzero[0] * &size;
    }
    Ok(vec![Type::tensor(U1, mask), Type::tensor(ctx.dtype("lut")?, nonzero)])
}

/// `scale` and `offset` divide `shape`, the shape of `data`, into blocks.
fn check_blocks(ctx: &InferCtx<'_>, data: &str, shape: &[Dim]) -> Result<(), Fault> {
    let scale = ctx.shape("scale")?;
    check_divides("scale", scale, shape)?;
    if !ctx.has("offset") {
        return Ok(());
    }
    let offset = ctx.tensor("offset")?;
    if offset.shape != scale {
        let why = format!("`offset` is {}, `scale` {}", show(&offset.shape), show(scale));
        return Err(Fault::Shape(why));
    }
    let expected = ctx.dtype(data)?;
    if !offset.dtype.is_float() && offset.dtype != expected {
        return Err(Fault::Type {
            input: "offset".to_owned(),
            found: offset.dtype.to_string(),
            expected: expected.to_string(),
        });
    }
    Ok(())
}

fn check_divides(input: &str, blocks: &[Dim], shape: &[Dim]) -> Result<(), Fault> {
    let divides = |block: &Dim, size: &Dim| match (block.number(), size.number()) {
        (Some(block), Some(size)) => block > 0 && size % block == 0,
        _ => true,
    };
    let fits = !shape.is_empty()
        && blocks.len() == shape.len()
        && blocks.iter().zip(shape).all(|(b, s)| divides(b, s));
    if fits {
        return Ok(());
    }
    let why = format!("`{input}` of {} does not divide {}", show(blocks), show(shape));
    Err(Fault::Shape(why))
}

/// The table fits indices of this shape and type; returns the axis along which it holds vectors,
/// and their size, if that is not 1.
pub(super) fn check_lut(
    ctx: &InferCtx<'_>,
    indices: &[Dim],
    dtype: DataType,
) -> Result<Option<(usize, Dim)>, Fault> {
    let lut = ctx.shape("lut")?;
    let [blocks @ .., palettes, vector] = lut else {
        return Err(Fault::Shape(format!("`lut` of {} needs two more axes", show(lut))));
    };
    check_divides("lut", blocks, indices)?;
    let expected = Dim::Known(1 << dtype.bits());
    if palettes.differs(&expected) {
        let why = format!("`lut` has {palettes} entries, {dtype} indices need {expected}");
        return Err(Fault::Shape(why));
    }
    if !ctx.has("vector_axis") {
        return match *vector {
            Dim::Known(1) => Ok(None),
            _ => Err(Fault::Missing("vector_axis".to_owned())),
        };
    }
    let axis = normal_axis("vector_axis", ctx.int("vector_axis")?, indices.len())?;
    Ok((*vector != Dim::ONE).then(|| (axis, vector.clone())))
}

/// `nonzero` is a vector with one element for each set bit of `mask`.
pub(super) fn check_nonzero(ctx: &InferCtx<'_>, mask: &str, nonzero: &str) -> Result<(), Fault> {
    let shape = ctx.shape(nonzero)?;
    let [count] = shape else {
        return Err(Fault::Shape(format!("`{nonzero}` has shape {}, not one axis", show(shape))));
    };
    if ctx.dtype(mask)? != U1 {
        let (found, expected) = (ctx.dtype(mask)?.to_string(), U1.to_string());
        return Err(Fault::Type { input: mask.to_owned(), found, expected });
    }
    if let Some(mask_value) = ctx.constant(mask)
        && let Some(bits) = mask_value.tensor()
    {
        check_set_bits(mask, nonzero, bits.data(), bits.count(), count)?;
    }
    Ok(())
}

/// The first `bits` bits of a mask have as many ones as there are elements.
pub(super) fn check_set_bits(
    mask: &str,
    nonzero: &str,
    bytes: &[u8],
    bits: usize,
    count: &Dim,
) -> Result<(), Fault> {
    let whole: u64 = bytes.iter().take(bits / 8).map(|b| u64::from(b.count_ones())).sum();
    let rest = bytes.get(bits / 8).map_or(0, |b| b & ((1u16 << (bits % 8)) - 1) as u8);
    let set = Dim::Known((whole + u64::from(rest.count_ones())) as i64);
    if set.differs(count) {
        let why = format!("`{mask}` has {set} set bits, `{nonzero}` {count} elements");
        return Err(Fault::Shape(why));
    }
    Ok(())
}
