//! The engine as the façade sees it.

use std::sync::Arc;

use anemone_engine::{CompileError, CompileOptions, Engine, Plan, Reason};
use anemone_ir::{Checked, CheckedFunction, Node, Type};
use rayon::ThreadPool;

use crate::array::Storage;
use crate::compile::compile;
use crate::kernels;

/// The engine's name in errors, receipts and metrics.
pub(crate) const NAME: &str = "cpu";

/// Runs programs on the CPU, on the threads of one pool.
pub struct CpuEngine {
    pool: Arc<ThreadPool>,
}

impl CpuEngine {
    /// An engine whose plans run on `pool`.
    pub fn new(pool: Arc<ThreadPool>) -> CpuEngine {
        CpuEngine { pool }
    }
}

impl Engine for CpuEngine {
    fn name(&self) -> &'static str {
        NAME
    }

    fn support(&self, function: &CheckedFunction, node: &Node) -> Result<(), Reason> {
        let values = node.inputs.iter().flat_map(|(_, ids)| ids).chain(&node.outputs);
        for id in values {
            let known = &function.value(*id).known;
            if let (Type::Tensor(ty), false) = (&known.ty, known.constant) {
                Storage::of(ty.dtype).map_err(Reason)?;
            }
        }
        kernels::prepare(node.op).map(|_| ()).map_err(|why| Reason(why.to_owned()))
    }

    fn compile(
        &self,
        program: &Checked,
        options: &CompileOptions,
    ) -> Result<Arc<dyn Plan>, CompileError> {
        Ok(Arc::new(compile(self, self.pool.clone(), program, options)?))
    }
}
