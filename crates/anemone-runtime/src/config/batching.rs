//! How the requests of one model are put together.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::Faults;
use super::{BatchingDefaults, Config, ConfigErrors, forms};

/// How the requests of one model are put together into batches: along axis 0 of all inputs and
/// outputs, which are the rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Batching {
    /// Rows of one batch.
    #[serde(with = "forms::count")]
    pub max_rows: usize,
    /// Tokens of one batch, padding included; no bound where it is left out.
    #[serde(with = "forms::optional_count")]
    pub max_tokens: Option<usize>,
    /// How long the first request of a batch waits for others.
    #[serde(with = "forms::duration")]
    pub max_delay: Duration,
    /// What makes inputs of different sizes alike.
    pub pad: Vec<PadRule>,
}

/// Fills an input along an axis, up to the next size that the model lists. Neighbours have no part in
/// it, so that a result depends on its own request alone. Outputs that have the axis are cut again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PadRule {
    /// The input, by name.
    pub input: String,
    /// The axis.
    #[serde(with = "forms::count")]
    pub axis: usize,
    /// The value that fills it.
    pub value: f64,
}

impl Default for Batching {
    fn default() -> Batching {
        Batching::from(&BatchingDefaults::default())
    }
}

impl From<&BatchingDefaults> for Batching {
    /// The defaults' bounds, without padding.
    fn from(defaults: &BatchingDefaults) -> Batching {
        let BatchingDefaults { max_rows, max_tokens, max_delay, enabled: _ } = *defaults;
        Batching { max_rows, max_tokens, max_delay, pad: Vec::new() }
    }
}

impl Batching {
    /// Fails if a value is not allowed, beside the bounds of `config`'s queue too.
    pub fn check(&self, config: &Config) -> Result<(), ConfigErrors> {
        let mut faults = Faults::default();
        let batching = BatchingDefaults {
            enabled: true,
            max_rows: self.max_rows,
            max_tokens: self.max_tokens,
            max_delay: self.max_delay,
        };
        Config { batching, ..config.clone() }.gather(&mut faults);
        faults.0.retain(|fault| fault.field().is_some_and(|f| f.starts_with("batching.")));
        self.gather_pads(&mut faults);
        faults.result()
    }

    fn gather_pads(&self, faults: &mut Faults) {
        for (index, rule) in self.pad.iter().enumerate() {
            let mut push = |field: &str, value: String, allowed: &str| {
                faults.push(format!("batching.pad.{index}.{field}"), value, allowed, None);
            };
            if rule.input.is_empty() {
                push("input", "empty".to_owned(), "the name of an input");
            }
            let is_same = |other: &PadRule| (&other.input, other.axis) == (&rule.input, rule.axis);
            if rule.axis == 0 {
                push("axis", rule.axis.to_string(), "an axis after the rows, which are axis 0");
            } else if self.pad[..index].iter().any(is_same) {
                push("axis", rule.axis.to_string(), "an axis that has no rule yet");
            }
            if rule.value.is_nan() {
                push("value", rule.value.to_string(), "a number or an infinity");
            }
        }
    }
}
