//! The tables of the repository: ops, chips, and the segmenter's published estimates. Parsed once.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use anemone_ir::Op;
use serde::Deserialize;

use crate::evidence::{Class, Confidence, Evidence};

/// The op table.
pub fn ops() -> &'static Ops {
    static TABLE: LazyLock<Ops> = LazyLock::new(|| {
        toml::from_str(include_str!("../data/ops.toml")).expect("a test reads data/ops.toml")
    });
    &TABLE
}

/// Chips, compiler targets and systems.
pub fn chips() -> &'static Chips {
    static TABLE: LazyLock<Chips> = LazyLock::new(|| {
        toml::from_str(include_str!("../data/chips.toml")).expect("a test reads data/chips.toml")
    });
    &TABLE
}

/// The segmenter's constants and published estimates.
pub fn estimates() -> &'static Estimates {
    static TABLE: LazyLock<Estimates> = LazyLock::new(|| {
        toml::from_str(include_str!("../data/estimates.toml"))
            .expect("a test reads data/estimates.toml")
    });
    &TABLE
}

/// The op's row.
pub fn row(op: Op) -> &'static OpRow {
    static BY_OP: LazyLock<BTreeMap<&'static str, &'static OpRow>> =
        LazyLock::new(|| ops().rows.iter().map(|row| (row.name.as_str(), row)).collect());
    BY_OP.get(op.name()).expect("a test asks that every op of the catalogue has a row")
}

/// The op table.
#[derive(Debug, Deserialize)]
pub struct Ops {
    /// What the keys of sources stand for.
    pub sources: BTreeMap<String, String>,
    /// One row for each op.
    #[serde(rename = "op")]
    pub rows: Vec<OpRow>,
}

/// What is known of one op.
#[derive(Debug, Deserialize)]
pub struct OpRow {
    /// MIL's name.
    pub name: String,
    /// Whether Core ML can place it on the engine.
    pub ane: Answer,
    /// Native code by compiler target.
    #[serde(rename = "gen")]
    pub targets: BTreeMap<String, Native>,
    /// What Core ML on an M4 says.
    pub coreml_m4: Option<Answer>,
    /// Conditions in words.
    #[serde(default)]
    pub constraints: Vec<String>,
    /// Where sources disagree.
    pub conflict: Option<String>,
    /// What to write in its place.
    pub lower_to: Option<String>,
    /// The number formats of its arithmetic.
    #[serde(default)]
    pub numerics: Vec<String>,
    /// What it costs.
    pub cost: String,
    /// Keys of sources.
    pub sources: Vec<String>,
    /// How sure the row is.
    pub confidence: Confidence,
}

/// An op table's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It runs there.
    Yes,
    /// It depends; the rule says on what.
    Conditional,
    /// It does not.
    No,
    /// It is gone before anything runs.
    Folded,
    /// Nobody says.
    Unknown,
}

/// What a compiler target does with an op.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Native {
    /// Native code.
    Yes,
    /// Through other ops.
    Indirect,
    /// Nothing.
    No,
    /// Nobody says.
    Unknown,
}

impl OpRow {
    /// What the row rests on.
    pub fn evidence(&self) -> Evidence {
        let measured = ["m4cml", "m6num", "af_swp", "guide", "maderix"];
        let is = |keys: &[&str]| self.sources.iter().any(|s| keys.contains(&s.as_str()));
        let class = match () {
            () if is(&measured) => Class::Measured,
            () if is(&["apple", "ctdoc"]) => Class::Documented,
            () => Class::Reported,
        };
        Evidence::new(class, sources(&self.sources))
    }

    /// What a compiler target does with it; later targets are as the last that is listed.
    pub fn native(&self, target: &str) -> Native {
        let listed = self.targets.range(..=target.to_owned()).next_back();
        listed.map_or(Native::Unknown, |(_, native)| *native)
    }
}

/// The names of sources, in words, for their keys in any of the tables.
pub(crate) fn sources(keys: &[impl AsRef<str>]) -> String {
    let name = |key: &str| {
        let known = ops().sources.get(key).or_else(|| chips().sources.get(key));
        known.cloned().unwrap_or_else(|| key.to_owned())
    };
    keys.iter().map(|key| name(key.as_ref())).collect::<Vec<_>>().join("; ")
}

/// Chips, compiler targets and systems.
#[derive(Debug, Deserialize)]
pub struct Chips {
    /// What the keys of sources stand for.
    pub sources: BTreeMap<String, String>,
    /// How the peak follows from the clock.
    pub peak_formula: PeakFormula,
    /// Compiler targets.
    #[serde(rename = "target")]
    pub targets: Vec<TargetRow>,
    /// Chips.
    #[serde(rename = "chip")]
    pub rows: Vec<ChipRow>,
    /// The largest models, newest system first.
    #[serde(rename = "model_limit")]
    pub model_limits: Vec<ModelLimit>,
    /// The newest systems that are known.
    pub os: Newest,
}

/// How the peak follows from the clock.
#[derive(Debug, Deserialize)]
pub struct PeakFormula {
    /// Cores of one engine.
    pub ne_units: f64,
    /// Multiplications and additions of one core in a cycle.
    pub mac_per_cycle: f64,
}

/// A generation, by the name that Apple's compiler has for it.
#[derive(Debug, Deserialize)]
#[serde(default)]
#[derive(Default)]
pub struct TargetRow {
    /// Such as `h16`.
    pub name: String,
    /// Whether Core ML reaches the engine at all.
    pub coreml: bool,
    /// Whether its compiler takes ML programs.
    pub ml_program: bool,
    /// The largest dimension.
    pub max_dim: Option<u64>,
    /// The widest kernel.
    pub max_kernel_width: Option<u64>,
    /// The longest chain of convolutions.
    pub max_conv_chain: Option<usize>,
    /// Whether products of 8-bit integers run at twice the speed.
    pub int8_compute: bool,
    /// Whether it has the unit that resamples.
    pub texture_engine: bool,
    /// Whether sine and cosine run.
    pub trigonometry: bool,
    /// Forms of weights that are decoded as they stream; others become fp16 first.
    pub weight_streams: Vec<String>,
    /// Keys of sources.
    pub sources: Vec<String>,
}

/// A chip.
#[derive(Debug, Deserialize)]
pub struct ChipRow {
    /// Such as `m4-pro`.
    pub name: String,
    /// The compiler target's name.
    pub target: String,
    /// The system that it usually runs.
    pub system: System,
    /// Neural Engines.
    pub engines: u32,
    /// The cores of one engine, where they are not as many as the formula has.
    pub ne_units: Option<f64>,
    /// The engine's highest clock.
    pub f_max_ghz: Option<f64>,
    /// The memory's bandwidth, by Apple.
    pub dram_gbps: Option<f64>,
    /// The bandwidth of streamed weights that others measured.
    pub weight_gbps: Option<f64>,
    /// What a call costs.
    pub dispatch_us: Option<f64>,
    /// Apple's figure.
    pub marketing_tops: Option<f64>,
    /// The numbers that Apple's figure is for.
    pub marketing_precision: Option<String>,
    /// The engine's power at work, from and to.
    pub power_w: Option<[f64; 2]>,
    /// Keys of sources.
    pub sources: Vec<String>,
}

impl ChipRow {
    /// The peak of one engine in fp16 TFLOPS: cores × multiplications × 2 × clock. Inferred.
    pub fn peak_fp16_tflops(&self) -> Option<f64> {
        let formula = &chips().peak_formula;
        let cores = self.ne_units.unwrap_or(formula.ne_units);
        self.f_max_ghz.map(|f| cores * formula.mac_per_cycle * 2.0 * f / 1000.0)
    }
}

/// An operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum System {
    /// macOS.
    Macos,
    /// iOS and iPadOS.
    Ios,
}

/// The largest model that runs on the engine.
#[derive(Debug, Deserialize)]
pub struct ModelLimit {
    /// The system.
    pub system: System,
    /// From this major version on.
    pub from: u32,
    /// Bytes.
    pub bytes: u64,
    /// How it is known.
    pub evidence: Class,
    /// Key of the source.
    pub source: String,
}

/// The newest systems that are known.
#[derive(Debug, Deserialize)]
pub struct Newest {
    /// Their major versions.
    pub newest: BTreeMap<String, u32>,
}

/// The segmenter's constants and published estimates.
#[derive(Debug, Deserialize)]
pub struct Estimates {
    /// What changes of unit cost.
    pub segmenter: Segmenter,
    /// Rates of each class of op.
    #[serde(rename = "class")]
    pub classes: BTreeMap<String, Rates>,
    /// What is published.
    #[serde(rename = "point")]
    pub points: Vec<Point>,
}

/// What changes of unit cost.
#[derive(Debug, Deserialize)]
pub struct Segmenter {
    /// To start a segment on the engine.
    pub launch_us: f64,
    /// To change the unit.
    pub switch_us: f64,
    /// For an output that the engine gives.
    pub output_us: f64,
}

/// Rates of a class on each unit of an M4.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Rates {
    /// On the engine.
    pub ane: Rate,
    /// On the CPU.
    pub cpu: Rate,
}

/// Operations and bytes in a second; the slower of the two decides.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Rate {
    /// Operations, in 10⁹ a second.
    pub gflops: Option<f64>,
    /// Bytes, in 10⁹ a second.
    pub gbps: Option<f64>,
}

impl Rate {
    /// Microseconds.
    pub fn time_us(&self, flops: f64, bytes: f64) -> f64 {
        let part = |amount: f64, rate: Option<f64>| rate.map_or(0.0, |r| amount / r / 1000.0);
        part(flops, self.gflops).max(part(bytes, self.gbps))
    }
}

/// A published estimate.
#[derive(Debug, Deserialize)]
pub struct Point {
    /// What it is.
    pub name: String,
    /// Its class.
    pub class: String,
    /// Operations.
    pub flops: f64,
    /// Bytes that the class counts.
    pub bytes: f64,
    /// On the engine.
    pub ane_us: f64,
    /// On the CPU.
    pub cpu_us: f64,
    /// Whether it is one of the nine in the study's note.
    pub in_note: bool,
}
