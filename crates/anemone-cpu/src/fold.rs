//! Constants of a function: those in the source, decoded when asked, and those computed from them.

use std::collections::HashMap;
use std::sync::Arc;

use anemone_ir::{CheckedFunction, ValueId};

use crate::array::Owned;
use crate::quantised::Quantised;

/// Values known at compile time.
#[derive(Default)]
pub(crate) struct Constants<'a> {
    folded: HashMap<ValueId, Folded>,
    /// Those of the code around a nested block.
    outer: Option<&'a Constants<'a>>,
}

/// A computed constant.
enum Folded {
    Owned(Arc<Owned>),
    /// Decoded again whenever it is asked for.
    Quantised(Arc<Quantised>),
}

impl<'a> Constants<'a> {
    /// The constants of a block nested in the code that has these.
    pub(crate) fn nested(outer: &'a Constants<'a>) -> Constants<'a> {
        Constants { folded: HashMap::new(), outer: Some(outer) }
    }

    fn folded(&self, id: ValueId) -> Option<&Folded> {
        self.folded.get(&id).or_else(|| self.outer?.folded(id))
    }

    /// Whether `id` is known.
    pub(crate) fn knows(&self, function: &CheckedFunction, id: ValueId) -> bool {
        self.folded(id).is_some() || function.value(id).known.value.is_some()
    }

    /// The decoded constant, if `id` is one.
    pub(crate) fn get(
        &self,
        function: &CheckedFunction,
        id: ValueId,
    ) -> Result<Option<Arc<Owned>>, String> {
        match self.folded(id) {
            Some(Folded::Owned(folded)) => return Ok(Some(folded.clone())),
            Some(Folded::Quantised(quantised)) => {
                return quantised.decode().map(|owned| Some(Arc::new(owned)));
            }
            None => {}
        }
        match &function.value(id).known.value {
            Some(value) => Owned::from_const(value).map(|owned| Some(Arc::new(owned))),
            None => Ok(None),
        }
    }

    /// The constant as it is compressed, if `id` is one that stays so.
    pub(crate) fn quantised(&self, id: ValueId) -> Option<Arc<Quantised>> {
        match self.folded(id)? {
            Folded::Quantised(quantised) => Some(quantised.clone()),
            Folded::Owned(_) => None,
        }
    }

    /// Adds a computed constant.
    pub(crate) fn insert(&mut self, id: ValueId, value: Owned) {
        self.folded.insert(id, Folded::Owned(Arc::new(value)));
    }

    /// Adds a constant that stays compressed.
    pub(crate) fn insert_quantised(&mut self, id: ValueId, value: Quantised) {
        self.folded.insert(id, Folded::Quantised(Arc::new(value)));
    }

    /// Drops a computed constant that nobody needs any more.
    pub(crate) fn remove(&mut self, id: ValueId) {
        self.folded.remove(&id);
    }
}
