//! What people want to see of a forecast first: what keeps ops away, what crosses, which lints there are.

use std::collections::BTreeMap;

use anemone::Graph;
use anemone::ane::lints::Lint;
use anemone::ane::rules::CanRun;
use anemone::ane::{Class, Confidence, Evidence, OpReport, Place, Report};
use serde::Serialize;

/// Ops that the same thing keeps off the engine.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Group {
    /// The obstacle; none where only the cost keeps them away.
    pub(super) obstacle: Option<String>,
    /// Why: the first one's reason, whose sizes and names may not be those of the others.
    pub(super) reason: String,
    /// What that rests on.
    pub(super) evidence: Evidence,
    /// How sure it is.
    pub(super) confidence: Confidence,
    /// The places of the ops in the report.
    pub(super) ops: Vec<usize>,
    /// How often each type of op is among them, the most frequent first.
    pub(super) types: Vec<(&'static str, usize)>,
    /// Percent of the model's operations.
    pub(super) share_flops: f64,
}

/// What a segment takes from others and gives to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Traffic {
    /// Values that come.
    pub(super) values_in: usize,
    /// Their bytes.
    pub(super) bytes_in: u64,
    /// Values that go.
    pub(super) values_out: usize,
    /// Their bytes.
    pub(super) bytes_out: u64,
}

/// The word that JSON has for a value of an enum.
pub(super) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// A place as people write it.
pub(super) fn place(place: Place) -> String {
    match place {
        Place::Folded => word(&place),
        _ => word(&place).to_uppercase(),
    }
}

/// How something is known, in one word, and how sure.
pub(super) fn class(class: Class, confidence: Confidence) -> String {
    format!("{}, confidence {}", word(&class), word(&confidence))
}

/// Whether an op runs, and elsewhere.
fn is_away(op: &OpReport) -> bool {
    !matches!(op.place, Place::Ane | Place::Folded)
}

/// What makes two reasons the same: the words, without numbers and names.
pub(super) fn key(obstacle: Option<&str>, reason: &str) -> String {
    let mut key = obstacle.unwrap_or_default().to_owned();
    for (at, part) in reason.split('`').enumerate() {
        let words = part.chars().filter(|c| !c.is_ascii_digit() && *c != '.');
        key.extend(words.take(if at % 2 == 0 { usize::MAX } else { 0 }));
    }
    key
}

/// What keeps ops off the engine, the most operations first.
pub(super) fn groups(report: &Report) -> Vec<Group> {
    let mut by_key: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, op) in report.ops.iter().enumerate().filter(|(_, op)| is_away(op)) {
        let key = match obstacle(op) {
            Some(obstacle) => key(Some(&obstacle), &op.reason),
            // It names the sums of one run, and is the same for each op of it.
            None => op.reason.clone(),
        };
        by_key.entry(key).or_default().push(at);
    }
    let mut groups: Vec<Group> = by_key.into_values().map(|ops| group(report, ops)).collect();
    groups.sort_by(|a, b| {
        let by_flops = b.share_flops.total_cmp(&a.share_flops);
        by_flops.then(b.ops.len().cmp(&a.ops.len())).then(a.ops.cmp(&b.ops))
    });
    groups
}

/// What stands in the op's way; none where it could run on the engine.
fn obstacle(op: &OpReport) -> Option<String> {
    op.obstacle.filter(|_| op.can_run == CanRun::No).map(|obstacle| word(&obstacle))
}

fn group(report: &Report, ops: Vec<usize>) -> Group {
    let first = &report.ops[ops[0]];
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut flops = 0.0;
    for at in &ops {
        *counts.entry(report.ops[*at].op).or_default() += 1;
        flops += report.ops[*at].flops as f64;
    }
    let mut types: Vec<_> = counts.into_iter().collect();
    types.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Group {
        obstacle: obstacle(first),
        reason: first.reason.clone(),
        evidence: first.evidence.clone(),
        confidence: first.confidence,
        types,
        share_flops: percent(flops, report.flops),
        ops,
    }
}

/// A part of the model's operations, in percent.
pub(super) fn percent(part: f64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { 100.0 * part / all as f64 }
}

/// What each segment takes and gives.
pub(super) fn traffic(report: &Report, graph: &Graph) -> Vec<Traffic> {
    let mut traffic = vec![Traffic::default(); report.segments.len()];
    let mut segment_of = vec![None; report.ops.len()];
    for (number, segment) in report.segments.iter().enumerate() {
        let ops = report.ops.iter().enumerate().take(segment.last + 1).skip(segment.first);
        for (at, _) in ops.filter(|(_, op)| op.place == segment.place) {
            segment_of[at] = Some(number);
        }
    }
    let bytes: BTreeMap<&str, u64> =
        report.transfers.iter().map(|t| (t.value.as_str(), t.bytes)).collect();
    // Of each op, the segments that take something from it.
    let mut takers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for [from, to] in &graph.edges {
        let (Some(Some(own)), Some(Some(other))) = (segment_of.get(*from), segment_of.get(*to))
        else {
            continue;
        };
        if own != other && report.segments[*own].place != report.segments[*other].place {
            takers.entry(*from).or_default().push(*other);
        }
    }
    for (from, mut segments) in takers {
        let values = graph.outputs.get(from).map_or(&[][..], Vec::as_slice);
        let moved: Vec<u64> =
            values.iter().filter_map(|v| bytes.get(v.as_str()).copied()).collect();
        let (count, size) = (moved.len(), moved.iter().sum::<u64>());
        segments.sort_unstable();
        segments.dedup();
        if let Some(own) = segment_of[from] {
            traffic[own].values_out += count;
            traffic[own].bytes_out += size;
        }
        for taker in segments {
            traffic[taker].values_in += count;
            traffic[taker].bytes_in += size;
        }
    }
    traffic
}

/// Lints of one kind and reason, which concern different ops.
pub(super) fn lint_groups(lints: &[Lint]) -> Vec<Vec<&Lint>> {
    let mut groups: Vec<Vec<&Lint>> = Vec::new();
    let mut by_key: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for lint in lints {
        let at = *by_key.entry((lint.kind, key(None, &lint.fix))).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.push(lint),
            None => groups.push(vec![lint]),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_the_same_whatever_numbers_and_names_they_have() {
        let of = |reason| key(Some("kernel"), reason);
        assert_eq!(of("`a` is 15 wide, 1.5 at most"), of("`b/c` is 17 wide, 2 at most"));
        assert_ne!(of("it is wide"), of("it is high"));
        assert_ne!(key(None, "it is wide"), of("it is wide"));
    }
}
