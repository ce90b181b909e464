//! How a lint is put together.

use anemone_ir::{Node, ValueId};

use super::{Datum, Lint};
use crate::evidence::{Class, Evidence};
use crate::model::Model;

/// The paths that a lint names; a model that has a fault a thousand times is told so by the count.
const MAX_PATHS: usize = 50;

/// What all findings of one lint share.
pub(super) struct Text {
    pub(super) kind: &'static str,
    pub(super) why: &'static str,
    pub(super) class: Class,
    pub(super) source: &'static str,
    pub(super) fix: &'static str,
}

impl Text {
    pub(super) fn at(
        &self,
        what: String,
        paths: Vec<String>,
        data: impl IntoIterator<Item = (&'static str, Datum)>,
    ) -> Lint {
        let mut data: std::collections::BTreeMap<_, _> = data.into_iter().collect();
        data.insert("count", Datum::Number(paths.len() as f64));
        Lint {
            kind: self.kind,
            what,
            paths: paths.into_iter().take(MAX_PATHS).collect(),
            why: self.why,
            evidence: Evidence::new(self.class, self.source),
            fix: self.fix.to_owned(),
            data,
        }
    }

    /// One lint for all nodes that `found` holds, if there are any.
    pub(super) fn for_all(
        &self,
        what: &str,
        found: Vec<String>,
        data: impl IntoIterator<Item = (&'static str, Datum)>,
    ) -> Vec<Lint> {
        if found.is_empty() { Vec::new() } else { vec![self.at(what.to_owned(), found, data)] }
    }
}

/// The paths of live nodes that `is` holds for.
pub(super) fn nodes(model: &Model<'_>, is: impl Fn(&Node) -> bool) -> Vec<String> {
    let live = model.items.iter().filter(|item| !item.is_folded);
    live.filter(|item| is(item.node)).map(|item| item.node.origin.to_string()).collect()
}

/// The least and the greatest element of a constant, as far as it is decoded; fill patterns and scalars above
/// all. Large weights are not looked through.
pub(super) fn extremes(model: &Model<'_>, id: ValueId) -> Option<(f64, f64)> {
    const MOST: usize = 1 << 20;
    let tensor = model.function.value(id).known.value.as_ref()?.tensor()?;
    if tensor.count() == 0 || tensor.count() > MOST || !tensor.dtype().is_float() {
        return None;
    }
    let values = tensor.to_f32();
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    Some((f64::from(least), f64::from(most)))
}

/// The single number that a constant holds.
pub(super) fn number(model: &Model<'_>, node: &Node, input: &str) -> Option<f64> {
    let id = *node.input(input).first()?;
    let (least, most) = extremes(model, id)?;
    (least == most).then_some(least)
}
