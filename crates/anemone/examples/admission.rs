//! Takes the right to a run before its inputs are there, so that a request that cannot be served is
//! turned away before anybody has decoded it.
//!
//! `cargo run --release -p anemone --example admission`

mod support;

use std::error::Error;
use std::time::Duration;

use anemone::runtime::{Config, InferenceOptions, ModelOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = Config::builder().max_concurrent_operations(Some(1.try_into()?)).build()?;
    let manager = support::manager(config)?;
    let model = manager.load("digits", &support::digits(), ModelOptions::default()).await?;

    let shapes = [vec![1, 1, 28, 28]];
    let options = InferenceOptions::within(Duration::from_millis(50));
    let admission = model.request_admission(&shapes, &options).await?;
    println!("admitted: {} bytes are held for version {}", admission.bytes(), admission.version());

    // The only operation is held, so the next one waits until its time is up.
    let second = model.request_admission(&shapes, &options).await;
    let error = second.err().ok_or("there is one operation only")?;
    println!("a second caller: {error}");

    // Now the inputs are there. What is admitted runs at once.
    let inference = admission.execute(support::stroke()?, &options).await?;
    println!("ran in {:?}, {:?} in all", inference.compute(), inference.total);

    // An admission that is dropped gives back what it held.
    drop(model.request_admission(&shapes, &options).await?);
    println!("in use afterwards: {} operations", manager.pool().statistics().in_use.operations);
    Ok(())
}
