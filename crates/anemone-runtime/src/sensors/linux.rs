//! The sensors of Linux: the files of `/proc` and `/sys` taken together.

use std::path::Path;

use super::cgroup::places;
use super::cpu::Periods;
use super::reading::{NoSensors, Reading, Sensors};
use super::thermal::Zone;
use super::tree::Tree;
use super::{cpu, memory, power, thermal};
use crate::sync::{Mutex, lock};

/// Sensors that read `/proc` and `/sys`.
///
/// Thermal zones and their trip points are looked up once; all else is read anew each time.
#[derive(Debug)]
pub struct LinuxSensors {
    tree: Tree,
    zones: Vec<Zone>,
    /// What throttling is counted from.
    periods: Mutex<Option<Periods>>,
}

/// The sensors of the machine that this runs on.
pub fn machine_sensors() -> Box<dyn Sensors> {
    if cfg!(target_os = "linux") { Box::new(LinuxSensors::new()) } else { Box::new(NoSensors) }
}

impl LinuxSensors {
    /// The sensors of this machine.
    pub fn new() -> LinuxSensors {
        LinuxSensors::at(Path::new("/"))
    }

    /// The sensors of a machine whose `proc` and `sys` lie below `root`.
    pub fn at(root: &Path) -> LinuxSensors {
        let tree = Tree::new(root);
        LinuxSensors { zones: thermal::zones(&tree), tree, periods: Mutex::new(None) }
    }
}

impl Default for LinuxSensors {
    fn default() -> LinuxSensors {
        LinuxSensors::new()
    }
}

impl Sensors for LinuxSensors {
    fn read(&self) -> Reading {
        let places = places(&self.tree);
        Reading {
            thermal: thermal::read(&self.tree, &self.zones),
            power: power::read(&self.tree),
            memory: memory::read(&self.tree, &places),
            cpu: cpu::read(&self.tree, &places, &mut lock(&self.periods)),
        }
    }

    fn source(&self) -> &str {
        "/proc and /sys"
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::made_up::MadeUp;
    use super::*;
    use crate::sensors::{Power, ThermalState};

    /// Every file that may be read.
    const FILES: [(&str, &str); 21] = [
        ("proc/self/cgroup", "3:cpu,cpuacct:/job\n2:memory:/job\n0::/a/b\n"),
        ("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 600 kB\n"),
        ("proc/pressure/memory", "some avg10=1.00\nfull avg10=0.50\n"),
        ("proc/pressure/cpu", "some avg10=30.00\n"),
        ("sys/fs/cgroup/cgroup.controllers", "cpu memory\n"),
        ("sys/fs/cgroup/a/b/memory.max", "500000\n"),
        ("sys/fs/cgroup/a/b/memory.high", "max\n"),
        ("sys/fs/cgroup/a/b/memory.current", "300000\n"),
        ("sys/fs/cgroup/a/b/memory.stat", "inactive_file 100000\n"),
        ("sys/fs/cgroup/a/b/memory.pressure", "some avg10=2.00\n"),
        ("sys/fs/cgroup/a/b/cpu.max", "200000 100000\n"),
        ("sys/fs/cgroup/a/b/cpu.stat", "nr_periods 1\nnr_throttled 1\n"),
        ("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "400000\n"),
        ("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "100000\n"),
        ("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "150000\n"),
        ("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n"),
        ("sys/class/thermal/thermal_zone0/type", "acpitz\n"),
        ("sys/class/thermal/thermal_zone0/temp", "50000\n"),
        ("sys/class/thermal/thermal_zone0/trip_point_0_type", "critical\n"),
        ("sys/class/thermal/thermal_zone0/trip_point_0_temp", "100000\n"),
        ("sys/class/power_supply/AC/type", "Mains\n"),
    ];

    #[test]
    fn a_whole_machine() {
        let made = MadeUp::new(&FILES);
        made.put("sys/class/power_supply/AC/online", "1\n");
        let reading = LinuxSensors::at(&made.root).read();
        assert_eq!(reading.memory_limit(), Some(400_000));
        assert_eq!(reading.memory.unwrap().pressure.unwrap().some_avg10, 2.0);
        assert_eq!(reading.cpu.unwrap().quota_cores, Some(1.5));
        assert_eq!(reading.thermal.unwrap().state, ThermalState::Nominal);
        assert_eq!(reading.power, Some(Power::Mains));
    }

    #[test]
    fn an_empty_machine_is_unknown_throughout() {
        assert_eq!(LinuxSensors::at(&MadeUp::new(&[]).root).read(), Reading::default());
    }

    #[test]
    fn folders_in_the_place_of_files_are_unknown() {
        let made = MadeUp::new(&[]);
        FILES.iter().for_each(|(path, _)| made.put(&format!("{path}/x"), ""));
        assert_eq!(LinuxSensors::at(&made.root).read(), Reading::default());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn one_damaged_file_never_makes_reading_fail(which in 0..FILES.len(), text in "\\PC{0,40}") {
            let made = MadeUp::new(&FILES);
            made.put(FILES[which].0, &text);
            let sensors = LinuxSensors::at(&made.root);
            sensors.read();
            if let Some(memory) = sensors.read().memory {
                prop_assert_eq!(memory.used + memory.available, memory.limit);
            }
        }
    }
}
