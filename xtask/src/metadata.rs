//! What `cargo metadata` says of the workspace and everything it depends on.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The whole dependency graph: all features, all platforms, as in `Cargo.lock`.
#[derive(Deserialize, Default)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) workspace_members: Vec<String>,
    pub(crate) resolve: Resolve,
    /// What is built where nobody asks for a feature.
    #[serde(skip)]
    pub(crate) built: Resolve,
}

#[derive(Deserialize, Default, Clone)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) source: Option<String>,
    pub(crate) license: Option<String>,
    pub(crate) manifest_path: String,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

/// One line of a manifest's dependency tables; `kind` is `dev`, `build` or nothing.
#[derive(Deserialize, Default, Clone)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Option<String>,
    pub(crate) path: Option<String>,
}

#[derive(Deserialize, Default, Clone)]
pub(crate) struct Target {
    pub(crate) kind: Vec<String>,
    pub(crate) src_path: String,
}

#[derive(Deserialize, Default)]
pub(crate) struct Resolve {
    pub(crate) nodes: Vec<Node>,
}

#[derive(Deserialize, Default)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) deps: Vec<Link>,
}

#[derive(Deserialize, Default)]
pub(crate) struct Link {
    pub(crate) pkg: String,
    pub(crate) dep_kinds: Vec<LinkKind>,
}

#[derive(Deserialize, Default)]
pub(crate) struct LinkKind {
    pub(crate) kind: Option<String>,
}

/// The cargo that runs this program, or the one on the path.
pub(crate) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

impl Metadata {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let built = Self::read_with(root, &[])?.resolve;
        Ok(Metadata { built, ..Self::read_with(root, &["--all-features"])? })
    }

    fn read_with(root: &Path, features: &[&str]) -> Result<Self> {
        let output = Command::new(cargo())
            .args(["metadata", "--format-version", "1"])
            .args(features)
            .current_dir(root)
            .output()
            .context("`cargo metadata` did not start")?;
        if !output.status.success() {
            bail!("`cargo metadata` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        serde_json::from_slice(&output.stdout).context("`cargo metadata` wrote unknown JSON")
    }

    /// The workspace's own packages.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    /// How many packages building `name` takes: itself and all it needs, tests and features apart
    /// that are not on by themselves.
    pub(crate) fn needed_by(&self, name: &str) -> Option<usize> {
        let start = self.members().find(|package| package.name == name)?;
        let nodes: HashMap<&str, &Node> =
            self.built.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let mut seen = HashSet::from([start.id.as_str()]);
        let mut waiting = vec![start.id.as_str()];
        while let Some(id) = waiting.pop() {
            let links = nodes.get(id).map_or(&[][..], |node| node.deps.as_slice());
            for link in links {
                let is_needed =
                    link.dep_kinds.iter().any(|entry| entry.kind.as_deref() != Some("dev"));
                if is_needed && seen.insert(&link.pkg) {
                    waiting.push(&link.pkg);
                }
            }
        }
        Some(seen.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_tests_need_is_not_counted() {
        let link = |name: &str, kind: Option<&str>| Link {
            pkg: name.into(),
            dep_kinds: vec![LinkKind { kind: kind.map(Into::into) }],
        };
        let package = |name: &str| Package { id: name.into(), name: name.into(), ..<_>::default() };
        let metadata = Metadata {
            packages: ["a", "b", "c", "d"].map(package).into(),
            workspace_members: vec!["a".into()],
            built: Resolve {
                nodes: vec![
                    Node { id: "a".into(), deps: vec![link("b", None), link("d", Some("dev"))] },
                    Node { id: "b".into(), deps: vec![link("c", Some("build"))] },
                ],
            },
            ..Metadata::default()
        };
        assert_eq!(metadata.needed_by("a"), Some(3));
        assert_eq!(metadata.needed_by("b"), None, "only members are asked for");
    }
}
