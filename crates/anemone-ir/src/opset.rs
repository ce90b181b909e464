//! Opsets: the generations in which ops were defined and re-defined.

use std::fmt;

/// An opset, by the iOS release that brought it. ML programs begin at iOS 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Opset {
    Ios15,
    Ios16,
    Ios17,
    Ios18,
    Ios26,
}

impl Opset {
    /// Every opset, oldest first.
    pub const ALL: [Opset; 5] =
        [Opset::Ios15, Opset::Ios16, Opset::Ios17, Opset::Ios18, Opset::Ios26];

    /// The name in a program, such as `CoreML7`.
    pub const fn name(self) -> &'static str {
        match self {
            Opset::Ios15 => "CoreML5",
            Opset::Ios16 => "CoreML6",
            Opset::Ios17 => "CoreML7",
            Opset::Ios18 => "CoreML8",
            Opset::Ios26 => "CoreML9",
        }
    }

    /// The opset with this name; coremltools' `ios17` is understood too.
    pub fn from_name(name: &str) -> Option<Opset> {
        let lower = name.to_ascii_lowercase();
        Opset::ALL.into_iter().find(|o| {
            o.name().eq_ignore_ascii_case(&lower) || o.to_string().eq_ignore_ascii_case(&lower)
        })
    }

    /// The specification version of a model file that uses this opset.
    pub const fn spec_version(self) -> i32 {
        match self {
            Opset::Ios15 => 6,
            Opset::Ios16 => 7,
            Opset::Ios17 => 8,
            Opset::Ios18 => 9,
            Opset::Ios26 => 10,
        }
    }
}

impl fmt::Display for Opset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Opset::Ios15 => "iOS15",
            Opset::Ios16 => "iOS16",
            Opset::Ios17 => "iOS17",
            Opset::Ios18 => "iOS18",
            Opset::Ios26 => "iOS26",
        })
    }
}
