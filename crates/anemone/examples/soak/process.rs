//! What this process holds: memory, threads and files, as Linux tells.
#![allow(clippy::disallowed_methods, reason = "what Linux tells of a process stands in files")]

use std::fs;
use std::time::Duration;

use crate::Failure;

/// What the process holds now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    /// Bytes of memory.
    pub(crate) memory: u64,
    /// Of these, bytes that are not a file's.
    pub(crate) own_memory: u64,
    /// Most bytes of memory ever.
    pub(crate) peak_memory: u64,
    pub(crate) threads: u64,
    /// Open files.
    pub(crate) files: u64,
}

/// Reads it.
pub(crate) fn held() -> Result<Held, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        number.ok_or_else(|| format!("/proc/self/status does not tell `{name}`"))
    };
    Ok(Held {
        memory: number("VmRSS")? << 10,
        own_memory: number("RssAnon")? << 10,
        peak_memory: number("VmHWM")? << 10,
        threads: number("Threads")?,
        // One of them is this reading of the folder.
        files: (fs::read_dir("/proc/self/fd")?.count() as u64).saturating_sub(1),
    })
}

/// Time that processors have spent on this process, in hundredths of a second.
pub(crate) fn processor_time() -> Result<Duration, Failure> {
    let told = fs::read_to_string("/proc/self/stat")?;
    // The program's name stands in parentheses; user and system time are the 12th and 13th after it.
    let (_, numbers) = told.rsplit_once(')').ok_or("/proc/self/stat has no name")?;
    let ticks = numbers.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks: u64 = ticks.sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(10 * ticks))
}

/// Bytes in MiB.
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
