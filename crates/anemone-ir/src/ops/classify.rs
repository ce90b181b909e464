//! The classifier's last op.

use super::def::*;
use super::domains::*;
use crate::Opset::*;
use crate::Type;
use crate::infer::{Fault, InferCtx, show, volume};
use anemone_tensor::DataType;

/// The most probable class, and the probability of each.
pub(super) const CLASSIFY: OpDef = op(
    "classify",
    &[version(Ios15, &[any("probabilities"), other("classes", InputKind::List).fixed()])],
    classify,
);

fn classify(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let (probabilities, classes) = (ctx.tensor("probabilities")?, ctx.list("classes")?);
    if !probabilities.dtype.is_float() {
        return Err(Fault::Type {
            input: "probabilities".to_owned(),
            found: probabilities.dtype.to_string(),
            expected: F32.to_string(),
        });
    }
    let class = classes.element.dtype;
    if !matches!(class, DataType::String | DataType::I64) || !classes.element.shape.is_empty() {
        return Err(Fault::Type {
            input: "classes".to_owned(),
            found: classes.element.to_string(),
            expected: "strings or int64".to_owned(),
        });
    }
    if volume(&probabilities.shape).differs(&classes.length) {
        let (found, classes) = (show(&probabilities.shape), &classes.length);
        return Err(Fault::Shape(format!("`probabilities` is {found} for {classes} classes")));
    }
    Ok(vec![Type::tensor(class, vec![]), Type::Dict(class, DataType::F64)])
}
