//! Parsing under a bound on the work done, so that hostile input costs little and gives the same
//! result on every machine.

use std::ops::ControlFlow;

use tree_sitter::{ParseOptions, Parser, Tree};

use crate::grammar::Grammar;

/// Longer texts are not parsed: they are data or generated.
const MAXIMUM_BYTES: usize = 4 << 20;

/// Reports of progress that any text may take, and bytes for each further one. Real sources take a
/// report for 50 to 100 bytes.
const REPORTS: usize = 2_000;
const BYTES_A_REPORT: usize = 12;

/// The tree of a text; nothing if it is too long, or takes too much work.
pub(crate) fn parse(text: &str, grammar: &Grammar) -> Option<Tree> {
    if text.len() > MAXIMUM_BYTES {
        return None;
    }
    let mut parser = Parser::new();
    parser.set_language(&(grammar.parser)()).ok()?;
    let mut reports_left = REPORTS + text.len() / BYTES_A_REPORT;
    let mut progress = |_: &_| {
        reports_left = reports_left.saturating_sub(1);
        if reports_left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let options = ParseOptions::new().progress_callback(&mut progress);
    let bytes = text.as_bytes();
    parser.parse_with_options(&mut |at, _| bytes.get(at..).unwrap_or_default(), None, Some(options))
}
