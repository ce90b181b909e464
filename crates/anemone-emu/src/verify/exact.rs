//! The engine `exact`: the CPU engine op by op, in `f32`, rounded to nothing.

use std::sync::Arc;

use anemone_cpu::{Arithmetic, Compute, CpuEngine, PrepareCtx, Stored};
use rayon::ThreadPool;

/// The name of the engine.
pub(crate) const NAME: &str = "exact";

/// Leaves all numbers as they are. What matters is what comes with it: no op is fused with others,
/// so every result can be seen.
struct Exact;

impl Arithmetic for Exact {
    fn engine(&self) -> &'static str {
        NAME
    }

    fn kernel(&self, _: &mut PrepareCtx<'_>) -> Result<Option<Box<dyn Compute>>, String> {
        Ok(None)
    }

    fn store(&self, _: Stored, _: &mut [f32]) {}
}

pub(crate) fn engine(pool: Arc<ThreadPool>) -> CpuEngine {
    CpuEngine::with_arithmetic(pool, Arc::new(Exact))
}
