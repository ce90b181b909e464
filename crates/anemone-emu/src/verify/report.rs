//! The report in the making: what each run adds, and what follows in the end.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use anemone_engine::Value;
use anemone_ir::{CheckedFunction, Const, Type, ValueId};

use super::compare::{Difference, Histogram, compare};
use super::exact;
use super::findings::{
    Birth, Bound, Cause, Divergence, Findings, Margin, OpFindings, Overflow, OverflowKind, Place,
};
use super::forced::Ledger;
use super::observe::Seen;
use super::outline::{Entry, Outline};
use crate::accumulator::Verdict;
use crate::calibrate::InputSet;
use crate::emulator::NAME;
use crate::interval::{Forecast, Range, Ranges, of_tensor};
use crate::kernels::{How, how};
use crate::record::{Recorder, Sums};
use crate::rounding::MAX;

const ORDER: &str = "the order of the index, from the bias on: input channel, then window element";

const EVIDENCE: &str = "emulated, not run on Apple hardware: accumulator and rounding as measured \
on M4 and M6 (751K, notes/numerics.md), tables on M6; the engine's own order of summation is not \
published, so `never` and `always` hold for every order";

/// A partial sum of this size overflows.
const SUM_LIMIT: f64 = 32768.0;

/// A run.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) set: &'a str,
    pub(super) step: usize,
}

/// What is not a finite number in a value.
#[derive(Clone, Copy, Default)]
struct Odd {
    infinite: bool,
    nan: bool,
}

/// What one op did in all runs so far.
#[derive(Default)]
struct Tally {
    ran: bool,
    absolute: f64,
    relative: f64,
    error: f64,
    cosine: Option<f64>,
    worst: Option<Place>,
    histogram: Histogram,
    largest: f64,
    sums: Option<Sums>,
    /// The largest value of a step within the op that is out of range.
    step: f64,
    overflow: Option<Overflow>,
    nan: Option<Place>,
    /// The first infinite element in each set.
    infinite: HashMap<String, Place>,
}

pub(super) struct Report<'a> {
    function: &'a CheckedFunction,
    outline: Arc<Outline>,
    tallies: Vec<Tally>,
    unheld: Vec<Overflow>,
    /// Constants that fp16 does not hold.
    constants: Vec<ValueId>,
    /// Inputs that were reported already.
    told: HashSet<ValueId>,
}

impl<'a> Report<'a> {
    pub(super) fn new(function: &'a CheckedFunction, outline: Arc<Outline>) -> Report<'a> {
        let tallies = outline.ops.iter().map(|_| Tally::default()).collect();
        let (constants, unheld) = constants(function, &outline).into_iter().unzip();
        Report { function, outline, tallies, unheld, constants, told: HashSet::new() }
    }

    /// Adds what was seen in one run of both engines.
    pub(super) fn add(&mut self, inputs: &[Value], exact: &Seen, found: &Seen, at: At<'_>) {
        let mut odd = self.inputs(inputs, at);
        let mut turns: HashMap<_, usize> = HashMap::new();
        for key in &found.order {
            let turn = turns.entry(*key).or_insert(0);
            let values = found.values.get(key).and_then(|turns| turns.get(*turn));
            let expected = exact.values.get(key).and_then(|turns| turns.get(*turn));
            *turn += 1;
            let Some(values) = values else { continue };
            let expected = expected.filter(|expected| expected.len() == values.len());
            self.value(*key, values, expected, &mut odd, at);
        }
    }

    fn value(
        &mut self,
        (op, output): (usize, usize),
        values: &[f32],
        exact: Option<&Vec<f32>>,
        odd: &mut HashMap<ValueId, Odd>,
        at: At<'_>,
    ) {
        let outline = self.outline.clone();
        let entry = &outline.ops[op];
        let place = |element| Place { set: at.set.to_owned(), step: at.step, output, element };
        let read =
            entry.inputs.iter().filter_map(|id| odd.get(id)).fold(Odd::default(), |all, odd| Odd {
                infinite: all.infinite || odd.infinite,
                nan: all.nan || odd.nan,
            });
        let infinite = values.iter().position(|value| value.is_infinite());
        let nan = values.iter().position(|value| value.is_nan());
        if let Some(id) = entry.outputs.get(output) {
            odd.insert(*id, Odd { infinite: infinite.is_some(), nan: nan.is_some() });
        }
        let tally = &mut self.tallies[op];
        tally.ran = true;
        if let Some(exact) = exact {
            tally.compare(compare(values, exact), &place);
        }
        if let Some(element) = infinite {
            tally.infinite.entry(at.set.to_owned()).or_insert_with(|| place(element));
        }
        if how(entry.op) == How::Moved {
            return;
        }
        if let (Some(element), false) = (nan, read.nan) {
            tally.nan.get_or_insert_with(|| place(element));
        }
        if let (Some(element), None, false) = (infinite, &tally.overflow, read.infinite || read.nan)
        {
            let value = exact.and_then(|exact| exact.get(element)).copied();
            tally.overflow = Some(Overflow {
                kind: OverflowKind::Stored,
                path: entry.origin.to_string(),
                verdict: Verdict::Always,
                set: Some(at.set.to_owned()),
                place: Some(place(element)),
                value: value.unwrap_or(f32::NAN).into(),
            });
        }
    }

    /// Adds what accumulators went through in the runs of one set.
    pub(super) fn add_sums(&mut self, recorder: &Recorder, set: &str) {
        for (entry, tally) in self.outline.ops.iter().zip(&mut self.tallies) {
            if let Some(value) = recorder.step(&entry.origin) {
                tally.step = tally.step.max(value);
                tally.overflow.get_or_insert_with(|| Overflow {
                    kind: OverflowKind::Step,
                    path: entry.origin.to_string(),
                    verdict: Verdict::Always,
                    set: Some(set.to_owned()),
                    place: None,
                    value,
                });
            }
            let Some(sums) = recorder.sums(&entry.origin) else { continue };
            if sums.verdict != Verdict::Never {
                let first = tally.overflow.as_ref();
                let stored = first.is_some_and(|o| o.kind == OverflowKind::Stored);
                let earlier = stored && first.and_then(|o| o.set.as_deref()) != Some(set);
                let milder = first.is_none_or(|o| stored || o.verdict < sums.verdict);
                if milder && !earlier {
                    let outermost =
                        if sums.highest > -sums.lowest { sums.highest } else { sums.lowest };
                    tally.overflow = Some(Overflow {
                        kind: OverflowKind::Accumulator,
                        path: entry.origin.to_string(),
                        verdict: sums.verdict,
                        set: Some(set.to_owned()),
                        place: tally.infinite.get(set).cloned(),
                        value: outermost,
                    });
                }
            }
            tally.sums = Some(tally.sums.map_or(sums, |all| merged(all, sums)));
        }
    }

    /// Which inputs are not finite; those that fp16 does not hold are reported.
    fn inputs(&mut self, inputs: &[Value], at: At<'_>) -> HashMap<ValueId, Odd> {
        let mut odd = HashMap::new();
        let is_input = |id: &&ValueId| !matches!(self.function.value(**id).ty(), Type::State(_));
        for (id, value) in self.function.inputs().iter().filter(is_input).zip(inputs) {
            let Value::Tensor(array) = value else { continue };
            if !array.dtype().is_float() {
                continue;
            }
            let values = array.to_tensor().to_f32();
            let beyond = values.iter().position(|value| value.abs() > MAX);
            let nan = values.iter().any(|value| value.is_nan());
            odd.insert(*id, Odd { infinite: beyond.is_some(), nan });
            if let Some(element) = beyond
                && self.told.insert(*id)
            {
                let (set, step) = (at.set.to_owned(), at.step);
                self.unheld.push(Overflow {
                    kind: OverflowKind::Input,
                    path: self.function.value(*id).name.clone(),
                    verdict: Verdict::Always,
                    set: Some(set.clone()),
                    place: Some(Place { set, step, output: 0, element }),
                    value: values[element].into(),
                });
            }
        }
        odd.extend(self.constants.iter().map(|id| (*id, Odd { infinite: true, nan: false })));
        odd
    }

    /// The report.
    pub(super) fn finish(self, ledger: &Ledger, sets: &[InputSet], tolerance: f64) -> Findings {
        let ran = self.outline.ops.iter().zip(self.tallies).enumerate();
        let ran = ran.filter(|(_, (_, tally))| tally.ran);
        let ops: Vec<OpFindings> =
            ran.map(|(i, (entry, tally))| tally.finish(entry, ledger.error(i))).collect();
        let overflows = |op: &&OpFindings| op.verdict != Verdict::Never;
        let path = |op: &OpFindings| op.path.clone();
        let diverges = ops.iter().find(|op| op.error > tolerance);
        let near = ops.iter().filter(|op| op.basis != basis(How::Moved));
        let nearest = near.max_by(|a, b| a.reach.total_cmp(&b.reach)).map(|op| Margin {
            path: op.path.clone(),
            reach_percent: 100.0 * op.reach,
            limit: if op.sums.is_some() { SUM_LIMIT } else { MAX.into() },
        });
        Findings {
            function: self.function.name().to_owned(),
            engine: NAME,
            against: exact::NAME,
            order_of_summation: ORDER,
            evidence: EVIDENCE,
            sets: sets.iter().map(|set| set.name.clone()).collect(),
            tolerance,
            first_overflow: ops.iter().find(overflows).map(path),
            first_nan: ops.iter().find(|op| op.nan.is_some()).map(path),
            first_divergence: diverges.map(divergence),
            nearest,
            unheld: self.unheld,
            assumed: BTreeMap::new(),
            without_rule: Vec::new(),
            ops,
        }
    }
}

impl Tally {
    fn compare(&mut self, difference: Difference, place: &impl Fn(usize) -> Place) {
        self.relative = self.relative.max(difference.relative);
        self.absolute = self.absolute.max(difference.absolute);
        self.largest = self.largest.max(difference.largest);
        let cosine = self.cosine.unwrap_or(1.0).min(difference.cosine);
        self.cosine = Some(cosine);
        self.histogram.merge(&difference.histogram);
        if difference.error > self.error {
            self.error = difference.error;
            self.worst = Some(place(difference.element));
        }
    }

    fn finish(self, entry: &Entry, own_error: Option<f64>) -> OpFindings {
        let stored = self.largest.max(self.step) / f64::from(MAX);
        OpFindings {
            path: entry.origin.to_string(),
            op: entry.op.name(),
            basis: basis(how(entry.op)),
            verdict: self.overflow.as_ref().map_or(Verdict::Never, |o| o.verdict),
            reach: self.sums.map_or(stored, |sums| sums.reach()),
            overflow: self.overflow,
            nan: self.nan,
            sums: self.sums,
            max_absolute_error: self.absolute,
            max_relative_error: self.relative,
            error: self.error,
            own_error,
            cosine: self.cosine.unwrap_or(1.0),
            worst: self.worst,
            histogram: self.histogram,
            bound: None,
        }
    }
}

impl Findings {
    /// Adds what interval propagation says.
    pub(super) fn bound(
        &mut self,
        function: &CheckedFunction,
        inputs: &BTreeMap<String, Range>,
        ranges: &Ranges,
    ) {
        let outline = Outline::new(function);
        let entries: HashMap<String, &Entry> =
            outline.ops.iter().map(|entry| (entry.origin.to_string(), entry)).collect();
        for op in &mut self.ops {
            let Some(entry) = entries.get(&op.path) else { continue };
            op.bound = Some(bound(entry, ranges));
        }
        self.assumed = inputs.clone();
        let told = |op: &crate::interval::WithoutRule| {
            format!("{} ({}): {}", op.origin, op.op.name(), op.why)
        };
        self.without_rule = ranges.without_rule().iter().map(told).collect();
    }
}

fn bound(entry: &Entry, ranges: &Ranges) -> Bound {
    if let Some(sums) = ranges.sums_of(&entry.origin) {
        let (lowest, highest, forecast) = (sums.lowest, sums.highest, sums.forecast);
        return Bound { lowest, highest, forecast };
    }
    let range = entry.outputs.iter().map(|id| ranges.value(*id)).reduce(Range::join);
    let range = range.unwrap_or(Range::ANY);
    let any = range.lowest == f64::NEG_INFINITY && range.highest == f64::INFINITY;
    let forecast = match (range.is_finite(), any) {
        (true, _) => Forecast::Never,
        (false, true) => Forecast::Unknown,
        (false, false) => Forecast::Possible,
    };
    Bound { lowest: range.lowest, highest: range.highest, forecast }
}

/// Constants that ops read and fp16 does not hold, each with the first op that reads it.
fn constants(function: &CheckedFunction, outline: &Outline) -> Vec<(ValueId, Overflow)> {
    let mut seen = HashSet::new();
    let mut unheld = Vec::new();
    for entry in &outline.ops {
        for id in &entry.inputs {
            let Some(Const::Tensor(tensor)) = &function.value(*id).known.value else { continue };
            if !tensor.dtype().is_float() || !seen.insert(*id) {
                continue;
            }
            let range = of_tensor(tensor);
            if range.lowest >= -f64::from(MAX) && range.highest <= MAX.into() {
                continue;
            }
            let name = &function.value(*id).name;
            let path = if name.is_empty() { entry.origin.to_string() } else { name.clone() };
            let (lowest, highest) = (range.lowest, range.highest);
            let value = if highest > -lowest { highest } else { lowest };
            let (kind, verdict) = (OverflowKind::Constant, Verdict::Always);
            unheld.push((*id, Overflow { kind, path, verdict, set: None, place: None, value }));
        }
    }
    unheld
}

fn divergence(op: &OpFindings) -> Divergence {
    let birth = match op.own_error {
        Some(own) if own >= op.error / 2.0 => Birth::BornHere,
        Some(_) => Birth::PassedOn,
        None if op.basis == basis(How::Moved) => Birth::PassedOn,
        None => Birth::Unknown,
    };
    let overflow = !op.is_clean() || op.error.is_infinite();
    let cause = if overflow { Cause::Overflow } else { Cause::Precision };
    Divergence { path: op.path.clone(), birth, cause, error: op.error }
}

fn merged(a: Sums, b: Sums) -> Sums {
    Sums {
        lowest: a.lowest.min(b.lowest),
        highest: a.highest.max(b.highest),
        count: a.count + b.count,
        depends_on_order: a.depends_on_order + b.depends_on_order,
        always: a.always + b.always,
        overflowed_in_index_order: a.overflowed_in_index_order + b.overflowed_in_index_order,
        verdict: a.verdict.max(b.verdict),
    }
}

/// What the emulator's arithmetic of an op stands on.
fn basis(how: How) -> &'static str {
    match how {
        How::Accumulator => "accumulator, measured on M4 and M6",
        How::Table => "table measured on M6, steps inferred",
        How::Steps => "steps rounded to fp16, inferred",
        How::Rounded => "exact and rounded once, measured for sums of two",
        How::Moved => "elements are moved or chosen",
        How::Unknown => "not known; computed as on the CPU and rounded once",
    }
}
