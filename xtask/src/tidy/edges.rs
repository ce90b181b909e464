//! Which crate of the workspace may use which: the one picture of how it fits together.

use std::collections::BTreeSet;

use super::{Fault, relative};
use crate::metadata::Metadata;

/// Each crate and what it may use. A crate also reaches what those may use, except through the
/// façade: who stands on the façade sees nothing below it. The order is from the ground up.
const TABLE: [(&str, &[&str]); 23] = [
    ("anemone-tensor", &[]),
    ("anemone-ir", &["anemone-tensor"]),
    ("anemone-formats", &["anemone-ir"]),
    ("anemone-passes", &["anemone-ir"]),
    ("anemone-ane", &["anemone-ir"]),
    ("anemone-engine", &["anemone-ir"]),
    ("anemone-classic", &["anemone-engine"]),
    ("anemone-cpu", &["anemone-engine"]),
    ("anemone-gpu", &["anemone-engine"]),
    ("anemone-emu", &["anemone-cpu", "anemone-ane"]),
    ("anemone-coreml", &["anemone-engine", "anemone-formats"]),
    ("anemone-runtime", &["anemone-engine"]),
    ("anemone-embed", &["anemone-runtime"]),
    ("anemone-chunk", &[]),
    ("anemone-search", &["anemone-embed", "anemone-chunk"]),
    ("anemone-llm", &["anemone-runtime"]),
    (
        FACADE,
        &[
            "anemone-passes",
            "anemone-classic",
            "anemone-gpu",
            "anemone-emu",
            "anemone-coreml",
            "anemone-runtime",
        ],
    ),
    ("anemone-server", &[FACADE]),
    ("anemone-cli", &[FACADE, "anemone-search"]),
    ("anemone-py", &[FACADE]),
    ("anemone-capi", &[FACADE]),
    ("anemone-conformance", &[FACADE]),
    ("xtask", &[]),
];
const FACADE: &str = "anemone";

pub(super) fn check(metadata: &Metadata, root: &str, faults: &mut Vec<Fault>) {
    for package in metadata.members() {
        let manifest = relative(&package.manifest_path, root);
        let Some(place) = TABLE.iter().position(|(name, _)| *name == package.name) else {
            faults.push(Fault::new(
                manifest,
                1,
                format!("`{}` is not in the table of crates", package.name),
                "give it its row in xtask/src/tidy/edges.rs, with what it may use",
            ));
            continue;
        };
        let allowed = reach(&package.name);
        for dependency in package.dependencies.iter().filter(|entry| entry.path.is_some()) {
            let name = dependency.name.as_str();
            let is_dev = dependency.kind.as_deref() == Some("dev");
            let stands_below = TABLE[..place].iter().any(|(other, _)| *other == name);
            if allowed.contains(name) || (is_dev && stands_below) {
                continue;
            }
            let right = if is_dev {
                "a test may use only crates that stand before its own in xtask/src/tidy/edges.rs"
                    .to_owned()
            } else if allowed.is_empty() {
                "it may use no other crate of the workspace".to_owned()
            } else {
                let names: Vec<&str> = allowed.iter().copied().collect();
                format!("it may use only {}", names.join(", "))
            };
            faults.push(Fault::new(
                manifest,
                1,
                format!("`{}` may not use `{name}`", package.name),
                right,
            ));
        }
    }
}

/// Everything that `name` may use.
fn reach(name: &str) -> BTreeSet<&'static str> {
    let mut reached = BTreeSet::new();
    let Some((_, direct)) = TABLE.iter().find(|(other, _)| *other == name) else {
        return reached;
    };
    for &next in *direct {
        reached.insert(next);
        if next != FACADE {
            reached.extend(reach(next));
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Dependency, Package};

    fn faults(from: &str, to: &str, kind: Option<&str>) -> usize {
        let package = Package {
            id: from.into(),
            name: from.into(),
            dependencies: vec![Dependency {
                name: to.into(),
                kind: kind.map(Into::into),
                path: Some(format!("crates/{to}")),
            }],
            ..Package::default()
        };
        let metadata = Metadata {
            packages: vec![package],
            workspace_members: vec![from.into()],
            ..Metadata::default()
        };
        let mut faults = Vec::new();
        check(&metadata, "", &mut faults);
        faults.len()
    }

    #[test]
    fn an_edge_outside_the_table_is_a_fault() {
        assert_eq!(faults("anemone-cpu", "anemone-engine", None), 0);
        assert_eq!(faults("anemone-cpu", "anemone-tensor", None), 0, "reached through engine");
        assert_eq!(faults("anemone-cpu", "anemone-formats", None), 1);
        assert_eq!(faults("anemone-cpu", "anemone-formats", Some("dev")), 0);
        assert_eq!(faults("anemone-ir", "anemone-formats", Some("dev")), 1, "against the flow");
        assert_eq!(faults("anemone-cli", "anemone-cpu", None), 1, "hidden by the facade");
        assert_eq!(faults("xtask", "anemone-ir", None), 1);
    }

    #[test]
    fn a_crate_that_the_table_lacks_is_a_fault() {
        assert_eq!(faults("anemone-new", "anemone-ir", None), 1);
    }

    #[test]
    fn the_facade_reaches_engines_formats_and_the_manager_and_no_user_of_the_manager() {
        let users = ["anemone-embed", "anemone-chunk", "anemone-search", "anemone-llm"];
        let place = TABLE.iter().position(|(name, _)| *name == FACADE).unwrap();
        let before = TABLE[..place].iter().map(|(name, _)| *name);
        let below: BTreeSet<&str> = before.filter(|name| !users.contains(name)).collect();
        assert_eq!(reach(FACADE), below);
    }

    #[test]
    fn every_row_uses_only_rows_before_it() {
        for (place, (name, uses)) in TABLE.iter().enumerate() {
            for next in *uses {
                let stands = TABLE[..place].iter().any(|(other, _)| other == next);
                assert!(stands, "`{name}` uses `{next}`");
            }
        }
    }
}
