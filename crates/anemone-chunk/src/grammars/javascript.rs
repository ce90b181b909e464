//! JavaScript and TypeScript: functions also where they are assigned, classes, interfaces, namespaces.

use tree_sitter::Node;

use crate::Kind;
use crate::grammar::{Found, Grammar, Role, by_name, read};

/// JavaScript, with JSX.
pub(crate) static JAVASCRIPT: Grammar = Grammar {
    parser: || tree_sitter_javascript::LANGUAGE.into(),
    separator: ".",
    constants_under_conditions: false,
    rules: RULES,
};

/// TypeScript.
pub(crate) static TYPESCRIPT: Grammar =
    Grammar { parser: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(), ..JAVASCRIPT };

/// TypeScript with JSX.
pub(crate) static TSX: Grammar =
    Grammar { parser: || tree_sitter_typescript::LANGUAGE_TSX.into(), ..JAVASCRIPT };

/// The kinds of TypeScript do not occur in JavaScript's trees.
const RULES: &[(&str, Role)] = &[
    ("comment", Role::Comment),
    ("decorator", Role::Attribute),
    ("export_statement", Role::Wrapper),
    ("ambient_declaration", Role::Wrapper),
    ("function_declaration", Role::Item(Kind::Function, by_name)),
    ("generator_function_declaration", Role::Item(Kind::Function, by_name)),
    ("function_signature", Role::Item(Kind::Function, by_name)),
    ("function_expression", Role::Item(Kind::Function, or_default)),
    ("arrow_function", Role::Item(Kind::Function, or_default)),
    ("class_declaration", Role::Type(by_name)),
    ("abstract_class_declaration", Role::Type(by_name)),
    ("class", Role::Type(or_default)),
    ("method_definition", Role::Item(Kind::Function, by_name)),
    ("method_signature", Role::Item(Kind::Function, by_name)),
    ("abstract_method_signature", Role::Item(Kind::Function, by_name)),
    ("field_definition", Role::Item(Kind::Function, field)),
    ("public_field_definition", Role::Item(Kind::Function, field)),
    ("interface_declaration", Role::Item(Kind::Type, by_name)),
    ("type_alias_declaration", Role::Item(Kind::Type, by_name)),
    ("enum_declaration", Role::Item(Kind::Type, by_name)),
    ("internal_module", Role::Holder(Kind::Module, by_name)),
    ("module", Role::Holder(Kind::Module, by_name)),
    ("lexical_declaration", Role::Item(Kind::Constant, declared)),
    ("variable_declaration", Role::Item(Kind::Constant, declared)),
    ("expression_statement", Role::Item(Kind::Function, assigned)),
    ("expression_statement", Role::Wrapper),
];

/// What is exported without a name.
fn or_default(node: Node<'_>, text: &str) -> Option<Found> {
    if node.child_by_field_name("name").is_some() {
        return by_name(node, text);
    }
    Found::one("default".to_owned())
}

/// The kind of what has that value.
fn kind_of(value: Node<'_>) -> Kind {
    match value.kind() {
        "arrow_function" | "function_expression" | "generator_function" => Kind::Function,
        "class" => Kind::Type,
        _ => Kind::Constant,
    }
}

/// A field of a class that holds a function.
fn field(node: Node<'_>, text: &str) -> Option<Found> {
    let value = node.child_by_field_name("value")?;
    let name = node.child_by_field_name("name").or_else(|| node.child_by_field_name("property"))?;
    (kind_of(value) == Kind::Function).then(|| Found::one(read(name, text)))?
}

/// The variables that a statement declares, unless it imports.
fn declared(node: Node<'_>, text: &str) -> Option<Found> {
    let mut cursor = node.walk();
    let mut names = Vec::new();
    let mut kind = Kind::Constant;
    for declarator in node.named_children(&mut cursor) {
        let Some(name) = declarator.child_by_field_name("name") else { continue };
        if let Some(value) = declarator.child_by_field_name("value") {
            if imports(value, text) {
                return None;
            }
            if names.is_empty() {
                kind = kind_of(value);
            }
        }
        if name.kind() == "identifier" {
            names.push(read(name, text));
        }
    }
    (!names.is_empty()).then_some(Found { names, kind: Some(kind) })
}

fn imports(value: Node<'_>, text: &str) -> bool {
    let function = value.child_by_field_name("function");
    value.kind() == "call_expression" && function.is_some_and(|name| read(name, text) == "require")
}

/// A function or class that is assigned to something.
fn assigned(node: Node<'_>, text: &str) -> Option<Found> {
    let assignment = node.named_child(0)?;
    if assignment.kind() != "assignment_expression" {
        return None;
    }
    let kind = kind_of(assignment.child_by_field_name("right")?);
    let left = assignment.child_by_field_name("left")?;
    (kind != Kind::Constant).then(|| Found::of_kind(kind, read(left, text)))?
}
