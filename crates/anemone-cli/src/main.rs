//! The command line of Anemone: arguments in, text or JSON out.
//!
//! - `arguments`: the commands. One file for each of them: `search`, `index`, `embed`, `inspect`,
//!   `run`, `predict` with `serve` and `cache`, `verify`, `convert`, `bench` with
//!   `bench_manager`, `doctor`.
//! - `model_folder`, `index_folder`: where the model of texts and the index of a tree are.
//!   `freshness`: an index brought up to date; `progress`: bars on a terminal.
//! - `inspect`'s parts: `probes` and `compare` for a Mac's report, `forecast` for a chip, told as text by `told`, for all chips by `chips`, as a page by `page`.
//! - `npy`, `npz`, `values`: arrays in numpy's formats, and the values that they stand for.
//! - `files`: every file that is read or written. `exit`: errors as people and shells see them.
//!
//! Choices: a command returns its whole text, so that a reader that goes away breaks nothing;
//! files are written aside and renamed, so that a failure leaves nothing half written.
#![forbid(unsafe_code)]

mod arguments;
mod bench;
mod bench_manager;
mod cache;
mod convert;
mod doctor;
mod embed;
mod exit;
mod files;
mod freshness;
mod index;
mod index_folder;
mod inspect;
mod model_folder;
mod npy;
mod npz;
mod picture;
mod predict;
mod progress;
mod run;
mod search;
mod serve;
mod table;
mod values;
mod verify;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use arguments::{Arguments, Command};
use exit::Failure;

fn main() -> ExitCode {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // What a damaged index breaks is caught where it happens, and told as an error.
        if !anemone_search::index::is_guarded() {
            told(panic);
        }
    }));
    let Arguments { json, command } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // An argument may be a file's name, and move the terminal if it were repeated.
        Err(error) if error.use_stderr() && is_any_argument_hostile() => {
            exit::say(error.render().to_string().trim_end());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
        Err(error) => {
            // Nobody is left to tell where the terminal is gone.
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let is_predict = matches!(command, Command::Predict(_));
    let (text, outcome) = match perform(command, json) {
        Ok(text) => (text, Ok(())),
        Err(mut failure) => (failure.take_result(), Err(failure)),
    };
    let text = if json { table::harmless_json(&text) } else { text };
    match print(&text).and(outcome) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(is_predict),
    }
}

fn perform(command: Command, json: bool) -> Result<String, Failure> {
    match command {
        Command::Search(arguments) => search::search(&arguments, json),
        Command::Index(arguments) => index::index(&arguments, json),
        Command::Embed(arguments) => embed::embed(&arguments, json),
        Command::Inspect(arguments) => inspect::inspect(&arguments, json),
        Command::Run(arguments) => run::run(&arguments, json),
        Command::Predict(arguments) if arguments.serve => serve::serve(&arguments),
        Command::Predict(arguments) => predict::predict(&arguments, json),
        Command::Verify(arguments) => verify::verify(&arguments, json),
        Command::Convert(arguments) => convert::convert(&arguments, json),
        Command::Bench(arguments) => bench::bench(&arguments, json),
        Command::Doctor => doctor::doctor(json),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "anemone", &mut script);
            Ok(String::from_utf8_lossy(&script).into_owned())
        }
    }
}

fn is_any_argument_hostile() -> bool {
    std::env::args_os().any(|argument| argument.to_string_lossy().contains(char::is_control))
}

/// Prints to the standard output; a reader that went away is no fault.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write to the standard output: {error}")))
        }
        _ => Ok(()),
    }
}
