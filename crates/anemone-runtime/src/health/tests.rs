//! Each rule of health on its own.

use super::*;
use crate::governor::{Cause, Effect};

fn well() -> HealthInputs {
    HealthInputs {
        now: Duration::from_secs(100),
        most_waiting: 64,
        workers_alive: 4,
        workers_expected: 4,
        memory_budget: 1000,
        ..HealthInputs::default()
    }
}

fn name() -> String {
    "bert".to_owned()
}

fn stuck() -> StuckRun {
    StuckRun { model: name(), since: Duration::from_secs(88) }
}

fn rate(failed: u64, finished: u64) -> HealthInputs {
    HealthInputs { failures: vec![FailureRate { model: name(), failed, finished }], ..well() }
}

fn quarantined(until: Option<Duration>) -> HealthInputs {
    let reason = "the engine failed: internal: x".to_owned();
    let model = QuarantinedModel { model: name(), reason, until };
    HealthInputs { quarantined: vec![model], ..well() }
}

#[test]
fn each_rule_in_words() {
    let cause = Cause::MemorySome { percent: 23.0, threshold: 10.0 };
    let reason = Reason { cause, effect: Effect::Halves };
    let busy = HealthInputs { waiting: 63, memory_in_use: 1000, ..well() };
    for (inputs, expected) in [
        (well(), "healthy"),
        (busy, "healthy"),
        (HealthInputs { workers_alive: 3, ..well() }, "degraded: 3 of 4 threads work"),
        (
            HealthInputs { workers_alive: 0, ..well() },
            "unhealthy, takes no new requests: 0 of 4 threads work",
        ),
        (
            HealthInputs { stuck: vec![stuck()], ..well() },
            "degraded: a run of `bert` has not ended for 12 s",
        ),
        (
            HealthInputs { stuck: vec![stuck()], workers_alive: 1, workers_expected: 1, ..well() },
            "unhealthy, takes no new requests: a run of `bert` has not ended for 12 s",
        ),
        (
            HealthInputs { is_closing: true, ..well() },
            "healthy, takes no new requests: it is closing",
        ),
        (
            HealthInputs { waiting: 64, ..well() },
            "degraded, takes no new requests: the queue is full: 64 requests wait",
        ),
        (
            quarantined(Some(Duration::from_millis(101_500))),
            "degraded: `bert` is refused for 2 s: the engine failed: internal: x",
        ),
        (
            quarantined(Some(Duration::ZERO)),
            "degraded: `bert` is tried again with its next request: the engine failed: internal: x",
        ),
        (quarantined(None), "degraded: `bert` is refused: the engine failed: internal: x"),
        (rate(2, 20), "degraded: `bert` failed in 2 of 20 requests"),
        (rate(19, 19), "healthy"),
        (rate(9, 100), "healthy"),
        (
            HealthInputs { memory_in_use: 1001, ..well() },
            "degraded: 1001 bytes of memory are in use, 1000 are allowed",
        ),
        (
            HealthInputs { governor: vec![reason], ..well() },
            "degraded: memory: some avg10 23 % is over 10 %",
        ),
        (HealthInputs { loading: vec![name()], ..well() }, "healthy: `bert` is being loaded"),
    ] {
        let health = Health::of(&inputs);
        assert_eq!(health.to_string(), expected);
        assert_eq!(health.live, health.state != HealthState::Unhealthy);
    }
}

#[test]
fn all_reasons_are_told_the_gravest_first() {
    let inputs = HealthInputs { workers_alive: 3, waiting: 64, loading: vec![name()], ..well() };
    assert_eq!(
        Health::of(&inputs).to_string(),
        "degraded, takes no new requests: 3 of 4 threads work; \
         the queue is full: 64 requests wait; `bert` is being loaded"
    );
}

#[test]
fn without_threads_of_its_own_it_is_live() {
    let inputs = HealthInputs { workers_alive: 0, workers_expected: 0, ..well() };
    assert_eq!(Health::of(&inputs).state, HealthState::Healthy);
}

#[test]
fn health_is_told_as_json() {
    let cause = Cause::Battery { percent: 9, threshold: 20 };
    let governor = vec![Reason { cause, effect: Effect::Caps }];
    let inputs = HealthInputs { stuck: vec![stuck()], governor, ..well() };
    assert_eq!(
        serde_json::to_value(Health::of(&inputs)).unwrap(),
        serde_json::json!({
            "live": true,
            "ready": true,
            "state": "degraded",
            "reasons": [
                {"reason": "stuck", "model": "bert", "for-ms": 12_000},
                {
                    "reason": "governed",
                    "cause": {"signal": "battery", "percent": 9, "threshold": 20},
                    "effect": "caps",
                },
            ],
        })
    );
}
