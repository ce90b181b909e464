//! Settings of a manager in code, from a file, and from the environment, and what a wrong one says.
//!
//! `cargo run --release -p anemone --example configure`

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anemone::Device;
use anemone::runtime::{Config, Queue};

const VARIABLE: &str = "ANEMONE_QUEUE__REQUESTS";

fn main() -> Result<(), Box<dyn Error>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/anemone.toml");
    if std::env::args().nth(1).as_deref() == Some("read") {
        let config = Config::load(Some(&file))?;
        println!("file and environment: {} requests may wait for a model", config.queue.requests);
        return Ok(());
    }

    // What is not said stays as it is by default.
    let config = Config::builder()
        .max_concurrent_operations(Some(8.try_into()?))
        .memory_budget(Some(512 << 20))
        .default_time_limit(Some(Duration::from_millis(5000)))
        .device(Device::CpuOnly)
        .queue(Queue { requests: 100, ..Queue::default() })
        .build()?;
    println!(
        "code: {:?} operations, {:?} bytes, {:?} for a request, {} requests may wait for a model",
        config.max_concurrent_operations,
        config.memory_budget,
        config.default_time_limit,
        config.queue.requests
    );

    let from_file = Config::load(Some(&file))?;
    println!("file: {} requests may wait for a model", from_file.queue.requests);

    // A variable goes before the file. It belongs to the process, so another one is asked.
    let told = Command::new(std::env::current_exe()?).arg("read").env(VARIABLE, "500").output()?;
    print!("{}", String::from_utf8(told.stdout)?);

    // Every fault is told at once, with its place.
    let wrong = Config::builder()
        .max_waiting(usize::MAX)
        .grace(Duration::ZERO)
        .build()
        .err()
        .ok_or("these settings are wrong")?;
    for fault in wrong.faults() {
        println!("refused: {fault}");
    }
    Ok(())
}
