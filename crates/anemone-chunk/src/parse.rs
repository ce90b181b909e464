//! Parsing under a bound on the work done, so that hostile input costs little and gives the same
//! result on every machine.

use std::ops::ControlFlow;

use tree_sitter::{ParseOptions, Parser, Tree};

use crate::grammar::Grammar;

/// Longer texts are not parsed: they are data or generated.
const MAXIMUM_BYTES: usize = 1 << 20;

/// How many reports of progress a text may take: some for any, one for so many bytes, and so many at
/// most. Real sources take one for 40 to 200 bytes; what a report stands for costs a hundred times
/// more in a text that is all errors, so the most is what bounds the time, to a few seconds.
const REPORTS_FOR_ANY: usize = 500;
const BYTES_FOR_A_REPORT: usize = 12;
const MOST_REPORTS: usize = 8_000;

/// The tree of a text; nothing if it is too long, or takes too much work.
pub(crate) fn parse(text: &str, grammar: &Grammar) -> Option<Tree> {
    if text.len() > MAXIMUM_BYTES {
        return None;
    }
    let mut parser = Parser::new();
    parser.set_language(&(grammar.parser)()).ok()?;
    let mut reports_left = (REPORTS_FOR_ANY + text.len() / BYTES_FOR_A_REPORT).min(MOST_REPORTS);
    let mut progress = |_: &_| {
        reports_left = reports_left.saturating_sub(1);
        if reports_left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let options = ParseOptions::new().progress_callback(&mut progress);
    let bytes = text.as_bytes();
    parser.parse_with_options(&mut |at, _| bytes.get(at..).unwrap_or_default(), None, Some(options))
}
