//! Values of a run, kept by op, output and turn.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use anemone_engine::{Array, Observer};
use anemone_ir::Origin;

use super::outline::Outline;

/// The op's place in the outline, and its output.
pub(crate) type Key = (usize, usize);

/// Every value of a run.
pub(crate) struct Watch<'a> {
    outline: &'a Outline,
    seen: Mutex<Seen>,
}

/// Values by op and output, one for each turn of a loop, in the order in which ops ran.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) order: Vec<Key>,
    pub(crate) values: HashMap<Key, Vec<Vec<f32>>>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(outline: &'a Outline) -> Watch<'a> {
        Watch { outline, seen: Mutex::new(Seen::default()) }
    }

    pub(crate) fn finish(self) -> Seen {
        self.seen.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Watch<'_> {
    fn wants(&self, origin: &Origin, output: usize) -> bool {
        self.outline.compared(origin, output).is_some()
    }

    fn observe(&self, origin: &Origin, output: usize, value: &Array) {
        let Some(op) = self.outline.compared(origin, output) else { return };
        let values = value.to_tensor().to_f32();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.order.push((op, output));
        seen.values.entry((op, output)).or_default().push(values);
    }
}
