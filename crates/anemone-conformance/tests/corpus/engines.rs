//! The engines that the corpus judges, each once with one thread and once with two.

use std::sync::{Arc, OnceLock};

use anemone_cpu::CpuEngine;
use anemone_engine::Engine;
use rayon::ThreadPoolBuilder;

/// One engine on one thread and on two: the same numbers are expected, bit by bit.
pub(crate) struct Pair {
    pub(crate) one: Box<dyn Engine>,
    pub(crate) two: Box<dyn Engine>,
}

pub(crate) fn engines() -> &'static [Pair] {
    static ENGINES: OnceLock<Vec<Pair>> = OnceLock::new();
    ENGINES.get_or_init(|| vec![Pair { one: cpu(1), two: cpu(2) }])
}

fn cpu(threads: usize) -> Box<dyn Engine> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
    Box::new(CpuEngine::new(Arc::new(pool)))
}
