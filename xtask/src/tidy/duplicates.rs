//! A package stands in `Cargo.lock` in one version, unless a reason is listed.

use std::collections::BTreeMap;

use super::Fault;
use crate::metadata::Metadata;

/// Packages with more than one version, and why that cannot be helped.
const REASONS: [(&str, &str); 8] = [
    ("getrandom", "the two of rand want one each; zip a third, on WebAssembly only"),
    ("itertools", "criterion, which only measures, wants the older one"),
    ("rand", "shuttle, which only tests, wants the older one"),
    ("rand_chacha", "the two of rand want one each"),
    ("rand_core", "the two of rand want one each"),
    ("r-efi", "the two of getrandom want one each, on UEFI only"),
    ("syn", "derive macros move to its new major one at a time"),
    ("windows-sys", "shuttle's coroutines want the older one, on Windows only"),
];

pub(super) fn check(metadata: &Metadata, faults: &mut Vec<Fault>) {
    check_against(&REASONS, metadata, faults);
}

fn check_against(reasons: &[(&str, &str)], metadata: &Metadata, faults: &mut Vec<Fault>) {
    let mut versions = BTreeMap::<&str, Vec<&str>>::new();
    for package in &metadata.packages {
        versions.entry(&package.name).or_default().push(&package.version);
    }
    versions.retain(|_, list| list.len() > 1);
    for (name, list) in &versions {
        if !reasons.iter().any(|(listed, _)| listed == name) {
            faults.push(Fault::new(
                "Cargo.lock",
                1,
                format!("`{name}` in versions {}", list.join(", ")),
                "align the versions, or list the reason in xtask/src/tidy/duplicates.rs",
            ));
        }
    }
    for (name, _) in reasons.iter().filter(|(name, _)| !versions.contains_key(name)) {
        faults.push(Fault::new(
            "xtask/src/tidy/duplicates.rs",
            1,
            format!("`{name}` has one version only"),
            "remove its line",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Package;

    #[test]
    fn a_second_version_needs_a_reason_and_a_reason_a_second_version() {
        let package = |version: &str| Package {
            name: "a".into(),
            version: version.into(),
            ..Package::default()
        };
        let one = Metadata { packages: vec![package("1.0.0")], ..Metadata::default() };
        let two =
            Metadata { packages: vec![package("1.0.0"), package("2.0.0")], ..Metadata::default() };
        let count = |reasons: &[(&str, &str)], metadata| {
            let mut faults = Vec::new();
            check_against(reasons, metadata, &mut faults);
            faults.len()
        };
        assert_eq!(count(&[], &one), 0);
        assert_eq!(count(&[], &two), 1);
        assert_eq!(count(&[("a", "why")], &two), 0);
        assert_eq!(count(&[("a", "why")], &one), 1);
    }
}
