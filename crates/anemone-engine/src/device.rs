//! Which devices a caller permits, in Core ML's own words.

use std::fmt;
use std::str::FromStr;

/// Devices that a model may run on. The CPU is always among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Device {
    /// Any.
    #[default]
    All,
    /// The CPU.
    CpuOnly,
    /// The CPU and the GPU.
    CpuAndGpu,
    /// The CPU and the Neural Engine.
    CpuAndNeuralEngine,
}

impl Device {
    /// Every choice.
    pub const EACH: [Device; 4] =
        [Device::All, Device::CpuOnly, Device::CpuAndGpu, Device::CpuAndNeuralEngine];

    /// The name, such as `cpu-only`.
    pub const fn name(self) -> &'static str {
        match self {
            Device::All => "all",
            Device::CpuOnly => "cpu-only",
            Device::CpuAndGpu => "cpu-and-gpu",
            Device::CpuAndNeuralEngine => "cpu-and-neural-engine",
        }
    }

    /// Whether the GPU may be used.
    pub fn permits_gpu(self) -> bool {
        matches!(self, Device::All | Device::CpuAndGpu)
    }

    /// Whether the Neural Engine may be used.
    pub fn permits_neural_engine(self) -> bool {
        matches!(self, Device::All | Device::CpuAndNeuralEngine)
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Device {
    type Err = String;

    /// Takes `cpu-only`, and Core ML's spellings: `CPU_ONLY`, `cpuOnly`, `CPU_AND_NE`.
    fn from_str(text: &str) -> Result<Device, String> {
        let plain: String =
            text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        let same = |device: &Device| device.name().replace('-', "") == plain;
        match plain.as_str() {
            "cpuandne" => Ok(Device::CpuAndNeuralEngine),
            _ => Device::EACH.into_iter().find(same).ok_or_else(|| {
                let names = Device::EACH.map(Device::name);
                format!("`{text}` is not one of {}", names.join(", "))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_core_ml_is_understood() {
        for (text, device) in [
            ("ALL", Device::All),
            ("CPU_ONLY", Device::CpuOnly),
            ("cpu-and-gpu", Device::CpuAndGpu),
            ("CPU_AND_NE", Device::CpuAndNeuralEngine),
            ("cpuAndNeuralEngine", Device::CpuAndNeuralEngine),
        ] {
            assert_eq!(text.parse(), Ok(device));
        }
        assert!("gpu".parse::<Device>().unwrap_err().contains("cpu-and-gpu"));
    }
}
