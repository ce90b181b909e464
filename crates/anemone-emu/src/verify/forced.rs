//! The error that is born in each op: the emulator's arithmetic on exact operands.
//!
//! Each result is compared with the exact one and then replaced by it, rounded to fp16, so that the
//! next op finds exact operands.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anemone_cpu::{Arithmetic, Compute, PrepareCtx, Stored, View, ViewMut};

use super::compare::compare;
use super::observe::{Key, Seen};
use super::outline::Outline;
use crate::emulator::{NAME, Options};
use crate::kernels::{Answer, How, Setting, answer};
use crate::rounding::{round, round_even};

/// Exact results, and the errors of ops that had exact operands.
#[derive(Default)]
pub(crate) struct Ledger {
    exact: HashMap<Key, Vec<Vec<f32>>>,
    turns: HashMap<Key, usize>,
    /// The largest error of each op over all runs.
    errors: HashMap<usize, f64>,
}

/// The emulator's arithmetic on exact operands.
pub(crate) struct Forced {
    pub(crate) options: Options,
    pub(crate) outline: Arc<Outline>,
    pub(crate) ledger: Arc<Mutex<Ledger>>,
}

impl Ledger {
    /// Takes the exact results of the next run.
    pub(crate) fn begin(&mut self, exact: Seen) {
        self.exact = exact.values;
        self.turns.clear();
    }

    /// The largest error of the op so far; none where it did not run on exact operands.
    pub(crate) fn error(&self, op: usize) -> Option<f64> {
        self.errors.get(&op).copied()
    }

    /// Compares a result with the exact one and replaces it.
    fn replace(&mut self, key: Key, values: &mut [f32]) {
        let turn = self.turns.entry(key).or_insert(0);
        let exact = self.exact.get(&key).and_then(|turns| turns.get(*turn));
        *turn += 1;
        let Some(exact) = exact.filter(|exact| exact.len() == values.len()) else { return };
        let error = self.errors.entry(key.0).or_insert(0.0);
        *error = error.max(compare(values, exact).error);
        values.copy_from_slice(exact);
        round_even(values);
    }
}

impl Arithmetic for Forced {
    fn engine(&self) -> &'static str {
        NAME
    }

    fn kernel(&self, op: &mut PrepareCtx<'_>) -> Result<Option<Box<dyn Compute>>, String> {
        let setting = Setting { options: &self.options, extremes: None };
        let (how, prepared) = match answer(op.node().op) {
            Answer::Own(how) => (how, None),
            Answer::Other(how, prepare) => (how, prepare(op, &setting)?),
        };
        let outputs = 0..op.node().outputs.len();
        let compared = |output| self.outline.compared(&op.node().origin, output);
        let keys: Vec<Option<Key>> =
            outputs.map(|output| compared(output).map(|index| (index, output))).collect();
        if how == How::Moved || keys.iter().all(Option::is_none) {
            return Ok(prepared);
        }
        let Some(kernel) = (match prepared {
            Some(kernel) => Some(kernel),
            None => op.own_kernel()?,
        }) else {
            return Ok(None);
        };
        Ok(Some(Box::new(Replacing { kernel, keys, ledger: self.ledger.clone() })))
    }

    fn store(&self, what: Stored, values: &mut [f32]) {
        match what {
            Stored::Input | Stored::Constant => round_even(values),
            Stored::Result => round(values),
        }
    }
}

/// A kernel whose results are replaced by exact ones.
struct Replacing {
    kernel: Box<dyn Compute>,
    keys: Vec<Option<Key>>,
    ledger: Arc<Mutex<Ledger>>,
}

impl Compute for Replacing {
    fn run<'a>(&self, inputs: &[View<'a>], outputs: &mut [ViewMut<'a>]) -> Result<(), String> {
        self.kernel.run(inputs, outputs)?;
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, output) in self.keys.iter().zip(outputs) {
            if let (Some(key), Ok(values)) = (key, output.data.f32()) {
                round(values);
                ledger.replace(*key, values);
            }
        }
        Ok(())
    }
}
