//! The figures that the governor goes by.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// When the governor lowers the number of runs, and when it raises it again.
///
/// Two thresholds for each signal: past `on` there is pressure, short of `off` there is none, and
/// between them the limit stays as it is. The defaults are chosen, not measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Policy {
    /// Milliseconds between two steps of the limit, down or up. The default is 10 s: the kernel
    /// averages pressure over ten seconds, so what a step did does not show sooner.
    pub interval_ms: u64,
    /// Percent of time in which some task waits for memory. The default is over 10 % and under 5 %:
    /// a tenth of the time is lost, well before the 60 % at which `systemd-oomd` kills.
    pub memory_some: Band,
    /// Percent of time in which every task waits for memory. The default is over 5 % and under 2 %:
    /// the machine thrashes, and goes on with one run.
    pub memory_full: Band,
    /// Percent of the memory limit that can still be had; pressure is *below* `on`. The default is
    /// under 5 % and over 8 %: little enough that a large budget of models is no pressure by itself.
    pub memory_available: Band,
    /// The limit on battery; none by default.
    pub battery: Option<BatteryCap>,
}

/// Two thresholds in percent, apart from each other so that a value near one changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Band {
    /// Where pressure begins.
    pub on: f64,
    /// Where it is over.
    pub off: f64,
}

/// A limit while the machine runs on a battery that is low and not being charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BatteryCap {
    /// Percent of charge below which the limit holds.
    pub below: u8,
    /// Percent of charge from which it holds no more; more than `below`.
    pub until: u8,
    /// Runs at once, one or more.
    pub most: usize,
}

/// A figure of a policy that makes no sense.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// No time between two steps.
    #[error("`interval-ms` is 0, not 1 or more")]
    Interval,
    /// A percentage out of range, or thresholds the wrong way round.
    #[error("`{field}` has on {} and off {}, not 0 to 100 with {order}", .band.on, .band.off)]
    Band {
        /// The field.
        field: &'static str,
        /// Its value.
        band: Band,
        /// How the two stand to each other.
        order: &'static str,
    },
    /// A battery's percentages out of range or the wrong way round, or no run at all.
    #[error(
        "`battery` has below {}, until {} and most {}, not below < until <= 100 and most >= 1",
        .0.below, .0.until, .0.most
    )]
    Battery(BatteryCap),
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            interval_ms: 10_000,
            memory_some: Band { on: 10.0, off: 5.0 },
            memory_full: Band { on: 5.0, off: 2.0 },
            memory_available: Band { on: 5.0, off: 8.0 },
            battery: None,
        }
    }
}

impl Policy {
    /// Every figure that makes no sense.
    pub fn faults(&self) -> Vec<PolicyError> {
        let mut faults = Vec::new();
        if self.interval_ms == 0 {
            faults.push(PolicyError::Interval);
        }
        let falling = [("memory-some", self.memory_some), ("memory-full", self.memory_full)];
        for (field, band) in falling {
            if !(0.0 < band.off && band.off < band.on && band.on <= 100.0) {
                faults.push(PolicyError::Band { field, band, order: "0 < off < on" });
            }
        }
        let band = self.memory_available;
        if !(0.0 <= band.on && band.on < band.off && band.off <= 100.0) {
            let field = "memory-available";
            faults.push(PolicyError::Band { field, band, order: "on < off" });
        }
        let cap = self.battery.filter(|c| c.below >= c.until || c.until > 100 || c.most == 0);
        faults.extend(cap.map(PolicyError::Battery));
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_has_no_fault() {
        assert_eq!(Policy::default().faults(), []);
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let policy = Policy {
            interval_ms: 0,
            memory_some: Band { on: 5.0, off: 10.0 },
            memory_full: Band { on: f64::NAN, off: 2.0 },
            memory_available: Band { on: 8.0, off: 5.0 },
            battery: Some(BatteryCap { below: 20, until: 20, most: 1 }),
        };
        let faults: Vec<String> = policy.faults().iter().map(ToString::to_string).collect();
        assert_eq!(
            faults,
            [
                "`interval-ms` is 0, not 1 or more",
                "`memory-some` has on 5 and off 10, not 0 to 100 with 0 < off < on",
                "`memory-full` has on NaN and off 2, not 0 to 100 with 0 < off < on",
                "`memory-available` has on 8 and off 5, not 0 to 100 with on < off",
                "`battery` has below 20, until 20 and most 1, \
                 not below < until <= 100 and most >= 1",
            ]
        );
    }

    #[test]
    fn what_a_file_leaves_out_is_the_default() {
        let policy: Policy =
            toml::from_str("interval-ms = 5000\nbattery = { below = 20, until = 25, most = 2 }")
                .unwrap();
        let battery = Some(BatteryCap { below: 20, until: 25, most: 2 });
        assert_eq!(policy, Policy { interval_ms: 5000, battery, ..Policy::default() });
        assert!(toml::from_str::<Policy>("interval = 5").is_err());
    }
}
