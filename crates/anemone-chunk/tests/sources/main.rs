//! What each language's definitions become: small sources, and the chunks expected of them.

mod c_and_cpp;
mod cuts;
mod documents;
mod go_and_java;
mod javascript;
mod rust_and_python;

use std::fmt::Write;

use anemone_chunk::{Language, Limits, chunk};

/// One line for each chunk: its lines, kind and symbol. A line is a token; what has three lines is
/// not merged with its neighbours, and what has twelve is not split.
fn table(text: &str, language: Language) -> String {
    let mut at = 0;
    let mut tokens = Vec::new();
    for line in text.split_inclusive('\n') {
        if !line.trim().is_empty() {
            tokens.push(at);
        }
        at += line.len();
    }
    let mut table = String::new();
    for chunk in chunk(text, language, &tokens, Limits { target: 8, maximum: 12 }) {
        let (first, last) = (chunk.lines.start(), chunk.lines.end());
        let line = format!("{first}-{last} {} {}", chunk.kind.name(), chunk.symbol);
        writeln!(table, "{}", line.trim_end()).unwrap();
    }
    table
}
