//! States: how many, and of which sizes.

use anemone_ir::Type;

use super::site::{No, Obstacle, Site, Verdict};
use crate::evidence::Class;

/// States of one model on the engine.
pub const MAX_STATES: usize = 2;
/// Inner dimensions of states are multiples of this.
pub const STATE_MULTIPLE: u64 = 32;

pub(super) fn state(site: &Site<'_>) -> Verdict {
    let function = site.model.function;
    let states = function.inputs().iter();
    let states = states.filter(|id| matches!(function.value(**id).ty(), Type::State(_))).count();
    if states > MAX_STATES {
        let why = format!(
            "the model has {states} states; with three, an A19 Pro failed when it predicted"
        );
        let no = No::new(Obstacle::State, why).from(Class::Reported, &["cmllm"]);
        return Some(no.for_the_whole_model());
    }
    let shape = site.shape("input")?;
    let inner = shape.get(1..).unwrap_or(&[]);
    let odd = inner.iter().rev().take(2).find(|n| *n % STATE_MULTIPLE != 0)?;
    let why = format!("a state's inner size {odd} is no multiple of {STATE_MULTIPLE}");
    let evidence = "github.com/apple/coremltools/issues/2631 (M4: 270 fails, 256 works)";
    Some(No::new(Obstacle::State, why).from(Class::Reported, &[evidence]))
}
