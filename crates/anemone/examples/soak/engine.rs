//! The engine without a manager: what a row costs in runs of 1, 8 and 32 rows, in one run after
//! another and in two at a time. It bounds what batching can give.

use std::path::Path;
use std::time::{Duration, Instant};

use anemone::engine::{Precision, RunContext, Session, Value};
use anemone::runtime::Compilation;

use crate::Failure;
use crate::process::{mebibytes, processor_time};
use crate::report::{Report, median, milliseconds};
use crate::setting;
use crate::texts::{self, LENGTHS};

/// Rows that the model takes.
const ROWS: [usize; 3] = [1, 8, 32];

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Repetitions of all, one after another; medians are told.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Tokens of each measurement, at least.
    #[arg(long, default_value_t = 4096)]
    tokens: usize,
}

pub(crate) fn run(model: &Path, options: &Options) -> Result<Report, Failure> {
    let loader = setting::loader()?;
    let compilation = Compilation {
        engine: "cpu",
        function: None,
        precision: Precision::default(),
        artefacts: None,
    };
    let plan = loader.load(model, &compilation)?.plan;
    let (mut first, mut second) = (plan.clone().session(), plan.clone().session());
    let shapes: Vec<(usize, usize)> =
        LENGTHS.iter().flat_map(|&length| ROWS.map(|rows| (rows, length))).collect();
    let mut figures = vec![(Vec::new(), Vec::new(), Vec::new()); shapes.len()];
    for _ in 0..options.rounds {
        for (&(rows, length), figures) in shapes.iter().zip(&mut figures) {
            let inputs = texts::rows(rows, length, 7)?;
            let times = (options.tokens / (rows * length)).max(2);
            timed(&mut *first, &inputs, 1)?;
            timed(&mut *second, &inputs, 1)?;
            let before = processor_time()?;
            figures.0.push(milliseconds(timed(&mut *first, &inputs, times)?) / times as f64);
            figures.2.push(milliseconds(processor_time()? - before) / times as f64);
            let both = together(&mut *first, &mut *second, &inputs, times)?;
            figures.1.push(milliseconds(both) / (2 * times) as f64);
        }
    }
    let mut report = Report::default();
    let mut single = f64::NAN;
    for ((rows, length), (one, two, busy)) in shapes.into_iter().zip(figures) {
        let a_row = |times| median(times) / rows as f64;
        let (one, two, busy) = (a_row(one), a_row(two), a_row(busy));
        if rows == 1 {
            single = one;
        }
        let memory = plan.memory(&[vec![rows, length], vec![rows, length]])?;
        let name = format!("{rows} x {length}");
        report.number(format!("{name}: ms a row, one run at a time"), one);
        report.number(format!("{name}: ms a row, two runs at a time"), two);
        report.number(format!("{name}: processor ms a row"), busy);
        report.number(format!("{name}: rows of 1 row / this, one at a time"), single / one);
        report.number(format!("{name}: arena MiB"), mebibytes(memory.arena as u64));
    }
    let memory = plan.memory(&[vec![1, 16], vec![1, 16]])?;
    report.number("constants MiB", mebibytes(memory.constants as u64));
    report.number("packed MiB", mebibytes(memory.packed as u64));
    Ok(report)
}

fn timed(session: &mut dyn Session, inputs: &[Value], times: usize) -> Result<Duration, Failure> {
    let start = Instant::now();
    for _ in 0..times {
        session.run(inputs, None, &RunContext::default())?;
    }
    Ok(start.elapsed())
}

fn together(
    first: &mut dyn Session,
    second: &mut dyn Session,
    inputs: &[Value],
    times: usize,
) -> Result<Duration, Failure> {
    let start = Instant::now();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| timed(second, inputs, times).map_err(|e| e.to_string()));
        timed(first, inputs, times)?;
        other.join().map_err(|_| "a run panicked")??;
        Ok::<_, Failure>(())
    })?;
    Ok(start.elapsed())
}
