//! The governor under made-up readings.

use proptest::prelude::*;

use super::*;
use crate::governor::BatteryCap;
use crate::sensors::{Memory, Pressure};

const NONE: f64 = 0.0;
const DEAD: f64 = 7.0;
const PAST: f64 = 23.0;

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn some(percent: f64) -> Reading {
    memory(percent, 0.0, 50)
}

fn memory(some: f64, full: f64, available: u64) -> Reading {
    let pressure = Some(Pressure { some_avg10: some, full_avg10: Some(full) });
    let memory = Memory { limit: 100, used: 100 - available, available, pressure };
    Reading { memory: Some(memory), ..Reading::default() }
}

fn heat(state: ThermalState) -> Reading {
    Reading { thermal: Some(Thermal { state, hottest: None }), ..Reading::default() }
}

fn battery(percent: u8, charging: bool) -> Reading {
    Reading { power: Some(Power::Battery { percent, charging }), ..Reading::default() }
}

#[test]
fn the_limit_halves_once_an_interval_and_rises_by_one() {
    let mut governor = Governor::new(Policy::default(), 9);
    let mut limits = |reading: &Reading, from: u64, to: u64| -> Vec<usize> {
        (from..to).step_by(5).map(|at| governor.step(reading, seconds(at)).limit).collect()
    };
    assert_eq!(limits(&some(NONE), 0, 10), [9, 9]);
    assert_eq!(limits(&some(PAST), 10, 40), [4, 4, 2, 2, 1, 1]);
    assert_eq!(limits(&some(DEAD), 40, 60), [1, 1, 1, 1]);
    assert_eq!(limits(&some(NONE), 60, 90), [1, 2, 2, 3, 3, 4]);
}

#[test]
fn each_signal_has_its_effect() {
    use ThermalState::{Critical, Fair, Nominal, Serious};
    for (reading, expected) in [
        (Reading::default(), None),
        (heat(Nominal), None),
        (heat(Fair), Some(Effect::Holds)),
        (heat(Serious), Some(Effect::Halves)),
        (heat(Critical), Some(Effect::One)),
        (some(4.9), None),
        (some(5.0), Some(Effect::Holds)),
        (some(10.0), Some(Effect::Holds)),
        (some(10.1), Some(Effect::Halves)),
        (memory(0.0, 2.0, 50), Some(Effect::Holds)),
        (memory(0.0, 5.1, 50), Some(Effect::One)),
        (memory(0.0, 0.0, 9), None),
        (memory(0.0, 0.0, 8), Some(Effect::Holds)),
        (memory(0.0, 0.0, 5), Some(Effect::Holds)),
        (memory(0.0, 0.0, 4), Some(Effect::Halves)),
    ] {
        let mut governor = Governor::new(Policy::default(), 8);
        let decision = governor.step(&reading, seconds(10));
        assert_eq!(decision.reasons.first().map(|reason| reason.effect), expected, "{reading:?}");
        let limit = match expected {
            Some(Effect::One) => 1,
            Some(Effect::Halves) => 4,
            _ => 8,
        };
        assert_eq!((decision.limit, decision.changed), (limit, limit != 8), "{reading:?}");
    }
}

#[test]
fn the_worst_signal_counts_and_all_are_told() {
    let mut reading = memory(PAST, 9.0, 1);
    reading.thermal = heat(ThermalState::Serious).thermal;
    let decision = Governor::new(Policy::default(), 8).step(&reading, seconds(0));
    assert_eq!((decision.limit, decision.reasons.len()), (1, 4));
    assert_eq!(decision.reasons[1].to_string(), "memory: some avg10 23 % is over 10 %");
}

#[test]
fn a_low_battery_caps_the_limit_until_it_is_charged() {
    let cap = BatteryCap { below: 20, until: 25, most: 2 };
    let policy = Policy { battery: Some(cap), ..Policy::default() };
    let mut governor = Governor::new(policy, 8);
    let mut limit = |percent, charging, at| {
        let decision = governor.step(&battery(percent, charging), seconds(at));
        (decision.limit, decision.reasons.len())
    };
    assert_eq!(limit(20, false, 0), (8, 0));
    assert_eq!(limit(19, false, 1), (2, 1));
    assert_eq!(limit(22, false, 20), (2, 1));
    assert_eq!(limit(25, false, 40), (3, 0));
    assert_eq!(limit(19, true, 60), (4, 0));
}

#[test]
fn without_a_cap_a_battery_changes_nothing() {
    let mut governor = Governor::new(Policy::default(), 8);
    assert_eq!(governor.step(&battery(1, false), seconds(0)).limit, 8);
}

#[test]
fn a_clock_that_goes_back_changes_nothing_early() {
    let mut governor = Governor::new(Policy::default(), 8);
    assert_eq!(governor.step(&some(PAST), seconds(100)).limit, 4);
    assert_eq!(governor.step(&some(PAST), seconds(1)).limit, 4);
    assert_eq!(governor.step(&some(NONE), seconds(2)).limit, 4);
}

fn readings() -> impl Strategy<Value = Reading> {
    let states = [
        None,
        Some(ThermalState::Nominal),
        Some(ThermalState::Fair),
        Some(ThermalState::Serious),
        Some(ThermalState::Critical),
    ];
    let thermal = proptest::sample::select(states.to_vec());
    let power = proptest::option::of((0..=100u8, any::<bool>()));
    (thermal, power, 0.0..30.0f64, 0.0..8.0f64, 0..=100u64).prop_map(
        |(state, power, some, full, available)| Reading {
            thermal: state.and_then(|state| heat(state).thermal),
            power: power.and_then(|(percent, charging)| battery(percent, charging).power),
            ..memory(some, full, available)
        },
    )
}

/// Readings with the seconds since the one before.
fn histories() -> impl Strategy<Value = Vec<(Reading, u64)>> {
    proptest::collection::vec((readings(), 0..30u64), 1..60)
}

fn policies() -> impl Strategy<Value = Policy> {
    let cap = proptest::option::of((1..90u8, 1..10u8, 1..10usize));
    (1..20_000u64, cap).prop_map(|(interval_ms, cap)| Policy {
        interval_ms,
        battery: cap.map(|(below, more, most)| BatteryCap { below, until: below + more, most }),
        ..Policy::default()
    })
}

proptest! {
    #[test]
    fn the_limit_stays_in_range_and_never_rises_under_pressure(
        policy in policies(), most in 0..40usize, history in histories(),
    ) {
        let mut governor = Governor::new(policy, most);
        let (mut now, mut before) = (Duration::ZERO, most.max(1));
        for (reading, wait) in history {
            now += seconds(wait);
            let decision = governor.step(&reading, now);
            prop_assert!((1..=most.max(1)).contains(&decision.limit));
            prop_assert_eq!(decision.changed, decision.limit != before);
            let rose = decision.limit > before;
            prop_assert!(!rose || decision.limit == before + 1);
            prop_assert!(!rose || decision.reasons.iter().all(|r| r.effect == Effect::Caps));
            let fell = decision.limit < before;
            prop_assert!(!fell || !decision.reasons.is_empty());
            before = decision.limit;
        }
    }

    #[test]
    fn a_constant_reading_never_makes_the_limit_turn(
        most in 1..40usize, history in histories(), constant in readings(),
    ) {
        let mut governor = Governor::new(Policy::default(), most);
        let mut now = Duration::ZERO;
        for (reading, wait) in history {
            now += seconds(wait);
            governor.step(&reading, now);
        }
        let mut limits = Vec::new();
        for _ in 0..60 {
            now += seconds(10);
            limits.push(governor.step(&constant, now).limit);
        }
        prop_assert!(limits.is_sorted() || limits.iter().rev().is_sorted());
    }

    #[test]
    fn in_the_dead_band_nothing_changes(most in 1..40usize, percent in 5.0..=10.0f64) {
        let mut governor = Governor::new(Policy::default(), most);
        for at in 0..60 {
            prop_assert!(!governor.step(&some(percent), seconds(10 * at)).changed);
        }
    }

    #[test]
    fn without_pressure_it_recovers_fully(most in 1..40usize, history in histories()) {
        let mut governor = Governor::new(Policy::default(), most);
        let mut now = Duration::ZERO;
        for (reading, wait) in history {
            now += seconds(wait);
            governor.step(&reading, now);
        }
        for _ in 0..=most {
            now += seconds(10);
            governor.step(&Reading::default(), now);
        }
        let decision = governor.step(&Reading::default(), now);
        prop_assert_eq!((decision.limit, decision.reasons), (most, vec![]));
    }
}
