//! Why the governor holds the number of runs down.

use std::fmt;

use serde::Serialize;

use crate::sensors::Thermal;

/// Why the limit is held, lowered or capped.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reason {
    /// What was sensed.
    pub cause: Cause,
    /// What it does to the limit.
    pub effect: Effect,
}

/// What was sensed, and the threshold that it met or has not met yet.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "signal", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cause {
    /// How hot the machine is.
    Thermal(Thermal),
    /// Percent of time in which some task waits for memory.
    MemorySome {
        /// As sensed.
        percent: f64,
        /// As in the policy.
        threshold: f64,
    },
    /// Percent of time in which every task waits for memory.
    MemoryFull {
        /// As sensed.
        percent: f64,
        /// As in the policy.
        threshold: f64,
    },
    /// Percent of the memory limit that can still be had.
    MemoryAvailable {
        /// As sensed.
        percent: f64,
        /// As in the policy.
        threshold: f64,
    },
    /// Percent of the battery's charge.
    Battery {
        /// As sensed.
        percent: u8,
        /// As in the policy.
        threshold: u8,
    },
}

/// What a cause does to the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It bounds it from above.
    Caps,
    /// It stays as it is.
    Holds,
    /// It is halved, once an interval.
    Halves,
    /// It goes to one.
    One,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_past = matches!(self.effect, Effect::Halves | Effect::One);
        let over = if is_past { "over" } else { "not yet under" };
        let under = if is_past { "under" } else { "not yet over" };
        match &self.cause {
            Cause::Thermal(Thermal { state, hottest: None }) => write!(f, "thermal: {state}"),
            Cause::Thermal(Thermal { state, hottest: Some(zone) }) => write!(
                f,
                "thermal: {state}, zone `{}` has {} °C with a trip point at {} °C",
                zone.name,
                Short(zone.celsius),
                Short(zone.trip_celsius)
            ),
            Cause::MemorySome { percent, threshold } => {
                write!(f, "memory: some avg10 {} % is {over} {threshold} %", Short(*percent))
            }
            Cause::MemoryFull { percent, threshold } => {
                write!(f, "memory: full avg10 {} % is {over} {threshold} %", Short(*percent))
            }
            Cause::MemoryAvailable { percent, threshold } => {
                let percent = Short(*percent);
                write!(f, "memory: {percent} % of the limit is available, {under} {threshold} %")
            }
            Cause::Battery { percent, threshold } => {
                write!(f, "power: on battery with {percent} %, under {threshold} %")
            }
        }
    }
}

/// A number with one decimal at most.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", (self.0 * 10.0).round() / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensors::{HottestZone, ThermalState};

    #[test]
    fn reasons_are_for_people() {
        let zone = HottestZone { name: "acpitz".to_owned(), celsius: 91.25, trip_celsius: 90.0 };
        let hot = Thermal { state: ThermalState::Serious, hottest: Some(zone) };
        for (cause, effect, expected) in [
            (
                Cause::MemorySome { percent: 23.0, threshold: 10.0 },
                Effect::Halves,
                "memory: some avg10 23 % is over 10 %",
            ),
            (
                Cause::MemoryFull { percent: 3.04, threshold: 2.0 },
                Effect::Holds,
                "memory: full avg10 3 % is not yet under 2 %",
            ),
            (
                Cause::MemoryAvailable { percent: 4.0, threshold: 5.0 },
                Effect::Halves,
                "memory: 4 % of the limit is available, under 5 %",
            ),
            (
                Cause::Thermal(hot),
                Effect::Halves,
                "thermal: serious, zone `acpitz` has 91.3 °C with a trip point at 90 °C",
            ),
            (
                Cause::Battery { percent: 12, threshold: 20 },
                Effect::Caps,
                "power: on battery with 12 %, under 20 %",
            ),
        ] {
            assert_eq!(Reason { cause, effect }.to_string(), expected);
        }
    }
}
