//! Findings as a table for people, worst first and never long.

use std::cmp::Ordering;
use std::fmt;

use super::findings::{Birth, Cause, Findings, OpFindings, Overflow, OverflowKind, Place};
use crate::accumulator::Verdict;
use crate::interval::Forecast;

/// Rows of the table.
const ROWS: usize = 20;

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sets = self.sets.len();
        writeln!(f, "`{}`: {} against {}", self.function, self.engine, self.against)?;
        writeln!(f, "{} ops, {sets} input sets; {}", self.ops.len(), self.evidence)?;
        if self.is_clean() {
            writeln!(f, "no overflow, no NaN, no error above {}", percent(self.tolerance))?;
        }
        if let Some(op) = self.first_overflow.as_deref().and_then(|path| self.op(path)) {
            write!(f, "first overflow: `{}` ({})", op.path, op.op)?;
            if let Some(overflow) = &op.overflow {
                write!(f, ": {overflow}")?;
            }
            writeln!(f)?;
        }
        if let Some(op) = self.first_nan.as_deref().and_then(|path| self.op(path)) {
            write!(f, "first NaN: `{}` ({})", op.path, op.op)?;
            match &op.nan {
                Some(place) => writeln!(f, ", {place}")?,
                None => writeln!(f)?,
            }
        }
        if let Some(first) = &self.first_divergence {
            let birth = match first.birth {
                Birth::BornHere => "born here: it is there on exact operands, too",
                Birth::PassedOn => "passed on from its operands",
                Birth::Unknown => "from here or from its operands",
            };
            let cause = match first.cause {
                Cause::Overflow => "by overflow or NaN",
                Cause::Precision => "by rounding and tables",
            };
            let error = percent(first.error);
            writeln!(
                f,
                "first above {}: `{}`, {error}, {birth}, {cause}",
                percent(self.tolerance),
                first.path
            )?;
        }
        for overflow in self.unheld.iter().take(ROWS) {
            writeln!(f, "fp16 does not hold `{}`: {overflow}", overflow.path)?;
        }
        if let Some(nearest) = &self.nearest {
            let Some(op) = self.op(&nearest.path) else { return Ok(()) };
            let reach = percent(nearest.reach_percent / 100.0);
            writeln!(
                f,
                "nearest to a limit: `{}` ({}), {reach} of {}",
                op.path, op.op, nearest.limit
            )?;
        }
        self.bounds(f)?;
        self.rows(f)
    }
}

impl Findings {
    fn bounds(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |forecast: Forecast| {
            let bounds = self.ops.iter().filter_map(|op| op.bound.as_ref());
            bounds.filter(|bound| bound.forecast == forecast).count()
        };
        let counts = [Forecast::Never, Forecast::Possible, Forecast::Unknown].map(count);
        if counts == [0; 3] {
            return Ok(());
        }
        let [never, possible, unknown] = counts;
        write!(f, "for all inputs within")?;
        for (name, range) in &self.assumed {
            write!(f, " {name} [{}, {}]", range.lowest, range.highest)?;
        }
        writeln!(f, ": {never} ops never overflow, {possible} may, of {unknown} it is not known")?;
        for op in self.without_rule.iter().take(ROWS) {
            writeln!(f, "no range is known of {op}")?;
        }
        Ok(())
    }

    fn rows(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ops: Vec<&OpFindings> = self.ops.iter().collect();
        ops.sort_by(|a, b| worse(a, b));
        writeln!(
            f,
            "{:<16} {:>9} {:>9} {:>9} {:>7}  op",
            "verdict", "error", "own", "cosine", "reach"
        )?;
        for op in ops.iter().take(ROWS) {
            let verdict = match (op.verdict, &op.nan) {
                (_, Some(_)) => "NaN",
                (Verdict::Never, None) => "never",
                (Verdict::DependsOnOrder, None) => "depends on order",
                (Verdict::Always, None) => "always",
            };
            let own = op.own_error.map_or("-".to_owned(), percent);
            let (error, reach) = (percent(op.error), percent(op.reach));
            let (path, kind, cosine) = (&op.path, op.op, op.cosine);
            writeln!(
                f,
                "{verdict:<16} {error:>9} {own:>9} {cosine:>9.6} {reach:>7}  {path} ({kind})"
            )?;
        }
        if ops.len() > ROWS {
            writeln!(f, "… and {} more ops", ops.len() - ROWS)?;
        }
        Ok(())
    }
}

fn worse(a: &OpFindings, b: &OpFindings) -> Ordering {
    let key = |op: &OpFindings| (op.nan.is_some(), op.verdict);
    key(b).cmp(&key(a)).then(b.error.total_cmp(&a.error)).then(b.reach.total_cmp(&a.reach))
}

fn percent(part: f64) -> String {
    match part {
        infinite if infinite.is_infinite() => "infinite".to_owned(),
        large if large >= 0.1 => format!("{:.0}%", 100.0 * large),
        small => format!("{:.2}%", 100.0 * small),
    }
}

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            OverflowKind::Accumulator => write!(f, "a partial sum reaches {}", self.value)?,
            OverflowKind::Stored => {
                write!(f, "a result that should be {} is infinite", self.value)?
            }
            OverflowKind::Step => write!(f, "a step within it reaches {}", self.value)?,
            OverflowKind::Constant | OverflowKind::Input => {
                write!(f, "{} is infinite", self.value)?
            }
        }
        if self.verdict == Verdict::DependsOnOrder {
            write!(f, " in some orders of summation")?;
        }
        match (&self.place, &self.set) {
            (Some(place), _) => write!(f, ", {place}"),
            (None, Some(set)) => write!(f, ", input set `{set}`"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { set, step, output, element } = self;
        write!(f, "input set `{set}`, run {step}, output {output}, element {element}")
    }
}
