//! Keeps models loaded and runs them for many callers: admission, memory, batching, deadlines,
//! devices, metrics.
//!
//! - [`Manager`]: loads models through a [`Loader`], which the façade implements, within the bounds of
//!   a [`Config`].
//! - [`Model`]: runs one; [`Sequence`]: a conversation with one that has states; [`Admission`]: the
//!   right to a run, taken before its inputs are there.
//! - [`Pool`]: operations and bytes, admitted in order of urgency; [`BufferPool`]: memory used again.
//! - [`metrics`], [`sensors`], [`Health`]: what it tells of itself.
//! - [`artificial`]: an engine with chosen cost and faults, for tests of what stands above engines.
//!
//! Choices: this crate sees plans, never files or programs; it needs no particular async executor,
//! and never computes on its callers' threads; a request's time limit is kept by a timer while its
//! run goes on; what a run holds is accounted for until it ends, whoever has left.
#![forbid(unsafe_code)]

mod admission;
mod artefacts;
pub mod artificial;
mod batch;
mod buffers;
pub mod cache;
mod config;
mod core;
mod error;
pub mod governor;
mod health;
mod inference;
mod lane;
mod loader;
mod manager;
pub mod metrics;
mod model;
mod models;
mod monitor;
mod open;
mod options;
mod pool;
mod priority;
mod quarantine;
mod request;
mod runs;
pub mod sensors;
mod sequence;
mod shadow;
mod status;
mod sync;
mod timer;
mod workers;

pub use admission::Admission;
pub use buffers::{ArrayBuffer, BufferError, BufferLimits, BufferPool, BufferStatistics};
pub use config::{
    Batching, BatchingDefaults, Config, ConfigBuilder, ConfigErrors, ConfigFault, ConfigOrigin,
    Monitoring, PadRule, Queue,
};
pub use error::{Error, Resource, Stage};
pub use health::{Health, HealthReason, HealthState};
pub use inference::Inference;
pub use loader::{
    Artefacts, Compilation, EngineInfo, Identity, LoadError, Loaded, Loader, Shapes, Unit,
};
pub use manager::{Manager, Preload, Progress, Shutdown};
pub use model::Model;
pub use options::{InferenceOptions, ModelOptions};
pub use pool::{
    Admit, AdmitError, Capacity, Demand, Permit, Pool, PoolStatistics, Refusals, STARVED,
};
pub use priority::Priority;
pub use quarantine::QuarantinePolicy;
pub use sequence::Sequence;
pub use shadow::{Comparison, Shadow, Tolerance, compare};
pub use status::{DeviceStatus, EngineStatus, ModelStatus};
pub use timer::{LimitError, Sleep, Timer, TimerError, within};
