//! From a text to its chunks: outline it, pack the units, name what comes out.

use std::ops::{Range, RangeInclusive};

use crate::outline::Outline;
use crate::seams::Shape;
use crate::source::Source;
use crate::{Kind, Language, grammar, markdown, pack, parse, plain, walk};

/// Raise when the same text gives other chunks: indexes made by another version are rebuilt.
pub const VERSION: u32 = 1;

/// A piece of a text that is read, found and shown as one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chunk {
    /// Where it stands in the text, on boundaries of characters.
    pub bytes: Range<usize>,
    /// Its lines, from 1.
    pub lines: RangeInclusive<u32>,
    /// What it defines, with what that belongs to: `Index::open`, `Walker.next`, `Guide > Install`.
    /// Several short definitions are listed with commas; empty where there is no name.
    pub symbol: String,
    /// What it mostly is.
    pub kind: Kind,
}

/// How large a chunk may be, in tokens of the model's tokenizer.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// About how many tokens a chunk should hold: short neighbours are merged up to it, and what is
    /// more than half longer is split.
    pub target: usize,
    /// How many tokens a chunk may hold.
    pub maximum: usize,
}

/// The chunks of a text, in order: every line that is not blank stands in one of them.
///
/// `tokens` are the offsets at which the tokens of `text` start, ascending. A line stands in several
/// chunks only if it is itself longer than `limits.maximum`, and a chunk is longer than that only if
/// a single character is.
pub fn chunk(text: &str, language: Language, tokens: &[usize], limits: Limits) -> Vec<Chunk> {
    let source = Source::new(text, tokens, limits);
    let (outline, shape) = read(&source, language);
    pack::pack(&source, &outline, &shape)
        .into_iter()
        .filter_map(|packed| {
            let bytes = source.trim(packed.bytes)?;
            let lines = source.line_numbers(&bytes);
            Some(Chunk { bytes, lines, symbol: packed.symbol, kind: packed.kind })
        })
        .collect()
}

/// The units of a text, and what is known of the places between.
fn read(source: &Source<'_>, language: Language) -> (Outline, Shape) {
    if language == Language::Markdown {
        let (outline, blocks) = markdown::outline(source.text);
        return (outline, Shape::Blocks(blocks));
    }
    let parsed = grammar::of(language, source.text)
        .and_then(|grammar| Some((grammar, parse::parse(source.text, grammar)?)));
    match parsed {
        Some((grammar, tree)) => (walk::outline(source, grammar, &tree), Shape::Tree(tree)),
        None => (plain::outline(), Shape::Lines),
    }
}
