//! The engines of this machine, and why the others are not here.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::sync::Arc;

use anemone_ane::Target;
use anemone_cpu::CpuEngine;
use anemone_emu::Emulator;
use anemone_engine::Engine;
use anemone_runtime::Unit;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::load::LoadError;
use crate::{Device, Error};

/// The engines of this machine. All models that are loaded with one share its threads.
pub struct Engines {
    cpu: Arc<CpuEngine>,
    pool: Arc<ThreadPool>,
}

/// Which engine runs a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// The best one that is here, among the devices permitted.
    #[default]
    Best,
    /// The CPU engine.
    Cpu,
    /// The emulator of the Neural Engine's arithmetic: a test engine that nothing but its name
    /// chooses. Of this chip; where none is named, of those on which the arithmetic was measured.
    AneEmulator {
        /// The chip.
        chip: Option<String>,
    },
}

impl fmt::Display for EngineChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EngineChoice::Best => f.write_str("best"),
            EngineChoice::Cpu => f.write_str("cpu"),
            EngineChoice::AneEmulator { chip: None } => f.write_str(anemone_emu::NAME),
            EngineChoice::AneEmulator { chip: Some(chip) } => {
                write!(f, "{}:{chip}", anemone_emu::NAME)
            }
        }
    }
}

impl FromStr for EngineChoice {
    type Err = String;

    /// Takes `best`, `cpu`, `ane-emu`, and `ane-emu:m1` for the emulator of one chip.
    fn from_str(text: &str) -> Result<EngineChoice, String> {
        let (name, chip) = match text.split_once(':') {
            Some((name, chip)) => (name, Some(chip)),
            None => (text, None),
        };
        match (name, chip) {
            ("best", None) => Ok(EngineChoice::Best),
            ("cpu", None) => Ok(EngineChoice::Cpu),
            (anemone_emu::NAME, None) => Ok(EngineChoice::AneEmulator { chip: None }),
            (anemone_emu::NAME, Some(chip)) => {
                let target = Target::new(chip).map_err(|unknown| unknown.to_string())?;
                Ok(EngineChoice::AneEmulator { chip: Some(target.chip) })
            }
            _ => Err(format!(
                "there is no engine `{text}`; there are best, cpu, ane-emu and ane-emu:CHIP"
            )),
        }
    }
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
        Ok(Engines { cpu: Arc::new(CpuEngine::new(pool.clone())), pool })
    }

    /// How many threads compute.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// The processor's features, the engine's version and the threads, as one text.
    pub fn machine(&self) -> String {
        format!("{} threads {}", anemone_cpu::machine(), self.threads())
    }

    /// The CPU engine.
    pub(crate) fn cpu(&self) -> &dyn Engine {
        self.cpu.as_ref()
    }

    /// The threads.
    pub(crate) fn pool(&self) -> &Arc<ThreadPool> {
        &self.pool
    }

    /// Every engine that can run models here.
    pub fn present(&self) -> Vec<&dyn Engine> {
        vec![self.cpu.as_ref()]
    }

    /// Every engine that cannot, and why.
    pub fn absent(&self) -> Vec<(Unit, &'static str)> {
        vec![NO_GPU, NO_NEURAL_ENGINE]
    }

    /// The engine that `choice` names, or the best for what `device` permits, and why none that it
    /// prefers is used.
    pub(crate) fn choose(
        &self,
        choice: &EngineChoice,
        device: Device,
    ) -> Result<(Arc<dyn Engine>, Vec<String>), LoadError> {
        let mut fallbacks = Vec::new();
        match choice {
            EngineChoice::Best => {
                if device.permits_neural_engine() {
                    fallbacks.push(NO_NEURAL_ENGINE.1.to_owned());
                }
                if device.permits_gpu() {
                    fallbacks.push(NO_GPU.1.to_owned());
                }
                Ok((self.cpu.clone(), fallbacks))
            }
            EngineChoice::Cpu => Ok((self.cpu.clone(), fallbacks)),
            EngineChoice::AneEmulator { chip } => {
                let options = match chip {
                    Some(chip) => anemone_emu::Options::of(&Target::new(chip)?),
                    None => anemone_emu::Options::default(),
                };
                Ok((Arc::new(Emulator::new(self.pool.clone(), options)), fallbacks))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_chosen_by_the_names_that_they_print() {
        for text in ["best", "cpu", "ane-emu", "ane-emu:m1", "ane-emu:a17-pro"] {
            assert_eq!(text.parse::<EngineChoice>().unwrap().to_string(), text);
        }
        assert!("ane-emu:m99".parse::<EngineChoice>().unwrap_err().contains("m99"));
        assert!("gpu".parse::<EngineChoice>().unwrap_err().contains("ane-emu"));
        assert!("cpu:m1".parse::<EngineChoice>().is_err());
    }
}
