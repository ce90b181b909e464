//! What a run costs, and how that is spent.

use std::hint;
use std::time::{Duration, Instant};

use anemone_engine::{RunContext, RunError};

use super::gate::{Gate, Visit, check};

/// What a run costs.
#[derive(Clone, Debug, Default)]
pub struct Cost {
    /// For any run.
    pub fixed: Duration,
    /// For each row.
    pub per_row: Duration,
    /// For each element of the first input.
    pub per_token: Duration,
    /// How it is spent.
    pub spend: Spend,
}

/// How the cost of a run is spent.
#[derive(Clone, Debug, Default)]
pub enum Spend {
    /// Not at all: the receipt tells the cost, and no time passes.
    #[default]
    Told,
    /// A processor is busy for that time; the receipt tells the time that it took.
    Busy,
    /// The run waits to be let through; the receipt tells the cost.
    Gate(Gate),
}

impl Cost {
    /// A cost for any run that keeps a processor busy.
    pub fn busy(fixed: Duration) -> Cost {
        Cost { fixed, spend: Spend::Busy, ..Cost::default() }
    }

    /// No cost, but a gate.
    pub fn gate(gate: &Gate) -> Cost {
        Cost { spend: Spend::Gate(gate.clone()), ..Cost::default() }
    }

    /// The cost of a run of `rows` rows of `length` elements.
    pub fn of(&self, rows: usize, length: usize) -> Duration {
        let times =
            |time: Duration, n: usize| time.saturating_mul(u32::try_from(n).unwrap_or(u32::MAX));
        self.fixed
            .saturating_add(times(self.per_row, rows))
            .saturating_add(times(self.per_token, rows.saturating_mul(length)))
    }
}

impl Spend {
    /// Comes to the gate, if there is one.
    pub(super) fn come(&self) -> Option<Visit> {
        match self {
            Spend::Gate(gate) => Some(gate.come()),
            Spend::Told | Spend::Busy => None,
        }
    }
}

/// Spends `time`, and tells the time for the receipt.
pub(super) fn spend(
    time: Duration,
    spend: &Spend,
    visit: Option<&Visit>,
    context: &RunContext<'_>,
    start: Instant,
) -> Result<Duration, RunError> {
    check(context, start)?;
    if let Some(visit) = visit {
        visit.wait_for(context, start)?;
    }
    if !matches!(spend, Spend::Busy) {
        return Ok(time);
    }
    loop {
        let spent = start.elapsed();
        if spent >= time {
            return Ok(spent);
        }
        check(context, start)?;
        hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_grows_with_rows_and_tokens_and_never_overflows() {
        let us = Duration::from_micros;
        let cost = Cost { fixed: us(7), per_row: us(3), per_token: us(1), spend: Spend::Told };
        assert_eq!(cost.of(2, 5), us(7 + 6 + 10));
        assert_eq!(Cost { per_token: Duration::MAX, ..cost }.of(usize::MAX, 9), Duration::MAX);
    }

    #[test]
    fn a_cost_that_is_told_takes_no_time() {
        let hour = Duration::from_secs(3600);
        let context = RunContext::default();
        assert_eq!(spend(hour, &Spend::Told, None, &context, Instant::now()), Ok(hour));
    }

    #[test]
    fn a_busy_run_ends_at_its_deadline() {
        let start = Instant::now();
        let context = RunContext { deadline: Some(start), ..RunContext::default() };
        let spent = spend(Duration::MAX, &Spend::Busy, None, &context, start);
        assert!(matches!(spent, Err(RunError::TimedOut(_))));
    }
}
