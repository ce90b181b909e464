//! Masks whose constant the engine turns to NaN.

use anemone_ir::Op;

use super::support::{Text, extremes};
use super::{Datum, Lint};
use crate::Target;
use crate::evidence::Class;
use crate::model::Model;

/// Below this a mask is beyond what Apple's rules and reports call safe (-40000, -1e4).
pub const SAFE_MASK: f64 = -40000.0;

const TEXT: Text = Text {
    kind: "mask_constant",
    why: "fp16 ends at ±65504 and the engine's sums at ±32768: such a mask becomes infinite, and a row that it \
          covers becomes NaN",
    class: Class::Documented,
    source: "Apple's neural_engine_rules.md (masks of -4e4, never -inf); cactus#734 (-1e9 gave NaN, -1e4 did not)",
    fix: "use -10000 in place of the constant",
};

pub(super) fn find(model: &Model<'_>, _: &Target) -> Vec<Lint> {
    let mut found = Vec::new();
    for item in &model.items {
        let node = item.node;
        let is_mask = matches!(
            node.op,
            Op::Add
                | Op::Sub
                | Op::Mul
                | Op::Select
                | Op::Fill
                | Op::FillLike
                | Op::Pad
                | Op::Maximum
                | Op::Minimum
                | Op::ScaledDotProductAttention
        );
        if !is_mask || (item.is_folded && !matches!(node.op, Op::Fill | Op::Mul)) {
            continue;
        }
        for (input, ids) in &node.inputs {
            for id in ids {
                let Some((least, most)) = extremes(model, *id) else { continue };
                // A subtracted or factored constant masks with its other sign.
                let value = match node.op {
                    Op::Sub | Op::Mul if -most < least => -most,
                    _ => least,
                };
                if value < SAFE_MASK {
                    let data = [
                        ("input", Datum::Text((*input).to_owned())),
                        ("value", number(value)),
                        ("replacement", Datum::Number(-10000.0)),
                    ];
                    let what =
                        format!("`{input}` holds {value:e}, which fp16 and the engine cannot hold");
                    found.push(TEXT.at(what, vec![node.origin.to_string()], data));
                }
            }
        }
    }
    found
}

/// JSON has no infinities.
fn number(value: f64) -> Datum {
    if value.is_finite() { Datum::Number(value) } else { Datum::Text(value.to_string()) }
}
