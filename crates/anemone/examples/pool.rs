//! Work beside models that shares their bounds: it takes its operations and bytes from the same pool.
//!
//! `cargo run --release -p anemone --example pool`

mod support;

use std::error::Error;

use anemone::runtime::{Config, Demand, Priority};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = Config::builder()
        .max_concurrent_operations(Some(2.try_into()?))
        .memory_budget(Some(512 << 20))
        .build()?;
    let manager = support::manager(config)?;
    let pool = manager.pool();

    // One operation and 64 MiB, for instance to decode a video.
    let demand = Demand { operations: 1, bytes: 64 << 20 };
    let mut permit = pool.admit(demand, Priority::Background).await?;
    println!("admitted: {:?}", permit.demand());

    // It turned out to need less: the rest is for others at once.
    permit.shrink_bytes(16 << 20);
    println!("in use: {:?}", pool.statistics().in_use);

    // Whoever does not want to wait asks for what is free now.
    let second = pool.try_admit(demand);
    println!("a second one: {}", if second.is_some() { "admitted" } else { "no room" });
    let third = pool.try_admit(demand);
    println!("a third one: {}", if third.is_some() { "admitted" } else { "no room" });

    // What can never be admitted is refused and does not wait.
    let error = pool.admit(Demand { operations: 1, bytes: 1 << 40 }, Priority::Normal).await;
    println!("a terabyte: {}", error.err().ok_or("the budget is smaller")?);

    // A permit gives back what it holds when it is dropped.
    drop((permit, second));
    println!("in use afterwards: {:?}", pool.statistics().in_use);
    Ok(())
}
