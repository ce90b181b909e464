//! Weights compressed in the iOS 16 forms.

use super::def::*;
use super::domains::*;
use anemone_tensor::DataType;

use super::compression::{check_lut, check_nonzero, check_set_bits};
use crate::Opset::*;
use crate::infer::{Fault, InferCtx, normal_axis, show};
use crate::{Dim, Type};

pub(super) const CONSTEXPR_AFFINE_DEQUANTIZE: OpDef = OpDef {
    name: "constexpr_affine_dequantize",
    versions: &[Version {
        since: Ios16,
        inputs: &[
            constant_of("quantized_data", domain("SrcT", &[U8, I8])),
            constant_of("zero_point", domain("ZeroPointT", &[U8, I8, F32])),
            constant_of("scale", domain("DstT", &[F16, F32])),
            constant("axis"),
        ],
    }],
    infer: Infer::Rule(affine_dequantize),
    evaluate: None,
    computed: None,
};

pub(super) const CONSTEXPR_CAST: OpDef = OpDef {
    name: "constexpr_cast",
    versions: &[
        Version { since: Ios16, inputs: &[constant("source_val"), constant("output_dtype")] },
        Version { since: Ios18, inputs: &[constant("source_val"), constant("output_dtype")] },
    ],
    infer: Infer::Rule(cast),
    evaluate: None,
    computed: None,
};

pub(super) const CONSTEXPR_LUT_TO_DENSE: OpDef = OpDef {
    name: "constexpr_lut_to_dense",
    versions: &[
        Version {
            since: Ios16,
            inputs: &[
                constant("indices"),
                constant_of("lut", domain("T", &[I8, U8, F16, F32])),
                constant("shape"),
            ],
        },
        Version {
            since: Ios18,
            inputs: &[
                constant_of("indices", domain("IndicesT", &[U1, U2, U3, U4, U6, U8])),
                constant_of("lut", domain("T", &[I8, U8, F16, F32])),
                constant("vector_axis").optional(),
            ],
        },
    ],
    infer: Infer::Rule(lut_to_dense),
    evaluate: None,
    computed: None,
};

pub(super) const CONSTEXPR_SPARSE_TO_DENSE: OpDef = OpDef {
    name: "constexpr_sparse_to_dense",
    versions: &[
        Version {
            since: Ios16,
            inputs: &[
                constant_of("nonzero_data", domain("T", &[I8, U8, F16, F32])),
                constant("mask"),
                constant("shape"),
            ],
        },
        Version {
            since: Ios18,
            inputs: &[
                constant_of("nonzero_data", domain("T", &[I4, U4, I8, U8, F16, F32])),
                constant("mask"),
            ],
        },
    ],
    infer: Infer::Rule(sparse_to_dense),
    evaluate: None,
    computed: None,
};

fn affine_dequantize(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let data = ctx.shape("quantized_data")?;
    let axis = normal_axis("axis", ctx.int("axis")?, data.len())?;
    for input in ["scale", "zero_point"] {
        match ctx.shape(input)? {
            [] => {}
            [n] if !n.differs(&data[axis]) => {}
            other => {
                let (found, size) = (show(other), &data[axis]);
                let why = format!("`{input}` of {found} does not fit axis {axis} of size {size}");
                return Err(Fault::Shape(why));
            }
        }
    }
    Ok(vec![Type::tensor(ctx.dtype("scale")?, data.to_vec())])
}

fn cast(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let source = ctx.tensor("source_val")?;
    expect_type("source_val", source.dtype, F16)?;
    let name = ctx.text("output_dtype")?;
    if name != F32.name() {
        return Err(Fault::value("output_dtype", format!("`{name}` is not `fp32`")));
    }
    Ok(vec![Type::tensor(F32, source.shape.clone())])
}

fn lut_to_dense(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let (indices, lut) = (ctx.tensor("indices")?, ctx.tensor("lut")?);
    if !ctx.has("shape") {
        let mut shape = indices.shape.clone();
        if let Some((axis, size)) = check_lut(ctx, &shape, indices.dtype)? {
            shape[axis] = &shape[axis] * &size;
        }
        return Ok(vec![Type::tensor(lut.dtype, shape)]);
    }
    expect_type("indices", indices.dtype, U8)?;
    let bits = match lut.shape.as_slice() {
        [Dim::Known(n @ (2 | 4 | 16 | 64 | 256))] => n.trailing_zeros() as usize,
        other => {
            let why = format!("`lut` of {} is not a vector of 2, 4, 16, 64 or 256", show(other));
            return Err(Fault::Shape(why));
        }
    };
    let (shape, count) = packed_shape(ctx)?;
    check_packed("indices", &indices.shape, count.checked_mul(bits))?;
    Ok(vec![Type::tensor(lut.dtype, shape)])
}

fn sparse_to_dense(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let (nonzero, mask) = (ctx.tensor("nonzero_data")?, ctx.tensor("mask")?);
    if !ctx.has("shape") {
        check_nonzero(ctx, "mask", "nonzero_data")?;
        return Ok(vec![Type::tensor(nonzero.dtype, mask.shape.clone())]);
    }
    expect_type("mask", mask.dtype, U8)?;
    let (shape, bits) = packed_shape(ctx)?;
    check_packed("mask", &mask.shape, Some(bits))?;
    let [count] = nonzero.shape.as_slice() else {
        let why = format!("`nonzero_data` has shape {}, not one axis", show(&nonzero.shape));
        return Err(Fault::Shape(why));
    };
    if let Some(value) = ctx.constant("mask")
        && let Some(bytes) = value.tensor()
    {
        check_set_bits("mask", "nonzero_data", bytes.data(), bits, count)?;
    }
    Ok(vec![Type::tensor(nonzero.dtype, shape)])
}

fn expect_type(input: &str, found: DataType, expected: DataType) -> Result<(), Fault> {
    if found == expected {
        return Ok(());
    }
    let (found, expected) = (found.to_string(), expected.to_string());
    Err(Fault::Type { input: input.to_owned(), found, expected })
}

/// The output's shape, given apart from the packed bytes, and its number of elements.
fn packed_shape(ctx: &InferCtx<'_>) -> Result<(Vec<Dim>, usize), Fault> {
    let shape = ctx.ints("shape")?;
    let count = shape
        .iter()
        .try_fold(1usize, |n, &d| n.checked_mul(usize::try_from(d).ok()?))
        .ok_or_else(|| Fault::value("shape", format!("{shape:?} is not a shape")))?;
    Ok((shape.into_iter().map(Dim::Known).collect(), count))
}

fn check_packed(input: &str, found: &[Dim], bits: Option<usize>) -> Result<(), Fault> {
    let needed = bits.map(|b| Dim::from(b.div_ceil(8)));
    match (found, needed) {
        ([bytes], Some(needed)) if !bytes.differs(&needed) => Ok(()),
        (_, Some(needed)) => {
            let why = format!("`{input}` is {}, `shape` needs [{needed}]", show(found));
            Err(Fault::Shape(why))
        }
        (_, None) => Err(Fault::value("shape", "is too large")),
    }
}
