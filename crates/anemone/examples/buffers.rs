//! Inputs and outputs that the manager does not copy: memory from its pool is filled in place, given
//! to the engine as it is, and used again when the last array in it is gone.
//!
//! `cargo run --release -p anemone --example buffers`

mod support;

use std::error::Error;

use anemone::engine::{Array, RunContext, Value};
use anemone::runtime::{Config, InferenceOptions, Manager, ModelOptions};
use anemone::tensor::DataType;
use anemone::{Engines, LoadOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let manager = support::manager(Config::default())?;
    let model = manager.load_blocking("digits", &support::digits(), ModelOptions::default())?;
    let mut copies = 0;
    for turn in 1..=3 {
        let inference = model.infer_blocking(picture(&manager)?, &options())?;
        copies = inference.receipt.copies;
        let memory = manager.buffers().statistics();
        let (fresh, again) = (memory.misses, memory.hits);
        println!(
            "run {turn}: {copies} copies; memory allocated {fresh} times, reused {again} times"
        );
    }

    // The CPU engine computes in an arena of its own: it takes each input in and gives each output
    // out once. That is the same without a manager.
    let alone = anemone::load(&Engines::new(None)?, &support::digits(), &LoadOptions::default())?;
    let mut session = alone.plan().clone().session();
    let (_, receipt) = session.run(&picture(&manager)?, None, &RunContext::default())?;
    println!("the engine alone: {} copies", receipt.copies);
    println!("by the manager: {} copies", copies - receipt.copies);

    // What does not lie row by row in memory is gathered first, which is one more.
    let Value::Tensor(stroke) = &support::stroke()?[0] else { return Err("no tensor".into()) };
    let inference = model.infer_blocking(vec![Value::Tensor(turned(stroke)?)], &options())?;
    println!("on its side: {} copies", inference.receipt.copies);
    Ok(())
}

/// A picture in memory of the manager's, as a decoder would write it.
fn picture(manager: &Manager) -> Result<Vec<Value>, Box<dyn Error>> {
    let mut buffer = manager.buffers().allocate(DataType::F32, &[1, 1, 28, 28])?;
    let pixels = buffer.as_mut_slice::<f32>().ok_or("it was allocated as f32")?;
    pixels[28 * 4..28 * 24].fill(255.0);
    Ok(vec![Value::Tensor(buffer.into_array())])
}

fn options() -> InferenceOptions {
    InferenceOptions::default()
}

/// The same picture with rows for columns, in the same memory.
fn turned(picture: &Array) -> Result<Array, Box<dyn Error>> {
    let memory = picture.to_tensor().data().clone();
    Ok(Array::strided(DataType::F32, vec![1, 1, 28, 28], vec![784, 784, 1, 28], 0, memory.into())?)
}
