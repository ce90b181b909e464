//! Ops that move data: where a constant is wanted, and what is chosen by it.

use anemone_ir::Op;

use super::site::{No, Obstacle, Site, Verdict};
use crate::evidence::Class;

fn runtime(site: &Site<'_>, input: &str) -> Verdict {
    let why = format!("`{input}` is computed while the model runs; the engine wants a constant");
    let no = || No::new(Obstacle::RuntimeIndex, why).from(Class::Measured, &["m4cml"]);
    site.is_runtime(input).then(no)
}

pub(super) fn gather(site: &Site<'_>) -> Verdict {
    runtime(site, "indices").or_else(|| one_batch(site))
}

/// The kinds of lookup that take computed indices of 16 bits; those of 32 bits are kept away by their type.
pub(super) fn gather_at(site: &Site<'_>) -> Verdict {
    one_batch(site)
}

/// Whether the value is a computed index of 16 bits, in an op that was seen to take one.
pub(super) fn takes_short_indices(site: &Site<'_>, name: &str) -> bool {
    let function = site.model.function;
    let is = |input: &str| site.node.input(input).iter().any(|id| function.value(*id).name == name);
    let op = site.node.op;
    // Core ML narrows the indices of a `topk`'s result itself (m4cml, topk_w.mil).
    matches!(op, Op::GatherAlongAxis | Op::GatherNd) && is("indices") || op == Op::Topk && !is("x")
}

/// Whether the value is a computed place of a write, which its own rule judges.
pub(super) fn takes_a_start(site: &Site<'_>, name: &str) -> bool {
    let function = site.model.function;
    let is = |input: &str| site.node.input(input).iter().any(|id| function.value(*id).name == name);
    site.node.op == Op::SliceUpdate && (is("begin") || is("end"))
}

fn one_batch(site: &Site<'_>) -> Verdict {
    let shape = site.shape("x")?;
    let why = "on h13 (A14, M1) a lookup is made of other ops, for a batch of one and a depth of one alone";
    let no = || No::new(Obstacle::Generation, why).from(Class::Reported, &["af_cat"]).open();
    let is_wide = shape.len() >= 4 && shape[0] > 1 || shape.len() == 5 && shape[2] > 1;
    (!site.target.since(14) && is_wide).then(no)
}

pub(super) fn slice(site: &Site<'_>) -> Verdict {
    ["begin", "end", "size"].iter().find_map(|input| runtime(site, input))
}

/// Writes of states take a start that is computed, where sources are right.
pub(super) fn slice_update(site: &Site<'_>) -> Verdict {
    let why = "a start that is computed runs on phones with iOS 18 by one report, not by another";
    let no = || No::new(Obstacle::RuntimeIndex, why).from(Class::Reported, &["cmllm", "af_swp"]);
    ["begin", "end"].iter().any(|input| site.is_runtime(input)).then(|| no().open())
}

pub(super) fn pad(site: &Site<'_>) -> Verdict {
    let mode = site.text("mode")?;
    if mode == "constant" {
        let value = site.float("constant_val").unwrap_or(0.0);
        let why = format!("it fills with {value}; compilers before h16 fill with zero alone");
        let no = No::new(Obstacle::Setting, why).from(Class::Reported, &["af_cat"]);
        return match (value == 0.0, site.target.since(16)) {
            (true, _) => None,
            (false, false) => Some(no),
            (false, true) => {
                let why = format!(
                    "it fills with {value}; Core ML has a message that refuses this, and nobody says for which chips"
                );
                Some(No::new(Obstacle::Setting, why).from(Class::Measured, &["m4cml"]).open())
            }
        };
    }
    let why = format!("`{mode}` padding needs the texture unit, which begins with h14 (A15, M2)");
    let no = || No::new(Obstacle::Generation, why).from(Class::Reported, &["af_cat"]);
    let lacks = || if mode == "replicate" { no().open() } else { no() };
    (!site.target.family().texture_engine).then(lacks)
}

pub(super) fn tile(site: &Site<'_>) -> Verdict {
    let fast = [1, 2, 3, 4, 8];
    let why = "factors other than 2, 3, 4 and 8 are not known to run";
    let no = || No::new(Obstacle::Setting, why).from(Class::Reported, &["af_cat"]).open();
    site.ints("reps")?.iter().any(|n| !fast.contains(n)).then(no)
}

pub(super) fn reshape(site: &Site<'_>) -> Verdict {
    runtime(site, "shape")
}
