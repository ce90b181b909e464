//! A new version takes the place of an old one while requests come: none is lost, and each is served
//! by the version that it was given to.
//!
//! `cargo run --release -p anemone --example replace`

mod support;

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anemone::runtime::{Config, InferenceOptions, ModelOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let manager = support::manager(Config::default())?;
    let model = manager.load("digits", &support::digits(), ModelOptions::default()).await?;
    println!("version {} is current", model.version()?);

    let (is_over, inputs) = (Arc::new(AtomicBool::new(false)), support::stroke()?);
    let caller = tokio::spawn({
        let (model, is_over) = (model.clone(), is_over.clone());
        async move {
            let mut served = BTreeMap::<u64, usize>::new();
            // One request more after the replacement, which the new version serves.
            let mut is_last = false;
            while !is_last {
                is_last = is_over.load(Ordering::Acquire);
                let inference = model.infer(inputs.clone(), &InferenceOptions::default()).await?;
                *served.entry(inference.version).or_default() += 1;
            }
            Ok::<_, anemone::runtime::Error>(served)
        }
    });
    for _ in 0..5 {
        manager.replace("digits", &support::digits(), ModelOptions::default()).await?;
    }
    is_over.store(true, Ordering::Release);
    let served = caller.await??;
    println!("versions that served requests: {:?}", served.keys().collect::<Vec<_>>());
    println!("{} requests, none failed", served.values().sum::<usize>());
    println!("version {} is current, the only one left: {}", model.version()?, {
        manager.models().len() == 1
    });

    // Without `replace`, versions stand side by side, and callers choose.
    manager.load("digits", &support::digits(), ModelOptions::default()).await?;
    let versions: Vec<u64> = manager.models().iter().map(|model| model.version).collect();
    println!("side by side: versions {versions:?}");
    let (oldest, options) = (versions[0], InferenceOptions::default());
    let inference =
        manager.model_version("digits", oldest)?.infer(support::stroke()?, &options).await?;
    println!("asked for version {oldest}, served by version {}", inference.version);
    Ok(())
}
