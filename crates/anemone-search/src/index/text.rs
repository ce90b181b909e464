//! The text that is embedded for a chunk: its body, under one line of words that says where it
//! stands.
//!
//! Models of texts know words, not spelling: names are split into theirs, and comments lose their
//! marks. Imports say what a file uses, not what it does, so they are left out. `docs/search.md`
//! has what each is worth.

use anemone_chunk::Language;

use crate::words::parts;

/// Changes whenever the same chunk may be embedded as another text.
pub(super) const VERSION: u32 = 3;

/// Folders further up say little of a file.
const COMPONENTS: usize = 2;
/// Bytes of the words of a path, and of a symbol.
const LONGEST: usize = 96;

/// The text that is embedded for the chunk `body` of the file at `path`, which defines `symbol`
/// or nothing.
pub(super) fn embedded_text(path: &str, symbol: &str, body: &str, language: Language) -> String {
    let mut text = header(path, symbol);
    text.reserve(1 + body.len());
    text.push('\n');
    let head = text.len();
    let mut open = 0;
    for line in body.split_inclusive('\n') {
        let trimmed = line.trim_start();
        if open > 0 || is_import(trimmed, language) {
            let count = |brackets: [char; 2]| line.matches(brackets).count();
            open = (open + count(['(', '{'])).saturating_sub(count([')', '}']));
            continue;
        }
        text.push_str(&line[..line.len() - trimmed.len()]);
        text.push_str(unmarked(trimmed, language));
    }
    if text[head..].trim().is_empty() {
        text.truncate(head);
        text.push_str(body);
    }
    text
}

/// Whether a line starts an import; it goes on until its brackets are closed.
fn is_import(line: &str, language: Language) -> bool {
    let starts: &[&str] = match language {
        Language::Rust => &["use ", "#![", "extern crate "],
        Language::Python => &["import ", "from "],
        Language::JavaScript | Language::TypeScript | Language::Tsx => &["import "],
        Language::Go => &["import ", "package "],
        Language::Java => &["import ", "package "],
        Language::C | Language::Cpp => &["#include", "#pragma once"],
        Language::Markdown | Language::Text => &[],
    };
    starts.iter().any(|start| line.starts_with(start))
        && (language != Language::Python || line.starts_with('i') || line.contains(" import "))
}

/// The line above the body: the words of the symbol and of the path's end.
pub(super) fn header(path: &str, symbol: &str) -> String {
    let start = path.rmatch_indices('/').nth(COMPONENTS - 1).map_or(0, |(at, _)| at + 1);
    let place = &path[start..];
    let name = place.rfind('/').map_or(0, |at| at + 1);
    let stem = place[name..].rfind('.').filter(|&at| at > 0).map_or(place.len(), |at| name + at);
    let mut header = last_words(symbol);
    let place = last_words(&place[..stem]);
    if !header.is_empty() && !place.is_empty() {
        header.push(' ');
    }
    header + &place
}

/// The last words of `text`, as many as there is room for.
fn last_words(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    parts(text, &mut |word| words.push(word.to_owned()));
    let mut room = LONGEST;
    let fitting = words.iter().rev().take_while(|word| {
        let fits = word.len() < room;
        room = room.saturating_sub(word.len() + 1);
        fits
    });
    let count = fitting.count();
    words[words.len() - count..].join(" ")
}

/// A line without the mark of a comment at its start.
fn unmarked(line: &str, language: Language) -> &str {
    const SLASHES: [&str; 9] = ["///", "//!", "//", "/**", "/*!", "/*", "*/", "* ", "*\n"];
    const HASHES: [&str; 3] = ["#", "\"\"\"", "'''"];
    let marks: &[&str] = match language {
        Language::Markdown => &[],
        Language::Python | Language::Text => &HASHES,
        Language::Rust
        | Language::JavaScript
        | Language::TypeScript
        | Language::Tsx
        | Language::Go
        | Language::C
        | Language::Cpp
        | Language::Java => &SLASHES,
    };
    match marks.iter().find_map(|mark| line.strip_prefix(mark)) {
        Some("") => "\n",
        Some(rest) => rest.strip_prefix(' ').unwrap_or(rest),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_in_words_where_the_body_stands() {
        let text = |path, symbol| embedded_text(path, symbol, "x", Language::Text);
        assert_eq!(text("a/b/src/tokenPool.rs", "C::find_it"), "c find it src token pool\nx");
        assert_eq!(text("README.md", ""), "readme\nx");
        assert_eq!(text(".ci/run", ""), "ci run\nx");
        assert_eq!(text("src/.hidden", "HTTPServer"), "http server src hidden\nx");
    }

    #[test]
    fn long_names_lose_words_at_their_start() {
        let header = header("a/größe.rs", &"long_name ".repeat(50));
        assert!(header.ends_with("long name long name a größe"));
        assert!(header.len() <= 2 * LONGEST + 1);
    }

    #[test]
    fn imports_are_left_out_where_there_is_anything_else() {
        let body = |text, language| embedded_text("", "", text, language);
        let rust = "//! Why.\nuse a::{\n    b,\n    c,\n};\nuse d;\nfn e() {}\n";
        assert_eq!(body(rust, Language::Rust), "\nWhy.\nfn e() {}\n");
        assert_eq!(body("use a;\n", Language::Rust), "\nuse a;\n");
        let python = "from a import (\n    b,\n)\nimport c\nfrom_here = 1\nfrom here\n";
        assert_eq!(body(python, Language::Python), "\nfrom_here = 1\nfrom here\n");
        let go = "package a\nimport (\n\t\"b\"\n)\nfunc c() {}";
        assert_eq!(body(go, Language::Go), "\nfunc c() {}");
    }

    #[test]
    fn comments_lose_their_marks_and_code_keeps_its_own() {
        let body = |text, language| embedded_text("", "", text, language);
        let rust = "    /// Opens it.\n    //\n    *count += 1;\n#[test]\n";
        assert_eq!(
            body(rust, Language::Rust),
            "\n    Opens it.\n    \n    *count += 1;\n#[test]\n"
        );
        let python = "# Why.\ndef a():\n    \"\"\"Does it.\"\"\"\n";
        assert_eq!(body(python, Language::Python), "\nWhy.\ndef a():\n    Does it.\"\"\"\n");
        let java = "/**\n * Does it.\n */\nint a;";
        assert_eq!(body(java, Language::Java), "\n\n Does it.\n \nint a;");
        assert_eq!(body("# Head\n* item\n", Language::Markdown), "\n# Head\n* item\n");
    }
}
