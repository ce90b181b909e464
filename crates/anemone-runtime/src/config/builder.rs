//! Settings made in code.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anemone_engine::{Device, Precision};

use super::{BatchingDefaults, Config, ConfigErrors, Monitoring, Queue};
use crate::Unit;

/// Makes a [`Config`]; what is not said stays as it is by default.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ConfigBuilder {
    config: Config,
}

macro_rules! fields {
    ($($field:ident: $type:ty,)*) => {
        impl ConfigBuilder {
            $(
                #[doc = concat!("Says [`Config::", stringify!($field), "`].")]
                pub fn $field(mut self, $field: $type) -> ConfigBuilder {
                    self.config.$field = $field;
                    self
                }
            )*
        }
    };
}

fields! {
    max_concurrent_operations: Option<NonZeroUsize>,
    memory_budget: Option<u64>,
    default_time_limit: Option<Duration>,
    shutdown_time_limit: Duration,
    max_waiting: usize,
    queue: Queue,
    device: Device,
    fallback: Vec<Unit>,
    threads: Option<NonZeroUsize>,
    precision: Precision,
    batching: BatchingDefaults,
    grace: Duration,
    reject_non_finite: bool,
    cache_folder: Option<PathBuf>,
    monitoring: Monitoring,
    idle_sessions: usize,
}

impl Config {
    /// A builder that has the defaults.
    pub fn builder() -> ConfigBuilder {
        ConfigBuilder::default()
    }
}

impl ConfigBuilder {
    /// The settings, or all that is wrong with them.
    pub fn build(self) -> Result<Config, ConfigErrors> {
        self.config.check()?;
        Ok(self.config)
    }
}
