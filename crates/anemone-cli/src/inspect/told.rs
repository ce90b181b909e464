//! A forecast for people: shares, time and energy first, then segments, what keeps ops away, lints, advice.

use std::io::IsTerminal;

use anemone::Graph;
use anemone::ane::data::chips;
use anemone::ane::lints::Lint;
use anemone::ane::{Place, Range, Report};
use anstyle::{AnsiColor, Style};

use super::findings::{Group, class, groups, lint_groups, percent, place, traffic};
use crate::table::{columns, count, harmless_name, size, wrapped};

/// Segments that are listed before the rest is only counted.
const SEGMENTS: usize = 24;
/// Groups of ops that are listed before the rest is only counted.
const GROUPS: usize = 12;
/// Places of ops that are named before the rest is only counted.
const PATHS: usize = 3;
/// Cells of a bar.
const BAR: usize = 30;

pub(super) const TITLE: Style = Style::new().bold();
pub(super) const FAINT: Style = Style::new().dimmed();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();

/// The report.
pub(super) fn told(model: &str, report: &Report, graph: &Graph, with_ops: bool) -> String {
    let width = width();
    let mut text = head(model, report);
    text += &summary(report, width);
    text += &advice(report, width);
    text += &segments(report, graph);
    text += &kept_away(report, width);
    text += &lints(report, width);
    if with_ops {
        text += &ops(report);
    }
    text += &notes(report, width);
    text
}

/// Columns of the terminal; so many that a line can be read where there is none.
pub(super) fn width() -> usize {
    let here = std::io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
    here.map_or(100, |(terminal_size::Width(width), _)| usize::from(width)).clamp(50, 120)
}

pub(super) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

fn title(text: &str) -> String {
    format!("\n{}\n", styled(TITLE, text))
}

fn head(model: &str, report: &Report) -> String {
    format!(
        "{}, function {}: {} ops, {}FLOPs, {} of weights\n{} (compiler target {}), {}: {}\n\n",
        styled(TITLE, model),
        harmless_name(&report.function),
        report.ops.len(),
        flops(report.flops),
        size(report.weight_bytes),
        styled(TITLE, &report.target.chip),
        report.compiler_target,
        report.target.os,
        styled(WARNING, "a forecast; nothing was run on Apple hardware"),
    )
}

fn flops(number: u64) -> String {
    let count = count(number);
    if count.contains(' ') { count } else { count + " " }
}

fn bar(share: f64) -> String {
    let full = (share.clamp(0.0, 100.0) / 100.0 * BAR as f64).round() as usize;
    // What is not all is not drawn as all, nor what is something as nothing.
    let full = match full {
        0 if share > 0.0 => 1,
        BAR if share < 100.0 => BAR - 1,
        full => full,
    };
    format!("{}{}", "█".repeat(full), "░".repeat(BAR - full))
}

fn summary(report: &Report, width: usize) -> String {
    let share = |name: &str, share: f64, of: &str| {
        let style = if share >= 95.0 { GOOD } else { WARNING };
        format!(" {name:<16}{}  {} of {of}\n", bar(share), styled(style, &share_of(share)))
    };
    let mut text = share("Neural Engine", report.ane_share_flops, "FLOPs");
    text += &share("", report.ane_share_ops, "ops that run");
    let estimate = |name: &str, range: &Option<Range>, unit: &str, why_not: &str| match range {
        Some(range) => format!(" {name:<16}{}\n", measure(range, unit)),
        None => format!(" {name:<16}unknown: {why_not}\n"),
    };
    text += &estimate("latency", &report.latency_ms, "ms", "no source has this chip's figures");
    let rests = "inferred: formulas fitted to published estimates, see docs/ane.md; the CPU's times have never been \
                 compared with real ones";
    if report.latency_ms.is_some() {
        text += &faint(&wrapped(rests, 17, width));
    }
    let row = report.target.row();
    let drawn = if row.power_w.is_none() {
        "no source says what this chip's engine draws"
    } else {
        "nothing runs on the engine"
    };
    text += &estimate("energy", &report.energy_mj, "mJ", drawn);
    if report.energy_mj.is_some() {
        let name = |key: &String| chips().sources.get(key).cloned().unwrap_or_else(|| key.clone());
        let sources: Vec<String> = row.sources.iter().map(name).collect();
        let rests =
            format!("the engine alone, by its power as others measured it: {}", sources.join("; "));
        text += &faint(&wrapped(&rests, 17, width));
    }
    text
}

/// A share in words; what is not all does not read as all.
pub(super) fn share_of(percent: f64) -> String {
    match percent {
        p if (99.95..100.0).contains(&p) => "> 99.9 %".to_owned(),
        p => format!("{p:.1} %"),
    }
}

/// An estimate on a scale of its own from the lowest to the highest value, by magnitude.
fn measure(range: &Range, unit: &str) -> String {
    let cells = BAR - 2;
    let (low, high) =
        (range.low.max(f64::MIN_POSITIVE).ln(), range.high.max(f64::MIN_POSITIVE).ln());
    let at = (range.estimate.max(f64::MIN_POSITIVE).ln() - low) / (high - low);
    let at = if at.is_finite() { (at * (cells - 1) as f64).round() as usize } else { 0 };
    let at = at.min(cells - 1);
    format!(
        "├{}●{}┤  {} {unit}, from {} to {}",
        "─".repeat(at),
        "─".repeat(cells - 1 - at),
        styled(TITLE, &figure(range.estimate)),
        figure(range.low),
        figure(range.high),
    )
}

/// A figure with about three digits that say something.
pub(super) fn figure(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v if v >= 1.0 => format!("{v:.2}"),
        0.0 => "0".to_owned(),
        v => format!("{v:.3}"),
    }
}

fn time(us: f64) -> String {
    if us >= 1000.0 { format!("{} ms", figure(us / 1000.0)) } else { format!("{} µs", figure(us)) }
}

fn faint(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", styled(FAINT, line))).collect()
}

fn advice(report: &Report, width: usize) -> String {
    let Some(advice) = &report.advice else { return String::new() };
    let now = report.ane_share_flops;
    let mut text = title("what would help most");
    let told = format!(
        "{}: {} of FLOPs instead of {}",
        harmless_name(&advice.change),
        share_of(advice.ane_share_flops),
        share_of(now)
    );
    text += &wrapped(&told, 1, width);
    text + &faint(&wrapped(&format!("at {}", first(&advice.paths)), 3, width))
}

/// The first few of many names.
fn first(paths: &[String]) -> String {
    let mut told: Vec<String> =
        paths.iter().take(PATHS).map(|path| format!("`{}`", harmless_name(path))).collect();
    if paths.len() > PATHS {
        told.push(format!("and {} more", paths.len() - PATHS));
    }
    told.join(", ")
}

fn segments(report: &Report, graph: &Graph) -> String {
    let mut text = title(&match report.segments.len() {
        1 => "1 segment".to_owned(),
        many => format!("{many} segments"),
    });
    let traffic = traffic(report, graph);
    let moved = |values: usize, bytes: u64| match values {
        0 => "-".to_owned(),
        _ => format!("{values}: {}", size(bytes)),
    };
    let head = ["", "place", "ops", "FLOPs", "time", "in", "out", "from", "to"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (number, (segment, traffic)) in
        report.segments.iter().zip(&traffic).enumerate().take(SEGMENTS)
    {
        let path = |at: usize| {
            let path = report.ops.get(at).map(|op| op.path.as_str()).unwrap_or_default();
            short(&harmless_name(path.split_once('/').map_or(path, |(_, rest)| rest)))
        };
        rows.push(vec![
            format!("{}", number + 1),
            place(segment.place),
            segment.ops.to_string(),
            share_of(percent(segment.flops as f64, report.flops)),
            time(segment.cost_us),
            moved(traffic.values_in, traffic.bytes_in),
            moved(traffic.values_out, traffic.bytes_out),
            path(segment.first),
            path(segment.last),
        ]);
    }
    text += &columns(&rows);
    if report.segments.len() > SEGMENTS {
        text += &format!("  and {} more segments\n", report.segments.len() - SEGMENTS);
    }
    let bytes: u64 = report.transfers.iter().map(|transfer| transfer.bytes).sum();
    if !report.transfers.is_empty() {
        let count = report.transfers.len();
        text += &format!("  {count} values change place, {}\n", size(bytes));
    }
    text
}

/// The end of a long name, which tells most.
fn short(name: &str) -> String {
    const LONGEST: usize = 28;
    let length = name.chars().count();
    match length > LONGEST {
        true => format!("…{}", name.chars().skip(length - LONGEST + 1).collect::<String>()),
        false => name.to_owned(),
    }
}

fn kept_away(report: &Report, width: usize) -> String {
    let groups = groups(report);
    if groups.is_empty() {
        return format!("{} nothing\n", title("what keeps ops off the engine"));
    }
    let mut text = title("what keeps ops off the engine");
    for group in groups.iter().take(GROUPS) {
        text += &kept(report, group, width);
    }
    if groups.len() > GROUPS {
        let ops: usize = groups[GROUPS..].iter().map(|group| group.ops.len()).sum();
        text += &format!(
            "  and {} more reasons for {ops} ops; --ops lists all\n",
            groups.len() - GROUPS
        );
    }
    text
}

fn kept(report: &Report, group: &Group, width: usize) -> String {
    let types: Vec<String> = group.types.iter().map(|(op, n)| format!("{n} {op}")).collect();
    let what = group.obstacle.as_deref().unwrap_or("cost");
    let told = format!(
        "{} ({:.1} % of FLOPs): {} [{what}]",
        types.join(", "),
        group.share_flops,
        harmless_name(&group.reason)
    );
    let paths: Vec<String> = group.ops.iter().map(|at| report.ops[*at].path.clone()).collect();
    let basis = format!(
        "at {}; {}: {}",
        first(&paths),
        class(group.evidence.class, group.confidence),
        harmless_name(&group.evidence.source)
    );
    wrapped(&told, 2, width) + &faint(&wrapped(&basis, 6, width))
}

fn lints(report: &Report, width: usize) -> String {
    if report.lints.is_empty() {
        return String::new();
    }
    let mut text = title(&match report.lints.len() {
        1 => "1 lint".to_owned(),
        many => format!("{many} lints"),
    });
    lint_groups(&report.lints).iter().for_each(|group| text += &lint(group, width));
    text
}

fn lint(group: &[&Lint], width: usize) -> String {
    let Some(one) = group.first() else { return String::new() };
    let mut paths: Vec<String> = group.iter().flat_map(|lint| lint.paths.iter().cloned()).collect();
    paths.dedup();
    let times = if group.len() > 1 { format!(" × {}", group.len()) } else { String::new() };
    let mut text = format!("  {}{times}\n", styled(WARNING, one.kind));
    for (name, told) in [
        ("what", harmless_name(&one.what)),
        ("where", first(&paths)),
        ("why", one.why.to_owned()),
        ("fix", harmless_name(&one.fix)),
    ] {
        let lines = wrapped(&told, 11, width);
        text += &format!("    {name:<7}{}", lines.trim_start());
    }
    let source = format!(
        "{}: {}",
        super::findings::word(&one.evidence.class),
        harmless_name(&one.evidence.source)
    );
    text + &faint(&wrapped(&source, 11, width))
}

fn ops(report: &Report) -> String {
    let mut text = title("ops");
    let head = ["", "place", "time", "op", "path", "why"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (number, op) in report.ops.iter().enumerate() {
        let cost = if op.place == Place::Folded { "-".to_owned() } else { time(op.cost_us) };
        rows.push(vec![
            number.to_string(),
            place(op.place),
            cost,
            op.op.to_owned(),
            harmless_name(&op.path),
            harmless_name(&op.reason),
        ]);
    }
    text += &columns(&rows);
    text
}

fn notes(report: &Report, width: usize) -> String {
    let mut text = String::new();
    if !report.assumed.is_empty() {
        text += &title("sizes that were not given");
        for size in &report.assumed {
            let input = harmless_name(&size.input);
            text += &format!(
                "  dimension {} of `{input}` is taken as {}; --shape sets it\n",
                size.axis, size.size
            );
        }
    }
    text += &title("notes");
    report.notes.iter().for_each(|note| {
        let lines = wrapped(&harmless_name(note), 4, width);
        text += &format!("  - {}", lines.trim_start());
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_full_only_at_all_and_empty_only_at_nothing() {
        let full = |share: f64| bar(share).matches('█').count();
        assert_eq!(
            [full(0.0), full(0.01), full(50.0), full(99.9), full(100.0)],
            [0, 1, 15, 29, 30]
        );
    }

    #[test]
    fn an_estimate_stands_between_its_bounds() {
        for (low, estimate, high) in
            [(1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1.0, 3.0, 9.0), (0.1, 9.0, 9.0)]
        {
            let told = measure(&Range { low, estimate, high }, "ms");
            assert_eq!(told.matches(['─', '●']).count(), BAR - 2, "{told}");
        }
    }
}
