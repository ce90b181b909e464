//! What the manager measures, and how it is shown.
//!
//! - [`ManagerMetrics`]: the register of [`ModelMetrics`], which the manager updates with relaxed
//!   atomics: no lock and no allocation for a request or a batch.
//! - [`Readings`]: all of it at one moment, since the start and over about the last minute.
//! - [`PerformanceSummary`] and [`prometheus`]: pure functions of [`Readings`] and [`Usage`].
//!
//! Choices: nothing here reads a clock; a window is the difference of two readings of counters that
//! only grow, so that updates know nothing of windows.

mod activity;
mod buckets;
mod cause;
mod counter;
mod engines;
mod ewma;
mod families;
mod histogram;
#[cfg(test)]
mod made_up;
mod manager;
mod model;
mod prometheus;
mod rate;
mod readings;
mod samples;
mod summary;
mod table;
mod totals;
mod usage;
mod window;

pub use activity::{Activity, Batches, Fallbacks, Shadows, Times};
pub use cause::{CacheKind, Cause, FallbackCause, Outcome};
pub use counter::{Counter, Gauge};
pub use engines::EngineIndex;
pub use ewma::Ewma;
pub use histogram::{Histogram, Snapshot};
pub use manager::ManagerMetrics;
pub use model::{Batch, Finished, ModelMetrics};
pub use prometheus::{CONTENT_TYPE, prometheus};
pub use rate::RateMeter;
pub use readings::{Readings, Recent};
pub use summary::{CacheSummary, DeviceSummary, ModelSummary, Performance, PerformanceSummary};
pub use usage::{DeviceUsage, HealthUsage, OwnedMemory, PoolUsage, Usage};
