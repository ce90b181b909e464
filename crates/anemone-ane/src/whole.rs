//! What concerns the model as a whole: its size, its depth, one op that spoils all, and what to change.

use anemone_ir::Op;

use crate::Target;
use crate::data::row;
use crate::evidence::{Class, Confidence, Evidence};
use crate::model::Model;
use crate::rules::{CanRun, Obstacle, Support};

/// The longest chain of convolutions on M4; M6 has its own, and others of h16 and h17 are taken to be as M4.
const M4_CHAIN: usize = 448;

/// Takes every op off the engine where the model as a whole cannot run there.
pub(crate) fn check(model: &Model<'_>, target: &Target, weights: u64, supports: &mut [Support]) {
    let spoiler = supports
        .iter()
        .zip(&model.items)
        .find(|(support, _)| support.whole_model && support.can_run == CanRun::No)
        .map(|(support, item)| Support {
            reason: format!(
                "`{}` keeps the whole model away: {}",
                item.node.origin, support.reason
            ),
            // That the op itself leaves is sure; on whether the rest does, sources on kernels differ.
            confidence: match support.obstacle {
                Some(Obstacle::Kernel) => Confidence::Low,
                _ => support.confidence,
            },
            ..support.clone()
        });
    let Some(cause) = spoiler.or_else(|| size(target, weights)).or_else(|| depth(model, target))
    else {
        return;
    };
    for (support, item) in supports.iter_mut().zip(&model.items) {
        if !item.is_folded && support.can_run != CanRun::No {
            *support = cause.clone();
        }
    }
}

fn size(target: &Target, weights: u64) -> Option<Support> {
    let limit = target.model_limit()?;
    (weights > limit.bytes).then(|| Support {
        can_run: CanRun::No,
        obstacle: Some(Obstacle::ModelSize),
        reason: format!(
            "the model's weights take {weights} bytes; above {} all of it runs elsewhere, in silence",
            limit.bytes
        ),
        evidence: Evidence::new(limit.evidence, crate::data::sources(&[&limit.source])),
        confidence: Confidence::Medium,
        whole_model: true,
    })
}

fn depth(model: &Model<'_>, target: &Target) -> Option<Support> {
    let limit = target.family().max_conv_chain.or(target.since(16).then_some(M4_CHAIN))?;
    let convs = model.items.iter().filter(|item| item.node.op == Op::Conv).count();
    if convs <= limit {
        return None;
    }
    let longest = longest_chain(model);
    let is_seen = target.family().max_conv_chain.is_some() || target.row().name == "m4";
    let class = if is_seen { Class::Measured } else { Class::Inferred };
    (longest > limit).then(|| Support {
        can_run: CanRun::No,
        obstacle: Some(Obstacle::ChainDepth),
        reason: format!("a chain of {longest} convolutions; beyond {limit} the compiler crashes"),
        evidence: Evidence::new(class, crate::data::sources(&["m6num"])),
        confidence: if is_seen { Confidence::Medium } else { Confidence::Low },
        whole_model: true,
    })
}

/// The most convolutions on a path.
fn longest_chain(model: &Model<'_>) -> usize {
    let mut depths = vec![0usize; model.items.len()];
    for (i, item) in model.items.iter().enumerate() {
        let before = Model::inputs(item.node).filter_map(|id| model.producer(id));
        let deepest = before.filter(|p| *p < i).map(|p| depths[p]).max().unwrap_or(0);
        depths[i] = deepest + usize::from(item.node.op == Op::Conv);
    }
    depths.into_iter().max().unwrap_or(0)
}

/// In words, the change that removes an obstacle.
pub(crate) fn change(obstacle: Obstacle, op: Option<Op>) -> String {
    match obstacle {
        Obstacle::Op => {
            let name = op.map_or("the op", Op::name);
            return match op.and_then(|op| row(op).lower_to.as_deref()) {
                Some(lower) => format!("write `{name}` as: {lower}"),
                None => format!("do without `{name}`, or move it out of the model"),
            };
        }
        Obstacle::Int32 => "keep integers out: compute indices outside, cast once at the edge",
        Obstacle::Fp32 => "convert the model to fp16",
        Obstacle::Rank => "reshape to five dimensions or fewer before these ops",
        Obstacle::Dimension => "split the long dimension",
        Obstacle::Dynamic => "give fixed or enumerated shapes",
        Obstacle::RuntimeIndex => "make indices constant, or look rows up outside the model",
        Obstacle::ControlFlow => "unroll the loop, or compute both branches and select",
        Obstacle::Kernel => "split the kernel, or move space to depth first",
        Obstacle::Window => "pool in two steps",
        Obstacle::Contraction => "split the sum of the product",
        Obstacle::State => "keep at most two states, with inner sizes that are multiples of 32",
        Obstacle::ModelSize => "split the model, or compress its weights",
        Obstacle::ChainDepth => "split the model",
        Obstacle::ElementType => "compute in fp16",
        Obstacle::Generation => "write it of ops that this generation has",
        Obstacle::Setting => "change the op's settings",
        Obstacle::System => "require a newer system, or convert for the older one",
        Obstacle::Weights => "quantise by channel or by tensor, or palettise",
        Obstacle::NoEngine | Obstacle::NoProgram => "use a newer chip",
    }
    .to_owned()
}

/// What limits the figures.
pub(crate) fn notes(target: &Target, model: &Model<'_>) -> Vec<String> {
    let mut notes = vec![
        "this is a forecast from public sources; nothing was run on Apple hardware".to_owned(),
        "places are for the units `cpuAndNeuralEngine`; what Core ML expects of the GPU is not published, so its costs are unknown for this chip"
            .to_owned(),
    ];
    if !target.is_verified() {
        notes.push(
            "the segmenter's costs were seen on an M4 with macOS 27 alone; here they are scaled by the \
             engine's peak and bandwidth where those are known"
                .to_owned(),
        );
    }
    if target.row().power_w.is_none() {
        notes
            .push("no source says what this chip's engine draws, so there is no energy".to_owned());
    }
    let opset = model.function.opset();
    if !target.os.knows(opset) {
        notes.push(format!(
            "the function is written for {opset}, which {} does not load",
            target.os
        ));
    }
    if !model.function.symbols().is_empty() {
        notes.push(
            "free dimensions are taken as fixed or listed shapes; with ranges most of a model runs elsewhere"
                .to_owned(),
        );
    }
    if !model.assumed.is_empty() {
        notes.push("sizes that were not given are taken as 1, the least".to_owned());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Os;
    use crate::data::System;

    /// eeane 2.1.0: macOS 27 takes 1 GiB of model, earlier ones 2 GiB; above it all runs elsewhere.
    #[test]
    fn the_largest_model_depends_on_the_system() {
        let m4 = Target::new("m4").unwrap();
        let before = m4.clone().with_os(Os { system: System::Macos, major: 26 });
        let phone = Target::new("a18").unwrap();
        for (target, limit) in [(&m4, 1 << 30), (&before, 2 << 30), (&phone, 1_000_000_000)] {
            assert!(size(target, limit).is_none());
            assert_eq!(size(target, limit + 1).unwrap().obstacle, Some(Obstacle::ModelSize));
        }
    }
}
