//! Constants of a function: those in the source, decoded when asked, and those computed from them.

use std::collections::HashMap;
use std::sync::Arc;

use anemone_ir::{CheckedFunction, ValueId};

use crate::array::Owned;

/// Values known at compile time.
#[derive(Default)]
pub(crate) struct Constants<'a> {
    folded: HashMap<ValueId, Arc<Owned>>,
    /// Those of the code around a nested block.
    outer: Option<&'a Constants<'a>>,
}

impl<'a> Constants<'a> {
    /// The constants of a block nested in the code that has these.
    pub(crate) fn nested(outer: &'a Constants<'a>) -> Constants<'a> {
        Constants { folded: HashMap::new(), outer: Some(outer) }
    }

    fn folded(&self, id: ValueId) -> Option<&Arc<Owned>> {
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
        if let Some(folded) = self.folded(id) {
            return Ok(Some(folded.clone()));
        }
        match &function.value(id).known.value {
            Some(value) => Owned::from_const(value).map(|owned| Some(Arc::new(owned))),
            None => Ok(None),
        }
    }

    /// Adds a computed constant.
    pub(crate) fn insert(&mut self, id: ValueId, value: Owned) {
        self.folded.insert(id, Arc::new(value));
    }

    /// Drops a computed constant that nobody needs any more.
    pub(crate) fn remove(&mut self, id: ValueId) {
        self.folded.remove(&id);
    }
}
