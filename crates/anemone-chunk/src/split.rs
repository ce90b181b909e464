//! Cutting what is too long into parts of similar size, at the best seams near the ideal places.

use std::ops::Range;

use crate::seams::Seam;
use crate::source::Source;

/// The parts of these bytes, none over the maximum.
pub(crate) fn split(source: &Source<'_>, bytes: Range<usize>, seams: &[Seam]) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = bytes.start;
    let mut seams = seams;
    loop {
        let left = source.count(&(start..bytes.end));
        if left <= source.longest_whole() {
            break;
        }
        seams = &seams[seams.partition_point(|seam| seam.at <= start)..];
        let at = cut(source, &(start..bytes.end), left, seams);
        if at >= bytes.end {
            break;
        }
        parts.push(start..at);
        start = at;
    }
    parts.push(start..bytes.end);
    parts
}

/// Where to end the first part of these bytes, in which so many tokens are left.
fn cut(source: &Source<'_>, bytes: &Range<usize>, left: usize, seams: &[Seam]) -> usize {
    let Range { start, end } = *bytes;
    // With parts a little under the target there is room to move each cut.
    let parts = left.div_ceil((source.target - source.target / 8).max(1)).max(2);
    let ideal = left.div_ceil(parts);
    let first = source.token_at(start);
    let least = first + (ideal / 2).max(1);
    let most = first + source.maximum.min(ideal + ideal / 2).max(1);
    let in_window = seams
        .iter()
        .map(|seam| (seam, source.token_at(seam.at)))
        .skip_while(|(_, token)| *token < least)
        .take_while(|(_, token)| *token <= most);
    // The first of equals, so that the result does not depend on how seams are searched.
    let best = in_window
        .min_by_key(|(seam, token)| 8 * token.abs_diff(first + ideal) + ideal * seam.level)
        .map(|(seam, _)| seam.at);
    best.or_else(|| nearest(source, first, ideal, seams))
        .or_else(|| (!source.is_long_line(start)).then(|| source.line_end(start).min(end)))
        .unwrap_or_else(|| within_line(source, start, first + ideal.min(source.maximum)))
}

/// The seam nearest to the ideal of those that leave no more than the maximum before them.
fn nearest(source: &Source<'_>, first: usize, ideal: usize, seams: &[Seam]) -> Option<usize> {
    let end = first + source.maximum;
    seams
        .iter()
        .map(|seam| (seam.at, source.token_at(seam.at)))
        .skip_while(|(_, token)| *token <= first)
        .take_while(|(_, token)| *token <= end)
        .min_by_key(|(_, token)| token.abs_diff(first + ideal))
        .map(|(at, _)| at)
}

/// The start of that token, or the end of the first character if the token does not leave it behind.
fn within_line(source: &Source<'_>, start: usize, token: usize) -> usize {
    let at = source.token_start(token);
    if at > start { at } else { source.text.ceil_char_boundary(start + 1) }
}
