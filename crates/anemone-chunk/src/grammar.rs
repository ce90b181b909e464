//! What a language is to the walk: a parser, a separator, and what each kind of node means.

use tree_sitter::Node;

use crate::{Kind, Language, grammars};

/// A language as data.
pub(crate) struct Grammar {
    pub(crate) parser: fn() -> tree_sitter::Language,
    /// What stands between the names of a path.
    pub(crate) separator: &'static str,
    /// Kinds of nodes in the place of definitions; of several rules for one the first that finds
    /// something holds. What has no rule defines nothing.
    pub(crate) rules: &'static [(&'static str, Role)],
    /// Whether constants under conditions are named: they are in C, where a header stands under one.
    pub(crate) constants_under_conditions: bool,
}

/// What a node in the place of a definition means.
pub(crate) enum Role {
    /// A definition that is not looked into.
    Item(Kind, Find),
    /// A type whose members are definitions of their own; its name is the name of the whole.
    Type(Find),
    /// Something that only holds definitions: a module, an `impl`.
    Holder(Kind, Find),
    /// A part of the one definition within it: an export, a decorated function.
    Wrapper,
    /// Something that may hold definitions among other things: a condition.
    Branch,
    /// Belongs to what stands right after it.
    Comment,
    /// Belongs to what stands after it.
    Attribute,
}

/// Looks at a node whose kind has a rule; nothing if the rule does not hold for it after all.
pub(crate) type Find = for<'tree> fn(Node<'tree>, &str) -> Option<Found>;

/// What a rule found.
pub(crate) struct Found {
    /// Several where one statement defines several.
    pub(crate) names: Vec<String>,
    /// Another kind than the rule says.
    pub(crate) kind: Option<Kind>,
}

impl Found {
    pub(crate) fn one(name: String) -> Option<Found> {
        Some(Found { names: vec![name], kind: None })
    }

    pub(crate) fn of_kind(kind: Kind, name: String) -> Option<Found> {
        Some(Found { names: vec![name], kind: Some(kind) })
    }
}

/// The grammar for a text; nothing for languages without one.
pub(crate) fn of(language: Language, text: &str) -> Option<&'static Grammar> {
    match language {
        Language::Rust => Some(&grammars::rust::GRAMMAR),
        Language::Python => Some(&grammars::python::GRAMMAR),
        Language::JavaScript => Some(&grammars::javascript::JAVASCRIPT),
        Language::TypeScript => Some(&grammars::javascript::TYPESCRIPT),
        Language::Tsx => Some(&grammars::javascript::TSX),
        Language::Go => Some(&grammars::go::GRAMMAR),
        Language::C if grammars::c::reads_like_cpp(text) => Some(&grammars::c::CPP),
        Language::C => Some(&grammars::c::C),
        Language::Cpp => Some(&grammars::c::CPP),
        Language::Java => Some(&grammars::java::GRAMMAR),
        Language::Markdown | Language::Text => None,
    }
}

/// What the field `name` says; a name is not asked for where there is none.
pub(crate) fn by_name(node: Node<'_>, text: &str) -> Option<Found> {
    Found::one(node.child_by_field_name("name").map_or_else(String::new, |name| read(name, text)))
}

/// The text of a node on one line, without what stands between angle brackets.
pub(crate) fn read(node: Node<'_>, text: &str) -> String {
    name_of(text.get(node.byte_range()).unwrap_or_default())
}

/// The longest name that is kept, in characters.
const LONGEST_NAME: usize = 100;

/// A name as it is shown: no quotes, no type arguments, no blanks but in an operator's name.
fn name_of(written: &str) -> String {
    let mut name = String::new();
    let mut depth = 0_usize;
    // Angle brackets in the name of an operator are not type arguments.
    let is_operator = written.contains("operator");
    for character in written.chars().take(LONGEST_NAME) {
        match character {
            '"' | '\'' | '`' => {}
            _ if character.is_whitespace() => {
                name.extend((is_operator && !name.ends_with(' ')).then_some(' '));
            }
            '<' if !is_operator => depth += 1,
            '>' if !is_operator && depth > 0 => depth -= 1,
            _ if depth == 0 => name.push(character),
            _ => {}
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_no_type_arguments_and_no_blanks() {
        for (written, name) in [
            ("Index", "Index"),
            ("Index<'a, Vec<T>>", "Index"),
            ("ns :: Map<K, V>\n::get", "ns::Map::get"),
            ("operator<<", "operator<<"),
            ("operator  bool", "operator bool"),
            ("\"node:fs\"", "node:fs"),
        ] {
            assert_eq!(name_of(written), name);
        }
        assert_eq!(name_of(&"x".repeat(1000)).len(), LONGEST_NAME);
    }
}
