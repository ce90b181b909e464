//! The catalogue against `data/mil-ops.json`, the op registry of coremltools 9.0 by reflection.

use std::collections::{BTreeMap, BTreeSet};

use anemone_ir::ops::{Default, Domain, InputDef, InputKind, Version};
use anemone_ir::{Op, Opset};
use serde_json::{Value, json};

/// On disk only: the registry's dialect for programs in memory updates states otherwise.
const NOT_IN_THE_REGISTRY: &[&str] = &["write_state"];

fn registry() -> serde_json::Map<String, Value> {
    let text = include_str!("data/mil-ops.json");
    let root: Value = serde_json::from_str(text).expect("the registry is JSON");
    root["ops"].as_object().expect("`ops` is an object").clone()
}

/// ML programs begin at iOS15, so the registry's versions below it are one.
fn opset(name: &str) -> Opset {
    match name {
        "iOS13" | "iOS14" | "iOS15" => Opset::Ios15,
        other => Opset::from_name(other).unwrap_or_else(|| panic!("no opset {other}")),
    }
}

fn kind(kind: InputKind) -> &'static str {
    match kind {
        InputKind::Tensor => "TensorInputType",
        InputKind::Tuple => "TupleInputType",
        InputKind::List => "ListInputType",
        InputKind::ListTensorOrDict => "ListOrTensorOrDictInputType",
        InputKind::State => "StateInputType",
        InputKind::Block => "PyFunctionInputType",
        InputKind::Internal => "InternalInputType",
    }
}

fn input(def: &InputDef) -> Value {
    json!({
        "name": def.name,
        "kind": kind(def.kind),
        "const": def.constant,
        "optional": def.optional,
        "domain": def.domain.map(|d| d.name),
    })
}

fn types(version: &Version) -> BTreeMap<String, BTreeSet<String>> {
    let named = |d: Domain| {
        (d.name.to_owned(), d.types.iter().map(|t| t.name().to_owned()).collect::<BTreeSet<_>>())
    };
    version.inputs.iter().filter_map(|i| i.domain).map(named).collect()
}

fn expected_types(version: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let names = |v: &Value| {
        let names = v.as_array().expect("a domain is a list");
        names.iter().map(|n| n.as_str().expect("a type is a name").to_owned()).collect()
    };
    let domains = version["types"].as_object().expect("`types` is an object");
    domains.iter().map(|(name, v)| (name.clone(), names(v))).collect()
}

fn default(def: &InputDef) -> Option<Value> {
    Some(match def.default {
        Default::None | Default::Computed => return None,
        Default::Int(v) => json!(v),
        Default::Float(v) => json!(v),
        Default::Bool(v) => json!(v),
        Default::Text(v) => json!(v),
        Default::Ints(v) => json!(v),
    })
}

#[test]
fn names_families_and_versions_are_the_registry_s() {
    let registry = registry();
    let ours: BTreeSet<&str> =
        Op::ALL.iter().map(|op| op.name()).filter(|n| !NOT_IN_THE_REGISTRY.contains(n)).collect();
    let theirs: BTreeSet<&str> = registry.keys().map(String::as_str).collect();
    assert_eq!(ours, theirs);
    assert_eq!(registry.values().map(|v| v.as_array().unwrap().len()).sum::<usize>(), 227);
    for (name, versions) in &registry {
        let op = Op::from_name(name).unwrap();
        let versions = versions.as_array().unwrap();
        let since: Vec<Opset> =
            versions.iter().map(|v| opset(v["since"].as_str().unwrap())).collect();
        let declared: Vec<Opset> = op.def().versions.iter().map(|v| v.since).collect();
        assert_eq!(declared, since, "{name}");
        assert_eq!(op.family(), versions[0]["family"].as_str().unwrap(), "{name}");
    }
}

#[test]
fn inputs_and_their_types_are_the_registry_s() {
    for (name, versions) in registry() {
        let op = Op::from_name(&name).unwrap();
        for (ours, theirs) in op.def().versions.iter().zip(versions.as_array().unwrap()) {
            let inputs: Vec<Value> = ours.inputs.iter().map(input).collect();
            assert_eq!(json!(inputs), theirs["inputs"], "{name} {}", ours.since);
            assert_eq!(types(ours), expected_types(theirs), "{name} {}", ours.since);
        }
    }
}

#[test]
fn defaults_are_the_registry_s_or_a_function() {
    let (mut literal, mut computed) = (0, 0);
    for (name, versions) in registry() {
        let op = Op::from_name(&name).unwrap();
        for (ours, theirs) in op.def().versions.iter().zip(versions.as_array().unwrap()) {
            let at = format!("{name} {}", ours.since);
            let follows = ours.inputs.iter().any(|i| i.default == Default::Computed);
            match theirs["defaults"].as_object() {
                Some(defaults) => {
                    literal += 1;
                    assert!(!follows, "{at}");
                    for def in ours.inputs {
                        let expected = defaults.get(def.name).filter(|v| !v.is_null());
                        assert_eq!(default(def).as_ref(), expected, "{at} `{}`", def.name);
                    }
                }
                None => {
                    computed += 1;
                    assert!(follows && op.def().computed.is_some(), "{at}");
                }
            }
        }
    }
    assert_eq!((literal, computed), (207, 20));
}
