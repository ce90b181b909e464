//! Units to chunks: glue what must stand together, merge what is short, split what is long.

use std::ops::Range;

use crate::outline::{Glue, Name, Outline, Scope};
use crate::seams::Shape;
use crate::source::Source;
use crate::{Kind, seams, split};

/// How many definitions a symbol lists.
const MOST_LISTED: usize = 4;

/// A chunk that still has blanks at its ends.
pub(crate) struct Packed {
    pub(crate) bytes: Range<usize>,
    pub(crate) symbol: String,
    pub(crate) kind: Kind,
}

/// The chunks of an outline, in order, from the start of the text to its end.
pub(crate) fn pack(source: &Source<'_>, outline: &Outline, shape: &Shape) -> Vec<Packed> {
    let packer = Packer { source, outline };
    let mut spans = packer.glue().into_iter().peekable();
    let runs = packer.merge_scope(&mut spans, Outline::FILE);
    let long: Vec<_> =
        runs.iter().filter(|run| run.is_long(source)).map(|run| run.bytes.clone()).collect();
    let mut seams = seams::find(source, shape, &long).into_iter();
    let mut packed = Vec::with_capacity(runs.len());
    for run in runs {
        let Name { kind, symbol } = packer.name(&run);
        let parts = if run.is_long(source) {
            split::split(source, run.bytes, &seams.next().unwrap_or_default())
        } else {
            vec![run.bytes]
        };
        packed.extend(parts.into_iter().map(|bytes| Packed {
            bytes,
            symbol: symbol.clone(),
            kind,
        }));
    }
    packed
}

struct Packer<'a> {
    source: &'a Source<'a>,
    outline: &'a Outline,
}

/// One unit, or several that must stand together.
struct Span {
    bytes: Range<usize>,
    names: Vec<Name>,
    scope: usize,
    glue: Glue,
}

/// One span, or several that were merged.
struct Run {
    bytes: Range<usize>,
    tokens: usize,
    names: Vec<Name>,
    scope: usize,
    /// Whether nothing may be merged with it: it is a part of a scope that takes several chunks.
    is_closed: bool,
}

impl Run {
    fn is_long(&self, source: &Source<'_>) -> bool {
        self.tokens > source.longest_whole()
    }
}

impl Packer<'_> {
    fn glue(&self) -> Vec<Span> {
        let units = &self.outline.units;
        let mut spans: Vec<Span> = Vec::with_capacity(units.len());
        for (index, unit) in units.iter().enumerate() {
            let start = if index == 0 { 0 } else { unit.start };
            let end = units.get(index + 1).map_or(self.source.text.len(), |next| next.start);
            let names = unit.names.clone();
            match spans.last_mut() {
                Some(last) if self.belongs(last, &(start..end)) => {
                    last.bytes.end = end;
                    last.names.extend(names);
                    last.scope = unit.scope;
                    last.glue = unit.glue;
                }
                _ => spans.push(Span {
                    bytes: start..end,
                    names,
                    scope: unit.scope,
                    glue: unit.glue,
                }),
            }
        }
        spans
    }

    /// Whether these bytes must stand with the span before them.
    fn belongs(&self, before: &Span, bytes: &Range<usize>) -> bool {
        let in_a_line = || {
            let start = bytes.start;
            self.source.line_start(start).is_none() && !self.source.is_long_line(start)
        };
        let is_glued = match before.glue {
            Glue::Always => true,
            Glue::Short => self.is_short_head(&before.bytes, bytes),
            Glue::No => false,
        };
        is_glued || in_a_line()
    }

    /// Whether what is before is short and makes the next no part too long that was none before.
    fn is_short_head(&self, before: &Range<usize>, next: &Range<usize>) -> bool {
        let Source { target, .. } = *self.source;
        let whole = self.source.longest_whole();
        let (head, rest) = (self.source.count(before), self.source.count(next));
        head <= target / 16 || head <= target / 4 && (head + rest <= whole || rest > whole)
    }

    /// The runs of a scope: it takes the spans that stand in it.
    fn merge_scope(
        &self,
        spans: &mut std::iter::Peekable<std::vec::IntoIter<Span>>,
        scope: usize,
    ) -> Vec<Run> {
        let depth = self.outline.scopes[scope].depth;
        let mut runs: Vec<Run> = Vec::new();
        while let Some(next) = spans.peek() {
            if self.outline.ancestor(next.scope, depth) != scope {
                break;
            }
            if self.outline.scopes[next.scope].depth > depth {
                let inner = self.outline.ancestor(next.scope, depth + 1);
                for run in self.merge_scope(spans, inner) {
                    self.add(&mut runs, run, scope);
                }
            } else if let Some(Span { bytes, names, scope, .. }) = spans.next() {
                let tokens = self.source.count(&bytes);
                self.add(&mut runs, Run { bytes, tokens, names, scope, is_closed: false }, scope);
            }
        }
        self.close(&mut runs, scope);
        runs
    }

    /// Make a definition that is small one run, name it; what takes several runs is done.
    fn close(&self, runs: &mut Vec<Run>, scope: usize) {
        let Scope { is_definition, name, .. } = &self.outline.scopes[scope];
        if *is_definition && let (Some(first), Some(last)) = (runs.first(), runs.last()) {
            let bytes = first.bytes.start..last.bytes.end;
            let tokens = self.source.count(&bytes);
            if tokens <= self.source.target / 2 || runs.len() == 1 && !first.is_long(self.source) {
                let names = vec![name.clone()];
                *runs = vec![Run { bytes, tokens, names, scope, is_closed: false }];
            }
        }
        if runs.len() > 1 {
            runs.iter_mut().for_each(|run| run.is_closed = true);
        }
    }

    /// Add a run, merged with the last one if that is wanted.
    fn add(&self, runs: &mut Vec<Run>, run: Run, scope: usize) {
        match runs.last_mut() {
            Some(last) if self.fits(last, &run) => {
                last.bytes.end = run.bytes.end;
                last.tokens = self.source.count(&last.bytes);
                last.names.extend(run.names);
                if last.scope != run.scope {
                    last.scope = scope;
                }
            }
            _ => runs.push(run),
        }
    }

    /// Whether two neighbours read better as one: one of them is short, and both have room.
    /// Imports and comments go with a definition only if they are shorter still.
    fn fits(&self, first: &Run, second: &Run) -> bool {
        let alike = first.names.is_empty() == second.names.is_empty();
        let short = self.source.target / if alike { 4 } else { 8 };
        !first.is_closed
            && !second.is_closed
            && first.tokens.min(second.tokens) <= short
            && self.source.count(&(first.bytes.start..second.bytes.end)) <= self.source.target
    }

    /// What a run is called: its first definitions, the most telling kinds before others; if it has
    /// none, what it stands in.
    fn name(&self, run: &Run) -> Name {
        let mut names: Vec<&Name> = run.names.iter().collect();
        names.sort_by_key(|name| name.kind.rank());
        let Some(first) = names.first() else { return self.outline.scopes[run.scope].name.clone() };
        let kind = first.kind;
        let mut listed: Vec<&str> = Vec::new();
        for name in &names {
            if listed.contains(&name.symbol.as_str()) {
                continue;
            }
            if listed.len() == MOST_LISTED {
                listed.push("…");
                break;
            }
            listed.push(&name.symbol);
        }
        Name { kind, symbol: listed.join(", ") }
    }
}
