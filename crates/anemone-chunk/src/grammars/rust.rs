//! Rust: items, `impl` blocks, modules, macros.

use tree_sitter::Node;

use crate::Kind;
use crate::grammar::{Found, Grammar, Role, by_name, read};

/// Rust.
pub(crate) static GRAMMAR: Grammar = Grammar {
    parser: || tree_sitter_rust::LANGUAGE.into(),
    separator: "::",
    constants_under_conditions: true,
    rules: &[
        ("line_comment", Role::Comment),
        ("block_comment", Role::Comment),
        ("attribute_item", Role::Attribute),
        ("function_item", Role::Item(Kind::Function, by_name)),
        ("function_signature_item", Role::Item(Kind::Function, by_name)),
        ("struct_item", Role::Item(Kind::Type, by_name)),
        ("enum_item", Role::Item(Kind::Type, by_name)),
        ("union_item", Role::Item(Kind::Type, by_name)),
        ("type_item", Role::Item(Kind::Type, by_name)),
        ("trait_item", Role::Type(by_name)),
        ("impl_item", Role::Holder(Kind::Type, implemented)),
        ("mod_item", Role::Holder(Kind::Module, by_name)),
        ("foreign_mod_item", Role::Branch),
        ("declaration_list", Role::Branch),
        ("const_item", Role::Item(Kind::Constant, by_name)),
        ("static_item", Role::Item(Kind::Constant, by_name)),
        ("macro_definition", Role::Item(Kind::Macro, by_name)),
        ("macro_invocation", Role::Item(Kind::Macro, called)),
        ("expression_statement", Role::Wrapper),
    ],
};

/// The type that an `impl` is for.
fn implemented(node: Node<'_>, text: &str) -> Option<Found> {
    let mut of = node.child_by_field_name("type")?;
    while matches!(of.kind(), "generic_type" | "reference_type" | "pointer_type") {
        of = of.child_by_field_name("type")?;
    }
    Found::one(read(of, text))
}

/// The macro called where an item could stand.
fn called(node: Node<'_>, text: &str) -> Option<Found> {
    Found::one(format!("{}!", read(node.child_by_field_name("macro")?, text)))
}
