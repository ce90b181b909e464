//! Loads a model into a manager and runs it once: the shortest program that uses the manager.
//!
//! `cargo run --release -p anemone --example load_and_infer`

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use anemone::engine::{Array, Rounding, Value};
use anemone::runtime::{Config, InferenceOptions, Manager, ModelOptions};
use anemone::{Engines, ModelLoader};

fn main() -> Result<(), Box<dyn Error>> {
    let engines = Arc::new(Engines::new(None)?);
    let loader = ModelLoader::new(engines, Rounding::default());
    let manager = Manager::new(Config::default(), Arc::new(loader));

    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../models/tiny-digits/tiny-digits.mlpackage");
    let model = manager.load_blocking("digits", &path, ModelOptions::default())?;
    for port in model.signature()?.inputs {
        println!("takes {}: {}", port.name, port.ty);
    }

    // A bright stroke from top to bottom of a dark picture.
    let mut pixels = vec![0.0; 28 * 28];
    for row in 4..24 {
        pixels[28 * row + 13..28 * row + 16].fill(255.0);
    }
    let picture = Array::from_f32(vec![1, 1, 28, 28], &pixels)?;
    let inference =
        model.infer_blocking(vec![Value::Tensor(picture)], &InferenceOptions::default())?;

    let Value::Tensor(shares) = &inference.outputs[0] else { return Err("no tensor".into()) };
    let shares = shares.to_tensor().to_f32();
    let (digit, share) = shares
        .iter()
        .enumerate()
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .ok_or("an output without elements")?;
    println!("it is a {digit}, with probability {share:.3}");
    println!("computed by {} in {:?}", inference.device_used(), inference.compute());
    for why in &inference.receipt.fallbacks {
        println!("not by the {why}");
    }
    Ok(())
}
