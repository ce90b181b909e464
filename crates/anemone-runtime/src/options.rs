//! What a caller may ask of one request, and of one model.

use std::time::Duration;

use anemone_engine::Precision;

use crate::config::Batching;
use crate::shadow::Shadow;
use crate::{Priority, Unit};

/// What one request asks for. What is left out is as the configuration says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InferenceOptions {
    /// The longest that the whole request may take, waiting included.
    pub time_limit: Option<Duration>,
    /// How urgent it is.
    pub priority: Priority,
    /// Who asks: rows are shared fairly between callers of one priority.
    pub caller: u64,
    /// The engine that must run it, by name; no fallback then.
    pub engine: Option<String>,
    /// Whether it may share a batch with others.
    pub alone: bool,
    /// Whether outputs that are not finite are an error.
    pub reject_non_finite: Option<bool>,
}

/// How a model is loaded and run. What is left out is as the configuration says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelOptions {
    /// The version that it is loaded as; one more than the latest where it is left out.
    pub version: Option<u64>,
    /// The function; the model's default one where it is left out.
    pub function: Option<String>,
    /// How exact the arithmetic is.
    pub precision: Option<Precision>,
    /// Engines that may run it, by name, the preferred one first; all that the device preference
    /// permits where it is empty.
    pub engines: Vec<String>,
    /// Hardware that may run it where the preferred engine fails.
    pub fallback: Option<Vec<Unit>>,
    /// How requests are put together; not at all where it is left out.
    pub batching: Option<Batching>,
    /// Most runs at a time; as many as the pool admits where it is left out.
    pub instances: Option<usize>,
    /// Never evicted.
    pub pinned: bool,
    /// A second engine or model that sees a sample of the requests.
    pub shadow: Option<Shadow>,
}

impl InferenceOptions {
    /// Options with this time limit.
    pub fn within(limit: Duration) -> InferenceOptions {
        InferenceOptions { time_limit: Some(limit), ..InferenceOptions::default() }
    }

    /// The same with another priority.
    pub fn with_priority(self, priority: Priority) -> InferenceOptions {
        InferenceOptions { priority, ..self }
    }
}
