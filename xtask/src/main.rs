//! All automation of the workspace, run as `cargo xtask <command>`.
//!
//! - `check`: what must pass before a change lands.
//! - `tidy`: the rules of the project that neither the compiler nor clippy knows.
//! - `lines`: how large everything is.
#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "automation reads the tree and runs programs")]

mod check;
mod lines;
mod metadata;
mod tidy;
mod tree;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Automation of the Anemone workspace")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Format, clippy, tidy, tests, documentation: what must pass before a change lands
    Check,
    /// The rules of the project: crate edges, file sizes, op tables, licences, ...
    Tidy,
    /// Lines by crate, packages in Cargo.lock, longest files
    Lines,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Check => check::run(),
        Command::Tidy => tidy::run(),
        Command::Lines => lines::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
