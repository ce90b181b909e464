//! Constants of a function: those in the source, decoded when asked, and those computed from them.

use std::collections::HashMap;
use std::sync::Arc;

use anemone_ir::{CheckedFunction, ValueId};

use crate::array::Owned;

/// Values known at compile time.
#[derive(Default)]
pub(crate) struct Constants {
    folded: HashMap<ValueId, Arc<Owned>>,
}

impl Constants {
    /// Whether `id` is known.
    pub(crate) fn knows(&self, function: &CheckedFunction, id: ValueId) -> bool {
        self.folded.contains_key(&id) || function.value(id).known.value.is_some()
    }

    /// The decoded constant, if `id` is one.
    pub(crate) fn get(
        &self,
        function: &CheckedFunction,
        id: ValueId,
    ) -> Result<Option<Arc<Owned>>, String> {
        if let Some(folded) = self.folded.get(&id) {
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
