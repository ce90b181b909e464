//! Places and times: the forecast beside Core ML's plan and its measured predictions.

use std::collections::HashMap;

use anemone_ane::{Evidence, Place, Report};
use anemone_ir::Package;
use serde::Serialize;

use super::{CompareError, LatencyScore, Measured, PlannedOp, UNITS};
use crate::Forecast;

/// How often a forecast place is the one that Core ML prefers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Agreement {
    /// Ops forecast and preferred on the engine.
    pub both_ane: usize,
    /// Ops forecast and preferred off the engine.
    pub both_elsewhere: usize,
    /// Ops forecast on the engine and preferred elsewhere.
    pub only_forecast: usize,
    /// Ops preferred on the engine and forecast elsewhere.
    pub only_preferred: usize,
    /// Ops of Core ML's plan that have no counterpart here: its compiler merges and renames ops.
    pub unmatched: usize,
}

/// An op that was forecast elsewhere than Core ML prefers, with what the forecast rested on.
#[derive(Clone, Debug, Serialize)]
pub struct Miss {
    /// The op's place in the source.
    pub path: String,
    /// Its type.
    pub op: &'static str,
    /// Where it was forecast.
    pub forecast: Place,
    /// What Core ML prefers.
    pub preferred: String,
    /// Why it was forecast there.
    pub reason: String,
    /// What that rests on.
    pub evidence: Evidence,
}

/// Places and times of one model.
pub(super) struct Placed {
    pub(super) places: Agreement,
    pub(super) misses: Vec<Miss>,
    pub(super) latency: Option<LatencyScore>,
}

impl Agreement {
    /// How many ops were compared.
    pub fn compared(&self) -> usize {
        self.both_ane + self.both_elsewhere + self.only_forecast + self.only_preferred
    }

    /// Percent of the compared ops that were forecast rightly; none where nothing was compared.
    pub fn percent(&self) -> Option<f64> {
        let right = self.both_ane + self.both_elsewhere;
        (self.compared() > 0).then(|| 100.0 * right as f64 / self.compared() as f64)
    }

    /// Counts both together.
    pub fn add(&mut self, other: &Agreement) {
        self.both_ane += other.both_ane;
        self.both_elsewhere += other.both_elsewhere;
        self.only_forecast += other.only_forecast;
        self.only_preferred += other.only_preferred;
        self.unmatched += other.unmatched;
    }
}

pub(super) fn score(
    measured: &Measured,
    package: &Package,
    target: &anemone_ane::Target,
) -> Result<Placed, CompareError> {
    let shapes = measured.inputs.iter().map(|(n, t)| (n.clone(), t.shape.clone())).collect();
    let forecast = Forecast::new(package, None, &shapes);
    let forecast = forecast.and_then(|forecast| Ok((forecast.on(target)?, forecast.graph())));
    let (report, graph) = forecast.map_err(|error| CompareError::Run {
        model: measured.name.clone(),
        error: Box::new(error),
    })?;
    let mut by_output = HashMap::new();
    for (index, outputs) in graph.outputs.iter().enumerate() {
        by_output.extend(outputs.first().map(|name| (name.as_str(), index)));
    }
    let mut placed = Placed { places: Agreement::default(), misses: Vec::new(), latency: None };
    for planned in measured.plans.get(UNITS).into_iter().flatten() {
        placed.add(planned, &mut by_output, &report);
    }
    placed.latency = latency(measured, &report);
    Ok(placed)
}

impl Placed {
    fn add(&mut self, planned: &PlannedOp, by_output: &mut HashMap<&str, usize>, report: &Report) {
        // Constants have no place.
        let Some(preferred) = &planned.preferred else { return };
        let index = planned.outputs.first().and_then(|name| by_output.get(name.as_str()));
        let ours = index.and_then(|index| report.ops.get(*index));
        // The same name for another op, or in another function, is another op.
        let kind = planned.op.rsplit('.').next().unwrap_or_default();
        let function = format!("{}/", planned.function);
        let ours = ours.filter(|ours| ours.op == kind && ours.path.starts_with(&function));
        let (Some(ours), [output, ..]) =
            (ours.filter(|ours| ours.place != Place::Folded), planned.outputs.as_slice())
        else {
            self.places.unmatched += 1;
            return;
        };
        // Each op counts once.
        by_output.remove(output.as_str());
        let is_preferred = preferred == "neural_engine";
        let count = match (ours.place == Place::Ane, is_preferred) {
            (true, true) => &mut self.places.both_ane,
            (false, false) => &mut self.places.both_elsewhere,
            (true, false) => &mut self.places.only_forecast,
            (false, true) => &mut self.places.only_preferred,
        };
        *count += 1;
        if (ours.place == Place::Ane) != is_preferred {
            self.misses.push(Miss {
                path: ours.path.clone(),
                op: ours.op,
                forecast: ours.place,
                preferred: preferred.clone(),
                reason: ours.reason.clone(),
                evidence: ours.evidence.clone(),
            });
        }
    }
}

fn latency(measured: &Measured, report: &Report) -> Option<LatencyScore> {
    let mut times = measured.timings_ms.get(UNITS)?.clone();
    times.sort_by(f64::total_cmp);
    let measured_ms = *times.get(times.len() / 2)?;
    let forecast_ms = report.latency_ms?;
    Some(LatencyScore {
        measured_ms,
        forecast_ms,
        is_within: (forecast_ms.low..=forecast_ms.high).contains(&measured_ms),
        ratio: measured_ms / forecast_ms.estimate,
    })
}
