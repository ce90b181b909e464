//! Java: types within types, methods, constructors.

use crate::Kind;
use crate::grammar::{Grammar, Role, by_name};

/// Java.
pub(crate) static GRAMMAR: Grammar = Grammar {
    parser: || tree_sitter_java::LANGUAGE.into(),
    separator: ".",
    constants_under_conditions: false,
    rules: &[
        ("line_comment", Role::Comment),
        ("block_comment", Role::Comment),
        ("class_declaration", Role::Type(by_name)),
        ("interface_declaration", Role::Type(by_name)),
        ("enum_declaration", Role::Type(by_name)),
        ("record_declaration", Role::Type(by_name)),
        ("annotation_type_declaration", Role::Item(Kind::Type, by_name)),
        ("enum_body_declarations", Role::Branch),
        ("method_declaration", Role::Item(Kind::Function, by_name)),
        ("constructor_declaration", Role::Item(Kind::Function, by_name)),
        ("compact_constructor_declaration", Role::Item(Kind::Function, by_name)),
    ],
};
