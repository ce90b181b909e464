//! `anemone inspect`: what a model takes, gives, holds and costs; with a chip, where its ops would run there.

mod chips;
mod compare;
mod findings;
mod forecast;
mod page;
mod probes;
mod told;

use anemone::ir::text;
use anemone::{Engines, FunctionReport, Inspection, PortReport, Refused, WeightForm, formats};

pub(crate) use self::forecast::shapes;
use crate::arguments::InspectArguments;
use crate::exit::Failure;
use crate::table::{columns, count, harmless, pretty_json, size};

/// Reasons that are listed for people before the rest is only counted.
const LISTED: usize = 20;

/// Tells about the model, or prints its program.
pub(crate) fn inspect(arguments: &InspectArguments, json: bool) -> Result<String, Failure> {
    if let Some(folder) = &arguments.write_probes {
        return probes::write(folder, json);
    }
    let asked = &arguments.forecast;
    if let Some(report) = &arguments.compare {
        return compare::tell(report, &arguments.models, asked, json);
    }
    let [path] = arguments.models.as_slice() else {
        return Err(Failure::usage("one model is inspected at a time"));
    };
    let package = formats::read(path).map_err(anemone::Error::from)?;
    if arguments.mil {
        let program = package.program().ok_or_else(|| {
            let kind = package.body.kind();
            Failure::new(format!("a model of kind `{kind}` has no program in MIL"))
        })?;
        return Ok(text::print(program));
    }
    if asked.chip.is_some() || asked.all_chips {
        return forecast::forecast(&package, path, asked, json);
    }
    let inspection = Inspection::new(&Engines::new(None)?, &package);
    if json {
        return pretty_json(&inspection);
    }
    Ok(harmless(&tell(&inspection)))
}

fn tell(inspection: &Inspection) -> String {
    let mut text =
        format!("{}, specification version {}\n", inspection.kind, inspection.spec_version);
    if !inspection.metadata.is_empty() {
        let rows: Vec<_> = inspection
            .metadata
            .iter()
            .map(|(name, value)| vec![name.clone(), value.replace('\n', " ")])
            .collect();
        text += &format!("\nmetadata\n{}", columns(&rows));
    }
    for function in &inspection.functions {
        let is_default =
            inspection.functions.len() > 1 && function.name == inspection.default_function;
        text += &tell_function(function, is_default);
    }
    if !inspection.weights.is_empty() {
        text += &tell_weights(inspection);
    }
    text
}

fn tell_function(function: &FunctionReport, is_default: bool) -> String {
    let opset = if function.opset.is_empty() { "" } else { " for " };
    let default = if is_default { ", the default one" } else { "" };
    let mut text = format!("\nfunction {}{opset}{}{default}\n", function.name, function.opset);
    let mut rows = Vec::new();
    for (role, ports) in
        [("input", &function.inputs), ("output", &function.outputs), ("state", &function.states)]
    {
        rows.extend(ports.iter().map(|port| port_row(role, port)));
    }
    text += &columns(&rows);
    if let Some(classes) = function.classes {
        text += &format!("  a classifier of {classes} classes\n");
    }
    if !function.ops.is_empty() {
        let total: usize = function.ops.iter().map(|op| op.count).sum();
        let list: Vec<String> =
            function.ops.iter().map(|op| format!("{} {}", op.op, op.count)).collect();
        text += &format!("\nops: {total}\n  {}\n", list.join(", "));
    }
    if let Some(flops) = function.flops {
        text += &format!("\nFLOPs at the default shapes: {}", count(flops));
        if !function.flops_uncounted.is_empty() {
            text += &format!(", without {}", function.flops_uncounted.join(", "));
        }
        text.push('\n');
    }
    if let Some(memory) = function.memory {
        let [constants, packed, arena, state] =
            [memory.constants, memory.packed, memory.arena, memory.state].map(|n| size(n as u64));
        text += &format!(
            "memory at the default shapes: weights {constants} and {packed} packed, \
             each session {arena}, each state {state}\n"
        );
    }
    if !function.refused.is_empty() {
        text += &format!("\nthis does not run here\n{}", tell_refused(&function.refused));
    }
    text
}

/// The reasons, each with the ops that it holds for.
fn tell_refused(refused: &[Refused]) -> String {
    let mut reasons: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for one in refused {
        let same = reasons.iter_mut().find(|(op, why, _)| *op == one.op && *why == one.reason);
        match same {
            Some((_, _, places)) => places.push(&one.origin),
            None => reasons.push((&one.op, &one.reason, vec![&one.origin])),
        }
    }
    let mut text = String::new();
    for (op, why, places) in reasons.iter().take(LISTED) {
        let more = match places.len() {
            0 | 1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        let first = places.first().unwrap_or(&"");
        text += &format!("  {op}: {why} (`{first}`{more})\n");
    }
    if reasons.len() > LISTED {
        text += &format!("  and {} more reasons\n", reasons.len() - LISTED);
    }
    text
}

fn port_row(role: &str, port: &PortReport) -> Vec<String> {
    let optional = if port.optional { ", optional" } else { "" };
    let takes = format!("{}{optional}", port.takes);
    vec![role.to_owned(), port.name.clone(), takes, port.doc.replace('\n', " ")]
}

fn tell_weights(inspection: &Inspection) -> String {
    let mut rows = Vec::new();
    let (mut stored, mut decoded) = (0u64, 0u64);
    for group in &inspection.weights {
        stored = stored.saturating_add(group.stored_bytes);
        decoded = decoded.saturating_add(group.decoded_bytes);
        rows.push(vec![
            form(&group.form),
            format!("{} tensors", group.tensors),
            format!("{} stored", size(group.stored_bytes)),
            format!("{} decoded", size(group.decoded_bytes)),
        ]);
    }
    format!("\nweights: {} stored, {} decoded\n{}", size(stored), size(decoded), columns(&rows))
}

fn form(form: &WeightForm) -> String {
    match form {
        WeightForm::Dense { dtype } => format!("dense {dtype}"),
        WeightForm::Palettised { bits } => format!("palettised, {bits} bits"),
        WeightForm::LinearQuantised { bits, per } => {
            format!("linear quantised, {bits} bits, a scale per {per}")
        }
        WeightForm::Sparse { elements } => format!("sparse {elements}"),
        WeightForm::Cast { dtype } => format!("cast from {dtype}"),
    }
}
