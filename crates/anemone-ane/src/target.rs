//! For what a forecast is made: a chip and a system.

use std::fmt;
use std::str::FromStr;

use anemone_ir::Opset;
use serde::Serialize;
use thiserror::Error;

use crate::data::{ChipRow, System, TargetRow, chips};

/// A chip and the system that it runs.
#[derive(Clone, Debug, Serialize)]
pub struct Target {
    /// The chip's name, such as `m4-pro`.
    pub chip: String,
    /// The system.
    pub os: Os,
    #[serde(skip)]
    row: &'static ChipRow,
    #[serde(skip)]
    family: &'static TargetRow,
}

/// A system and its major version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Os {
    /// The kind.
    pub system: System,
    /// The major version, such as 27.
    pub major: u32,
}

/// A name that is no system.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "there is no system `{asked}`; known are macos12 to macos15, ios15 to ios18, and both from 26 to {newest}"
)]
pub struct UnknownOs {
    /// The name asked for.
    pub asked: String,
    /// The newest version that is known.
    pub newest: u32,
}

/// From the first system with ML programs to the last that is known; Apple went from 15 and 18 to 26.
impl FromStr for Os {
    type Err = UnknownOs;

    fn from_str(text: &str) -> Result<Os, UnknownOs> {
        let asked = text.trim().to_ascii_lowercase().replace([' ', '-', '_'], "");
        let known = [(System::Macos, "macos", 12..=15), (System::Ios, "ios", 15..=18)];
        for (system, name, early) in known {
            let newest = chips().os.newest.get(name).copied().unwrap_or(0);
            // Of a version, such as 15.5, the first number counts.
            let (version, more) = match asked.split_once('.') {
                Some((version, more)) => (version, more),
                None => (asked.as_str(), ""),
            };
            if !more.chars().all(|c| c.is_ascii_digit() || c == '.') {
                continue;
            }
            let major = version.strip_prefix(name).and_then(|major| major.parse().ok());
            if let Some(major) = major.filter(|m| early.contains(m) || (26..=newest).contains(m)) {
                return Ok(Os { system, major });
            }
        }
        let newest = chips().os.newest.values().copied().max().unwrap_or(0);
        Err(UnknownOs { asked: text.to_owned(), newest })
    }
}

impl Os {
    /// Whether the system has the ops of an opset. macOS counted three behind iOS until both became 26.
    pub fn knows(self, opset: Opset) -> bool {
        let ios = match opset {
            Opset::Ios15 => 15,
            Opset::Ios16 => 16,
            Opset::Ios17 => 17,
            Opset::Ios18 => 18,
            Opset::Ios26 => 26,
        };
        let behind = if self.system == System::Macos && ios < 26 { 3 } else { 0 };
        self.major >= ios - behind
    }
}

impl fmt::Display for Os {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.system {
            System::Macos => write!(f, "macOS {}", self.major),
            System::Ios => write!(f, "iOS {}", self.major),
        }
    }
}

/// A chip that is not in the table.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no chip `{asked}`; known are {}", .known.join(", "))]
pub struct UnknownChip {
    /// The name asked for.
    pub asked: String,
    /// The names that there are.
    pub known: Vec<String>,
}

impl Target {
    /// The chip of this name, with the newest system that is known for it.
    pub fn new(chip: &str) -> Result<Target, UnknownChip> {
        let asked = chip.trim().to_ascii_lowercase().replace([' ', '_'], "-");
        let row = chips().rows.iter().find(|row| row.name == asked).ok_or_else(|| UnknownChip {
            asked: chip.to_owned(),
            known: Target::names().map(str::to_owned).collect(),
        })?;
        let family = chips()
            .targets
            .iter()
            .find(|target| target.name == row.target)
            .expect("a test asks that every chip's target is in the table");
        let name = match row.system {
            System::Macos => "macos",
            System::Ios => "ios",
        };
        let major = chips().os.newest.get(name).copied().unwrap_or(0);
        Ok(Target { chip: asked, os: Os { system: row.system, major }, row, family })
    }

    /// The same chip with another system.
    pub fn with_os(self, os: Os) -> Target {
        Target { os, ..self }
    }

    /// The names of all chips.
    pub fn names() -> impl Iterator<Item = &'static str> {
        chips().rows.iter().map(|row| row.name.as_str())
    }

    /// The chip's figures.
    pub fn row(&self) -> &'static ChipRow {
        self.row
    }

    /// What its compiler target allows.
    pub fn family(&self) -> &'static TargetRow {
        self.family
    }

    /// The largest model that the engine takes, if a source says.
    pub fn model_limit(&self) -> Option<&'static crate::data::ModelLimit> {
        let mut limits = chips().model_limits.iter();
        limits.find(|limit| limit.system == self.os.system && self.os.major >= limit.from)
    }

    /// Whether the segmenter's costs were seen on this chip and system.
    pub fn is_verified(&self) -> bool {
        self.chip == "m4" && self.os == (Os { system: System::Macos, major: 27 })
    }

    /// Whether the target's number is this one or a later one.
    pub(crate) fn since(&self, generation: u32) -> bool {
        self.family.name[1..].parse::<u32>().is_ok_and(|own| own >= generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_named_by_its_kind_and_major_version() {
        let os: Os = "macOS 26".parse().unwrap();
        assert_eq!((os.system, os.major, os.to_string().as_str()), (System::Macos, 26, "macOS 26"));
        assert_eq!("macos15.6.1".parse(), Ok(Os { system: System::Macos, major: 15 }));
        assert_eq!("ios18".parse(), Ok(Os { system: System::Ios, major: 18 }));
        for no in ["macos", "macos20", "ios25", "ios999", "linux6", "", "macos-1", "ios18.x"] {
            assert!(no.parse::<Os>().is_err(), "{no}");
        }
    }
}
