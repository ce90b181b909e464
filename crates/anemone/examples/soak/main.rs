//! Load, soak and comparison of the manager on the real MiniLM.
//!
//! `cargo run --release -p anemone --example soak -- TASK [--json] [options]`, in the repository:
//! each file of a task says what it does. The exit code is 1 if something is not as it must be.
#![forbid(unsafe_code)]

mod batching;
mod churn;
mod deadline;
mod engine;
mod load;
mod loader;
mod process;
mod report;
mod setting;
mod texts;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Load, soak and comparison of the manager.
#[derive(Parser)]
struct Arguments {
    /// Figures as one JSON object.
    #[arg(long, global = true)]
    json: bool,
    /// The model.
    #[arg(long, global = true, default_value = "models/all-MiniLM-L6-v2/model.mlpackage")]
    model: PathBuf,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// The engine without a manager: what a row costs in runs of 1, 8 and 32 rows.
    Engine(engine::Options),
    /// Many callers within bounds.
    Load(load::Options),
    /// Batched against unbatched.
    Batching(batching::Options),
    /// Requests with a time limit while something long runs.
    Deadline(deadline::Options),
    /// Everything at once for minutes: what stays in use.
    Churn(churn::Options),
}

/// What a task may fail with.
type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<ExitCode, Failure> {
    let Arguments { json, model, task } = Arguments::parse();
    let executor = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("callers")
        .enable_time()
        .build()?;
    let report = executor.block_on(async {
        match task {
            Task::Engine(options) => engine::run(&model, &options),
            Task::Load(options) => load::run(&model, &options).await,
            Task::Batching(options) => batching::run(&model, &options).await,
            Task::Deadline(options) => deadline::run(&model, &options).await,
            Task::Churn(options) => churn::run(&model, &options).await,
        }
    })?;
    print!("{}", if json { report.json() } else { report.text() });
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
