//! Pools, normalisation over channels, and resampling.

use super::site::{No, Obstacle, Site, Verdict};
use crate::evidence::Class;

/// The widest and tallest square window of a maximum.
pub(super) const MAX_MAXIMUM_WINDOW: i64 = 8;
/// The one wider window of a maximum that the compiler's message names.
const WIDE_MAXIMUM_WINDOW: i64 = 32;
/// The most boxes that are suppressed.
pub(super) const MAX_BOXES: u64 = 2048;

pub(super) fn max_pool(site: &Site<'_>) -> Verdict {
    let kernel = site.ints("kernel_sizes")?;
    let width = *kernel.last()?;
    if width == WIDE_MAXIMUM_WINDOW {
        let why = "the compiler's message allows a window 32 wide; nobody has published a run";
        return Some(No::new(Obstacle::Window, why).from(Class::Measured, &["m4cml"]).open());
    }
    let why = format!("a window {width} wide; a maximum takes up to {MAX_MAXIMUM_WINDOW}");
    let no = || No::new(Obstacle::Window, why).from(Class::Measured, &["m4cml"]);
    (width > MAX_MAXIMUM_WINDOW).then(no)
}

pub(super) fn avg_pool(site: &Site<'_>) -> Verdict {
    let largest = *site.ints("kernel_sizes")?.iter().max()?;
    let limit = if site.target.since(14) { 31 } else { 29 };
    let no = |why: String, class, key: &str| No::new(Obstacle::Window, why).from(class, &[key]);
    if largest > limit {
        let why = format!("a window of {largest}; averages take up to {limit}");
        return Some(no(why, Class::Reported, "af_cat"));
    }
    let why = format!("a window of {largest}: up to 14 is seen to run, up to {limit} is said to");
    (largest > 14).then(|| no(why, Class::Reported, "af_cat").open())
}

pub(super) fn local_response_norm(site: &Site<'_>) -> Verdict {
    let channels = *site.shape("x")?.get(1)?;
    let why = format!("{channels} channels; from 16 on the native layer failed on M5");
    let no = || No::new(Obstacle::Setting, why).from(Class::Measured, &["af_swp"]).open();
    (channels >= 16).then(no)
}

pub(super) fn suppression(site: &Site<'_>) -> Verdict {
    let boxes = *site.shape("boxes")?.get(1)?;
    let why = format!("{boxes} boxes; at most {MAX_BOXES} fit");
    (boxes > MAX_BOXES).then(|| No::new(Obstacle::Setting, why))
}

pub(super) fn texture(site: &Site<'_>) -> Verdict {
    let why = "it needs the texture unit, which begins with h14 (A15, M2)";
    let no = || No::new(Obstacle::Generation, why).from(Class::Reported, &["af_cat"]);
    (!site.target.family().texture_engine).then(no)
}

pub(super) fn trigonometry(site: &Site<'_>) -> Verdict {
    let why = "sine and cosine begin with h15 (A16, M3)";
    let no = || No::new(Obstacle::Generation, why).from(Class::Reported, &["af_cat"]);
    (!site.target.family().trigonometry).then(no)
}

pub(super) fn resample(site: &Site<'_>) -> Verdict {
    texture(site).or_else(|| {
        let channels = *site.shape("x")?.get(1)?;
        let why = format!("{channels} channels; the native layer takes one or two");
        let no = || No::new(Obstacle::Setting, why).from(Class::Reported, &["af_cat"]).open();
        (channels > 2).then(no)
    })
}

/// One scale for all, or one for each channel: only the first runs on what is computed.
pub(super) fn quantize(site: &Site<'_>) -> Verdict {
    let scales = site.shape("scale")?.iter().product::<u64>();
    let why = format!("it has {scales} scales; values that are computed take one for the tensor");
    let no = || No::new(Obstacle::Setting, why);
    (scales > 1).then(no)
}
