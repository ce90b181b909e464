//! Python: functions, classes, what is decorated, constants of a module.

use tree_sitter::Node;

use crate::Kind;
use crate::grammar::{Found, Grammar, Role, by_name, read};

/// Python.
pub(crate) static GRAMMAR: Grammar = Grammar {
    parser: || tree_sitter_python::LANGUAGE.into(),
    separator: ".",
    constants_under_conditions: false,
    rules: &[
        ("comment", Role::Comment),
        ("function_definition", Role::Item(Kind::Function, by_name)),
        ("class_definition", Role::Type(by_name)),
        ("decorated_definition", Role::Wrapper),
        ("expression_statement", Role::Item(Kind::Constant, assigned)),
        ("type_alias_statement", Role::Item(Kind::Type, aliased)),
        ("if_statement", Role::Branch),
        ("elif_clause", Role::Branch),
        ("else_clause", Role::Branch),
        ("try_statement", Role::Branch),
        ("except_clause", Role::Branch),
        ("finally_clause", Role::Branch),
        ("with_statement", Role::Branch),
        ("block", Role::Branch),
    ],
};

/// The variable that a statement assigns to.
fn assigned(node: Node<'_>, text: &str) -> Option<Found> {
    let mut assignment = node.named_child(0)?;
    let mut names = Vec::new();
    while assignment.kind() == "assignment" && names.len() < 4 {
        let left = assignment.child_by_field_name("left")?;
        if left.kind() == "identifier" {
            names.push(read(left, text));
        }
        match assignment.child_by_field_name("right") {
            Some(right) => assignment = right,
            None => break,
        }
    }
    (!names.is_empty()).then_some(Found { names, kind: None })
}

fn aliased(node: Node<'_>, text: &str) -> Option<Found> {
    Found::one(read(node.child_by_field_name("left")?, text))
}
