//! What runs of a model were measured to cost, from one process to the next.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::store::{Cache, Key, Scope};
use crate::loader::Artefacts;

const NAME: &str = "costs-1.json";
/// Shapes that are remembered of one model: callers choose the shapes.
const KEPT: usize = 1024;

/// Costs of one model on one engine of one machine, by shape.
#[derive(Clone, Debug)]
pub struct Costs {
    scope: Scope,
}

/// What runs at one shape cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// How many there were.
    pub runs: u64,
    /// What one took, on average.
    pub mean_seconds: f64,
}

impl Costs {
    /// The costs of the model of this content. Another machine measures anew.
    pub fn new(cache: &Cache, content: [u8; 32], engine: &str, machine: &str) -> Costs {
        let key = Key {
            content,
            engine: engine.to_owned(),
            machine: machine.to_owned(),
            options: String::new(),
        };
        Costs { scope: cache.scope(&key) }
    }

    /// What is remembered, by shape.
    pub fn load(&self) -> BTreeMap<String, Measured> {
        let bytes = self.scope.get(NAME).unwrap_or_default();
        // It was checked when it was read: only another version can have written something else.
        let costs: BTreeMap<String, Measured> = serde_json::from_slice(&bytes).unwrap_or_default();
        costs.into_iter().filter(|(_, measured)| measured.is_sound()).collect()
    }

    /// Adds what was `measured` since the last time to what is remembered. Returns whether it was
    /// added: it is not while another process adds something, which is soon over.
    #[must_use]
    pub fn add(&self, measured: &BTreeMap<String, Measured>) -> bool {
        let Some(_lock) = self.scope.try_lock() else { return false };
        let mut costs = self.load();
        for (shape, new) in measured.iter().filter(|(_, measured)| measured.is_sound()) {
            costs.entry(shape.clone()).and_modify(|old| *old = old.with(new)).or_insert(*new);
        }
        while costs.len() > KEPT {
            let rarest = costs.iter().min_by_key(|(_, measured)| measured.runs);
            let Some(rarest) = rarest.map(|(shape, _)| shape.clone()) else { break };
            costs.remove(&rarest);
        }
        serde_json::to_vec(&costs).is_ok_and(|bytes| self.scope.try_put(NAME, &bytes))
    }
}

impl Measured {
    /// The runs of both.
    pub fn with(&self, other: &Measured) -> Measured {
        let runs = self.runs.saturating_add(other.runs);
        let share = other.runs as f64 / (self.runs as f64 + other.runs as f64).max(1.0);
        let mean_seconds = self.mean_seconds + (other.mean_seconds - self.mean_seconds) * share;
        Measured { runs, mean_seconds }
    }

    fn is_sound(&self) -> bool {
        self.runs > 0 && self.mean_seconds.is_finite() && self.mean_seconds >= 0.0
    }
}
