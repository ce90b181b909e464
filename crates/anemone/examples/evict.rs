//! More models than memory: what was not used for longest is dropped, and loaded again when it is
//! asked for. What is pinned stays.
//!
//! `cargo run --release -p anemone --example evict`

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use anemone::runtime::artificial::{Artificial, ArtificialMemory, ArtificialModel};
use anemone::runtime::{Config, InferenceOptions, Manager, ModelOptions};

const WEIGHTS: usize = 100 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let memory = ArtificialMemory { constants: WEIGHTS, ..ArtificialMemory::default() };
    let model = ArtificialModel { memory, ..ArtificialModel::rows(4) };
    let world = Artificial::new();
    for name in ["a", "b", "c"] {
        world.add(name, model.clone());
    }
    let budget = 300 << 20;
    let config = Config::builder().memory_budget(Some(budget)).build()?;
    let manager = Manager::new(config, Arc::new(world));
    println!("three models of 100 MiB each; room for {} MiB", manager.memory_budget() >> 20);

    let pinned = ModelOptions { pinned: true, ..ModelOptions::default() };
    manager.load_blocking("a", Path::new("a"), pinned)?;
    for name in ["b", "c"] {
        manager.load_blocking(name, Path::new(name), ModelOptions::default())?;
        tell(&manager, &format!("after loading {name}"));
    }
    for name in ["b", "c"] {
        let inputs = model.request(1, 4, 0);
        manager.model(name)?.infer_blocking(inputs, &InferenceOptions::default())?;
        tell(&manager, &format!("after running {name}"));
    }
    let done = manager.performance_summary().overall.since_start;
    println!("{} evictions, {} loads after one", done.evictions, done.reloads);
    let in_use = manager.pool().statistics().peak_bytes;
    println!("at most {} MiB were in use at any time", in_use >> 20);
    Ok(())
}

fn tell(manager: &Manager, when: &str) {
    let loaded = manager.models().into_iter().filter(|model| model.is_loaded);
    let names: Vec<String> = loaded.map(|model| model.name).collect();
    println!("{when}: {} in memory", names.join(" and "));
}
