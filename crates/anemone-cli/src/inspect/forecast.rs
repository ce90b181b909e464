//! `anemone inspect --chip` and `--all-chips`: the forecast as it was asked for, and whether it is good enough.

use std::collections::BTreeMap;
use std::path::Path;

use anemone::Forecast;
use anemone::ane::{Report, Target};
use anemone::ir::Package;

use super::{chips, page, told};
use crate::arguments::ForecastArguments;
use crate::exit::{self, Failure};
use crate::files;
use crate::table::{harmless_name, pretty_json};

/// Makes the forecast and tells it.
pub(super) fn forecast(
    package: &Package,
    path: &Path,
    asked: &ForecastArguments,
    json: bool,
) -> Result<String, Failure> {
    let targets = match &asked.chip {
        Some(chip) => vec![target(chip)?],
        None => Target::names().map(target).collect::<Result<_, _>>()?,
    };
    let shapes = shapes(&asked.shapes)?;
    let forecast = Forecast::new(package, asked.function.as_deref(), &shapes)?;
    let mut reports = Vec::with_capacity(targets.len());
    for target in targets {
        let own = target.os.system;
        // One system for all chips concerns those that run it.
        let os = asked.os.filter(|os| asked.chip.is_some() || os.system == own);
        let target = match os {
            Some(os) => target.with_os(os),
            None => target,
        };
        reports.push(forecast.on(&target)?);
    }
    let model = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into());
    let model = harmless_name(&model);
    let text = match reports.as_slice() {
        [report] if !asked.all_chips => {
            let graph = forecast.graph();
            if let Some(file) = &asked.html {
                let page = page::page(&model, report, &graph.edges)
                    .map_err(|error| Failure::new(error.to_string()))?;
                files::write_all(&[(file.clone(), page.into_bytes())])?;
                exit::say(&format!("note: the page is in `{}`", file.display()));
            }
            if json { pretty_json(report)? } else { told::told(&model, report, &graph, asked.ops) }
        }
        reports => match json {
            true => pretty_json(&chips::Matrix::new(reports))?,
            false => chips::told(&model, reports),
        },
    };
    match asked.fail_under.and_then(|percent| under(&reports, percent)) {
        Some(message) => Err(Failure::new(message).after(text)),
        None => Ok(text),
    }
}

/// Shapes by the names of their inputs.
pub(crate) fn shapes(
    given: &[(String, Vec<usize>)],
) -> Result<BTreeMap<String, Vec<usize>>, Failure> {
    let mut shapes = BTreeMap::new();
    for (name, shape) in given {
        if shapes.insert(name.clone(), shape.clone()).is_some() {
            return Err(Failure::usage(format!("the shape of `{name}` is given twice")));
        }
    }
    Ok(shapes)
}

/// The chip of this name.
pub(super) fn target(chip: &str) -> Result<Target, Failure> {
    Target::new(chip).map_err(|unknown| Failure::usage(unknown.to_string()))
}

/// The chips that get less than so many percent of the operations to the engine, in words.
fn under(reports: &[Report], percent: f64) -> Option<String> {
    let low = reports.iter().filter(|report| report.ane_share_flops < percent);
    let low: Vec<String> = low
        .map(|report| format!("{} ({:.2} %)", report.target.chip, report.ane_share_flops))
        .collect();
    (!low.is_empty()).then(|| {
        format!(
            "less than {percent} % of the FLOPs would be on the Neural Engine of {}",
            low.join(", ")
        )
    })
}
