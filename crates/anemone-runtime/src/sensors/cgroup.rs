//! Where the process stands in the hierarchies of cgroups.
//!
//! Sources: the kernel's `admin-guide/cgroup-v2.rst` and `admin-guide/cgroup-v1/cgroups.rst`; mount
//! points are those of systemd and of container engines. A container may see the host's path in
//! `/proc/self/cgroup` while only its own part is mounted: folders of the path that are not there
//! are passed over, and the mount point itself stands for the container.

use super::tree::Tree;

const MOUNT: &str = "sys/fs/cgroup";

/// Folders that may hold the process's limits, its own cgroup first, then up to the mount point.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Of the one hierarchy of version 2.
    pub(super) unified: Vec<String>,
    /// Of version 1's memory controller.
    pub(super) memory: Vec<String>,
    /// Of version 1's processor controller.
    pub(super) cpu: Vec<String>,
}

/// Where the process stands.
pub(super) fn places(tree: &Tree) -> Places {
    let mut places = Places::default();
    for line in tree.text("proc/self/cgroup").unwrap_or_default().lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        if controllers.is_empty() {
            places.unified = upward(&unified_mount(tree), path);
        }
        for controller in controllers.split(',') {
            match controller {
                "memory" => places.memory = upward(&format!("{MOUNT}/memory"), path),
                "cpu" => places.cpu = upward(&format!("{MOUNT}/cpu"), path),
                _ => {}
            }
        }
    }
    places
}

/// Version 2 lies apart where both versions are in use.
fn unified_mount(tree: &Tree) -> String {
    match tree.text(&format!("{MOUNT}/cgroup.controllers")) {
        Some(_) => MOUNT.to_owned(),
        None => format!("{MOUNT}/unified"),
    }
}

fn upward(mount: &str, path: &str) -> Vec<String> {
    let path = path.trim_matches('/');
    // A path that leads out of the namespace's root names nothing below the mount point.
    let leads_out = path.split('/').any(|part| part == "..");
    let mut rest = if leads_out { "" } else { path };
    let mut folders = Vec::new();
    while !rest.is_empty() {
        folders.push(format!("{mount}/{rest}"));
        rest = rest.rsplit_once('/').map_or("", |(parent, _)| parent);
    }
    folders.push(mount.to_owned());
    folders
}

#[cfg(test)]
mod tests {
    use super::super::made_up::MadeUp;
    use super::*;

    #[test]
    fn version_two_goes_from_the_own_cgroup_up() {
        let made = MadeUp::new(&[
            ("proc/self/cgroup", "0::/user.slice/a.scope\n"),
            ("sys/fs/cgroup/cgroup.controllers", "cpu memory"),
        ]);
        let places = places(&made.tree());
        let expected =
            ["sys/fs/cgroup/user.slice/a.scope", "sys/fs/cgroup/user.slice", "sys/fs/cgroup"];
        assert_eq!(places.unified, expected);
        assert!(places.memory.is_empty() && places.cpu.is_empty());
    }

    #[test]
    fn both_versions_may_be_in_use() {
        let made = MadeUp::new(&[(
            "proc/self/cgroup",
            "4:memory:/jobs/a:b\n2:cpu,cpuacct:/\n1:name=systemd:/\n0::/\nnonsense\n",
        )]);
        let places = places(&made.tree());
        assert_eq!(places.unified, ["sys/fs/cgroup/unified"]);
        let memory =
            ["sys/fs/cgroup/memory/jobs/a:b", "sys/fs/cgroup/memory/jobs", "sys/fs/cgroup/memory"];
        assert_eq!(places.memory, memory);
        assert_eq!(places.cpu, ["sys/fs/cgroup/cpu"]);
    }

    #[test]
    fn a_path_out_of_the_namespace_is_not_followed() {
        assert_eq!(upward("m", "/../../x"), ["m"]);
    }

    #[test]
    fn without_cgroups_there_is_no_place() {
        assert!(places(&MadeUp::new(&[]).tree()).unified.is_empty());
    }
}
