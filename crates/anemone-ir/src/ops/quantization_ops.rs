//! Quantisation and dequantisation while the program runs.

use super::def::*;
use super::domains::*;
use crate::Opset::*;
use crate::Type;
use crate::infer::{Fault, InferCtx, normal_axis};

pub(super) const DEQUANTIZE: OpDef = OpDef {
    name: "dequantize",
    versions: &[Version {
        since: Ios17,
        inputs: &[
            tensor("input", domain("SrcT", &[U8, I8])),
            constant_of("zero_point", domain("SrcT", &[U8, I8])).optional(),
            constant_of("scale", domain("DstT", &[F16, F32])),
            constant("axis").optional(),
        ],
    }],
    infer: Infer::Rule(dequantize),
    evaluate: None,
    computed: None,
};

pub(super) const QUANTIZE: OpDef = OpDef {
    name: "quantize",
    versions: &[Version {
        since: Ios17,
        inputs: &[
            tensor("input", domain("SrcT", &[F16, F32])),
            constant_of("zero_point", domain("DstT", &[U8, I8])).optional(),
            constant_of("scale", domain("SrcT", &[F16, F32])),
            constant("axis").optional(),
            constant("output_dtype"),
        ],
    }],
    infer: Infer::Rule(quantize),
    evaluate: None,
    computed: None,
};

fn dequantize(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    check_parameters(ctx)?;
    Ok(vec![Type::tensor(ctx.dtype("scale")?, ctx.shape("input")?.to_vec())])
}

fn quantize(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    check_parameters(ctx)?;
    let name = ctx.text("output_dtype")?;
    let dtype = match name.as_str() {
        "uint8" => U8,
        "int8" => I8,
        _ => {
            let why = format!("`{name}` is not `uint8` or `int8`");
            return Err(Fault::value("output_dtype", why));
        }
    };
    if ctx.has("zero_point") && ctx.dtype("zero_point")? != dtype {
        let found = ctx.dtype("zero_point")?.to_string();
        return Err(Fault::Type { input: "zero_point".to_owned(), found, expected: name });
    }
    let scale = ctx.constant("scale");
    let scale = scale.as_ref().and_then(|c| c.tensor());
    if scale.is_some_and(|s| s.count() > 0 && (0..s.count()).all(|i| s.get_f64(i) == 0.0)) {
        return Err(Fault::value("scale", "is zero"));
    }
    Ok(vec![Type::tensor(dtype, ctx.shape("input")?.to_vec())])
}

/// Scale and zero point are both scalars without an axis, or both vectors along one.
fn check_parameters(ctx: &InferCtx<'_>) -> Result<(), Fault> {
    let input = ctx.shape("input")?;
    let scale = ctx.shape("scale")?;
    let zero_point = if ctx.has("zero_point") { Some(ctx.shape("zero_point")?) } else { None };
    if zero_point.is_some_and(|z| z.len() != scale.len()) {
        return Err(Fault::Shape("`zero_point` and `scale` differ in rank".to_owned()));
    }
    match scale {
        [] if ctx.has("axis") => Err(Fault::value("axis", "is not for a scalar `scale`")),
        [] => Ok(()),
        [_] => {
            let axis = normal_axis("axis", ctx.int("axis")?, input.len())?;
            let clash = |n: &[crate::Dim]| n[0].differs(&input[axis]);
            if clash(scale) || zero_point.is_some_and(clash) {
                let why = format!("axis {axis} has {} elements, not {}", input[axis], scale[0]);
                return Err(Fault::Shape(why));
            }
            Ok(())
        }
        _ => Err(Fault::Shape("`scale` has more than one axis".to_owned())),
    }
}
