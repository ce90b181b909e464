//! Products of 8-bit integers (W8A8), which run at twice the rate from h16 on, once many follow each other.

use anemone_ir::{Node, Op, ValueId};

use crate::Target;
use crate::model::Model;

/// One layer takes 1 / 0.86 of its time in fp16, a layer of 128 takes 1 / 1.87 (cadamcat, M5 Pro): what each takes,
/// and what all pay once together.
const EACH: f64 = 0.5299;
const ONCE: f64 = 0.6329;

/// The indices of ops whose values and weights are both of eight bits; none where the chip has no such mode.
pub(crate) fn products(model: &Model<'_>, target: &Target) -> Vec<usize> {
    if !target.family().int8_compute {
        return Vec::new();
    }
    let items = model.items.iter().enumerate();
    items.filter(|(_, item)| is_product(model, item.node)).map(|(i, _)| i).collect()
}

/// The time of `count` such products as a share of their time in fp16.
pub(crate) fn share(count: usize) -> f64 {
    EACH + ONCE / count.max(1) as f64
}

fn is_product(model: &Model<'_>, node: &Node) -> bool {
    let weight = if node.op == Op::Matmul { "y" } else { "weight" };
    let from = |input: &str| {
        let id: &ValueId = node.input(input).first()?;
        Some(model.items[model.producer(*id)?].node.op)
    };
    matches!(node.op, Op::Conv | Op::Linear | Op::Matmul)
        && from("x") == Some(Op::Dequantize)
        && matches!(
            from(weight),
            Some(Op::ConstexprAffineDequantize | Op::ConstexprBlockwiseShiftScale | Op::Dequantize)
        )
}

#[cfg(test)]
mod tests {
    use super::share;

    /// cadamcat: 0.86 times the speed for one layer, 1.87 times for a chain of 128.
    #[test]
    fn the_published_speeds_of_one_layer_and_of_many() {
        for (layers, speed) in [(1, 0.86), (128, 1.87)] {
            let own = 1.0 / share(layers);
            assert!((own / speed - 1.0).abs() < 0.01, "{layers}: {own}");
        }
    }
}
