//! Conversations with a model that has a state: each keeps its own from one run to the next.
//!
//! `cargo run --release -p anemone --example sequence`

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use anemone::engine::{Array, Value};
use anemone::runtime::artificial::{Artificial, ArtificialModel};
use anemone::runtime::{Config, InferenceOptions, Manager, ModelOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // A model that adds what it is given to its state, and gives the sum.
    let world = Artificial::new();
    world.add("sums", ArtificialModel::sequence(1));
    let manager = Manager::new(Config::default(), Arc::new(world));
    let model = manager.load("sums", Path::new("sums"), ModelOptions::default()).await?;
    let options = InferenceOptions::default();

    let (mut one, mut other) = (model.sequence().await?, model.sequence().await?);
    for number in [1.0, 2.0, 3.0] {
        let first = one.infer(vec![tensor(&[1, 1], number)?], &options).await?;
        let second = other.infer(vec![tensor(&[1, 1], 10.0 * number)?], &options).await?;
        println!("after {number}: {} and {}", told(&first.outputs)?, told(&second.outputs)?);
    }

    // A state can be read and set, for instance to go on from a common beginning.
    one.write(0, &other.read(0)?)?;
    let next = one.infer(vec![tensor(&[1, 1], 1.0)?], &options).await?;
    println!("the first goes on from the second's state: {}", told(&next.outputs)?);

    // Without a conversation there is no state to run on.
    let alone = model.infer(vec![tensor(&[1, 1], 1.0)?], &options).await;
    println!("{}", alone.err().ok_or("the model has a state")?);
    Ok(())
}

fn tensor(shape: &[usize], number: f32) -> Result<Value, Box<dyn Error>> {
    Ok(Value::Tensor(Array::from_f32(shape.to_vec(), &[number])?))
}

fn told(outputs: &[Value]) -> Result<f32, Box<dyn Error>> {
    match outputs {
        [Value::Tensor(sum)] => Ok(sum.to_tensor().to_f32()[0]),
        _ => Err("the model gives one sum".into()),
    }
}
