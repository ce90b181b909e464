//! The engine `ane-emu`: the CPU engine with the Neural Engine's arithmetic.

use std::sync::Arc;

use anemone_ane::Target;
use anemone_cpu::{Arithmetic, Compute, CpuEngine, PrepareCtx, Stored};
use anemone_engine::{CompileError, CompileOptions, Engine, Plan, Reason};
use anemone_ir::{Checked, CheckedFunction, Node};
use rayon::ThreadPool;

use crate::kernels::{self, Answer, Setting};
use crate::record::Recorder;
use crate::rounding::{round, round_even};

/// The engine's name in errors, receipts and metrics.
pub const NAME: &str = "ane-emu";

/// What differs between generations of the engine, and who listens.
#[derive(Clone)]
pub struct Options {
    /// Slices that do not begin at the start of the last axis turn what is beyond ±4094 into
    /// infinities: compiler targets h13 and h14 (A14, M1, A15, M2).
    pub clamps_slices: bool,
    /// 8-bit activations times 8-bit weights are summed as integers: from h16 (A17 Pro, M4) on.
    pub sums_integers: bool,
    /// Where accumulators note what they went through.
    pub recorder: Option<Recorder>,
}

impl Default for Options {
    /// The chips on which the number formats were measured: M4 and M6.
    fn default() -> Options {
        Options { clamps_slices: false, sums_integers: true, recorder: None }
    }
}

impl Options {
    /// What is known of the generation of a chip.
    pub fn of(target: &Target) -> Options {
        let family = target.family().name.as_str();
        Options {
            clamps_slices: matches!(family, "h13" | "h14"),
            sums_integers: matches!(family, "h16" | "h17" | "h18"),
            recorder: None,
        }
    }

    /// The same, with a recorder.
    pub fn with_recorder(self, recorder: Recorder) -> Options {
        Options { recorder: Some(recorder), ..self }
    }
}

/// Computes as the Neural Engine does, as far as that is known, on the threads of one pool.
pub struct Emulator(CpuEngine);

impl Emulator {
    /// An engine whose plans run on `pool`.
    pub fn new(pool: Arc<ThreadPool>, options: Options) -> Emulator {
        Emulator(CpuEngine::with_arithmetic(pool, Arc::new(Numbers(options))))
    }
}

impl Engine for Emulator {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn support(&self, function: &CheckedFunction, node: &Node) -> Result<(), Reason> {
        self.0.support(function, node)
    }

    fn compile(
        &self,
        program: &Checked,
        options: &CompileOptions,
    ) -> Result<Arc<dyn Plan>, CompileError> {
        self.0.compile(program, options)
    }
}

/// Every float is an fp16 number, whatever its declared type: the engine has no other.
struct Numbers(Options);

impl Arithmetic for Numbers {
    fn engine(&self) -> &'static str {
        NAME
    }

    fn kernel(&self, op: &mut PrepareCtx<'_>) -> Result<Option<Box<dyn Compute>>, String> {
        match kernels::answer(op.node().op) {
            Answer::Own(_) => Ok(None),
            Answer::Other(_, prepare) => {
                let extremes = self.0.recorder.as_ref().map(|r| r.extremes(&op.node().origin));
                prepare(op, &Setting { options: &self.0, extremes })
            }
        }
    }

    fn store(&self, what: Stored, values: &mut [f32]) {
        match what {
            Stored::Input | Stored::Constant => round_even(values),
            Stored::Result => round(values),
        }
    }
}
