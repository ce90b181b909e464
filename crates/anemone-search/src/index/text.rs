//! The text that is embedded for a chunk: its body, under one line that says where it stands.

/// Changes whenever the same chunk may be embedded as another text.
pub(super) const VERSION: u32 = 1;

/// A longer path loses folders at its start, a longer symbol what stands around it.
const LONGEST: usize = 96;

/// The text that is embedded for the chunk `body` of the file at `path`, which defines `symbol`
/// or nothing.
pub fn embedded_text(path: &str, symbol: &str, body: &str) -> String {
    let header = header(path, symbol);
    let mut text = String::with_capacity(header.len() + 1 + body.len());
    text.push_str(&header);
    text.push('\n');
    text.push_str(body);
    text
}

/// The line above the body.
pub(super) fn header(path: &str, symbol: &str) -> String {
    let path = ending(path, LONGEST, &['/']);
    if symbol.is_empty() {
        return path.to_owned();
    }
    format!("{path} {}", ending(symbol, LONGEST, &[':', '.', ' ']))
}

/// The end of `text` of at most so many bytes, from after a separator if there is one.
fn ending<'a>(text: &'a str, longest: usize, separators: &[char]) -> &'a str {
    if text.len() <= longest {
        return text;
    }
    let mut start = text.len() - longest;
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let end = &text[start..];
    match end.find(separators) {
        Some(place) => end[place..].trim_start_matches(separators),
        None => end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_where_the_body_stands() {
        assert_eq!(embedded_text("a/b.rs", "C::d", "fn d() {}"), "a/b.rs C::d\nfn d() {}");
        assert_eq!(embedded_text("a/b.md", "", "text"), "a/b.md\ntext");
    }

    #[test]
    fn long_paths_lose_folders_at_their_start() {
        let path = format!("{}/d/e.rs", "größe/".repeat(40));
        let short = header(&path, &"x".repeat(500));
        assert!(short.starts_with("größe/") && short.len() <= 2 * LONGEST + 1);
        assert!(short.contains("/d/e.rs xxx"));
    }
}
