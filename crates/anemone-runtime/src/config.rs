//! What the manager can be told: every setting with its default. How settings are written down, and
//! what values they may have, stands in `docs/anemone.toml`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anemone_engine::{Device, Precision};
use serde::{Deserialize, Serialize};

use crate::Unit;

mod batching;
mod builder;
mod check;
mod error;
mod file;
mod forms;
mod sources;

pub use batching::{Batching, PadRule};
pub use builder::ConfigBuilder;
pub use error::{ConfigErrors, ConfigFault, ConfigOrigin};

/// The manager's settings.
///
/// Written down, durations are text with a unit (`250ms`, `30s`, `2m`), bytes too (`512MiB`,
/// `2GB`) or plain numbers, and every value may stand in quotes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// Runs at the same time, all models together; one for each core where it is left out.
    #[serde(with = "forms::auto_count")]
    pub max_concurrent_operations: Option<NonZeroUsize>,
    /// Bytes for models and their working memory; where it is left out the manager decides by the
    /// machine's limit. `u64::MAX` is no bound.
    #[serde(with = "forms::auto_bytes")]
    pub memory_budget: Option<u64>,
    /// How long a request may take that says nothing itself, waiting included.
    #[serde(with = "forms::optional_duration")]
    pub default_time_limit: Option<Duration>,
    /// How long shutting down waits for what runs.
    #[serde(with = "forms::duration")]
    pub shutdown_time_limit: Duration,
    /// Requests that may wait for admission, all models together; 0 refuses instead.
    #[serde(with = "forms::count")]
    pub max_waiting: usize,
    /// What may wait for one model.
    pub queue: Queue,
    /// Devices that models may run on.
    #[serde(with = "forms::device")]
    pub device: Device,
    /// Hardware that a model may fall back to where it cannot run on what was preferred.
    #[serde(with = "forms::units")]
    pub fallback: Vec<Unit>,
    /// Threads of one run; as many as cores where it is left out.
    #[serde(with = "forms::auto_count")]
    pub threads: Option<NonZeroUsize>,
    /// How exact the arithmetic is.
    #[serde(with = "forms::precision")]
    pub precision: Precision,
    /// How models are batched that say nothing themselves.
    pub batching: BatchingDefaults,
    /// How long an abandoned run may go on before it counts as stuck.
    #[serde(with = "forms::duration")]
    pub grace: Duration,
    /// Whether outputs with infinities or NaN are errors.
    #[serde(with = "forms::switch")]
    pub reject_non_finite: bool,
    /// The folder of compiled models and measured costs; nothing is kept where it is left out.
    #[serde(with = "forms::optional_path")]
    pub cache_folder: Option<PathBuf>,
    /// What is measured of the machine.
    pub monitoring: Monitoring,
    /// Sessions that are kept for each model while nobody runs it.
    #[serde(with = "forms::count")]
    pub idle_sessions: usize,
}

/// What may wait for one model; a request that would exceed one of these is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Queue {
    /// Requests.
    #[serde(with = "forms::count")]
    pub requests: usize,
    /// Rows of their batch axes.
    #[serde(with = "forms::count")]
    pub rows: usize,
    /// Tokens.
    #[serde(with = "forms::count")]
    pub tokens: usize,
    /// Bytes of inputs.
    #[serde(with = "forms::bytes")]
    pub bytes: u64,
}

/// How models are batched that say nothing themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct BatchingDefaults {
    /// Whether they are batched at all.
    #[serde(with = "forms::switch")]
    pub enabled: bool,
    /// Rows of one batch.
    #[serde(with = "forms::count")]
    pub max_rows: usize,
    /// Tokens of one batch, padding included; no bound where it is left out.
    #[serde(with = "forms::optional_count")]
    pub max_tokens: Option<usize>,
    /// How long the first request of a batch waits for others.
    #[serde(with = "forms::duration")]
    pub max_delay: Duration,
}

/// What is measured of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Monitoring {
    /// Whether heat, power and memory are read.
    #[serde(with = "forms::switch")]
    pub sensors: bool,
    /// How often.
    #[serde(with = "forms::duration")]
    pub interval: Duration,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            max_concurrent_operations: None,
            memory_budget: None,
            default_time_limit: Some(Duration::from_secs(30)),
            shutdown_time_limit: Duration::from_secs(10),
            max_waiting: 16_384,
            queue: Queue::default(),
            device: Device::default(),
            fallback: vec![Unit::Cpu],
            threads: None,
            precision: Precision::default(),
            batching: BatchingDefaults::default(),
            grace: Duration::from_secs(5),
            reject_non_finite: false,
            cache_folder: None,
            monitoring: Monitoring::default(),
            idle_sessions: 2,
        }
    }
}

impl Default for Queue {
    fn default() -> Queue {
        Queue { requests: 4096, rows: 65_536, tokens: 1 << 20, bytes: 256 << 20 }
    }
}

impl Default for BatchingDefaults {
    fn default() -> BatchingDefaults {
        BatchingDefaults {
            enabled: false,
            max_rows: 32,
            max_tokens: Some(16_384),
            max_delay: Duration::from_millis(2),
        }
    }
}

impl Default for Monitoring {
    fn default() -> Monitoring {
        Monitoring { sensors: true, interval: Duration::from_secs(1) }
    }
}

impl Config {
    /// The number of runs at the same time: as set, or one for each core.
    pub fn concurrent_operations(&self) -> NonZeroUsize {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.max_concurrent_operations.unwrap_or_else(cores)
    }
}

#[cfg(test)]
mod tests;
