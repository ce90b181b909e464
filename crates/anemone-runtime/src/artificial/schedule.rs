//! The faults that are set for a model, and whose turn it is.

use super::fault::{Fault, Site, When};

/// Faults in the order in which they were set.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// The engine; any where it is left out.
    engine: Option<String>,
    fault: Fault,
    when: When,
    /// How often it could have happened.
    count: usize,
}

impl Schedule {
    pub(super) fn add(&mut self, engine: Option<&str>, fault: Fault, when: When) {
        self.entries.push(Entry { engine: engine.map(str::to_owned), fault, when, count: 0 });
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// The fault that happens at `site` of `engine` now: the first whose turn it is. All that
    /// could happen there are counted. `begins` says whether a row begins with a number.
    pub(super) fn take(
        &mut self,
        engine: &str,
        site: Site,
        begins: impl Fn(f32) -> bool,
    ) -> Option<Fault> {
        let mut taken = None;
        for entry in &mut self.entries {
            let concerns = entry.fault.site() == site
                && entry.engine.as_ref().is_none_or(|other| other == engine);
            if concerns && entry.is_due(&begins) && taken.is_none() {
                taken = Some(entry.fault.clone());
            }
        }
        taken
    }
}

impl Entry {
    fn is_due(&mut self, begins: impl Fn(f32) -> bool) -> bool {
        self.count += 1;
        match self.when {
            When::Always => true,
            When::Next(times) => self.count <= times,
            When::Every(step) => step > 0 && self.count.is_multiple_of(step),
            When::RowBegins(number) => begins(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happens(schedule: &mut Schedule, times: usize) -> Vec<bool> {
        (0..times).map(|_| schedule.take("a", Site::Run, |n| n == 7.0).is_some()).collect()
    }

    #[test]
    fn faults_come_when_they_are_due() {
        for (when, expected) in [
            (When::Always, [true, true, true, true]),
            (When::Next(2), [true, true, false, false]),
            (When::Next(0), [false; 4]),
            (When::Every(2), [false, true, false, true]),
            (When::Every(0), [false; 4]),
            (When::RowBegins(7.0), [true; 4]),
            (When::RowBegins(8.0), [false; 4]),
        ] {
            let mut schedule = Schedule::default();
            schedule.add(None, Fault::Panic, when);
            assert_eq!(happens(&mut schedule, 4), expected, "{when:?}");
        }
    }

    #[test]
    fn a_fault_is_for_its_engine_and_its_place_alone() {
        let mut schedule = Schedule::default();
        schedule.add(Some("b"), Fault::Panic, When::Always);
        schedule.add(None, Fault::LoadPanic, When::Always);
        assert_eq!(happens(&mut schedule, 1), [false]);
        assert!(matches!(schedule.take("b", Site::Run, |_| false), Some(Fault::Panic)));
        assert!(matches!(schedule.take("a", Site::Load, |_| false), Some(Fault::LoadPanic)));
        schedule.clear();
        assert!(schedule.take("b", Site::Run, |_| false).is_none());
    }
}
