//! Names of engines as small numbers, so that a batch is counted without looking a name up.

use crate::sync::{Mutex, lock};

/// Engines that are told apart; all further ones count as the last of these.
pub(super) const ENGINES: usize = 8;

/// An engine whose name the metrics know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EngineIndex(u8);

impl EngineIndex {
    /// Its place in arrays of [`ENGINES`].
    pub(super) const fn place(self) -> usize {
        self.0 as usize
    }
}

/// The names, in the order in which they were made known.
#[derive(Debug, Default)]
pub(super) struct Engines(Mutex<Vec<String>>);

impl Engines {
    /// The index of `name`, which is made known where it is new. Beyond the seventh name all share
    /// the name `other`.
    pub(super) fn index(&self, name: &str) -> EngineIndex {
        let mut names = lock(&self.0);
        let known = names.iter().position(|known| known == name);
        let place = known.unwrap_or(names.len()).min(ENGINES - 1);
        if place == names.len() {
            names.push(if place == ENGINES - 1 { "other" } else { name }.to_owned());
        }
        EngineIndex(place as u8)
    }

    /// The names by place.
    pub(super) fn names(&self) -> Vec<String> {
        lock(&self.0).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_index_and_late_names_share_the_last() {
        let engines = Engines::default();
        for place in 0..12 {
            assert_eq!(engines.index(&format!("engine {place}")).place(), place.min(7));
        }
        assert_eq!(engines.index("engine 3").place(), 3);
        assert_eq!(engines.index("engine 11").place(), 7);
        assert_eq!(engines.names().len(), ENGINES);
        assert_eq!(engines.names().last().unwrap(), "other");
    }
}
