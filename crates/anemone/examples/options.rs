//! What one request may ask for: a time limit, an urgency, a caller, an engine; and what a model may
//! be loaded with.
//!
//! `cargo run --release -p anemone --example options`

mod support;

use std::error::Error;
use std::time::Duration;

use anemone::engine::Precision;
use anemone::runtime::{Config, InferenceOptions, ModelOptions, Priority};

fn main() -> Result<(), Box<dyn Error>> {
    let manager = support::manager(Config::default())?;
    let loaded = ModelOptions {
        version: Some(7),
        precision: Some(Precision::Exact),
        engines: vec!["cpu".to_owned()],
        instances: Some(1),
        pinned: true,
        ..ModelOptions::default()
    };
    let model = manager.load_blocking("digits", &support::digits(), loaded)?;
    println!("loaded as version {}", model.version()?);

    let options = InferenceOptions {
        time_limit: Some(Duration::from_secs(2)),
        priority: Priority::Interactive,
        caller: 42,
        engine: Some("cpu".to_owned()),
        alone: true,
        reject_non_finite: Some(true),
    };
    let inference = model.infer_blocking(support::stroke()?, &options)?;
    println!("ran on {} within {:?}", inference.receipt.engine, inference.total);

    // An engine that is asked for by name is used, or the request fails: no fallback.
    let elsewhere = InferenceOptions { engine: Some("coreml".to_owned()), ..options };
    let refused = model.infer_blocking(support::stroke()?, &elsewhere);
    println!("on coreml: {}", refused.err().ok_or("there is no such engine here")?);

    // The usual short forms.
    let hasty = InferenceOptions::within(Duration::ZERO).with_priority(Priority::Critical);
    let late = model.infer_blocking(support::stroke()?, &hasty);
    println!("in no time: {}", late.err().ok_or("nothing runs in no time")?);
    Ok(())
}
