//! A request that takes too long ends at its time limit, and one that nobody wants any more is taken
//! back: by dropping its future.
//!
//! `cargo run --release -p anemone --example deadline_and_cancel`

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anemone::runtime::artificial::{Artificial, ArtificialModel, Cost, Gate};
use anemone::runtime::{Config, InferenceOptions, Manager, ModelOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // A model whose runs wait at a gate, which stays closed.
    let gate = Gate::new();
    let slow = ArtificialModel { cost: Cost::gate(&gate), ..ArtificialModel::rows(4) };
    let inputs = slow.request(1, 4, 0);
    let world = Artificial::new();
    world.add("slow", slow);
    let config = Config::builder().max_concurrent_operations(Some(1.try_into()?)).build()?;
    let manager = Manager::new(config, Arc::new(world));
    let model = manager.load("slow", Path::new("slow"), ModelOptions::default()).await?;

    let limit = Duration::from_millis(100);
    let start = Instant::now();
    let late = model.infer(inputs.clone(), &InferenceOptions::within(limit)).await;
    println!("running: {}", late.err().ok_or("the gate is closed")?);
    println!("the answer came after {:?}", start.elapsed());

    // One request holds the only operation, so another one's time passes in the queue.
    let begun = gate.started();
    let holder = tokio::spawn({
        let (model, inputs) = (model.clone(), inputs.clone());
        async move { model.infer(inputs, &InferenceOptions::default()).await }
    });
    let come = gate.clone();
    tokio::task::spawn_blocking(move || come.wait_for_started(begun + 1)).await?;
    let late = model.infer(inputs.clone(), &InferenceOptions::within(limit)).await;
    println!("waiting: {}", late.err().ok_or("the operation is held")?);

    // A task that is aborted drops its future: its run stops at the next op.
    holder.abort();
    let left = gate.clone();
    tokio::task::spawn_blocking(move || left.wait_for_finished(begun + 1)).await?;
    println!("the run that nobody waits for has ended");

    gate.open();
    let inference = model.infer(inputs, &InferenceOptions::default()).await?;
    println!("the next request is served in {:?}", inference.total);
    let failed = manager.performance_summary().overall.since_start.failed;
    println!("counted: {failed:?}");
    Ok(())
}
