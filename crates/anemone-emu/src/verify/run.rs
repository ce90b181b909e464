//! Verification: a function runs exactly and through the emulator, and once more through the
//! emulator with exact operands; what is seen goes into the report.

use std::sync::{Arc, Mutex, PoisonError};

use anemone_cpu::CpuEngine;
use anemone_engine::{
    CompileError, CompileOptions, Engine, Plan, RunContext, RunError, Session, State, Value,
};
use anemone_ir::{Checked, CheckedFunction};
use rayon::ThreadPool;
use thiserror::Error;

use super::exact;
use super::findings::Findings;
use super::forced::{Forced, Ledger};
use super::observe::{Seen, Watch};
use super::outline::Outline;
use super::report::{At, Report};
use crate::calibrate::{CalibrateError, Calibration, InputSet, assumed, calibrate};
use crate::emulator::{Emulator, NAME, Options};
use crate::interval::ranges_at;
use crate::record::Recorder;

/// How a function is verified.
#[derive(Clone)]
pub struct VerifyOptions {
    /// The function; the only one, or `main`, where it is left out.
    pub function: Option<String>,
    /// The generation of the engine. A recorder among these is not used.
    pub emulator: Options,
    /// The error, as a part of the largest exact value, from which on an op diverges.
    pub tolerance: f64,
}

impl Default for VerifyOptions {
    fn default() -> VerifyOptions {
        VerifyOptions { function: None, emulator: Options::default(), tolerance: 0.05 }
    }
}

/// Why a function cannot be verified.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The function does not compile.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// No random inputs can be made.
    #[error(transparent)]
    Calibrate(#[from] CalibrateError),
    /// A run failed.
    #[error("input set `{set}`, run {step}, engine `{engine}`: {error}")]
    Run {
        /// The input set.
        set: String,
        /// The run in it.
        step: usize,
        /// The engine.
        engine: &'static str,
        /// What went wrong.
        error: RunError,
    },
}

/// Compares the emulator with exact arithmetic, op by op, on these inputs.
pub fn verify(
    program: &Checked,
    pool: &Arc<ThreadPool>,
    sets: &[InputSet],
    options: &VerifyOptions,
) -> Result<Findings, VerifyError> {
    let compile = CompileOptions { function: options.function.clone(), ..Default::default() };
    let exact = exact::engine(pool.clone()).compile(program, &compile)?;
    let function = select(program, options.function.as_deref(), &compile)?;
    let outline = Arc::new(Outline::new(function));
    let recorder = Recorder::default();
    let recorded = options.emulator.clone().with_recorder(recorder.clone());
    let emulated = Emulator::new(pool.clone(), recorded).compile(program, &compile)?;
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let forced = Arc::new(Forced {
        options: Options { recorder: None, ..options.emulator.clone() },
        outline: outline.clone(),
        ledger: ledger.clone(),
    });
    let forced = CpuEngine::with_arithmetic(pool.clone(), forced).compile(program, &compile)?;
    let mut runners =
        [Runner::new(exact::NAME, exact), Runner::new(NAME, emulated), Runner::new(NAME, forced)];
    let mut report = Report::new(function, outline.clone());
    for set in sets {
        recorder.clear();
        runners.iter_mut().for_each(Runner::restart);
        let [exact, emulated, forced] = &mut runners;
        for (step, inputs) in set.steps.iter().enumerate() {
            let at = At { set: &set.name, step };
            let exact = exact.watched(&outline, inputs, at)?;
            let found = emulated.watched(&outline, inputs, at)?;
            report.add(inputs, &exact, &found, at);
            ledger.lock().unwrap_or_else(PoisonError::into_inner).begin(exact);
            forced.run(inputs, &RunContext::default(), at)?;
        }
        report.add_sums(&recorder, &set.name);
    }
    let ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(report.finish(&ledger, sets, options.tolerance))
}

/// Looks for what can go wrong without inputs: bounds for all inputs of the kinds that the function
/// takes, and the emulator on random ones.
pub fn analyse(
    program: &Checked,
    pool: &Arc<ThreadPool>,
    calibration: &Calibration,
    options: &VerifyOptions,
) -> Result<Findings, VerifyError> {
    let compile = CompileOptions { function: options.function.clone(), ..Default::default() };
    let function = select(program, options.function.as_deref(), &compile)?;
    let sets = calibrate(function, calibration)?;
    let mut findings = verify(program, pool, &sets, options)?;
    let inputs = assumed(function, calibration);
    let bounds = ranges_at(function, &inputs, &calibration.shapes);
    findings.bound(function, &inputs, &bounds);
    Ok(findings)
}

fn select<'a>(
    program: &'a Checked,
    name: Option<&str>,
    compile: &CompileOptions,
) -> Result<&'a CheckedFunction, VerifyError> {
    let functions = program.functions();
    let found = match name {
        Some(name) => functions.get(name),
        None if functions.len() == 1 => functions.values().next(),
        None => functions.get("main"),
    };
    let unknown = || CompileError::NoFunction {
        function: compile.function.clone().unwrap_or("main".to_owned()),
        known: functions.keys().cloned().collect(),
    };
    Ok(found.ok_or_else(unknown)?)
}

/// A plan, its working memory and its state.
struct Runner {
    engine: &'static str,
    plan: Arc<dyn Plan>,
    session: Box<dyn Session>,
    state: Box<dyn State>,
}

impl Runner {
    fn new(engine: &'static str, plan: Arc<dyn Plan>) -> Runner {
        let (session, state) = (plan.clone().session(), plan.new_state());
        Runner { engine, plan, session, state }
    }

    fn restart(&mut self) {
        self.state = self.plan.new_state();
    }

    fn watched(
        &mut self,
        outline: &Outline,
        inputs: &[Value],
        at: At<'_>,
    ) -> Result<Seen, VerifyError> {
        let watch = Watch::new(outline);
        self.run(inputs, &RunContext { observer: Some(&watch), ..RunContext::default() }, at)?;
        Ok(watch.finish())
    }

    fn run(
        &mut self,
        inputs: &[Value],
        context: &RunContext<'_>,
        at: At<'_>,
    ) -> Result<(), VerifyError> {
        let run = self.session.run(inputs, Some(self.state.as_mut()), context);
        let (set, step, engine) = (at.set.to_owned(), at.step, self.engine);
        run.map(|_| ()).map_err(|error| VerifyError::Run { set, step, engine, error })
    }
}
