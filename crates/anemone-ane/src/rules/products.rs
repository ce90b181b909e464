//! Products of matrices, and attention.

use std::collections::BTreeMap;

use anemone_tensor::DataType;

use super::general::MAX_RANK;
use super::site::{No, Obstacle, Site, Verdict};
use crate::evidence::Class;
use crate::model::elements;

/// The longest sum of products.
pub const MAX_CONTRACTION: u64 = 32768;
/// The scores of one head from which results were wrong.
pub const MAX_SCORES: u64 = 1 << 20;

pub(super) fn matmul(site: &Site<'_>) -> Verdict {
    let x = site.shape("x")?;
    let from_end = if site.boolean("transpose_x") { 2 } else { 1 };
    let inner = *x.get(x.len().checked_sub(from_end)?)?;
    let is_transposed = site.boolean("transpose_x") || site.boolean("transpose_y");
    contraction(inner).or_else(|| {
        let why = "a product of five dimensions together with a transpose failed on M5";
        let no = No::new(Obstacle::Rank, why).from(Class::Measured, &["af_swp"]);
        (x.len() >= MAX_RANK && is_transposed).then_some(no)
    })
}

pub(super) fn linear(site: &Site<'_>) -> Verdict {
    contraction(*site.shape("weight")?.last()?)
}

/// What the equation sums over: its labels that the output lacks.
pub(super) fn einsum(site: &Site<'_>) -> Verdict {
    let equation = site.text("equation")?;
    let (inputs, output) = equation.split_once("->")?;
    let mut summed = BTreeMap::new();
    for (labels, id) in inputs.split(',').zip(site.node.input("values")) {
        let labels = labels.chars().filter(|label| label.is_alphabetic());
        let sizes = labels.zip(site.model.shape(*id)?);
        summed.extend(sizes.filter(|(label, _)| !output.contains(*label)));
    }
    contraction(elements(&summed.into_values().copied().collect::<Vec<_>>()))
}

fn contraction(inner: u64) -> Verdict {
    let why = format!("it sums {inner} products; at most {MAX_CONTRACTION} run");
    let no = || No::new(Obstacle::Contraction, why).from(Class::Measured, &["m4cml"]);
    (inner > MAX_CONTRACTION).then(no)
}

pub(super) fn attention(site: &Site<'_>) -> Verdict {
    let (query, key) = (site.shape("query")?, site.shape("key")?);
    let ([.., rows, _], [.., columns, _]) = (query, key) else { return None };
    let sum = contraction(*columns);
    if sum.is_some() {
        return sum;
    }
    let scores = rows.saturating_mul(*columns);
    let mask = site.value("attn_mask").and_then(|id| site.model.dtype(id));
    let no =
        |why: String, key| No::new(Obstacle::Setting, why).from(Class::Reported, &[key]).open();
    if scores >= MAX_SCORES {
        let why = format!(
            "{rows} × {columns} scores of a head; from {MAX_SCORES} on an M2 gave wrong results"
        );
        return Some(no(why, "ee"));
    }
    let why = "its mask is of truth values; masks that are added are known to run";
    (mask == Some(DataType::Bool)).then(|| no(why.to_owned(), "cmllm"))
}
