//! A text with its lines and tokens counted once, so that every later question is a binary search.

use std::ops::{Range, RangeInclusive};

use crate::Limits;

/// The mark that some editors put at the start of a file; it is no text.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// A text, where its lines and tokens start, and the sizes wanted.
pub(crate) struct Source<'a> {
    pub(crate) text: &'a str,
    lines: Vec<Line>,
    tokens: &'a [usize],
    /// About how many tokens a chunk should hold; at least one.
    pub(crate) target: usize,
    /// How many tokens a chunk may hold; at least `target`.
    pub(crate) maximum: usize,
}

/// One line: where it starts, and where its first character that is not blank stands.
#[derive(Clone, Copy)]
pub(crate) struct Line {
    pub(crate) start: usize,
    pub(crate) content: usize,
    pub(crate) blank: bool,
}

impl<'a> Source<'a> {
    pub(crate) fn new(text: &'a str, tokens: &'a [usize], limits: Limits) -> Source<'a> {
        let mut lines = Vec::with_capacity(text.len() / 32 + 1);
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let indent = line.len() - line.trim_start_matches(is_blank).len();
            lines.push(Line { start, content: start + indent, blank: indent == line.len() });
            start += line.len();
        }
        if lines.is_empty() {
            lines.push(Line { start: 0, content: 0, blank: true });
        }
        let maximum = limits.maximum.max(1);
        Source { text, lines, tokens, target: limits.target.clamp(1, maximum), maximum }
    }

    /// How many tokens start in these bytes.
    pub(crate) fn count(&self, bytes: &Range<usize>) -> usize {
        self.token_at(bytes.end).saturating_sub(self.token_at(bytes.start))
    }

    /// How many tokens a definition may hold before it is split.
    pub(crate) fn longest_whole(&self) -> usize {
        self.maximum.min(self.target + self.target / 2)
    }

    /// How many tokens start before that byte.
    pub(crate) fn token_at(&self, byte: usize) -> usize {
        self.tokens.partition_point(|&start| start < byte)
    }

    /// Where the token of that number starts, on a character's boundary; the end, if there is none.
    pub(crate) fn token_start(&self, token: usize) -> usize {
        let start = self.tokens.get(token).map_or(self.text.len(), |&start| start);
        self.text.floor_char_boundary(start.min(self.text.len()))
    }

    /// The number of the line, from 0, in which that byte stands.
    pub(crate) fn line_of(&self, byte: usize) -> usize {
        self.lines.partition_point(|line| line.start <= byte).saturating_sub(1)
    }

    pub(crate) fn line(&self, index: usize) -> Line {
        self.lines[index]
    }

    /// The lines that start in these bytes, by number.
    pub(crate) fn lines_in(&self, bytes: &Range<usize>) -> Range<usize> {
        let first = self.lines.partition_point(|line| line.start < bytes.start);
        let end = self.lines.partition_point(|line| line.start < bytes.end);
        first..end.max(first)
    }

    /// The start of the line, if nothing but blanks stands before that byte in it.
    pub(crate) fn line_start(&self, byte: usize) -> Option<usize> {
        let line = self.lines[self.line_of(byte)];
        (byte <= line.content).then_some(line.start)
    }

    /// Whether the line in which that byte stands is too long for one chunk.
    pub(crate) fn is_long_line(&self, byte: usize) -> bool {
        let start = self.lines[self.line_of(byte)].start;
        self.count(&(start..self.line_end(byte))) > self.maximum
    }

    /// Where the line in which that byte stands ends, with its line break.
    pub(crate) fn line_end(&self, byte: usize) -> usize {
        self.lines.get(self.line_of(byte) + 1).map_or(self.text.len(), |line| line.start)
    }

    /// These bytes without blank lines before and blanks after; nothing if all is blank.
    pub(crate) fn trim(&self, bytes: Range<usize>) -> Option<Range<usize>> {
        let inner = &self.text[bytes.clone()];
        let kept = inner.trim_end_matches(is_blank);
        let end = bytes.start + kept.len();
        let content = end - kept.trim_start_matches(is_blank).len();
        if content == end {
            return None;
        }
        let mut start = self.lines[self.line_of(content)].start.max(bytes.start);
        if self.text[start..].starts_with(BYTE_ORDER_MARK) {
            start += BYTE_ORDER_MARK.len_utf8();
        }
        Some(start..end)
    }

    /// The lines, from 1, in which these bytes stand; they are not empty.
    pub(crate) fn line_numbers(&self, bytes: &Range<usize>) -> RangeInclusive<u32> {
        let number = |byte| u32::try_from(self.line_of(byte) + 1).unwrap_or(u32::MAX);
        number(bytes.start)..=number(bytes.end - 1)
    }
}

/// White space, or the byte order mark.
fn is_blank(character: char) -> bool {
    character.is_whitespace() || character == BYTE_ORDER_MARK
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { target: 4, maximum: 8 };

    #[test]
    fn an_empty_text_has_one_blank_line() {
        let source = Source::new("", &[], LIMITS);
        assert_eq!(source.trim(0..0), None);
        assert_eq!(source.line_of(0), 0);
    }

    #[test]
    fn trimming_keeps_the_indent_and_drops_the_mark() {
        let text = "\u{feff}\n\r\n  a b \r\n";
        let source = Source::new(text, &[8, 10], LIMITS);
        let bytes = source.trim(0..text.len()).unwrap();
        assert_eq!(&text[bytes.clone()], "  a b");
        assert_eq!(source.line_numbers(&bytes), 3..=3);
        let marked = Source::new("\u{feff}a", &[3], LIMITS);
        assert_eq!(marked.trim(0..4), Some(3..4));
    }

    #[test]
    fn a_token_inside_a_character_counts_from_the_character() {
        let source = Source::new("aé", &[0, 1, 2], LIMITS);
        assert_eq!(source.token_start(2), 1);
        assert_eq!(source.token_start(3), 3);
    }
}
