//! The forecast: from a checked program to a report.

use std::collections::{BTreeMap, BTreeSet};

use anemone_ir::{Checked, Op, ValueId};

use crate::cost::{self, Cost, Scale};
use crate::evidence::{Class, Confidence, Evidence};
use crate::model::{ForecastError, Model, Shapes};
use crate::report::{Advice, OpReport, Range, Report, Segment, Transfer};
use crate::rules::{CanRun, Obstacle, Site, Support, inferred, support};
use crate::segment::{Choice, Place, shortest_path};
use crate::{Target, eight_bit, lints, stay, whole};

/// Says where each op would run on the target, why, and at what cost. It runs nothing.
pub fn forecast(
    checked: &Checked,
    target: &Target,
    shapes: &Shapes,
) -> Result<Report, ForecastError> {
    let model = Model::new(checked, shapes)?;
    let mut plan = Plan::new(&model, target);
    plan.place();
    let advice = plan.advice();
    let lints = lints::find(&model, target);
    Ok(plan.report(advice, lints))
}

/// Advice that moves less than this, in percent of the operations, is not given.
const LEAST_GAIN: f64 = 0.01;

/// Support and cost of each op, and its place.
struct Plan<'a> {
    model: &'a Model<'a>,
    target: &'a Target,
    supports: Vec<Support>,
    costs: Vec<Cost>,
    /// Indices of the ops that run.
    live: Vec<usize>,
    places: Vec<Place>,
    /// Why an op that the engine could run stays on the CPU.
    stays: Vec<Option<String>>,
    weight_bytes: u64,
}

impl<'a> Plan<'a> {
    fn new(model: &'a Model<'a>, target: &'a Target) -> Plan<'a> {
        let scale = Scale::new(target);
        let weight_bytes = cost::model_bytes(model, target);
        let (mut supports, mut costs, mut live) = (Vec::new(), Vec::new(), Vec::new());
        for (i, item) in model.items.iter().enumerate() {
            if !item.is_folded {
                live.push(i);
            }
            let site = Site { model, node: item.node, target };
            let cost = cost::cost(model, target, &scale, item.node, item.flops);
            supports.push(match item.is_folded {
                true => folded(),
                false => support(&site, item.is_nested),
            });
            costs.push(if item.is_folded || !item.node.blocks.is_empty() {
                Cost::default()
            } else {
                cost
            });
        }
        whole::check(model, target, weight_bytes, &mut supports);
        let (places, stays) = (Vec::new(), vec![None; supports.len()]);
        Plan { model, target, supports, costs, live, places, stays, weight_bytes }
    }

    fn place(&mut self) {
        let can_run = |support: &Support| support.can_run != CanRun::No;
        self.places = self.path(can_run);
        let places: Vec<Place> = self.live.iter().map(|i| self.places[*i]).collect();
        let reasons = stay::reasons(&self.choices(can_run), &places);
        for (i, reason) in self.live.iter().zip(reasons) {
            self.stays[*i] = reason;
        }
    }

    fn choices(&self, can_run: impl Fn(&Support) -> bool) -> Vec<Choice> {
        let choice = |i: &usize| Choice {
            ane_us: can_run(&self.supports[*i]).then(|| {
                // Where the chip's figures are unknown, the engine counts as no slower than the CPU.
                self.costs[*i].ane_us.unwrap_or(0.5 * self.costs[*i].cpu_us)
            }),
            cpu_us: self.costs[*i].cpu_us,
        };
        self.live.iter().map(choice).collect()
    }

    fn path(&self, can_run: impl Fn(&Support) -> bool) -> Vec<Place> {
        let choices = self.choices(can_run);
        let mut places = vec![Place::Folded; self.supports.len()];
        for (i, place) in self.live.iter().zip(shortest_path(&choices).0) {
            places[*i] = place;
        }
        places
    }

    fn share(&self, places: &[Place]) -> f64 {
        let sum = |on_ane: bool| -> f64 {
            let items = self.model.items.iter().zip(places);
            let counted = items.filter(|(_, place)| !on_ane || **place == Place::Ane);
            counted.fold(0.0, |sum, (item, _)| sum + item.flops as f64)
        };
        if sum(false) > 0.0 { 100.0 * sum(true) / sum(false) } else { 0.0 }
    }

    /// Tries each obstacle away, and each op's type of each obstacle.
    fn advice(&self) -> Option<Advice> {
        let mut groups: BTreeMap<(Obstacle, Option<Op>), Vec<usize>> = BTreeMap::new();
        for i in &self.live {
            let Some(obstacle) = self.supports[*i].obstacle else { continue };
            if self.supports[*i].can_run == CanRun::No {
                let by_op = (obstacle == Obstacle::Op).then(|| self.model.items[*i].node.op);
                groups.entry((obstacle, by_op)).or_default().push(*i);
            }
        }
        let now = self.share(&self.places);
        let mut best: Option<Advice> = None;
        for ((obstacle, op), members) in groups {
            let is_member = |support: &Support| support.obstacle == Some(obstacle);
            let named: BTreeSet<*const Support> =
                members.iter().map(|i| std::ptr::from_ref(&self.supports[*i])).collect();
            let places = self.path(|support| {
                support.can_run != CanRun::No
                    || (is_member(support) && named.contains(&std::ptr::from_ref(support)))
            });
            let share = self.share(&places);
            if share > now.max(best.as_ref().map_or(0.0, |b| b.ane_share_flops)) + LEAST_GAIN {
                best = Some(Advice {
                    change: whole::change(obstacle, op),
                    obstacle: Some(obstacle),
                    paths: members.iter().take(50).map(|i| self.origin(*i)).collect(),
                    ane_share_flops: share,
                    gain_flops: share - now,
                });
            }
        }
        best
    }

    fn origin(&self, i: usize) -> String {
        self.model.items[i].node.origin.to_string()
    }

    fn report(self, advice: Option<Advice>, lints: Vec<lints::Lint>) -> Report {
        let segments = self.segments();
        let on_ane = self.live.iter().filter(|i| self.places[**i] == Place::Ane).count();
        let latency = self.latency(&segments);
        Report {
            kind: "forecast",
            target: self.target.clone(),
            compiler_target: self.target.family().name.clone(),
            function: self.model.function.name().to_owned(),
            ops: (0..self.supports.len()).map(|i| self.op(i)).collect(),
            transfers: self.transfers(),
            ane_share_flops: self.share(&self.places),
            ane_share_ops: 100.0 * on_ane as f64 / self.live.len().max(1) as f64,
            flops: self.model.items.iter().map(|item| item.flops).fold(0, u64::saturating_add),
            weight_bytes: self.weight_bytes,
            latency_ms: latency.map(|(all, _)| all),
            energy_mj: latency.and_then(|(_, ane)| self.energy(ane)),
            segments,
            advice,
            lints,
            assumed: self.model.assumed.clone(),
            notes: whole::notes(self.target, self.model),
        }
    }

    fn op(&self, i: usize) -> OpReport {
        let (item, support, cost) = (&self.model.items[i], &self.supports[i], &self.costs[i]);
        let place = self.places[i];
        let runs = support.can_run != CanRun::No;
        let (reason, evidence, confidence) = match &self.stays[i] {
            Some(reason) => {
                let (class, sure) = match self.target.is_verified() {
                    true => (Class::Measured, Confidence::Medium),
                    false => (Class::Inferred, Confidence::Low),
                };
                let taken = match cost.ane_us {
                    Some(_) => "",
                    None => {
                        "; it is taken as twice as fast as the CPU, since this chip's figures are not known"
                    }
                };
                let source = Evidence::new(class, crate::data::sources(&["m4cml"]));
                (format!("{reason}{taken}"), source, sure)
            }
            None => (support.reason.clone(), support.evidence.clone(), support.confidence),
        };
        OpReport {
            path: self.origin(i),
            op: item.node.op.name(),
            place,
            reason,
            evidence,
            confidence,
            cost_us: match place {
                Place::Ane => cost.ane_us.unwrap_or(0.0),
                Place::Cpu => cost.cpu_us,
                Place::Folded => 0.0,
            },
            ane_us: cost.ane_us.filter(|_| runs),
            cpu_us: cost.cpu_us,
            gpu_us: None,
            can_run: support.can_run,
            obstacle: support.obstacle,
            flops: item.flops,
        }
    }

    fn segments(&self) -> Vec<Segment> {
        let mut segments: Vec<Segment> = Vec::new();
        for i in &self.live {
            let (place, cost) = (self.places[*i], &self.costs[*i]);
            let cost_us =
                if place == Place::Ane { cost.ane_us.unwrap_or(0.0) } else { cost.cpu_us };
            let flops = self.model.items[*i].flops;
            match segments.last_mut() {
                Some(last) if last.place == place => {
                    last.last = *i;
                    last.ops += 1;
                    last.flops = last.flops.saturating_add(flops);
                    last.cost_us += cost_us;
                }
                _ => segments.push(Segment { place, first: *i, last: *i, ops: 1, flops, cost_us }),
            }
        }
        segments
    }

    fn transfers(&self) -> Vec<Transfer> {
        let mut seen: BTreeSet<(ValueId, bool)> = BTreeSet::new();
        let mut transfers = Vec::new();
        for i in &self.live {
            for id in Model::inputs(self.model.items[*i].node) {
                let Some(producer) = self.model.producer(id) else { continue };
                let (from, to) = (self.places[producer], self.places[*i]);
                let moves = from != to && from != Place::Folded;
                if moves && seen.insert((id, to == Place::Ane)) {
                    let value = self.model.function.value(id).name.clone();
                    transfers.push(Transfer { value, from, to, bytes: self.model.bytes(id) });
                }
            }
        }
        transfers
    }

    /// The time of all, and of the engine alone, in milliseconds.
    fn latency(&self, segments: &[Segment]) -> Option<(Range, Range)> {
        let (mut all, mut ane) = ([0.0; 3], [0.0; 3]);
        let eight_bit = eight_bit::products(self.model, self.target);
        let share = eight_bit::share(eight_bit.len());
        for i in &self.live {
            let cost = &self.costs[*i];
            let times = match self.places[*i] {
                Place::Ane => {
                    let ((low, high), us) = (cost.ane_bounds_us?, cost.ane_us?);
                    let share = if eight_bit.binary_search(i).is_ok() { share } else { 1.0 };
                    let us = share * us;
                    [(share * low).min(us), us, high.max(us)]
                }
                // Nobody has compared the expected times of the CPU with real ones.
                Place::Cpu => [cost.cpu_us / 3.0, cost.cpu_us, cost.cpu_us * 3.0],
                Place::Folded => [0.0; 3],
            };
            for k in 0..3 {
                all[k] += times[k];
                ane[k] += if self.places[*i] == Place::Ane { times[k] } else { 0.0 };
            }
        }
        // From the fastest direct call (M5 Pro) to M6's 30 µs before and 325 µs after.
        let called = self.target.row().dispatch_us;
        let calls = segments.iter().filter(|s| s.place == Place::Ane).count() as f64;
        let call = [called.unwrap_or(70.0).min(70.0), called.unwrap_or(125.0), 355.0];
        for k in 0..3 {
            all[k] += calls * call[k];
        }
        let range = |us: [f64; 3]| Range {
            low: us[0] / 1000.0,
            estimate: us[1] / 1000.0,
            high: us[2] / 1000.0,
        };
        Some((range(all), range(ane)))
    }

    fn energy(&self, ane: Range) -> Option<Range> {
        let [low, high] = self.target.row().power_w?;
        let energy = Range {
            low: low * ane.low,
            estimate: (low * high).sqrt() * ane.estimate,
            high: high * ane.high,
        };
        (ane.estimate > 0.0).then_some(energy)
    }
}

fn folded() -> Support {
    Support {
        can_run: CanRun::Yes,
        obstacle: None,
        reason: "its value is known before the model runs".to_owned(),
        evidence: inferred("the program itself"),
        confidence: Confidence::High,
        whole_model: false,
    }
}
