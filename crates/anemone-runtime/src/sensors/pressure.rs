//! Pressure stall information: how much time was lost to waiting for a resource.
//!
//! Source: the kernel's `Documentation/accounting/psi.rst`. A cgroup's file tells of its own tasks,
//! so it is preferred to the machine's, which tells of everybody's.

use super::reading::Pressure;
use super::tree::Tree;

/// The pressure of the nearest of `folders` that has `file` (such as `memory.pressure`), or else of
/// the whole machine.
pub(super) fn read(tree: &Tree, folders: &[String], file: &str, machine: &str) -> Option<Pressure> {
    let mut texts = folders.iter().filter_map(|folder| tree.text(&format!("{folder}/{file}")));
    texts.find_map(|text| parse(&text)).or_else(|| parse(&tree.text(machine)?))
}

fn parse(text: &str) -> Option<Pressure> {
    Some(Pressure { some_avg10: avg10(text, "some ")?, full_avg10: avg10(text, "full ") })
}

fn avg10(text: &str, kind: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(kind))?;
    let word = line.split_ascii_whitespace().find_map(|word| word.strip_prefix("avg10="))?;
    word.parse().ok().filter(|percent| (0.0..=100.0).contains(percent))
}

#[cfg(test)]
mod tests {
    use super::super::made_up::MadeUp;
    use super::*;

    const MACHINE: &str = "proc/pressure/memory";

    #[test]
    fn lines_of_the_kernel_are_understood() {
        let text = "some avg10=1.75 avg60=0.73 avg300=1.34 total=18201062\n\
                    full avg10=0.50 avg60=0.00 avg300=0.00 total=0\n";
        assert_eq!(parse(text), Some(Pressure { some_avg10: 1.75, full_avg10: Some(0.5) }));
        let before_5_13 = "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
        assert_eq!(parse(before_5_13), Some(Pressure { some_avg10: 0.0, full_avg10: None }));
    }

    #[test]
    fn what_is_malformed_is_unknown() {
        for text in ["", "some", "some avg10=", "some avg10=nan", "some avg10=101", "some avg10=-1"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_own_cgroup_goes_before_the_machine() {
        let made = MadeUp::new(&[(MACHINE, "some avg10=50.00")]);
        let folders = ["sys/fs/cgroup/a/b".to_owned(), "sys/fs/cgroup/a".to_owned()];
        let some = || read(&made.tree(), &folders, "memory.pressure", MACHINE).unwrap().some_avg10;
        assert_eq!(some(), 50.0);
        made.put("sys/fs/cgroup/a/memory.pressure", "some avg10=2.00");
        assert_eq!(some(), 2.0);
        made.put("sys/fs/cgroup/a/b/memory.pressure", "some avg10=3.00");
        assert_eq!(some(), 3.0);
    }
}
