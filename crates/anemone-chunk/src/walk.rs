//! From a tree to an outline: one walk through the places of definitions, by the rules of a grammar.

use tree_sitter::{Node, Tree};

use crate::Kind;
use crate::grammar::{Find, Grammar, Role};
use crate::outline::{Glue, Name, Outline, Unit};
use crate::source::Source;

/// Scopes, wrappers and conditions within each other; what lies deeper is not looked into.
const DEEPEST: usize = 48;

/// How many names of one statement are kept.
const MOST_NAMES: usize = 8;

/// The outline of a parsed text.
pub(crate) fn outline(source: &Source<'_>, grammar: &'static Grammar, tree: &Tree) -> Outline {
    let mut walk = Walk { source, grammar, outline: Outline::new(grammar.separator) };
    let file = Place { scope: Outline::FILE, depth: 0, constants: true, style: Style::File };
    walk.children(tree.root_node(), file);
    if walk.outline.units.is_empty() {
        walk.outline.push_loose(0, Outline::FILE);
    }
    walk.outline
}

struct Walk<'a> {
    source: &'a Source<'a>,
    grammar: &'static Grammar,
    outline: Outline,
}

/// Where the walk is.
#[derive(Clone, Copy)]
struct Place {
    scope: usize,
    depth: usize,
    /// Whether constants are named here, or belong to what they stand in.
    constants: bool,
    style: Style,
}

/// What becomes of nodes without a rule.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Each is a unit.
    File,
    /// Each is a unit, but those before the first definition belong to the head.
    Body,
    /// They belong to what stands before them.
    Wrapper,
}

/// Comments and attributes that wait for what they stand before.
#[derive(Clone, Copy)]
struct Waiting {
    start: usize,
    last_line: usize,
    is_attribute: bool,
}

impl Walk<'_> {
    fn children(&mut self, parent: Node<'_>, place: Place) {
        let mut waiting: Option<Waiting> = None;
        let mut in_head = place.style != Style::File;
        let mut cursor = parent.walk();
        let mut more = cursor.goto_first_child();
        while more {
            let node = cursor.node();
            more = cursor.goto_next_sibling();
            if !node.is_named() {
                continue;
            }
            if let Some(is_attribute) = self.waits(node) {
                if let Some(start) = self.source.line_start(node.start_byte()) {
                    let before = self.settle(&mut waiting, node, place, in_head);
                    let last_line = last_line(node);
                    let start = before.unwrap_or(start);
                    waiting = Some(Waiting { start, last_line, is_attribute });
                }
                continue;
            }
            let own = node.start_byte();
            let own = self.source.line_start(own).unwrap_or(own);
            let start = self.settle(&mut waiting, node, place, in_head).unwrap_or(own);
            if self.define(node, start, place) {
                in_head = false;
            } else if !in_head && place.style != Style::Wrapper {
                self.outline.push_loose(start, place.scope);
            }
        }
        if let (Some(waiting), false) = (waiting, in_head) {
            self.outline.push_loose(waiting.start, place.scope);
        }
    }

    /// Where a node starts with what waits for it. A comment apart becomes a unit of its own, which
    /// goes with the next one if there is room.
    fn settle(
        &mut self,
        waiting: &mut Option<Waiting>,
        node: Node<'_>,
        place: Place,
        in_head: bool,
    ) -> Option<usize> {
        let waited = waiting.take()?;
        if waited.is_attribute || node.start_position().row <= waited.last_line + 1 {
            return Some(waited.start);
        }
        if !in_head {
            self.outline.push_loose(waited.start, place.scope);
            self.outline.units.last_mut()?.glue = Glue::Short;
        }
        None
    }

    fn waits(&self, node: Node<'_>) -> Option<bool> {
        rules(self.grammar, node).find_map(|role| match role {
            Role::Comment => Some(false),
            Role::Attribute => Some(true),
            _ => None,
        })
    }

    /// Add what a node defines; false if it defines nothing.
    fn define(&mut self, node: Node<'_>, start: usize, place: Place) -> bool {
        if node.is_error() {
            return self.enter(node, start, Glue::No, Place { style: Style::Body, ..place });
        }
        rules(self.grammar, node).any(|role| match role {
            Role::Item(kind, find) => self.item(node, start, place, *kind, *find),
            Role::Type(find) => self.scope(node, start, place, Kind::Type, *find, true),
            Role::Holder(kind, find) => self.scope(node, start, place, *kind, *find, false),
            Role::Wrapper => {
                let place = Place { style: Style::Wrapper, ..place };
                self.enter(node, start, Glue::Always, place)
            }
            Role::Branch => {
                let constants = place.constants && self.grammar.constants_under_conditions;
                let place = Place { style: Style::Body, constants, ..place };
                self.enter(node, start, Glue::Short, place)
            }
            Role::Comment | Role::Attribute => false,
        })
    }

    fn item(&mut self, node: Node<'_>, start: usize, place: Place, kind: Kind, find: Find) -> bool {
        let Some(found) = find(node, self.source.text) else { return false };
        let kind = self.kind_in(place.scope, found.kind.unwrap_or(kind));
        if kind == Kind::Constant && !place.constants {
            return false;
        }
        let names = found
            .names
            .iter()
            .filter(|name| !name.is_empty())
            .take(MOST_NAMES)
            .map(|name| self.outline.name_in(place.scope, kind, name))
            .collect();
        self.outline.units.push(Unit { start, names, scope: place.scope, glue: Glue::No });
        true
    }

    /// A function of a type is a method.
    fn kind_in(&self, scope: usize, kind: Kind) -> Kind {
        if kind == Kind::Function && self.outline.scopes[scope].name.kind == Kind::Type {
            Kind::Method
        } else {
            kind
        }
    }

    fn scope(
        &mut self,
        node: Node<'_>,
        start: usize,
        place: Place,
        kind: Kind,
        find: Find,
        is_definition: bool,
    ) -> bool {
        let Some(found) = find(node, self.source.text) else { return false };
        let first = found.names.first().map_or("", String::as_str);
        let kind = found.kind.unwrap_or(kind);
        let name = self.outline.name_in(place.scope, kind, first);
        let body = node.child_by_field_name("body").filter(|_| place.depth < DEEPEST);
        let Some(body) = body else {
            // A module in another file defines nothing here.
            let names = if is_definition { self.own_names(first, &name) } else { Vec::new() };
            self.outline.units.push(Unit { start, names, scope: place.scope, glue: Glue::No });
            return true;
        };
        let names = if is_definition { self.own_names(first, &name) } else { Vec::new() };
        let scope = self.outline.push_scope(place.scope, name, is_definition && !first.is_empty());
        let head = self.outline.units.len();
        let glue = if is_definition { Glue::No } else { Glue::Short };
        self.outline.units.push(Unit { start, names, scope, glue });
        let constants = if is_definition { false } else { place.constants };
        let depth = place.depth + 1;
        self.children(body, Place { scope, depth, constants, style: Style::Body });
        if self.outline.units.len() == head + 1 {
            self.outline.units[head].glue = Glue::No;
        }
        true
    }

    fn own_names(&self, first: &str, name: &Name) -> Vec<Name> {
        if first.is_empty() { Vec::new() } else { vec![name.clone()] }
    }

    /// Look into a node that is no definition itself; true if it holds some.
    fn enter(&mut self, node: Node<'_>, start: usize, glue: Glue, place: Place) -> bool {
        if place.depth >= DEEPEST {
            return false;
        }
        let before = self.outline.units.len();
        let scope = place.scope;
        self.outline.units.push(Unit { start, names: Vec::new(), scope, glue });
        self.children(node, Place { depth: place.depth + 1, ..place });
        let holds = self.outline.units.len() > before + 1;
        if !holds {
            self.outline.units.truncate(before);
        }
        holds
    }
}

/// What a node may mean.
fn rules(grammar: &'static Grammar, node: Node<'_>) -> impl Iterator<Item = &'static Role> {
    let kind = node.kind();
    grammar.rules.iter().filter(move |(name, _)| *name == kind).map(|(_, role)| role)
}

/// The line of a node's last character: some comments end with their line break.
fn last_line(node: Node<'_>) -> usize {
    let end = node.end_position();
    if end.column == 0 && end.row > node.start_position().row { end.row - 1 } else { end.row }
}
