//! Ops that move data: where a constant is wanted, and what is chosen by it.

use super::site::{No, Obstacle, Site, Verdict};
use crate::evidence::Class;

fn runtime(site: &Site<'_>, input: &str) -> Verdict {
    let why = format!("`{input}` is computed while the model runs; the engine wants a constant");
    let no = || No::new(Obstacle::RuntimeIndex, why).from(Class::Measured, &["m4cml"]);
    site.is_runtime(input).then(no)
}

pub(super) fn gather(site: &Site<'_>) -> Verdict {
    runtime(site, "indices")
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
    let why = format!("`{mode}` padding needs the texture unit, which begins with h14 (A15, M2)");
    let no = || No::new(Obstacle::Generation, why).from(Class::Reported, &["af_cat"]);
    (mode != "constant" && !site.target.family().texture_engine).then(no)
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
