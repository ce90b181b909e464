//! `anemone doctor`: this machine, and which engines are here.
#![allow(clippy::disallowed_methods, reason = "what Linux tells of itself stands in files")]

use std::fs;

use anemone::Engines;
use serde_json::json;

use crate::exit::Failure;
use crate::table::{columns, size};

/// Tells what this machine offers.
pub(crate) fn doctor(json: bool) -> Result<String, Failure> {
    let engines = Engines::new(None)?;
    let present: Vec<&str> = engines.present().iter().map(|engine| engine.name()).collect();
    let absent: Vec<&str> = engines.absent().into_iter().map(|(_, why)| why).collect();
    let (cpu, features) = (cpu_name(), cpu_features());
    let threads = engines.threads();
    let memory = memory();
    if json {
        let report = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "system": std::env::consts::OS,
            "architecture": std::env::consts::ARCH,
            "cpu": cpu,
            "cpu_features": features,
            "threads": threads,
            "memory_bytes": memory.map(|(total, _)| total),
            "memory_available_bytes": memory.map(|(_, available)| available),
            "engines": present,
            "engines_absent": absent,
        });
        return Ok(format!("{report:#}\n"));
    }
    let told = |name: &str, value: String| vec![name.to_owned(), value];
    let system = format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH);
    let known =
        if features.is_empty() { "none of those used".to_owned() } else { features.join(", ") };
    let mut rows = vec![
        told("anemone", env!("CARGO_PKG_VERSION").to_owned()),
        told("system", system),
        told("cpu", cpu.unwrap_or_else(|| "of an unknown name".to_owned())),
        told("cpu features", known),
        told("threads", threads.to_string()),
    ];
    if let Some((total, available)) = memory {
        rows.push(told("memory", format!("{}, {} available", size(total), size(available))));
    }
    rows.push(told("engines", present.join(", ")));
    rows.extend(absent.iter().map(|why| told("not here", (*why).to_owned())));
    Ok(columns(&rows))
}

/// Instruction sets that kernels may use.
fn cpu_features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    let found = [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("f16c", is_x86_feature_detected!("f16c")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
        ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
        ("amx-tile", cpu_flag("amx_tile")),
        ("amx-int8", cpu_flag("amx_int8")),
        ("amx-bf16", cpu_flag("amx_bf16")),
    ];
    #[cfg(target_arch = "aarch64")]
    let found = [
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        ("fp16", std::arch::is_aarch64_feature_detected!("fp16")),
        ("dotprod", std::arch::is_aarch64_feature_detected!("dotprod")),
        ("i8mm", std::arch::is_aarch64_feature_detected!("i8mm")),
        ("bf16", std::arch::is_aarch64_feature_detected!("bf16")),
    ];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let found: [(&'static str, bool); 0] = [];
    found.into_iter().filter(|(_, here)| *here).map(|(name, _)| name).collect()
}

/// Whether Linux lists this flag: the standard library cannot ask for every one.
#[cfg(target_arch = "x86_64")]
fn cpu_flag(flag: &str) -> bool {
    line("/proc/cpuinfo", "flags").is_some_and(|flags| flags.split_whitespace().any(|f| f == flag))
}

/// The processor and its threads, as one text.
pub(crate) fn machine() -> String {
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    let cpu = cpu_name().unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    format!("{cpu}, {threads} threads, {}", std::env::consts::OS)
}

fn cpu_name() -> Option<String> {
    line("/proc/cpuinfo", "model name")
}

/// Bytes of memory, and how many of them are available.
fn memory() -> Option<(u64, u64)> {
    let bytes = |key: &str| {
        let value = line("/proc/meminfo", key)?;
        value.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    };
    Some((bytes("MemTotal")?, bytes("MemAvailable")?))
}

/// The value of the first line `key: value` in one of Linux's files.
fn line(path: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let value =
        text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix(':'));
    value.map(|value| value.trim().to_owned())
}
