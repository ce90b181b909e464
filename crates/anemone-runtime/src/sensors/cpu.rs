//! How much of the processors the process may use, and how often it is stopped for using more.
//!
//! Sources: the kernel's `admin-guide/cgroup-v2.rst` (`cpu.max`, `cpu.stat`),
//! `scheduler/sched-bwc.rst` (version 1's `cpu.cfs_quota_us`) and `accounting/psi.rst`.

use super::cgroup::Places;
use super::pressure;
use super::reading::CpuPressure;
use super::tree::{Tree, keyed};

/// How many periods a cgroup has run in, and in how many of them it was stopped, since it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Periods {
    all: u64,
    throttled: u64,
}

/// The processors of the process. `before` holds the periods of the reading before, and after that
/// those of this one.
pub(super) fn read(
    tree: &Tree,
    places: &Places,
    before: &mut Option<Periods>,
) -> Option<CpuPressure> {
    let pressure = pressure::read(tree, &places.unified, "cpu.pressure", "proc/pressure/cpu");
    let unified = places.unified.iter().filter_map(|at| Some((quota(tree, at)?, at)));
    let legacy = places.cpu.iter().filter_map(|at| Some((legacy_quota(tree, at)?, at)));
    let tightest = unified.chain(legacy).min_by(|a, b| a.0.total_cmp(&b.0));
    let now = tightest.and_then(|(_, folder)| periods(tree, folder));
    let throttled_share = now.zip(*before).and_then(|(now, before)| share(now, before));
    *before = now;
    let cpu = CpuPressure {
        some_avg10: pressure.map(|pressure| pressure.some_avg10),
        quota_cores: tightest.map(|(cores, _)| cores),
        throttled_share,
    };
    (cpu.some_avg10.is_some() || cpu.quota_cores.is_some()).then_some(cpu)
}

/// Version 2: `max 100000`, or a quota and a period in microseconds.
fn quota(tree: &Tree, folder: &str) -> Option<f64> {
    let text = tree.text(&format!("{folder}/cpu.max"))?;
    let mut words = text.split_ascii_whitespace();
    cores(words.next()?.parse().ok()?, words.next()?.parse().ok()?)
}

/// Version 1: a quota of -1 means that there is none.
fn legacy_quota(tree: &Tree, folder: &str) -> Option<f64> {
    let quota = tree.value(&format!("{folder}/cpu.cfs_quota_us"))?;
    cores(quota, tree.value(&format!("{folder}/cpu.cfs_period_us"))?)
}

fn cores(quota: i64, period: i64) -> Option<f64> {
    (quota > 0 && period > 0).then(|| quota as f64 / period as f64)
}

fn periods(tree: &Tree, folder: &str) -> Option<Periods> {
    let text = tree.text(&format!("{folder}/cpu.stat"))?;
    let (all, throttled) = (keyed(&text, "nr_periods")?, keyed(&text, "nr_throttled")?);
    Some(Periods { all, throttled })
}

/// None where the cgroup has not run since, or is another one.
fn share(now: Periods, before: Periods) -> Option<f64> {
    let all = now.all.checked_sub(before.all).filter(|&all| all > 0)?;
    let throttled = now.throttled.checked_sub(before.throttled).filter(|&part| part <= all)?;
    Some(throttled as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::super::cgroup::places;
    use super::super::made_up::MadeUp;
    use super::*;

    fn cpu(made: &MadeUp, before: &mut Option<Periods>) -> Option<CpuPressure> {
        let tree = made.tree();
        read(&tree, &places(&tree), before)
    }

    #[test]
    fn the_tightest_quota_and_its_throttling_since_the_reading_before() {
        let stat = "sys/fs/cgroup/a/cpu.stat";
        let made = MadeUp::new(&[
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/cgroup.controllers", "cpu\n"),
            ("sys/fs/cgroup/a/b/cpu.max", "max 100000\n"),
            ("sys/fs/cgroup/a/b/cpu.stat", "nr_periods 7\nnr_throttled 7\n"),
            ("sys/fs/cgroup/a/cpu.max", "150000 100000\n"),
            (stat, "usage_usec 1\nnr_periods 10\nnr_throttled 5\n"),
            ("sys/fs/cgroup/cpu.max", "400000 100000\n"),
        ]);
        let mut before = None;
        let first = cpu(&made, &mut before).unwrap();
        assert_eq!((first.quota_cores, first.throttled_share), (Some(1.5), None));
        made.put(stat, "nr_periods 30\nnr_throttled 10\n");
        assert_eq!(cpu(&made, &mut before).unwrap().throttled_share, Some(0.25));
        assert_eq!(cpu(&made, &mut before).unwrap().throttled_share, None);
        made.put(stat, "nr_periods 1\nnr_throttled 0\n");
        assert_eq!(cpu(&made, &mut before).unwrap().throttled_share, None);
    }

    #[test]
    fn version_one_with_a_quota_and_without() {
        let made = MadeUp::new(&[
            ("proc/self/cgroup", "2:cpu,cpuacct:/\n"),
            ("proc/pressure/cpu", "some avg10=12.50 avg60=0 avg300=0 total=0\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
        ]);
        let bounded = cpu(&made, &mut None).unwrap();
        assert_eq!((bounded.some_avg10, bounded.quota_cores), (Some(12.5), Some(0.5)));
        made.put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
        assert_eq!(cpu(&made, &mut None).unwrap().quota_cores, None);
    }

    #[test]
    fn without_pressure_and_quota_nothing_is_known() {
        assert_eq!(cpu(&MadeUp::new(&[]), &mut None), None);
    }
}
