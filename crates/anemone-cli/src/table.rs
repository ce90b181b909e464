//! Text for people in columns, and JSON for programs.

use serde::Serialize;

use crate::exit::Failure;

/// Rows whose cells stand in columns; the last column is not padded.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::from(" ");
        for (cell, width) in row.iter().zip(&widths) {
            line += &format!(" {cell:<width$} ");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Words in lines that are no wider than `width` where words allow it; every line after `indent` spaces.
pub(crate) fn wrapped(text: &str, indent: usize, width: usize) -> String {
    let (mut lines, mut used) = (String::new(), 0);
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length <= width {
            lines.push(' ');
            used += 1;
        } else {
            lines += if used > 0 { "\n" } else { "" };
            lines += &" ".repeat(indent);
            used = indent;
        }
        lines += word;
        used += length;
    }
    lines.push('\n');
    lines
}

/// A number of bytes as people read it.
pub(crate) fn size(bytes: u64) -> String {
    scaled(bytes, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB"])
}

/// A count as people read it.
pub(crate) fn count(number: u64) -> String {
    scaled(number, 1000.0, &["", "k", "M", "G", "T"])
}

fn scaled(number: u64, step: f64, units: &[&str]) -> String {
    let (mut value, mut unit) = (number as f64, 0);
    while value >= step && unit + 1 < units.len() {
        value /= step;
        unit += 1;
    }
    let digits = usize::from(unit > 0);
    format!("{value:.digits$} {}", units[unit]).trim_end().to_owned()
}

/// Text of any origin, line by line, that does nothing to a terminal.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// A name of any origin in one line that does nothing to a terminal.
pub(crate) fn harmless_name(name: &str) -> String {
    harmless(name).replace('\n', "\u{fffd}")
}

/// A value as JSON over several lines.
pub(crate) fn pretty_json(value: &impl Serialize) -> Result<String, Failure> {
    let json = serde_json::to_string_pretty(value);
    Ok(json.map_err(|error| Failure::new(error.to_string()))? + "\n")
}

/// JSON in which also those control characters are escaped that JSON itself lets stand, since a
/// terminal obeys them.
pub(crate) fn harmless_json(json: &str) -> String {
    let mut told = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}' => told += &format!("\\u{:04x}", u32::from(c)),
            _ => told.push(c),
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_with_units() {
        assert_eq!((size(1023), size(1536)), ("1023 B".into(), "1.5 KiB".into()));
        assert_eq!((count(999), count(2_500_000)), ("999".into(), "2.5 M".into()));
    }

    #[test]
    fn no_control_character_of_any_kind_is_left() {
        let hostile = "a\u{1b}[2J\u{7f}\u{9b}5m\nb";
        assert_eq!(harmless_name(hostile), "a\u{fffd}[2J\u{fffd}\u{fffd}5m\u{fffd}b");
        let json = serde_json::json!({ "name": hostile }).to_string();
        let told = harmless_json(&json);
        assert!(!told.contains(char::is_control), "{told}");
        let read: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(read["name"], hostile);
    }

    #[test]
    fn words_are_wrapped_and_a_long_one_stands_alone() {
        assert_eq!(wrapped("a bc def", 2, 6), "  a bc\n  def\n");
        assert_eq!(wrapped("a toolongaword b", 1, 5), " a\n toolongaword\n b\n");
    }

    #[test]
    fn columns_align() {
        let rows = [vec!["a".to_owned(), "b".to_owned()], vec!["long".to_owned(), "c".to_owned()]];
        assert_eq!(columns(&rows), "  a     b\n  long  c\n");
    }
}
