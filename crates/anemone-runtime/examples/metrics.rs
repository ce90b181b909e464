//! Prints the metrics of a made-up minute: as Prometheus text, or with `--table` for people, or with
//! `--json`.

use std::time::{Duration, Instant};

use anemone_runtime::metrics::{
    Batch, CacheKind, Cause, DeviceUsage, FallbackCause, Finished, HealthUsage, ManagerMetrics,
    Outcome, OwnedMemory, PerformanceSummary, PoolUsage, Usage, prometheus,
};

fn main() {
    let start = Instant::now();
    let metrics = ManagerMetrics::new(start);
    for second in 0..180 {
        run_a_second(&metrics, start + Duration::from_secs(second), second);
    }
    let readings = metrics.read(start + Duration::from_secs(180));
    match std::env::args().nth(1).as_deref() {
        Some("--table") => print!("{}", PerformanceSummary::new(&readings, usage())),
        Some("--json") => {
            match serde_json::to_string_pretty(&PerformanceSummary::new(&readings, usage())) {
                Ok(json) => println!("{json}"),
                Err(error) => eprintln!("{error}"),
            }
        }
        _ => print!("{}", prometheus(&readings, &usage())),
    }
}

/// Forty requests for one model and ten for another, whose name is hard to write.
fn run_a_second(metrics: &ManagerMetrics, now: Instant, second: u64) {
    let (cpu, gpu) = (metrics.engine("cpu"), metrics.engine("gpu"));
    for (name, version, requests) in [("minilm", "1", 40), ("two \"quoted\"\\\nlines", "", 10)] {
        let model = metrics.model(name, version, now);
        if second == 0 {
            model.loaded(Duration::from_millis(85));
        }
        let compute = Duration::from_micros(10_000 + 40 * second);
        for request in 0..requests {
            let queue = Duration::from_micros(200 + 37 * (request * 7 % 11) * (second % 9));
            let outcome = match (second + request) % 97 {
                0 => Outcome::Failed(Cause::TimedOut),
                1 => Outcome::Failed(Cause::InvalidInput),
                _ => Outcome::Completed,
            };
            model.admitted();
            let total = queue + compute;
            let finished = Finished { outcome, queue, compute, total, rows: 2, tokens: 250 };
            model.request_done(&finished, now);
        }
        let rows = requests as usize;
        for _ in 0..2 {
            let batch = Batch { engine: cpu, rows, padded_rows: rows + 3, tokens: 5000, compute };
            model.batch_done(&batch);
        }
        if second % 30 == 7 {
            model.fallback(gpu, cpu, FallbackCause::Unsupported);
            model.evicted();
            model.reloaded(Duration::from_millis(30));
            model.shadow(second > 60, 3e-6, compute, compute * 2);
            model.copies(2);
            model.rejected(Cause::QueueFull);
        }
        metrics.looked_up(CacheKind::Plan, second % 30 != 7);
    }
    metrics.looked_up(CacheKind::Artefact, second.is_multiple_of(2));
    if second.is_multiple_of(50) {
        metrics.rejected(Cause::NotFound);
    }
    metrics.rotate(now);
}

fn usage() -> Usage {
    let owned = |owner: &str, bytes| OwnedMemory { owner: owner.to_owned(), bytes };
    Usage {
        memory: vec![owned("weights", 24_117_248), owned("requests", 3 << 20)],
        budget_bytes: Some(1 << 30),
        pool: PoolUsage {
            operations: 2,
            operations_in_use: 1,
            bytes_in_use: 3 << 20,
            peak_bytes: 9 << 20,
            waiting: 4,
            admitted_at_once: 8500,
            admitted_after_waiting: 500,
            cancelled: 3,
        },
        devices: vec![DeviceUsage {
            name: "cpu".to_owned(),
            engines: vec!["cpu".to_owned()],
            operations: 2,
            running: 1,
            waiting: 0,
            is_healthy: true,
        }],
        health: HealthUsage { is_live: true, is_ready: true, state: "healthy".to_owned() },
    }
}
