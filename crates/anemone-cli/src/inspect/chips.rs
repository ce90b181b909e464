//! A model on every chip: a row for each, and what keeps ops off the engine on some chips alone.

use std::collections::BTreeMap;

use anemone::ane::{Os, Range, Report};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::findings::{groups, key};
use super::told::{FAINT, TITLE, figure, share_of, styled, width};
use crate::table::{columns, harmless_name, wrapped};

/// What differs that is told before the rest is only counted.
const TOLD: usize = 16;

/// The forecast for one chip, in short.
#[derive(Clone, Debug, Serialize)]
struct Summary {
    chip: String,
    os: Os,
    compiler_target: String,
    ane_share_flops: f64,
    ane_share_ops: f64,
    latency_ms: Option<Range>,
    energy_mj: Option<Range>,
    segments: usize,
    transfers: usize,
    lints: usize,
    /// What keeps ops off the engine.
    reasons: Vec<Reason>,
}

#[derive(Clone, Debug, Serialize)]
struct Reason {
    obstacle: Option<String>,
    reason: String,
    ops: usize,
    share_flops: f64,
}

/// A summary for each chip; in JSON an object with the chips' names as keys.
#[derive(Clone, Debug)]
pub(super) struct Matrix(Vec<Summary>);

impl Matrix {
    /// The summaries of reports.
    pub(super) fn new(reports: &[Report]) -> Matrix {
        Matrix(reports.iter().map(summary).collect())
    }
}

impl Serialize for Matrix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for summary in &self.0 {
            map.serialize_entry(&summary.chip, summary)?;
        }
        map.end()
    }
}

fn summary(report: &Report) -> Summary {
    let reason = |group: super::findings::Group| Reason {
        obstacle: group.obstacle,
        reason: group.reason,
        ops: group.ops.len(),
        share_flops: group.share_flops,
    };
    Summary {
        chip: report.target.chip.clone(),
        os: report.target.os,
        compiler_target: report.compiler_target.clone(),
        ane_share_flops: report.ane_share_flops,
        ane_share_ops: report.ane_share_ops,
        latency_ms: report.latency_ms,
        energy_mj: report.energy_mj,
        segments: report.segments.len(),
        transfers: report.transfers.len(),
        lints: report.lints.len(),
        reasons: groups(report).into_iter().map(reason).collect(),
    }
}

/// The matrix for people.
pub(super) fn told(model: &str, reports: &[Report]) -> String {
    let summaries: Vec<Summary> = reports.iter().map(summary).collect();
    let function = reports.first().map(|report| report.function.as_str()).unwrap_or_default();
    let mut text = format!(
        "{}, function {}, on every chip: a forecast; nothing was run on Apple hardware\n\n",
        styled(TITLE, model),
        harmless_name(function)
    );
    let head = [
        "chip",
        "target",
        "system",
        "FLOPs",
        "ops",
        "latency ms",
        "energy mJ",
        "segments",
        "lints",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let range = |range: &Option<Range>| match range {
        Some(r) => format!("{} ({} to {})", figure(r.estimate), figure(r.low), figure(r.high)),
        None => "unknown".to_owned(),
    };
    for chip in &summaries {
        rows.push(vec![
            chip.chip.clone(),
            chip.compiler_target.clone(),
            chip.os.to_string(),
            share_of(chip.ane_share_flops),
            share_of(chip.ane_share_ops),
            range(&chip.latency_ms),
            range(&chip.energy_mj),
            chip.segments.to_string(),
            chip.lints.to_string(),
        ]);
    }
    text += &columns(&rows);
    let shares = "  FLOPs and ops: the shares on the Neural Engine, of all and of those that run";
    text += &format!("{}\n", styled(FAINT, shares));
    text + &differences(&summaries)
}

/// What keeps another number of ops away on some chips than on others.
fn differences(summaries: &[Summary]) -> String {
    let mut by_key: BTreeMap<String, (&Reason, Vec<usize>)> = BTreeMap::new();
    for (at, summary) in summaries.iter().enumerate() {
        for reason in &summary.reasons {
            let key = key(reason.obstacle.as_deref(), &reason.reason);
            let entry = by_key.entry(key).or_insert((reason, vec![0; summaries.len()]));
            entry.1[at] += reason.ops;
        }
    }
    let all: Vec<_> = by_key.into_values().collect();
    let (same, mut differ): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(_, counts)| counts.windows(2).all(|pair| pair[0] == pair[1]));
    differ.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.iter().sum::<usize>()));
    let width = width();
    let mut text =
        format!("\n{}\n", styled(TITLE, "what keeps ops off the engine on some chips alone"));
    if differ.is_empty() {
        text += "  nothing: the same ops stay away on all\n";
    }
    for (reason, counts) in differ.iter().take(TOLD) {
        let mut chips: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for (summary, count) in summaries.iter().zip(counts).filter(|(_, count)| **count > 0) {
            chips.entry(*count).or_default().push(&summary.chip);
        }
        let on: Vec<String> = chips
            .iter()
            .rev()
            .map(|(count, names)| format!("{count} ops on {}", names.join(", ")))
            .collect();
        let what = reason.obstacle.as_deref().unwrap_or("cost");
        let told = format!("{} [{what}]", harmless_name(&reason.reason));
        text += &wrapped(&told, 2, width);
        text += &wrapped(&on.join("; "), 6, width);
    }
    if differ.len() > TOLD {
        text += &format!("  and {} more reasons\n", differ.len() - TOLD);
    }
    if !same.is_empty() {
        text += &format!("\n{}\n", styled(TITLE, "on every chip"));
    }
    for (reason, counts) in &same {
        let count = counts.first().copied().unwrap_or(0);
        let what = reason.obstacle.as_deref().unwrap_or("cost");
        text +=
            &wrapped(&format!("{count} ops: {} [{what}]", harmless_name(&reason.reason)), 2, width);
    }
    text
}
