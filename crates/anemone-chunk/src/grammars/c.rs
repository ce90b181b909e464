//! C and C++: functions by their declarators, types, namespaces, what stands under `#if`.

use tree_sitter::Node;

use crate::Kind;
use crate::grammar::{Found, Grammar, Role, by_name, read};

/// C.
pub(crate) static C: Grammar = Grammar {
    parser: || tree_sitter_c::LANGUAGE.into(),
    separator: "::",
    constants_under_conditions: true,
    rules: RULES,
};

/// C++.
pub(crate) static CPP: Grammar = Grammar { parser: || tree_sitter_cpp::LANGUAGE.into(), ..C };

/// The kinds of C++ do not occur in C's trees.
const RULES: &[(&str, Role)] = &[
    ("comment", Role::Comment),
    ("access_specifier", Role::Attribute),
    ("function_definition", Role::Item(Kind::Function, declared)),
    ("declaration", Role::Item(Kind::Constant, declared)),
    ("field_declaration", Role::Item(Kind::Constant, declared)),
    ("field_declaration", Role::Wrapper),
    ("type_definition", Role::Item(Kind::Type, defined)),
    ("alias_declaration", Role::Item(Kind::Type, by_name)),
    ("concept_definition", Role::Item(Kind::Type, by_name)),
    ("struct_specifier", Role::Type(by_name)),
    ("union_specifier", Role::Type(by_name)),
    ("class_specifier", Role::Type(by_name)),
    ("enum_specifier", Role::Item(Kind::Type, by_name)),
    ("namespace_definition", Role::Holder(Kind::Module, by_name)),
    ("template_declaration", Role::Wrapper),
    ("linkage_specification", Role::Branch),
    ("declaration_list", Role::Branch),
    ("preproc_if", Role::Branch),
    ("preproc_ifdef", Role::Branch),
    ("preproc_elif", Role::Branch),
    ("preproc_elifdef", Role::Branch),
    ("preproc_else", Role::Branch),
    ("preproc_function_def", Role::Item(Kind::Macro, by_name)),
    ("preproc_def", Role::Item(Kind::Constant, with_value)),
];

/// How many declarators within each other are looked into.
const DEEPEST_DECLARATOR: usize = 32;

/// Whether a header, whose name does not tell, is one of C++.
pub(crate) fn reads_like_cpp(text: &str) -> bool {
    const STARTS: [&str; 5] = ["namespace ", "class ", "template<", "template <", "using "];
    text.lines().any(|line| STARTS.iter().any(|start| line.starts_with(start)))
}

/// A function, if what is declared is one and no pointer to one, or a variable.
fn declared(node: Node<'_>, text: &str) -> Option<Found> {
    let (name, is_function) = declarator(node)?;
    let name = read_declared(name, text);
    if !is_function {
        return Found::of_kind(Kind::Constant, name);
    }
    let kind = if name.contains("::") { Kind::Method } else { Kind::Function };
    Found::of_kind(kind, name)
}

/// The name that a `typedef` gives.
fn defined(node: Node<'_>, text: &str) -> Option<Found> {
    let (name, _) = declarator(node)?;
    Found::of_kind(Kind::Type, read_declared(name, text))
}

/// The name within a declarator, and whether it names a function.
fn declarator(node: Node<'_>) -> Option<(Node<'_>, bool)> {
    let mut at = node.child_by_field_name("declarator")?;
    let mut is_function = false;
    for _ in 0..DEEPEST_DECLARATOR {
        match at.kind() {
            "identifier" | "field_identifier" | "type_identifier" | "destructor_name"
            | "operator_name" | "template_function" => return Some((at, is_function)),
            "qualified_identifier" => return Some((at, is_function || is_conversion(at))),
            "operator_cast" => return Some((at, true)),
            kind => {
                is_function = match kind {
                    "function_declarator" => true,
                    "parenthesized_declarator" => is_function,
                    _ => false,
                };
            }
        }
        let last = u32::try_from(at.named_child_count().checked_sub(1)?).ok()?;
        at = at.child_by_field_name("declarator").or_else(|| at.named_child(last))?;
    }
    None
}

/// Whether a name that starts with that of a type is one of a conversion to another type.
fn is_conversion(mut name: Node<'_>) -> bool {
    for _ in 0..DEEPEST_DECLARATOR {
        match name.child_by_field_name("name") {
            Some(inner) if name.kind() == "qualified_identifier" => name = inner,
            _ => break,
        }
    }
    name.kind() == "operator_cast"
}

/// The name of a conversion ends where its parameters start.
fn read_declared(name: Node<'_>, text: &str) -> String {
    let read = read(name, text);
    if is_conversion(name) {
        return read.split('(').next().unwrap_or_default().trim().to_owned();
    }
    read
}

/// A macro that stands for something, not one that is only there.
fn with_value(node: Node<'_>, text: &str) -> Option<Found> {
    node.child_by_field_name("value").and_then(|_| by_name(node, text))
}
