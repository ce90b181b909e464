//! What accumulators went through in a run: extremes of their partial sums over all orders. And
//! which steps within ops, whose results may look harmless, left the range of fp16.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anemone_ir::Origin;
use serde::Serialize;

use crate::accumulator::{DotRange, LIMIT, ONE, Verdict};

/// The sums of one op, together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Summary {
    /// The lowest and highest partial sum over all sums and orders, in units.
    lowest: i64,
    highest: i64,
    /// How many sums there were, and how many of them fall under each verdict but never.
    count: u64,
    depends: u64,
    always: u64,
    /// How many overflowed in the order of the index.
    overflowed: u64,
    /// The largest value of a step within the op that fp16 does not hold, of finite operands; 0 where
    /// it holds all.
    step: f64,
}

impl Default for Summary {
    fn default() -> Summary {
        let (lowest, highest) = (i64::MAX, i64::MIN);
        Summary { lowest, highest, count: 0, depends: 0, always: 0, overflowed: 0, step: 0.0 }
    }
}

impl Summary {
    /// Adds a sum whose partial sums are in range in every order.
    pub(crate) fn add(&mut self, lowest: i64, highest: i64) {
        self.count += 1;
        self.lowest = self.lowest.min(lowest);
        self.highest = self.highest.max(highest);
    }

    /// Adds any sum, with its result in the order of the index.
    pub(crate) fn add_range(&mut self, range: &DotRange, result: f32) {
        self.add(range.lowest, range.highest);
        self.overflowed += u64::from(result.is_infinite());
        match range.verdict() {
            Verdict::Never => {}
            Verdict::DependsOnOrder => self.depends += 1,
            Verdict::Always => self.always += 1,
        }
    }

    fn merge(&mut self, other: &Summary) {
        self.lowest = self.lowest.min(other.lowest);
        self.highest = self.highest.max(other.highest);
        self.count += other.count;
        self.depends += other.depends;
        self.always += other.always;
        self.overflowed += other.overflowed;
        self.step = self.step.max(other.step);
    }

    fn verdict(&self) -> Verdict {
        match (self.always, self.depends) {
            (0, 0) => Verdict::Never,
            (0, _) => Verdict::DependsOnOrder,
            _ => Verdict::Always,
        }
    }
}

/// Where the kernel of one op notes its sums.
#[derive(Default)]
pub(crate) struct Extremes(Mutex<Summary>);

impl Extremes {
    pub(crate) fn merge(&self, part: &Summary) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).merge(part);
    }

    /// Notes a step within the op that leaves fp16.
    pub(crate) fn overflow_within(&self, value: f64) {
        let mut summary = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        summary.step = summary.step.max(value);
    }

    pub(crate) fn summary(&self) -> Summary {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The sums of one op over the runs so far, for people and programs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sums {
    /// The lowest partial sum that any order of any sum has.
    pub lowest: f64,
    /// The highest one.
    pub highest: f64,
    /// How many sums there were.
    pub count: u64,
    /// Sums that overflow in some order.
    pub depends_on_order: u64,
    /// Sums that overflow in every order.
    pub always: u64,
    /// Sums that overflowed in the order that the emulator takes: that of the index.
    pub overflowed_in_index_order: u64,
    /// The worst of their verdicts.
    pub verdict: Verdict,
}

impl Sums {
    /// The part of the accumulator's range that partial sums reach: 1 or more may overflow.
    pub fn reach(&self) -> f64 {
        self.highest.max(-self.lowest) / (LIMIT / ONE) as f64
    }
}

/// Collects the sums of each op of an engine that was made with it.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<HashMap<Origin, Arc<Extremes>>>>);

impl Recorder {
    /// Where the kernel of the op at `origin` notes its sums.
    pub(crate) fn extremes(&self, origin: &Origin) -> Arc<Extremes> {
        let mut ops = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ops.entry(origin.clone()).or_default().clone()
    }

    /// The sums of the op at `origin` so far; none where it has no accumulator or did not run.
    pub fn sums(&self, origin: &Origin) -> Option<Sums> {
        let ops = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let summary = ops.get(origin)?.summary();
        let value = |units: i64| units as f64 / ONE as f64;
        (summary.count > 0).then(|| Sums {
            lowest: value(summary.lowest),
            highest: value(summary.highest),
            count: summary.count,
            depends_on_order: summary.depends,
            always: summary.always,
            overflowed_in_index_order: summary.overflowed,
            verdict: summary.verdict(),
        })
    }

    /// The largest value that a step within the op at `origin` had to hold and could not, as fp16 ends
    /// at 65504; none where every step was in range.
    pub fn step(&self, origin: &Origin) -> Option<f64> {
        let ops = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some(ops.get(origin)?.summary().step).filter(|step| *step > 0.0)
    }

    /// Forgets everything that was noted.
    pub fn clear(&self) {
        let ops = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for extremes in ops.values() {
            *extremes.0.lock().unwrap_or_else(PoisonError::into_inner) = Summary::default();
        }
    }
}
