//! Compiled plans by what they were compiled from, so that the same file is one plan.

use std::collections::HashMap;

use anemone_engine::Precision;

use super::Compiled;
use crate::sync::{Arc, Mutex, Weak, lock};

/// What makes two plans the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PlanKey {
    pub(crate) content: [u8; 32],
    pub(crate) engine: String,
    pub(crate) function: Option<String>,
    pub(crate) precision: Precision,
}

/// Plans that somebody uses.
#[derive(Default)]
pub(crate) struct Plans {
    cells: Mutex<HashMap<PlanKey, Arc<Cell>>>,
    /// Bytes of plans that were compiled before, so that the next time as much is reserved.
    sizes: Mutex<HashMap<PlanKey, u64>>,
}

/// Sizes that are kept; more plans than this begin anew.
const SIZES: usize = 4096;

/// One plan, compiled by one caller while the others wait.
pub(crate) type Cell = tokio::sync::Mutex<Weak<Compiled>>;

impl Plans {
    /// The place of a plan.
    pub(crate) fn cell(&self, key: PlanKey) -> Arc<Cell> {
        let mut cells = lock(&self.cells);
        // Places that nobody uses and that hold nothing are swept as others come.
        let is_used = |cell: &Arc<Cell>| {
            Arc::strong_count(cell) > 1 || cell.try_lock().is_ok_and(|held| held.strong_count() > 0)
        };
        cells.retain(|own, cell| *own == key || is_used(cell));
        cells.entry(key).or_default().clone()
    }

    /// Bytes that the plan had when it was last compiled.
    pub(crate) fn size(&self, key: &PlanKey) -> Option<u64> {
        lock(&self.sizes).get(key).copied()
    }

    /// The plan has so many bytes.
    pub(crate) fn note_size(&self, key: PlanKey, bytes: u64) {
        let mut sizes = lock(&self.sizes);
        if sizes.len() >= SIZES {
            sizes.clear();
        }
        sizes.insert(key, bytes);
    }

    /// Every plan that is in use.
    pub(crate) fn all(&self) -> Vec<Arc<Compiled>> {
        let cells: Vec<Arc<Cell>> = lock(&self.cells).values().cloned().collect();
        cells.iter().filter_map(|cell| cell.try_lock().ok()?.upgrade()).collect()
    }
}
