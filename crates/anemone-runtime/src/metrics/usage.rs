//! What is shown beside the measurements and only the manager knows: plain numbers.

use serde::Serialize;

/// How memory, the pool and devices are used at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Memory by owner.
    pub memory: Vec<OwnedMemory>,
    /// What all owners together may have, if it is limited.
    pub budget_bytes: Option<u64>,
    /// Admission.
    pub pool: PoolUsage,
    /// Devices.
    pub devices: Vec<DeviceUsage>,
    /// Health.
    pub health: HealthUsage,
}

/// The memory of one owner.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct OwnedMemory {
    /// Such as `weights` or `requests`.
    pub owner: String,
    /// How much.
    pub bytes: u64,
}

/// The state of admission.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PoolUsage {
    /// Operations that may go on at once.
    pub operations: u64,
    /// Operations that go on.
    pub operations_in_use: u64,
    /// Bytes that are granted.
    pub bytes_in_use: u64,
    /// The most bytes that were ever granted at once.
    pub peak_bytes: u64,
    /// Requests that wait.
    pub waiting: u64,
    /// Requests admitted at once.
    pub admitted_at_once: u64,
    /// Requests admitted after they had waited.
    pub admitted_after_waiting: u64,
    /// Requests that went away while they waited.
    pub cancelled: u64,
}

/// The state of one device.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DeviceUsage {
    /// Such as `cpu`.
    pub name: String,
    /// Engines that compute on it.
    pub engines: Vec<String>,
    /// Batches that it may compute at once.
    pub operations: u64,
    /// Batches that it computes.
    pub running: u64,
    /// Batches that wait for it.
    pub waiting: u64,
    /// Whether it works.
    pub is_healthy: bool,
}

/// The state of the whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HealthUsage {
    /// Whether the manager works.
    pub is_live: bool,
    /// Whether it takes new requests.
    pub is_ready: bool,
    /// Such as `degraded`.
    pub state: String,
}
