//! An engine that fails, and another that serves its request, with the reason in the answer. Then a
//! candidate on the second engine shadows a model: it runs the same requests, and outputs are compared.
//!
//! `cargo run --release -p anemone --example fallback_and_shadow`

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anemone::engine::RunError;
use anemone::runtime::artificial::{Artificial, ArtificialEngine, ArtificialModel, Fault, When};
use anemone::runtime::{Config, InferenceOptions, Manager, ModelOptions, Shadow, Tolerance, Unit};

const REQUESTS: u64 = 4;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let world = Artificial::with_engines(&[ArtificialEngine::FIRST, ArtificialEngine::SECOND]);
    let sums = ArtificialModel::rows(4);
    world.add("sums", sums.clone());
    let manager = Manager::new(Config::default(), Arc::new(world.clone()));
    let options = ModelOptions { fallback: Some(vec![Unit::Gpu]), ..ModelOptions::default() };
    let model = manager.load("sums", Path::new("sums"), options).await?;

    let broken = Fault::Error(RunError::Internal("the device is gone".to_owned()));
    world.fault_on("artificial", "sums", broken, When::Next(2));
    let inputs = sums.request(1, 4, 0);
    let inference = model.infer(inputs.clone(), &InferenceOptions::default()).await?;
    println!("ran on {}", inference.receipt.engine);
    println!("because {}", inference.fallback_reason.ok_or("the first engine failed")?);

    // Nothing falls back where an engine is asked for by name.
    let named =
        InferenceOptions { engine: Some("artificial".to_owned()), ..InferenceOptions::default() };
    let failed = model.infer(inputs, &named).await;
    println!("by name: {}", failed.err().ok_or("the first engine failed")?);
    for fallback in manager.performance_summary().overall.since_start.fallbacks {
        let (from, to) = (fallback.from, fallback.to);
        println!("counted: {} from {from} to {to}: {}", fallback.count, fallback.cause);
    }

    // Every request once more by a candidate for the model's place, as work that can wait. It gives
    // a wrong number each second time.
    let second =
        ModelOptions { engines: vec!["artificial-2".to_owned()], ..ModelOptions::default() };
    manager.load("candidate", Path::new("sums"), second).await?;
    world.fault_on("artificial-2", "sums", Fault::OutputValue(0.5), When::Every(2));
    let shadow = Shadow {
        fraction: 1.0,
        engine: None,
        model: Some("candidate".to_owned()),
        version: None,
        tolerance: Tolerance::default(),
    };
    let options = ModelOptions {
        engines: vec!["artificial".to_owned()],
        shadow: Some(shadow),
        ..ModelOptions::default()
    };
    let model = manager.replace("sums", Path::new("sums"), options).await?;
    for seed in 0..REQUESTS {
        model.infer(sums.request(1, 4, seed), &InferenceOptions::default()).await?;
    }
    // Callers had their answers before the second runs began.
    let compared = async {
        loop {
            let shadows = manager.performance_summary().overall.since_start.shadows;
            if shadows.count == REQUESTS {
                return shadows;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let shadows = tokio::time::timeout(Duration::from_secs(10), compared).await?;
    let agreed = shadows.agreement.ok_or("there were comparisons")?;
    println!("shadow: {} runs compared, {:.0} % agree", shadows.count, 100.0 * agreed);
    Ok(())
}
