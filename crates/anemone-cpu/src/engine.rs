//! The engine as the façade sees it.

use std::sync::Arc;

use anemone_engine::{CompileError, CompileOptions, Engine, Plan, Reason};
use anemone_ir::{Checked, CheckedFunction, Node, Type};
use rayon::ThreadPool;

use crate::arithmetic::Arithmetic;
use crate::array::Storage;
use crate::compile::compile;
use crate::kernels;

/// The engine's name in errors, receipts and metrics.
const NAME: &str = "cpu";

/// Runs programs on the CPU, on the threads of one pool.
pub struct CpuEngine {
    pool: Arc<ThreadPool>,
    arithmetic: Option<Arc<dyn Arithmetic>>,
}

impl CpuEngine {
    /// An engine whose plans run on `pool`.
    pub fn new(pool: Arc<ThreadPool>) -> CpuEngine {
        CpuEngine { pool, arithmetic: None }
    }

    /// An engine that computes by `arithmetic` and bears its name.
    pub fn with_arithmetic(pool: Arc<ThreadPool>, arithmetic: Arc<dyn Arithmetic>) -> CpuEngine {
        CpuEngine { pool, arithmetic: Some(arithmetic) }
    }
}

/// What of this processor the kernels make use of, with this engine's version: what was measured or
/// compiled on one machine holds on those for which this is the same.
pub fn machine() -> String {
    #[cfg(target_arch = "x86_64")]
    let found = [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("f16c", is_x86_feature_detected!("f16c")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
        ("amx", crate::gemm::has_tiles()),
    ];
    #[cfg(target_arch = "aarch64")]
    let found = [
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        ("fp16", std::arch::is_aarch64_feature_detected!("fp16")),
        ("dotprod", std::arch::is_aarch64_feature_detected!("dotprod")),
    ];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let found: [(&str, bool); 0] = [];
    let features: Vec<&str> =
        found.into_iter().filter(|(_, here)| *here).map(|(name, _)| name).collect();
    let (arch, version) = (std::env::consts::ARCH, env!("CARGO_PKG_VERSION"));
    format!("{arch} {} version {version}", features.join(" "))
}

impl Engine for CpuEngine {
    fn name(&self) -> &'static str {
        self.arithmetic.as_ref().map_or(NAME, |arithmetic| arithmetic.engine())
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
        let (pool, arithmetic) = (self.pool.clone(), self.arithmetic.clone());
        Ok(Arc::new(compile(self, pool, arithmetic, program, options)?))
    }
}
