//! The outline of a text: units in order, each in a scope. A unit lasts until the next one starts.

use crate::Kind;

/// The units of a text and the scopes they stand in.
pub(crate) struct Outline {
    /// Ascending by `start`. All units of a scope, with those of scopes within it, stand together.
    pub(crate) units: Vec<Unit>,
    /// The file comes first, and a scope after the one that it stands in.
    pub(crate) scopes: Vec<Scope>,
    separator: &'static str,
}

/// A stretch of text that should stay together.
pub(crate) struct Unit {
    pub(crate) start: usize,
    /// What it defines; nothing for imports, comments and statements.
    pub(crate) names: Vec<Name>,
    pub(crate) scope: usize,
    pub(crate) glue: Glue,
}

/// A definition with its full name.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) kind: Kind,
    pub(crate) symbol: String,
}

/// Whether a unit must stand with the one after it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Glue {
    /// It may stand alone.
    No,
    /// It goes with the next one if it is short: the line that opens an `impl`.
    Short,
    /// It goes with the next one: a decorator.
    Always,
}

/// What units may belong to: the file, a type, a module, a section.
pub(crate) struct Scope {
    pub(crate) parent: usize,
    pub(crate) depth: usize,
    pub(crate) name: Name,
    /// Whether a chunk that holds all of it is named after it and not after what it holds.
    pub(crate) is_definition: bool,
}

impl Outline {
    /// The scope of everything.
    pub(crate) const FILE: usize = 0;

    /// An outline without units, whose names are joined by that.
    pub(crate) fn new(separator: &'static str) -> Outline {
        let file = Scope {
            parent: Outline::FILE,
            depth: 0,
            name: Name { kind: Kind::Text, symbol: String::new() },
            is_definition: false,
        };
        Outline { units: Vec::new(), scopes: vec![file], separator }
    }

    /// Add a unit that defines nothing.
    pub(crate) fn push_loose(&mut self, start: usize, scope: usize) {
        self.units.push(Unit { start, names: Vec::new(), scope, glue: Glue::No });
    }

    /// Add a scope within another.
    pub(crate) fn push_scope(&mut self, parent: usize, name: Name, is_definition: bool) -> usize {
        let depth = self.scopes[parent].depth + 1;
        self.scopes.push(Scope { parent, depth, name, is_definition });
        self.scopes.len() - 1
    }

    /// The full name of something in a scope.
    pub(crate) fn name_in(&self, scope: usize, kind: Kind, name: &str) -> Name {
        let path = &self.scopes[scope].name.symbol;
        let symbol = match (path.is_empty(), name.is_empty()) {
            (true, _) => name.to_owned(),
            (_, true) => path.clone(),
            _ => format!("{path}{}{name}", self.separator),
        };
        Name { kind, symbol }
    }

    /// The scope of that depth in which another one stands; that one itself if it is not deeper.
    pub(crate) fn ancestor(&self, mut scope: usize, depth: usize) -> usize {
        while self.scopes[scope].depth > depth {
            scope = self.scopes[scope].parent;
        }
        scope
    }
}
