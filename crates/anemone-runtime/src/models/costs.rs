//! What runs of a version cost, measured: for the choice of engine and of rows.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::request::Key;
use crate::sync::{Mutex, lock};

/// Runs after which a cost counts as measured: the first one also warms things up.
const MEASURED: u64 = 2;
/// The weight of the newest run.
const NEWEST: f64 = 0.2;
/// Costs that are kept; more shapes than this begin anew.
const KEPT: usize = 4096;

#[derive(Default)]
pub(crate) struct Costs {
    known: Mutex<HashMap<(usize, Key, usize), Known>>,
    /// By engine and shape, what an earlier process measured.
    remembered: Mutex<HashMap<(usize, String), Cost>>,
    last: Mutex<HashMap<Key, Duration>>,
}

/// A cost, and how many of its runs were told to be kept.
#[derive(Default)]
struct Known {
    cost: Cost,
    told: u64,
}

/// Seconds of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cost {
    pub(crate) runs: u64,
    pub(crate) seconds: f64,
}

impl Costs {
    /// A run of `rows` rows on an engine took this long.
    pub(crate) fn note(&self, engine: usize, key: &Key, rows: usize, took: Duration) {
        let mut known = lock(&self.known);
        if known.len() >= KEPT {
            known.clear();
        }
        let Known { cost, .. } = known.entry((engine, key.clone(), rows)).or_default();
        cost.runs += 1;
        let seconds = took.as_secs_f64();
        // The first run pays for layouts and cold memory.
        cost.seconds = match cost.runs {
            1 | 2 => seconds,
            _ => cost.seconds + NEWEST * (seconds - cost.seconds),
        };
        drop(known);
        let mut last = lock(&self.last);
        if last.len() >= KEPT {
            last.clear();
        }
        last.insert(key.clone(), took);
    }

    /// Takes in what was measured by an earlier process.
    pub(crate) fn remember(&self, engine: usize, shape: String, cost: Cost) {
        lock(&self.remembered).insert((engine, shape), cost);
    }

    /// What was measured since the last time that this was asked, by engine and shape.
    pub(crate) fn fresh(&self) -> BTreeMap<usize, Vec<(String, Cost)>> {
        let mut fresh: BTreeMap<usize, Vec<(String, Cost)>> = BTreeMap::new();
        for ((engine, key, rows), Known { cost, told }) in lock(&self.known).iter_mut() {
            if cost.runs >= MEASURED && cost.runs > *told {
                let new = Cost { runs: cost.runs - *told, seconds: cost.seconds };
                fresh.entry(*engine).or_default().push((key.with_rows(*rows), new));
                *told = cost.runs;
            }
        }
        fresh
    }

    /// How long the last run of this key took.
    pub(crate) fn last(&self, key: &Key) -> Option<Duration> {
        lock(&self.last).get(key).copied()
    }

    /// What a run of `rows` rows is likely to cost, in seconds: as measured, or in proportion to the
    /// nearest number of rows that was; where nothing was measured, the rows themselves.
    pub(crate) fn expected(&self, key: &Key, rows: usize) -> f64 {
        let known = lock(&self.known);
        let costs = known.iter().map(|(of, known)| (of, known.cost));
        let own = costs.filter(|((_, own, _), cost)| own == key && cost.runs >= MEASURED);
        let near = own.min_by_key(|((_, _, measured), _)| measured.abs_diff(rows));
        near.map_or(rows as f64, |((_, _, measured), cost)| {
            cost.seconds * rows as f64 / (*measured).max(1) as f64
        })
    }

    /// The engine that a run goes to: of `engines` the first that was not measured at this shape, or
    /// the cheapest.
    pub(crate) fn choose(&self, engines: &[usize], key: &Key, rows: usize) -> Option<usize> {
        if let [only] = engines {
            return Some(*only);
        }
        let cost = |engine: &usize| self.cost(*engine, key, rows);
        let is_unknown = |engine: &&usize| cost(engine).is_none_or(|cost| cost.runs < MEASURED);
        if let Some(unknown) = engines.iter().find(is_unknown) {
            return Some(*unknown);
        }
        let seconds = |engine: &usize| cost(engine).map_or(f64::INFINITY, |cost| cost.seconds);
        engines.iter().copied().min_by(|a, b| seconds(a).total_cmp(&seconds(b)))
    }

    /// What was measured now, or by an earlier process.
    fn cost(&self, engine: usize, key: &Key, rows: usize) -> Option<Cost> {
        let known = lock(&self.known).get(&(engine, key.clone(), rows)).map(|known| known.cost);
        let measured = known.filter(|cost| cost.runs >= MEASURED);
        let before = || lock(&self.remembered).get(&(engine, key.with_rows(rows))).copied();
        measured.or_else(before).or(known)
    }
}
