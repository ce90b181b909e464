//! Where a long stretch of text may be cut: before statements, after blank lines, between lines.

use std::ops::Range;

use tree_sitter::{Node, Tree};

use crate::source::Source;

/// A place for a cut; the lower its level, the better the place.
pub(crate) struct Seam {
    pub(crate) at: usize,
    pub(crate) level: usize,
}

/// What is known of a text beside its lines.
pub(crate) enum Shape {
    /// Its tree.
    Tree(Tree),
    /// Where its blocks start, ascending.
    Blocks(Vec<Start>),
    /// Nothing.
    Lines,
}

/// Where a statement or block starts.
#[derive(Clone)]
pub(crate) struct Start {
    pub(crate) at: usize,
    pub(crate) depth: usize,
    /// How much worse it is than its depth says.
    pub(crate) penalty: usize,
}

/// Statements nested deeper than this below the outermost ones are all alike.
const DEEPEST: usize = 12;

/// A line at which no statement starts, less for blank lines before it and for no indent.
const BARE_LINE: usize = 24;

/// A statement in the middle of a line that is too long for one chunk.
const WITHIN_LINE: usize = 32;

/// The seams within each range, ascending. The ranges are ascending and do not overlap.
pub(crate) fn find(source: &Source<'_>, shape: &Shape, ranges: &[Range<usize>]) -> Vec<Vec<Seam>> {
    let mut starts = match shape {
        Shape::Tree(tree) => starts(source, tree, ranges),
        Shape::Blocks(blocks) => blocks.clone(),
        Shape::Lines => Vec::new(),
    }
    .into_iter()
    .peekable();
    ranges
        .iter()
        .map(|range| {
            let mut here = Vec::new();
            while let Some(start) = starts.next_if(|start| start.at < range.end) {
                here.extend((start.at > range.start).then_some(start));
            }
            within(source, range, &here)
        })
        .collect()
}

fn within(source: &Source<'_>, range: &Range<usize>, starts: &[Start]) -> Vec<Seam> {
    let outermost = starts.iter().map(|start| start.depth).min().unwrap_or(0);
    let mut seams = Vec::new();
    for start in starts {
        let level = 1 + (start.depth - outermost + start.penalty).min(DEEPEST);
        seams.push(match source.line_start(start.at) {
            Some(at) if at > range.start => Seam { at, level: level - after_blank(source, at) },
            Some(_) => continue,
            None if source.is_long_line(start.at) => {
                Seam { at: start.at, level: WITHIN_LINE + level }
            }
            None => continue,
        });
    }
    for index in source.lines_in(range) {
        let line = source.line(index);
        if !line.blank && line.start > range.start {
            let is_flush = usize::from(line.content == line.start);
            let level = BARE_LINE - 8 * after_blank(source, line.start) - 2 * is_flush;
            seams.push(Seam { at: line.start, level });
        }
    }
    seams.sort_by_key(|seam| (seam.at, seam.level));
    seams.dedup_by_key(|seam| seam.at);
    seams
}

/// One if the line that starts there follows a blank one, else none.
fn after_blank(source: &Source<'_>, at: usize) -> usize {
    let index = source.line_of(at);
    usize::from(index > 0 && source.line(index - 1).blank)
}

/// The starts of nodes within the ranges, in one walk over those parts of the tree.
fn starts(source: &Source<'_>, tree: &Tree, ranges: &[Range<usize>]) -> Vec<Start> {
    let mut starts: Vec<Start> = Vec::new();
    let mut ranges = ranges.iter().peekable();
    let mut cursor = tree.walk();
    // Whether the node before, at each depth down to here, is a comment.
    let mut after_comment = vec![false];
    loop {
        let node = cursor.node();
        while ranges.next_if(|range| range.end <= node.start_byte()).is_some() {}
        let Some(range) = ranges.peek() else { return starts };
        let depth = after_comment.len() - 1;
        let is_comment = is_comment(node);
        let after = std::mem::replace(&mut after_comment[depth], is_comment);
        let is_within = node.end_byte() > range.start;
        let is_long_line = || source.is_long_line(node.start_byte());
        if is_within && node.is_named() && node.start_byte() > range.start {
            let at = node.start_byte();
            let is_new = starts.last().is_none_or(|last| last.at != at);
            // Cut before a comment rather than between it and what it is about.
            let is_bound = after && is_comment;
            if is_new && !is_bound {
                let penalty = if after { 3 } else { 2 * usize::from(continues(node)) };
                starts.push(Start { at, depth, penalty });
            }
        }
        let spans_lines = node.start_position().row != node.end_position().row;
        if is_within && (spans_lines || is_long_line()) && cursor.goto_first_child() {
            after_comment.push(false);
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return starts;
            }
            after_comment.pop();
        }
    }
}

fn is_comment(node: Node<'_>) -> bool {
    let kind = node.kind();
    kind.contains("comment") || kind.contains("attribute") || kind.contains("decorator")
}

/// Whether a node goes on with what stands before it: `else`, `catch`, the body of a function.
fn continues(node: Node<'_>) -> bool {
    let kind = node.kind();
    kind.ends_with("clause") || kind.ends_with("block") || kind.ends_with("compound_statement")
}
