//! For what a forecast is made: a chip and a system.

use std::fmt;

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
        let name = match self.system {
            System::Macos => "macOS",
            System::Ios => "iOS",
        };
        write!(f, "{name} {}", self.major)
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
