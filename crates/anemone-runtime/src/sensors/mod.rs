//! How hot, how full, how busy and on what power the machine is.

mod cgroup;
mod cpu;
mod linux;
#[cfg(test)]
mod made_up;
mod memory;
mod power;
mod pressure;
mod reading;
mod thermal;
mod tree;

pub use linux::{LinuxSensors, machine_sensors};
pub use reading::{
    CpuPressure, HottestZone, Memory, NoSensors, Power, Pressure, Reading, Sensors, Thermal,
    ThermalState,
};
