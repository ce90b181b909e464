//! `anemone inspect --compare`: a Mac's report beside the forecast and the emulator.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anemone::compare::{Agreement, Closeness, Comparison, MacReport, ModelScore, compare};
use anemone::{Engines, formats};

use super::findings::{place, word};
use super::forecast;
use crate::arguments::ForecastArguments;
use crate::exit::Failure;
use crate::files;
use crate::table::{columns, harmless, pretty_json};

/// Ops that were forecast wrongly are listed so far for each model.
const LISTED: usize = 10;

/// Scores forecast and emulator against the report; `models` are those of it that are no probes.
pub(crate) fn tell(
    report: &Path,
    models: &[PathBuf],
    asked: &ForecastArguments,
    json: bool,
) -> Result<String, Failure> {
    let wrong = |error: anemone::compare::CompareError| {
        Failure::new(format!("`{}`: {error}", report.display()))
    };
    let read = MacReport::parse(&files::read_text(report)?).map_err(wrong)?;
    let target = match &asked.chip {
        Some(chip) => forecast::target(chip)?,
        None => read.target().map_err(|error| {
            wrong(error).hint("`--chip` and `--os` say for what the forecast shall be made")
        })?,
    };
    let target = match asked.os {
        Some(os) => target.with_os(os),
        None => target,
    };
    let mut given = BTreeMap::new();
    for path in models {
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned());
        given.insert(name.unwrap_or_default(), formats::read(path).map_err(anemone::Error::from)?);
    }
    let comparison = compare(&Engines::new(None)?, &read, &target, &given).map_err(wrong)?;
    if json {
        return pretty_json(&comparison);
    }
    Ok(harmless(&text(&comparison)))
}

fn text(all: &Comparison) -> String {
    let mut text = format!(
        "{}, macOS {}: forecast and emulator for {}\n\n\
         places as Core ML's plan prefers them: {}\n\
         elements of outputs alike: {} by the emulator, {} by exact arithmetic\n\n",
        all.machine.chip,
        all.machine.macos,
        all.target.chip,
        agreement(&all.places),
        alike(&all.emulator),
        alike(&all.exact),
    );
    text += &columns(&all.models.iter().map(row).collect::<Vec<_>>());
    for model in &all.models {
        text += &details(model);
    }
    if !all.unknown.is_empty() {
        text += &format!(
            "\nneither a probe nor given as MODEL, thus not compared: {}\n",
            all.unknown.join(", ")
        );
    }
    text
}

fn row(model: &ModelScore) -> Vec<String> {
    let latency = model.latency.map_or("no time".to_owned(), |latency| {
        let range = latency.forecast_ms;
        format!(
            "{:.3} ms, forecast {:.3} to {:.3}{}",
            latency.measured_ms,
            range.low,
            range.high,
            if latency.is_within { "" } else { ": missed" }
        )
    });
    let mut outputs = Closeness::default();
    model
        .outputs
        .iter()
        .filter(|output| output.units == anemone::compare::UNITS)
        .for_each(|output| outputs.add(&output.emulator));
    vec![model.name.clone(), agreement(&model.places), latency, alike(&outputs)]
}

fn agreement(places: &Agreement) -> String {
    let unmatched = match places.unmatched {
        0 => String::new(),
        count => format!(", {count} not found"),
    };
    match places.percent() {
        Some(percent) => {
            let right = places.both_ane + places.both_elsewhere;
            format!("{right} of {} ops ({percent:.1} %){unmatched}", places.compared())
        }
        None => format!("no op compared{unmatched}"),
    }
}

fn alike(outputs: &Closeness) -> String {
    if outputs.elements == 0 {
        return "no outputs".to_owned();
    }
    let percent = 100.0 * outputs.equal as f64 / outputs.elements as f64;
    let odd = outputs.elements - outputs.same_kind;
    let odd = if odd == 0 { String::new() } else { format!(", {odd} finite on one side only") };
    format!("{percent:.2} %, max error {:.3e}{odd}", outputs.max_abs_error)
}

fn details(model: &ModelScore) -> String {
    let mut text = String::new();
    for miss in model.misses.iter().take(LISTED) {
        text += &format!(
            "  {} {}: forecast {}, preferred {}\n    {} [{}: {}]\n",
            miss.op,
            miss.path,
            place(miss.forecast),
            miss.preferred,
            miss.reason,
            word(&miss.evidence.class),
            miss.evidence.source,
        );
    }
    if model.misses.len() > LISTED {
        text += &format!("  and {} more\n", model.misses.len() - LISTED);
    }
    let rows: Vec<Vec<String>> = model
        .outputs
        .iter()
        .map(|output| {
            let name = format!("{} on {}", output.name, output.units);
            let [emulator, exact] = [&output.emulator, &output.exact].map(alike);
            vec![name, format!("ane-emu {emulator}"), format!("exact {exact}")]
        })
        .collect();
    text += &columns(&rows);
    text.extend(model.errors.iter().map(|error| format!("  Core ML: {error}\n")));
    if text.is_empty() { text } else { format!("\n{}\n{text}", model.name) }
}
