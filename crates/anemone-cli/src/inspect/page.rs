//! A forecast as one HTML page that needs nothing else: no network, no other file.
//!
//! The page holds the report as JSON. Names in a model are of any origin: none of them can end the
//! script that holds them, and a policy in the page refuses every script but the page's own.

use anemone::ane::Report;
use serde::Serialize;

const TEMPLATE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// In the order in which they use each other.
const SCRIPTS: [&str; 6] = [
    include_str!("page/model.js"),
    include_str!("page/layout.js"),
    include_str!("page/graph.js"),
    include_str!("page/table.js"),
    include_str!("page/details.js"),
    include_str!("page/page.js"),
];

#[derive(Serialize)]
struct Data<'a> {
    title: &'a str,
    report: &'a Report,
    edges: &'a [[usize; 2]],
}

/// The page of a report. `edges` are pairs of places in `report.ops`: who gives, who takes.
pub(crate) fn page(
    title: &str,
    report: &Report,
    edges: &[[usize; 2]],
) -> Result<String, serde_json::Error> {
    let data = in_script(&serde_json::to_string(&Data { title, report, edges })?);
    let script = SCRIPTS.concat();
    // Who writes a model cannot foretell this word, since it depends on all that is written there.
    let nonce = blake3::hash(format!("{script}{data}").as_bytes()).to_hex();
    Ok(fill(&[
        ("nonce", &nonce),
        ("title", &in_text(title)),
        ("style", STYLE),
        ("data", &data),
        ("script", &script),
    ]))
}

/// The template with its marks replaced; what replaces them is not searched for marks.
fn fill(parts: &[(&str, &str)]) -> String {
    let mut pieces = TEMPLATE.split("{{");
    let mut page = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").unwrap_or((piece, ""));
        let part = parts.iter().find(|(known, _)| *known == name);
        page += part.map_or("", |(_, text)| text);
        page += rest;
    }
    page
}

/// JSON in which no text can end a script or begin a comment. Outside of strings, JSON has none of
/// these characters.
fn in_script(json: &str) -> String {
    let mut told = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => {
                told += &format!("\\u{:04x}", u32::from(c));
            }
            _ => told.push(c),
        }
    }
    told
}

/// Text of any origin as text of HTML, without control characters.
fn in_text(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => told += "&amp;",
            '<' => told += "&lt;",
            '>' => told += "&gt;",
            '"' => told += "&quot;",
            '\'' => told += "&#39;",
            _ if c.is_control() => told.push('\u{fffd}'),
            _ => told.push(c),
        }
    }
    told
}

#[cfg(test)]
mod tests;
