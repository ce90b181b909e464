//! The performance summary as text for people: a few small tables.

use std::collections::BTreeMap;
use std::fmt;

use super::activity::{Activity, Fallbacks, Times};
use super::summary::{Performance, PerformanceSummary};

impl fmt::Display for PerformanceSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PerformanceSummary { uptime_seconds, window_seconds, usage, .. } = self;
        let state = if usage.health.state.is_empty() { "up" } else { &usage.health.state };
        writeln!(f, "{state} for {uptime_seconds:.0} s; the window is {window_seconds:.0} s")?;
        let models = models(self);
        let mut performances = models.clone();
        if models.len() != 1 {
            performances.push(("all models".to_owned(), &self.overall));
        }
        requests(&performances).write(f)?;
        times(&performances).write(f)?;
        devices(self).write(f)?;
        caches(self).write(f)?;
        memory(self).write(f)?;
        notes(self, &models).into_iter().try_for_each(|note| writeln!(f, "{note}"))
    }
}

/// Each model by the name to show.
fn models(summary: &PerformanceSummary) -> Vec<(String, &Performance)> {
    summary
        .models
        .iter()
        .map(|model| {
            let name = match model.version.as_str() {
                "" => model.model.clone(),
                version => format!("{}/{version}", model.model),
            };
            (printable(&name), &model.performance)
        })
        .collect()
}

/// The text with control characters escaped, which could break a table or play with a terminal.
fn printable(text: &str) -> String {
    let escaped = |c: char| {
        if c.is_control() { c.escape_default().to_string() } else { c.to_string() }
    };
    text.chars().map(escaped).collect()
}

/// A heading and rows; the first two columns are names, the others numbers.
struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new<const N: usize>(heading: [&str; N]) -> Table {
        Table { rows: vec![heading.map(str::to_owned).into()] }
    }

    /// Writes an empty line and the table, or nothing if it has a heading alone.
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.len() == 1 {
            return Ok(());
        }
        let columns = self.rows[0].len();
        let width = |column: usize| {
            self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        writeln!(f)?;
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                line += &match column {
                    0 | 1 => format!("{cell:<width$}  "),
                    _ => format!("{cell:>width$}  "),
                };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn requests(performances: &[(String, &Performance)]) -> Table {
    let mut table = Table::new([
        "requests", "", "done", "failed", "refused", "a second", "rows/s", "tokens/s", "batch",
        "padding",
    ]);
    for (name, performance) in performances {
        for (period, activity) in periods(performance) {
            table.rows.push(vec![
                name.clone(),
                period.to_owned(),
                activity.completed.to_string(),
                activity.failed.values().sum::<u64>().to_string(),
                activity.rejected.values().sum::<u64>().to_string(),
                format!("{:.1}", activity.requests_per_second),
                format!("{:.1}", activity.rows_per_second),
                format!("{:.0}", activity.tokens_per_second),
                activity.batches.mean_rows.map_or_else(nothing, |rows| format!("{rows:.1}")),
                share(activity.batches.padding_share),
            ]);
        }
    }
    table
}

fn times(performances: &[(String, &Performance)]) -> Table {
    let mut table =
        Table::new(["milliseconds", "", "n", "mean", "p50", "p90", "p99", "max", "lately"]);
    for (name, performance) in performances {
        for (period, activity) in periods(performance) {
            let recent = &performance.recent;
            for (what, times, lately) in [
                ("queue", &activity.queue, recent.queue_ms),
                ("compute", &activity.compute, recent.compute_ms),
                ("total", &activity.total, recent.total_ms),
            ] {
                let lately = lately.filter(|_| period == WINDOW);
                table.rows.push(time_row(name, &format!("{what} {period}"), times, lately));
            }
        }
    }
    table
}

const WINDOW: &str = "in window";

fn periods(performance: &Performance) -> [(&'static str, &Activity); 2] {
    [("since start", &performance.since_start), (WINDOW, &performance.window)]
}

fn time_row(name: &str, what: &str, times: &Times, lately: Option<f64>) -> Vec<String> {
    let figure = |time: f64| if times.count == 0 { nothing() } else { milliseconds(time) };
    vec![
        name.to_owned(),
        what.to_owned(),
        times.count.to_string(),
        figure(times.mean_ms),
        figure(times.p50_ms),
        figure(times.p90_ms),
        figure(times.p99_ms),
        figure(times.max_ms),
        lately.map_or_else(nothing, milliseconds),
    ]
}

fn devices(summary: &PerformanceSummary) -> Table {
    let mut table =
        Table::new(["devices", "", "at once", "running", "waiting", "busy", "since start"]);
    for (device, usage) in summary.devices.iter().zip(&summary.usage.devices) {
        table.rows.push(vec![
            printable(&device.device),
            if usage.is_healthy { "works" } else { "fails" }.to_owned(),
            usage.operations.to_string(),
            usage.running.to_string(),
            usage.waiting.to_string(),
            share(device.utilisation),
            share(device.utilisation_since_start),
        ]);
    }
    table
}

fn caches(summary: &PerformanceSummary) -> Table {
    let mut table = Table::new(["caches", "", "hits", "misses", "hit rate"]);
    for cache in &summary.caches {
        table.rows.push(vec![
            cache.cache.to_owned(),
            String::new(),
            cache.hits.to_string(),
            cache.misses.to_string(),
            share(cache.hit_rate),
        ]);
    }
    table
}

fn memory(summary: &PerformanceSummary) -> Table {
    let mut table = Table::new(["memory", "", "MiB"]);
    let mut push = |name: &str, bytes: u64| {
        let mebibytes = format!("{:.1}", bytes as f64 / f64::from(1 << 20));
        table.rows.push(vec![printable(name), String::new(), mebibytes]);
    };
    for owned in &summary.usage.memory {
        push(&owned.owner, owned.bytes);
    }
    if let Some(budget) = summary.usage.budget_bytes {
        push("budget", budget);
    }
    table
}

/// One line for each thing that did happen and has no column.
fn notes(summary: &PerformanceSummary, models: &[(String, &Performance)]) -> Vec<String> {
    let mut notes = Vec::new();
    let mut by_cause = |name: &str, what: &str, causes: &BTreeMap<&'static str, u64>| {
        if !causes.is_empty() {
            let causes: Vec<_> = causes.iter().map(|(cause, n)| format!("{cause} {n}")).collect();
            notes.push(format!("{name}: {what}: {}", causes.join(", ")));
        }
    };
    for (name, performance) in models {
        by_cause(name, "failed", &performance.since_start.failed);
        by_cause(name, "refused", &performance.since_start.rejected);
    }
    by_cause("unknown models", "refused", &summary.rejected);
    for (name, Performance { since_start, recent, .. }) in models {
        for fallback in &since_start.fallbacks {
            let Fallbacks { from, to, cause, count } = fallback;
            let (from, to) = (printable(from), printable(to));
            notes.push(format!("{name}: from {from} to {to} ({cause}): {count}"));
        }
        let Activity { loads, reloads, evictions, load_seconds, copies, .. } = since_start;
        if loads + reloads + evictions > 0 {
            notes.push(format!(
                "{name}: loaded {loads} and again {reloads} times in {load_seconds:.3} s, evicted \
                 {evictions} times"
            ));
        }
        if *copies > 0 {
            notes.push(format!("{name}: copies of inputs and outputs: {copies}"));
        }
        let shadows = &since_start.shadows;
        if shadows.count > 0 {
            notes.push(format!(
                "{name}: shadow runs: {}, {} agree, largest difference {:e}, time ratio {}",
                shadows.count,
                share(shadows.agreement),
                recent.largest_shadow_difference,
                shadows.time_ratio.map_or_else(nothing, |ratio| format!("{ratio:.2}")),
            ));
        }
    }
    if !notes.is_empty() {
        notes.insert(0, String::new());
    }
    notes
}

fn share(share: Option<f64>) -> String {
    share.map_or_else(nothing, |share| format!("{:.1} %", share * 100.0))
}

fn milliseconds(time: f64) -> String {
    let decimals = if time < 10.0 { 3 } else { 1 };
    format!("{time:.decimals$}")
}

fn nothing() -> String {
    "-".to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;

    fn text(change: impl FnOnce(&mut PerformanceSummary)) -> String {
        let (readings, usage) = made_up::readings();
        let mut summary = PerformanceSummary::new(&readings, usage);
        change(&mut summary);
        summary.to_string()
    }

    #[test]
    fn a_summary_is_a_few_tables_and_what_else_occurred() {
        let text = text(|_| {});
        for line in [
            "healthy for 60 s; the window is 60 s",
            "requests               done  failed  refused  a second  rows/s  tokens/s  batch  padding",
            "minilm/1  since start    30       1        1       0.5     1.0        10   60.0   25.0 %",
            "devices         at once  running  waiting    busy  since start",
            "cpu      works        1        1        0  15.0 %       15.0 %",
            "artefact       0       1     0.0 %",
            "budget      1024.0",
            "minilm/1: failed: timed_out 1",
            "unknown models: refused: not_found 1",
            "minilm/1: from gpu to cpu (unsupported): 1",
            "minilm/1: shadow runs: 1, 100.0 % agree, largest difference 1e-6, time ratio 0.50",
        ] {
            assert!(text.lines().any(|found| found == line), "no `{line}` in\n{text}");
        }
        assert!(!text.contains("all models"), "one model is all of them");
    }

    #[test]
    fn a_name_from_outside_stays_on_its_line() {
        let text = text(|summary| summary.models[0].model = "a\nb\u{1b}[2J\u{e9}".to_owned());
        assert!(text.contains("a\\nb\\u{1b}[2J\u{e9}/1  since start"), "{text}");
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    }
}
