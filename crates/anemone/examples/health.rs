//! Whether the manager works, what is wrong with it, and on what hardware it runs.
//!
//! `cargo run --release -p anemone --example health`

mod support;

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anemone::runtime::artificial::{Artificial, ArtificialModel, Fault, When};
use anemone::runtime::{Config, InferenceOptions, Manager, ModelOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let manager = support::manager(Config::default())?;
    let status = manager.device_status();
    for engine in &status.engines {
        println!("engine {} on the {}: {}", engine.name, engine.unit.name(), engine.machine);
    }
    for (unit, why) in &status.absent {
        println!("no {}: {why}", unit.name());
    }
    println!("up to {} runs at a time, {} now", status.operations, status.limit);
    for reason in &status.reasons {
        println!("held down by {:?}", reason.cause);
    }
    match &status.reading.memory {
        Some(memory) => println!("{} MiB of memory can be had", memory.available >> 20),
        None => println!("how much memory can be had is not known here"),
    }
    tell("at first", &manager);

    // A model that panics is put in quarantine after three faults in a row; the manager lives on.
    let world = Artificial::new();
    let sums = ArtificialModel::rows(4);
    world.add("sums", sums.clone());
    world.fault("sums", Fault::Panic, When::Next(3));
    let manager = Manager::new(Config::default(), Arc::new(world));
    let model = manager.load("sums", Path::new("sums"), ModelOptions::default()).await?;
    // The panics are artificial: their messages on the standard error are of no interest.
    std::panic::set_hook(Box::new(|_| {}));
    for _ in 0..3 {
        if model.infer(sums.request(1, 4, 0), &InferenceOptions::default()).await.is_ok() {
            return Err("the model panics".into());
        }
    }
    tell("after three panics", &manager);

    let drained = manager.shutdown(Duration::from_secs(1)).await;
    println!("shut down; every request was answered: {}", drained.is_drained);
    tell("after the shutdown", &manager);
    Ok(())
}

fn tell(when: &str, manager: &Manager) {
    let health = manager.health_check();
    println!("{when}: {}, live {}, ready {}", health.state.name(), health.live, health.ready);
    for reason in &health.reasons {
        println!("  {reason}");
    }
}
