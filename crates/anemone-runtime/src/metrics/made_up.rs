//! Metrics of a manager that never was, in which everything occurred: for tests of what is shown.

use std::time::{Duration, Instant};

use super::*;

/// One model on the CPU, which was busy for nine of sixty seconds.
pub(super) fn readings() -> (Readings, Usage) {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let metrics = ManagerMetrics::new(start);
    let model = metrics.model("minilm", "1", start);
    let (cpu, gpu) = (metrics.engine("cpu"), metrics.engine("gpu"));
    let milliseconds = Duration::from_millis;
    for request in 1..=31 {
        let outcome = match request {
            31 => Outcome::Failed(Cause::TimedOut),
            _ => Outcome::Completed,
        };
        let (queue, compute) = (milliseconds(request), milliseconds(10));
        let total = queue + compute;
        model.admitted();
        let finished = Finished { outcome, queue, compute, total, rows: 2, tokens: 20 };
        model.request_done(&finished, at(59));
    }
    let compute = milliseconds(9000);
    model.batch_done(&Batch { engine: cpu, rows: 60, padded_rows: 80, tokens: 600, compute });
    model.fallback(gpu, cpu, FallbackCause::Unsupported);
    model.rejected(Cause::QueueFull);
    model.loaded(milliseconds(300));
    model.evicted();
    model.reloaded(milliseconds(200));
    model.shadow(true, 1e-6, milliseconds(10), milliseconds(5));
    model.copies(4);
    metrics.rejected(Cause::NotFound);
    metrics.looked_up(CacheKind::Plan, true);
    metrics.looked_up(CacheKind::Plan, false);
    metrics.looked_up(CacheKind::Artefact, false);
    (metrics.read(at(60)), usage())
}

fn usage() -> Usage {
    let owned = |owner: &str, bytes| OwnedMemory { owner: owner.to_owned(), bytes };
    Usage {
        memory: vec![owned("weights", 24_000_000), owned("requests", 1 << 20)],
        budget_bytes: Some(1 << 30),
        pool: PoolUsage { operations: 2, waiting: 2, admitted_at_once: 31, ..Default::default() },
        devices: vec![DeviceUsage {
            name: "cpu".to_owned(),
            engines: vec!["cpu".to_owned()],
            operations: 1,
            running: 1,
            waiting: 0,
            is_healthy: true,
        }],
        health: HealthUsage { is_live: true, is_ready: true, state: "healthy".to_owned() },
    }
}
