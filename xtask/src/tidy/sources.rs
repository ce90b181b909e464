//! Every package comes from crates.io or from this workspace.

use super::Fault;
use crate::metadata::Metadata;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(super) fn check(metadata: &Metadata, root: &str, faults: &mut Vec<Fault>) {
    for package in &metadata.packages {
        let is_known = match &package.source {
            Some(source) => source == CRATES_IO,
            None => package.manifest_path.starts_with(root),
        };
        if !is_known {
            let source = package.source.as_deref().unwrap_or(&package.manifest_path);
            faults.push(Fault::new(
                "Cargo.toml",
                1,
                format!("`{}` {} comes from {source}", package.name, package.version),
                "use a version that crates.io has",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Package;

    #[test]
    fn a_package_from_elsewhere_is_a_fault() {
        let from = |source: Option<&str>, manifest: &str| {
            let package = Package {
                source: source.map(Into::into),
                manifest_path: manifest.into(),
                ..Package::default()
            };
            let metadata = Metadata { packages: vec![package], ..Metadata::default() };
            let mut faults = Vec::new();
            check(&metadata, "/r", &mut faults);
            faults.len()
        };
        assert_eq!(from(Some(CRATES_IO), "/c/Cargo.toml"), 0);
        assert_eq!(from(None, "/r/crates/a/Cargo.toml"), 0);
        assert_eq!(from(None, "/elsewhere/Cargo.toml"), 1);
        assert_eq!(from(Some("git+https://example.org/a"), "/c/Cargo.toml"), 1);
    }
}
