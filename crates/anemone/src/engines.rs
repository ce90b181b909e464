//! The engines of this machine, and why the others are not here.

use std::num::NonZeroUsize;
use std::sync::Arc;

use anemone_cpu::CpuEngine;
use anemone_engine::Engine;
use anemone_runtime::Unit;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::load::LoadError;
use crate::{Device, Error};

/// The engines of this machine. All models that are loaded with one share its threads.
pub struct Engines {
    cpu: CpuEngine,
    pool: Arc<ThreadPool>,
}

const NO_GPU: (Unit, &str) = (Unit::Gpu, "gpu: this build has no GPU engine");
const NO_NEURAL_ENGINE: (Unit, &str) =
    (Unit::NeuralEngine, "neural engine: it needs macOS and this build has no Core ML engine");

impl Engines {
    /// Engines that compute on this many threads; on one for each core where none is given.
    pub fn new(threads: Option<NonZeroUsize>) -> Result<Engines, Error> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads.map_or(0, NonZeroUsize::get))
            .thread_name(|index| format!("anemone-{index}"))
            .build()
            .map_err(|error| LoadError::Threads { reason: error.to_string() })?;
        let pool = Arc::new(pool);
        Ok(Engines { cpu: CpuEngine::new(pool.clone()), pool })
    }

    /// How many threads compute.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// The processor's features, the engine's version and the threads, as one text.
    pub fn machine(&self) -> String {
        format!("{} threads {}", anemone_cpu::machine(), self.threads())
    }

    /// Every engine that can run models here.
    pub fn present(&self) -> Vec<&dyn Engine> {
        vec![&self.cpu]
    }

    /// Every engine that cannot, and why.
    pub fn absent(&self) -> Vec<(Unit, &'static str)> {
        vec![NO_GPU, NO_NEURAL_ENGINE]
    }

    /// The engine for what `device` permits, and why none that it prefers is used.
    pub(crate) fn choose(&self, device: Device) -> (&dyn Engine, Vec<String>) {
        let mut fallbacks = Vec::new();
        if device.permits_neural_engine() {
            fallbacks.push(NO_NEURAL_ENGINE.1.to_owned());
        }
        if device.permits_gpu() {
            fallbacks.push(NO_GPU.1.to_owned());
        }
        (&self.cpu, fallbacks)
    }
}
