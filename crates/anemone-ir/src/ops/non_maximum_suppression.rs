//! The choice of boxes that overlap little.

use super::def::*;
use super::domains::*;
use crate::infer::{Fault, InferCtx, show, unify};
use crate::{Dim, Opset::*, Type};

const MAX_BOXES: [InputDef; 2] =
    [constant("max_boxes"), constant("per_class_suppression").default(Default::Bool(false))];

pub(super) const NON_MAXIMUM_SUPPRESSION: OpDef = op(
    "non_maximum_suppression",
    &[
        version(
            Ios15,
            &[
                tensor("boxes", T_FLOAT),
                tensor("scores", T_FLOAT),
                constant_of("iou_threshold", T_FLOAT),
                constant_of("score_threshold", T_FLOAT),
                MAX_BOXES[0],
                MAX_BOXES[1],
            ],
        ),
        version(
            Ios17,
            &[
                tensor("boxes", T_FLOAT),
                tensor("scores", T_FLOAT),
                constant_of("iou_threshold", T_FLOAT),
                MAX_BOXES[0],
                MAX_BOXES[1],
            ],
        ),
    ],
    non_maximum_suppression,
);

fn non_maximum_suppression(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let (boxes, scores) = (ctx.tensor("boxes")?, ctx.tensor("scores")?);
    let unfit = || {
        let (boxes, scores) = (show(&boxes.shape), show(&scores.shape));
        Fault::Shape(format!("boxes {boxes} and scores {scores} do not fit"))
    };
    let ([n, b0, b1], [m, s0, s1]) = (boxes.shape.as_slice(), scores.shape.as_slice()) else {
        return Err(unfit());
    };
    // From iOS17 on the boxes lie along the last axis.
    let last = ctx.version.since >= Ios17;
    let ((b, four), (s, classes)) = if last { ((b1, b0), (s1, s0)) } else { ((b0, b1), (s0, s1)) };
    let batch = unify(n, m).ok_or_else(unfit)?;
    if unify(b, s).is_none() || unify(four, &Dim::Known(4)).is_none() {
        return Err(unfit());
    }
    ctx.float("iou_threshold")?;
    ctx.boolean("per_class_suppression")?;
    let max = match ctx.int("max_boxes")? {
        max if max >= 1 => Dim::Known(max),
        max => return Err(Fault::value("max_boxes", format!("{max} is not positive"))),
    };
    let typed = |dtype, inner: &Dim| match last {
        true => Type::tensor(dtype, vec![batch.clone(), inner.clone(), max.clone()]),
        false => Type::tensor(dtype, vec![batch.clone(), max.clone(), inner.clone()]),
    };
    let mut types = vec![
        typed(boxes.dtype, &Dim::Known(4)),
        typed(scores.dtype, classes),
        Type::tensor(I32, vec![batch.clone(), max.clone()]),
    ];
    if !last {
        ctx.float("score_threshold")?;
        types.push(Type::tensor(I32, vec![batch.clone()]));
    }
    Ok(types)
}
