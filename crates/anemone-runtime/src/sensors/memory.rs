//! How much memory the process may use, and how much of it can be had.
//!
//! Sources: `filesystems/proc.rst` (`MemAvailable`), `admin-guide/cgroup-v2.rst` (`memory.max`,
//! `memory.high`, `memory.current`, `memory.stat`) and `admin-guide/cgroup-v1/memory.rst` of the
//! kernel's documentation. Of what a cgroup uses `inactive_file` does not count, as the kernel drops
//! it before it meets a limit: the "working set" of Kubernetes.

use super::cgroup::Places;
use super::pressure;
use super::reading::Memory;
use super::tree::{Tree, keyed};

/// The names of one version's files.
struct Files {
    limits: &'static [&'static str],
    usage: &'static str,
    reclaimable: &'static str,
}

/// `memory.high` counts as a limit: a process above it is slowed until it stands still.
const UNIFIED: Files = Files {
    limits: &["memory.max", "memory.high"],
    usage: "memory.current",
    reclaimable: "inactive_file",
};
const LEGACY: Files = Files {
    limits: &["memory.limit_in_bytes"],
    usage: "memory.usage_in_bytes",
    reclaimable: "total_inactive_file",
};

/// Version 1 says "no limit" as the largest number of whole pages; no machine has half of that.
const NO_LIMIT: u64 = 1 << 62;

/// A bound on memory, and what is left below it where that is known.
struct Level {
    limit: u64,
    available: Option<u64>,
}

/// The memory of the process, with every level that bounds it taken together.
pub(super) fn read(tree: &Tree, places: &Places) -> Option<Memory> {
    let mut levels: Vec<Level> = machine(tree).into_iter().collect();
    let physical = levels.first().map_or(NO_LIMIT, |level| level.limit);
    levels.extend(places.unified.iter().filter_map(|at| cgroup(tree, at, &UNIFIED, physical)));
    levels.extend(places.memory.iter().filter_map(|at| cgroup(tree, at, &LEGACY, physical)));
    let limit = levels.iter().map(|level| level.limit).min()?;
    let available = levels.iter().filter_map(|level| level.available).min()?.min(limit);
    let pressure = pressure::read(tree, &places.unified, "memory.pressure", "proc/pressure/memory");
    Some(Memory { limit, used: limit - available, available, pressure })
}

fn machine(tree: &Tree) -> Option<Level> {
    let text = tree.text("proc/meminfo")?;
    let bytes = |key| keyed(&text, key)?.checked_mul(1024);
    Some(Level { limit: bytes("MemTotal")?, available: bytes("MemAvailable") })
}

/// The cgroup at `folder`, if it bounds its memory below `physical`.
fn cgroup(tree: &Tree, folder: &str, files: &Files, physical: u64) -> Option<Level> {
    let limits = files.limits.iter().filter_map(|name| tree.value(&format!("{folder}/{name}")));
    let limit: u64 = limits.min().filter(|&limit| limit < physical)?;
    let usage: Option<u64> = tree.value(&format!("{folder}/{}", files.usage));
    let available = usage.map(|usage| {
        let reclaimable = tree.keyed(&format!("{folder}/memory.stat"), files.reclaimable);
        limit.saturating_sub(usage.saturating_sub(reclaimable.unwrap_or(0)))
    });
    Some(Level { limit, available })
}

#[cfg(test)]
mod tests {
    use super::super::cgroup::places;
    use super::super::made_up::MadeUp;
    use super::*;

    const MEMINFO: (&str, &str) =
        ("proc/meminfo", "MemTotal:   1000 kB\nMemFree:   100 kB\nMemAvailable:  600 kB\n");
    const V2: (&str, &str) = ("sys/fs/cgroup/cgroup.controllers", "memory\n");
    const V2_PATH: (&str, &str) = ("proc/self/cgroup", "0::/a/b\n");

    fn figures(files: &[(&str, &str)]) -> Option<(u64, u64, u64)> {
        let made = MadeUp::new(files);
        let tree = made.tree();
        read(&tree, &places(&tree)).map(|m| (m.limit, m.used, m.available))
    }

    #[test]
    fn a_machine_without_cgroups() {
        assert_eq!(figures(&[MEMINFO]), Some((1_024_000, 409_600, 614_400)));
    }

    #[test]
    fn the_smallest_limit_up_the_tree_counts_and_so_does_the_least_room() {
        let files = [
            MEMINFO,
            V2,
            V2_PATH,
            ("sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("sys/fs/cgroup/a/b/memory.high", "500000\n"),
            ("sys/fs/cgroup/a/b/memory.current", "100000\n"),
            ("sys/fs/cgroup/a/memory.max", "600000\n"),
            ("sys/fs/cgroup/a/memory.current", "550000\n"),
            ("sys/fs/cgroup/a/memory.stat", "anon 400000\ninactive_file 50000\nfile 1\n"),
        ];
        assert_eq!(figures(&files), Some((500_000, 400_000, 100_000)));
    }

    #[test]
    fn a_full_machine_leaves_less_than_the_cgroup_allows() {
        let files = [
            ("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 100 kB\n"),
            V2,
            V2_PATH,
            ("sys/fs/cgroup/memory.max", "500000"),
            ("sys/fs/cgroup/memory.current", "0"),
        ];
        assert_eq!(figures(&files), Some((500_000, 397_600, 102_400)));
    }

    #[test]
    fn version_one_with_a_limit_and_without() {
        let path = ("proc/self/cgroup", "4:memory:/job\n");
        let usage = ("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "90000\n");
        let stat = ("sys/fs/cgroup/memory/job/memory.stat", "total_inactive_file 40000\n");
        let limit = "sys/fs/cgroup/memory/job/memory.limit_in_bytes";
        let bounded = [MEMINFO, path, usage, stat, (limit, "200000\n")];
        assert_eq!(figures(&bounded), Some((200_000, 50_000, 150_000)));
        let unbounded = (limit, "9223372036854771712\n");
        assert_eq!(figures(&[MEMINFO, path, usage, stat, unbounded]), figures(&[MEMINFO]));
        assert_eq!(figures(&[path, usage, stat, unbounded]), None);
    }

    #[test]
    fn a_container_that_sees_the_path_of_its_host() {
        let files = [
            MEMINFO,
            ("proc/self/cgroup", "4:memory:/docker/0123\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "300000"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "100000"),
        ];
        assert_eq!(figures(&files), Some((300_000, 100_000, 200_000)));
    }

    #[test]
    fn a_limit_whose_usage_cannot_be_read_still_counts() {
        let files = [MEMINFO, V2, V2_PATH, ("sys/fs/cgroup/a/memory.max", "500000")];
        assert_eq!(figures(&files), Some((500_000, 0, 500_000)));
    }

    #[test]
    fn usage_above_the_limit_leaves_nothing() {
        let files = [
            V2,
            V2_PATH,
            ("sys/fs/cgroup/a/memory.max", "500000"),
            ("sys/fs/cgroup/a/memory.current", "600000"),
        ];
        assert_eq!(figures(&files), Some((500_000, 500_000, 0)));
    }

    #[test]
    fn what_is_malformed_is_unknown() {
        for text in ["", "MemTotal: much kB", "MemTotal: 99999999999999999999 kB", "MemTotal:"] {
            assert_eq!(figures(&[("proc/meminfo", text)]), None, "{text}");
        }
    }
}
