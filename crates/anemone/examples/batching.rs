//! Many callers of one model: what they ask for at about the same time runs together, and each gets
//! what it would have got alone.
//!
//! `cargo run --release -p anemone --example batching`

mod support;

use std::error::Error;
use std::time::Duration;

use anemone::engine::{Array, Value};
use anemone::runtime::{Batching, Config, InferenceOptions, Manager, ModelOptions, PadRule};
use anemone::tensor::{DataType, Tensor};

const CALLERS: u64 = 32;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let manager = support::manager(Config::default())?;
    // Sentences of different length run together: they are filled up to a length that the model has.
    let pad = |input: &str| PadRule { input: input.to_owned(), axis: 1, value: 0.0 };
    let batching = Batching {
        max_rows: 32,
        max_delay: Duration::from_millis(5),
        pad: vec![pad("input_ids"), pad("attention_mask")],
        ..Batching::default()
    };
    let options = ModelOptions { batching: Some(batching), ..ModelOptions::default() };
    let model = manager.load("sentences", &support::sentences(), options).await?;

    // One caller that waits for each answer runs alone.
    let options = InferenceOptions::default();
    let mut expected = Vec::new();
    for caller in 0..CALLERS {
        expected.push(model.infer(sentence(caller)?, &options).await?.outputs);
    }
    let alone = batches(&manager);

    let mut callers = Vec::new();
    for caller in 0..CALLERS {
        let (model, inputs) = (model.clone(), sentence(caller)?);
        callers.push(tokio::spawn(async move {
            let options = InferenceOptions { caller, ..InferenceOptions::default() };
            model.infer(inputs, &options).await
        }));
    }
    let mut largest = 0;
    for (caller, expected) in callers.into_iter().zip(&expected) {
        let inference = caller.await??;
        largest = largest.max(inference.batch_rows);
        if inference.outputs != *expected {
            return Err("a neighbour changed the result".into());
        }
    }
    println!("{CALLERS} requests one after another: {alone} runs");
    println!("{CALLERS} callers at once: {} runs, up to {largest} rows", batches(&manager) - alone);
    println!("every caller got what it gets alone, to the bit");
    Ok(())
}

fn batches(manager: &Manager) -> u64 {
    manager.performance_summary().overall.since_start.batches.count
}

/// Made-up tokens between the two that begin and end a sentence, with a mask of ones.
fn sentence(caller: u64) -> Result<Vec<Value>, Box<dyn Error>> {
    let length = 8 + (caller % 5) as usize;
    let word = |at: usize| match at {
        0 => 101.0,
        _ if at + 1 == length => 102.0,
        _ => (2000 + 37 * caller as usize + at) as f64,
    };
    let row = |values: Vec<f64>| {
        let tensor = Tensor::from_f64(DataType::I32, vec![1, length], values)?;
        Ok::<_, Box<dyn Error>>(Value::Tensor(Array::from(tensor)))
    };
    Ok(vec![row((0..length).map(word).collect())?, row(vec![1.0; length])?])
}
