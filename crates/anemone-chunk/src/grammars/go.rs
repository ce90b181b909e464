//! Go: functions, methods by their receivers, types and constants alone or in groups.

use tree_sitter::Node;

use crate::Kind;
use crate::grammar::{Found, Grammar, Role, by_name, read};

/// Go.
pub(crate) static GRAMMAR: Grammar = Grammar {
    parser: || tree_sitter_go::LANGUAGE.into(),
    separator: ".",
    constants_under_conditions: false,
    rules: &[
        ("comment", Role::Comment),
        ("function_declaration", Role::Item(Kind::Function, by_name)),
        ("method_declaration", Role::Item(Kind::Method, by_receiver)),
        ("type_declaration", Role::Wrapper),
        ("type_spec", Role::Item(Kind::Type, by_name)),
        ("type_alias", Role::Item(Kind::Type, by_name)),
        ("const_declaration", Role::Item(Kind::Constant, declared)),
        ("var_declaration", Role::Item(Kind::Constant, declared)),
    ],
};

/// How deep the type of a receiver is looked into: `(*(T[K]))` is deep already.
const DEEPEST_TYPE: usize = 8;

/// `Type.Method`.
fn by_receiver(node: Node<'_>, text: &str) -> Option<Found> {
    let method = read(node.child_by_field_name("name")?, text);
    let receiver = node
        .child_by_field_name("receiver")
        .and_then(|receivers| receivers.named_child(0))
        .and_then(|parameter| parameter.child_by_field_name("type"));
    let Some(mut of) = receiver else { return Found::one(method) };
    for _ in 0..DEEPEST_TYPE {
        if of.kind() == "type_identifier" {
            break;
        }
        let Some(inner) = of.child_by_field_name("type").or_else(|| of.named_child(0)) else {
            break;
        };
        of = inner;
    }
    Found::one(format!("{}.{method}", read(of, text)))
}

/// The names that a `const` or `var` declares.
fn declared(node: Node<'_>, text: &str) -> Option<Found> {
    let mut cursor = node.walk();
    let mut names = Vec::new();
    for spec in node.named_children(&mut cursor) {
        let mut inner = spec.walk();
        let specs: Vec<Node<'_>> = if spec.kind() == "var_spec_list" {
            spec.named_children(&mut inner).collect()
        } else {
            vec![spec]
        };
        let named = specs.into_iter().filter_map(|spec| spec.child_by_field_name("name"));
        names.extend(named.map(|name| read(name, text)).filter(|name| name != "_"));
    }
    Some(Found { names, kind: None })
}
