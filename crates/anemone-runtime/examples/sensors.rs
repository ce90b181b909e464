//! Prints the state of this machine as JSON: `cargo run -p anemone-runtime --example sensors`.

use std::time::Instant;

use anemone_runtime::sensors::machine_sensors;

fn main() -> Result<(), serde_json::Error> {
    let sensors = machine_sensors();
    let start = Instant::now();
    let reading = sensors.read();
    eprintln!("read from {} in {:?}", sensors.source(), start.elapsed());
    println!("{}", serde_json::to_string_pretty(&reading)?);
    Ok(())
}
