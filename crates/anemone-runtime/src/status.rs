//! What the manager tells of itself: models, devices, memory, health.

use std::time::Instant;

use serde::Serialize;

use crate::Unit;
use crate::core::Core;
use crate::governor::Reason;
use crate::health::{FailureRate, Health, HealthInputs, QuarantinedModel, StuckRun};
use crate::metrics::{DeviceUsage, HealthUsage, OwnedMemory, PoolUsage, Usage};
use crate::sensors::Reading;
use crate::sync::lock;

/// One version of a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelStatus {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u64,
    /// Whether requests without a version go to it.
    pub is_current: bool,
    /// Whether it is in memory; the next request loads it again where not.
    pub is_loaded: bool,
    /// Whether it is never evicted.
    pub is_pinned: bool,
    /// Engines that may run it, the preferred one first.
    pub engines: Vec<String>,
    /// Bytes of its weights; shared where another model has the same file.
    pub weight_bytes: u64,
    /// Bytes of sessions that wait for their next run.
    pub idle_bytes: u64,
    /// Requests that wait.
    pub queued: usize,
    /// Runs.
    pub running: usize,
    /// Why it is refused, if it is.
    pub quarantine: Option<String>,
}

/// The hardware as the manager sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceStatus {
    /// Engines that are present.
    pub engines: Vec<EngineStatus>,
    /// Hardware that cannot be used, and why.
    pub absent: Vec<(Unit, String)>,
    /// Where readings come from.
    pub sensors: String,
    /// Heat, power, memory and processors.
    pub reading: Reading,
    /// Most runs at a time, as configured and now.
    pub operations: usize,
    /// Most runs at a time now.
    pub limit: usize,
    /// Why the limit is not higher.
    pub reasons: Vec<Reason>,
}

/// An engine that is present.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EngineStatus {
    /// Its name.
    pub name: String,
    /// What it computes on.
    pub unit: Unit,
    /// The hardware and its features.
    pub machine: String,
}

pub(crate) fn models(core: &Core) -> Vec<ModelStatus> {
    let mut all = Vec::new();
    for entry in core.catalog.entries() {
        let current = entry.current();
        for slot in entry.slots() {
            let version = slot.loaded();
            let version = version.as_deref();
            let plans = version.map(|version| version.plans()).unwrap_or_default();
            let (queued, running) = version.map_or((0, 0), |version| version.lane.load());
            let refusal = version.and_then(|version| version.quarantine.refusal());
            all.push(ModelStatus {
                name: entry.name.clone(),
                version: slot.number,
                is_current: current == Some(slot.number),
                is_loaded: version.is_some(),
                is_pinned: slot.source.options.pinned,
                engines: version.map(|version| version.engines()).unwrap_or_default(),
                weight_bytes: plans.iter().map(|plan| plan.weight_bytes()).sum(),
                idle_bytes: plans.iter().map(|plan| plan.idle_bytes()).sum(),
                queued,
                running,
                quarantine: refusal.map(|refusal| refusal.reason),
            });
        }
    }
    all
}

pub(crate) fn devices(core: &Core) -> DeviceStatus {
    let engines = core.engines.iter().map(|engine| EngineStatus {
        name: engine.name.clone(),
        unit: engine.unit,
        machine: engine.machine.clone(),
    });
    let (limit, reasons) = core.monitor.limit();
    DeviceStatus {
        engines: engines.collect(),
        absent: core.absent.clone(),
        sensors: core.monitor.source(),
        reading: core.monitor.reading(),
        operations: core.pool.statistics().capacity.operations,
        limit,
        reasons,
    }
}

pub(crate) fn usage(core: &Core) -> Usage {
    let pool = core.pool.statistics();
    let health = health(core);
    let mut versions = core.catalog.versions();
    versions.extend(core.catalog.removed());
    let plans = core.plans.all();
    let weights: u64 = plans.iter().map(|plan| plan.weight_bytes()).sum();
    let idle: u64 = plans.iter().map(|plan| plan.idle_bytes()).sum();
    let queued: u64 = versions.iter().map(|version| version.lane.bytes() as u64).sum();
    let buffers = core.buffers.statistics();
    let owned = |owner: &str, bytes: u64| OwnedMemory { owner: owner.to_owned(), bytes };
    let (waiting, running) = versions.iter().fold((0, 0), |(waiting, running), version| {
        let (w, r) = version.lane.load();
        (waiting + w as u64, running + r as u64)
    });
    let (limit, _) = core.monitor.limit();
    Usage {
        memory: vec![
            owned("weights", weights),
            owned("idle_sessions", idle),
            owned("runs", pool.in_use.bytes.saturating_sub(weights + idle)),
            owned("queued_inputs", queued),
            owned("idle_buffers", buffers.idle_bytes as u64),
        ],
        budget_bytes: Some(core.budget),
        pool: PoolUsage {
            operations: pool.limit.operations as u64,
            operations_in_use: pool.in_use.operations as u64,
            bytes_in_use: pool.in_use.bytes,
            peak_bytes: pool.peak_bytes,
            waiting: pool.waiting as u64,
            admitted_at_once: pool.admitted - pool.admitted_after_waiting,
            admitted_after_waiting: pool.admitted_after_waiting,
            cancelled: pool.cancelled,
        },
        devices: core
            .engines
            .iter()
            .map(|engine| DeviceUsage {
                name: engine.unit.name().to_owned(),
                engines: vec![engine.name.clone()],
                operations: limit as u64,
                running,
                waiting,
                is_healthy: health.live,
            })
            .collect(),
        health: HealthUsage {
            is_live: health.live,
            is_ready: health.ready,
            state: health.state.name().to_owned(),
        },
    }
}

pub(crate) fn health(core: &Core) -> Health {
    let pool = core.pool.statistics();
    let versions = core.catalog.versions();
    let now = core.now();
    let quarantined = versions.iter().filter_map(|version| {
        let refusal = version.quarantine.refusal()?;
        let (reason, until) = (refusal.reason, refusal.until);
        Some(QuarantinedModel { model: version.name.clone(), reason, until })
    });
    let readings = core.metrics.read(Instant::now());
    let failures = readings.failures().map(|(model, failed, finished)| FailureRate {
        model,
        failed,
        finished,
    });
    let stuck = core
        .runs
        .stuck()
        .into_iter()
        .map(|stuck| StuckRun { model: stuck.model, since: now.saturating_sub(stuck.since) });
    let (alive, expected) = core.workers.alive();
    let (_, reasons) = core.monitor.limit();
    Health::of(&HealthInputs {
        now,
        is_closing: core.is_closing(),
        waiting: pool.waiting,
        most_waiting: core.config.max_waiting,
        stuck: stuck.collect(),
        quarantined: quarantined.collect(),
        governor: reasons,
        failures: failures.collect(),
        loading: lock(&core.loading).clone(),
        workers_alive: alive,
        workers_expected: expected,
        memory_in_use: pool.in_use.bytes,
        memory_budget: core.budget,
    })
}
