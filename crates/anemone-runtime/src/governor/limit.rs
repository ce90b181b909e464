//! The number of runs at once: down by halves under pressure, up by one without.
//!
//! The rule is that of TCP's congestion avoidance (additive increase, multiplicative decrease;
//! Chiu and Jain, "Analysis of the increase and decrease algorithms for congestion avoidance in
//! computer networks", 1989): a machine in distress is relieved in a few steps, and its capacity is
//! found again slowly, so that the limit does not swing.

use std::time::Duration;

use crate::governor::{Band, Cause, Effect, Policy, Reason};
use crate::sensors::{Power, Reading, Thermal, ThermalState};

/// Decides how many runs may go on at once.
///
/// | sensed | the limit |
/// |---|---|
/// | thermal `critical`, or `memory-full` past `on` | goes to 1 at once |
/// | thermal `serious`, `memory-some` or `memory-available` past `on` | is halved, once an interval |
/// | thermal `fair`, or a signal between `on` and `off` | stays |
/// | none of these for an interval | rises by 1, up to the most |
/// | a low battery, where the policy has a cap | is the cap at most |
///
/// What sensors do not tell is no pressure.
#[derive(Clone, Debug)]
pub struct Governor {
    policy: Policy,
    most: usize,
    limit: usize,
    is_capped: bool,
    lowered: Option<Duration>,
    /// When the limit last rose or something held it down.
    calm_since: Duration,
}

/// What the governor decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Runs at once, one or more.
    pub limit: usize,
    /// Whether it is another limit than before.
    pub changed: bool,
    /// Why it is not raised; empty when nothing keeps it down.
    pub reasons: Vec<Reason>,
}

impl Governor {
    /// A governor that starts with `most` runs at once (one, if that is 0). No policy makes it fail;
    /// one with [`faults`](Policy::faults) makes it useless.
    pub fn new(policy: Policy, most: usize) -> Governor {
        let most = most.max(1);
        Governor {
            policy,
            most,
            limit: most,
            is_capped: false,
            lowered: None,
            calm_since: Duration::ZERO,
        }
    }

    /// Takes the state of the machine at `now`, the time since some start, into account.
    pub fn step(&mut self, reading: &Reading, now: Duration) -> Decision {
        let before = self.limit;
        let interval = Duration::from_millis(self.policy.interval_ms);
        let may_fall = self.lowered.is_none_or(|at| now.saturating_sub(at) >= interval);
        let may_rise = now.saturating_sub(self.calm_since) >= interval;
        let mut reasons = pressures(&self.policy, reading);
        match reasons.iter().map(|reason| reason.effect).max() {
            Some(Effect::One) => self.lower(1, now),
            Some(Effect::Halves) if may_fall => self.lower((self.limit / 2).max(1), now),
            None if may_rise => {
                self.limit = self.limit.saturating_add(1);
                self.calm_since = now;
            }
            _ => {}
        }
        if !reasons.is_empty() {
            self.calm_since = now;
        }
        self.limit = self.limit.min(self.cap(reading, &mut reasons));
        Decision { limit: self.limit, changed: self.limit != before, reasons }
    }

    fn lower(&mut self, limit: usize, now: Duration) {
        self.limit = limit;
        self.lowered = Some(now);
    }

    /// The limit on battery, or else the most.
    fn cap(&mut self, reading: &Reading, reasons: &mut Vec<Reason>) -> usize {
        let (Some(cap), Some(Power::Battery { percent, charging: false })) =
            (self.policy.battery, reading.power)
        else {
            self.is_capped = false;
            return self.most;
        };
        let threshold = if self.is_capped { cap.until } else { cap.below };
        self.is_capped = percent < threshold;
        if !self.is_capped {
            return self.most;
        }
        let cause = Cause::Battery { percent, threshold };
        reasons.push(Reason { cause, effect: Effect::Caps });
        cap.most.clamp(1, self.most)
    }
}

/// What of the reading is pressure, or not yet free of it.
fn pressures(policy: &Policy, reading: &Reading) -> Vec<Reason> {
    let memory = reading.memory.as_ref();
    let stalls = memory.and_then(|memory| memory.pressure);
    let some = stalls.map(|stalls| stalls.some_avg10);
    let full = stalls.and_then(|stalls| stalls.full_avg10);
    let available = memory
        .filter(|memory| memory.limit > 0)
        .map(|memory| memory.available as f64 / memory.limit as f64 * 100.0);
    let reasons = [
        reading.thermal.as_ref().and_then(hot),
        some.and_then(|percent| {
            let (effect, threshold) = high(percent, policy.memory_some, Effect::Halves)?;
            Some(Reason { cause: Cause::MemorySome { percent, threshold }, effect })
        }),
        full.and_then(|percent| {
            let (effect, threshold) = high(percent, policy.memory_full, Effect::One)?;
            Some(Reason { cause: Cause::MemoryFull { percent, threshold }, effect })
        }),
        available.and_then(|percent| {
            let (effect, threshold) = low(percent, policy.memory_available)?;
            Some(Reason { cause: Cause::MemoryAvailable { percent, threshold }, effect })
        }),
    ];
    reasons.into_iter().flatten().collect()
}

fn hot(thermal: &Thermal) -> Option<Reason> {
    let effect = match thermal.state {
        ThermalState::Nominal => return None,
        ThermalState::Fair => Effect::Holds,
        ThermalState::Serious => Effect::Halves,
        ThermalState::Critical => Effect::One,
    };
    Some(Reason { cause: Cause::Thermal(thermal.clone()), effect })
}

/// The effect of a signal that is bad when high, and the threshold that it is measured against.
fn high(percent: f64, band: Band, past: Effect) -> Option<(Effect, f64)> {
    if percent > band.on {
        Some((past, band.on))
    } else {
        (percent >= band.off).then_some((Effect::Holds, band.off))
    }
}

/// The same for a signal that is bad when low.
fn low(percent: f64, band: Band) -> Option<(Effect, f64)> {
    if percent < band.on {
        Some((Effect::Halves, band.on))
    } else {
        (percent <= band.off).then_some((Effect::Holds, band.off))
    }
}

#[cfg(test)]
mod tests;
