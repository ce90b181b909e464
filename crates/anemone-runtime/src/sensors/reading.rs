//! What sensors tell, and the trait of those that tell it.

use std::fmt;

use serde::Serialize;

/// Tells the state of the machine.
pub trait Sensors: Send + Sync {
    /// The state now. What cannot be known is left out; reading never fails.
    fn read(&self) -> Reading;

    /// Where readings come from, for people.
    fn source(&self) -> &str;
}

/// Sensors of a machine that tells nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSensors;

/// The state of the machine; a part that is left out is unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reading {
    /// How hot it is.
    pub thermal: Option<Thermal>,
    /// What feeds it.
    pub power: Option<Power>,
    /// How full its memory is.
    pub memory: Option<Memory>,
    /// How busy its processors are.
    pub cpu: Option<CpuPressure>,
}

/// How hot the machine is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Thermal {
    /// The state.
    pub state: ThermalState,
    /// The zone that decides it, where zones are known.
    pub hottest: Option<HottestZone>,
}

/// Thermal states, by the names of Apple's `ProcessInfo.ThermalState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThermalState {
    /// Within normal limits.
    Nominal,
    /// Slightly elevated.
    Fair,
    /// High: the machine slows down.
    Serious,
    /// The machine must cool down, or it stops.
    Critical,
}

/// The zone nearest to, or furthest past, a trip point.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HottestZone {
    /// The zone's type, such as `x86_pkg_temp`.
    pub name: String,
    /// Its temperature, in °C.
    pub celsius: f64,
    /// The trip point that decides, in °C.
    pub trip_celsius: f64,
}

/// What feeds the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
pub enum Power {
    /// The mains.
    Mains,
    /// A battery.
    Battery {
        /// Its charge, 0 to 100; the mean where there are several.
        percent: u8,
        /// Whether it is being charged.
        charging: bool,
    },
}

/// How full the memory is that the process may use.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Memory {
    /// Bytes at most: the smallest of the physical memory and every limit of a cgroup.
    pub limit: u64,
    /// Bytes of the limit that cannot be had, whoever uses them: `limit - available`.
    pub used: u64,
    /// Bytes that can be had before any limit is met; caches that can be dropped count as such.
    pub available: u64,
    /// Time lost to waiting for memory, where the kernel tells.
    pub pressure: Option<Pressure>,
}

/// Shares of the last ten seconds that were lost to waiting for a resource.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pressure {
    /// Percent of the time in which at least one task waited.
    pub some_avg10: f64,
    /// Percent of the time in which all tasks waited at once.
    pub full_avg10: Option<f64>,
}

/// How busy the processors are that the process may use.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CpuPressure {
    /// Percent of the last ten seconds in which some task waited for a processor.
    pub some_avg10: Option<f64>,
    /// Processors' worth of time that the tightest cgroup allows.
    pub quota_cores: Option<f64>,
    /// Share (0 to 1) of that cgroup's periods since the reading before in which it used its quota
    /// up and was stopped.
    pub throttled_share: Option<f64>,
}

impl Reading {
    /// Bytes that the process can use at most: what a default memory budget is a part of.
    pub fn memory_limit(&self) -> Option<u64> {
        self.memory.as_ref().map(|memory| memory.limit)
    }
}

impl Sensors for NoSensors {
    fn read(&self) -> Reading {
        Reading::default()
    }

    fn source(&self) -> &str {
        "none"
    }
}

impl fmt::Display for ThermalState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ThermalState::Nominal => "nominal",
            ThermalState::Fair => "fair",
            ThermalState::Serious => "serious",
            ThermalState::Critical => "critical",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sensors_know_nothing() {
        assert_eq!(NoSensors.read(), Reading::default());
        assert_eq!(NoSensors.read().memory_limit(), None);
    }

    #[test]
    fn a_reading_is_told_as_json() {
        let reading = Reading {
            thermal: Some(Thermal { state: ThermalState::Fair, hottest: None }),
            power: Some(Power::Battery { percent: 40, charging: false }),
            ..Reading::default()
        };
        assert_eq!(
            serde_json::to_string(&reading).unwrap(),
            r#"{"thermal":{"state":"fair","hottest":null},"power":{"source":"battery","percent":40,"charging":false},"memory":null,"cpu":null}"#
        );
    }
}
