//! How many packages the façade and the workspace may take.

use super::Fault;
use crate::metadata::Metadata;

const FACADE: &str = "anemone";
const FACADE_PACKAGES: usize = 100;
const ALL_PACKAGES: usize = 450;

pub(super) fn check(metadata: &Metadata, faults: &mut Vec<Fault>) {
    let counts = [
        ("the façade with its CPU engine", metadata.needed_by(FACADE), FACADE_PACKAGES),
        ("the workspace", Some(metadata.packages.len()), ALL_PACKAGES),
    ];
    for (what, count, limit) in counts {
        if let Some(count) = count.filter(|count| *count > limit) {
            faults.push(Fault::new(
                "Cargo.lock",
                1,
                format!("{what} takes {count} packages, more than {limit}"),
                "drop a dependency, or its default features: `cargo tree` shows who brings what",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Package;

    #[test]
    fn too_many_packages_are_a_fault() {
        for (count, expected) in [(ALL_PACKAGES, 0), (ALL_PACKAGES + 1, 1)] {
            let packages = vec![Package::default(); count];
            let mut faults = Vec::new();
            check(&Metadata { packages, ..Metadata::default() }, &mut faults);
            assert_eq!(faults.len(), expected);
        }
    }
}
