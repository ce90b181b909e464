//! The commands and their arguments, as `--help` tells them.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anemone::Device;
use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

/// Runs Core ML models where Core ML is not.
#[derive(Debug, Parser)]
#[command(name = "anemone", version, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage.\n\
    Example: anemone run models/tiny-digits/tiny-digits.mlpackage \
     --input image=models/tiny-digits/seven.png")]
pub(crate) struct Arguments {
    /// Print JSON instead of text for people
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what a model takes, gives, holds and costs
    #[command(after_help = "Example: anemone inspect model.mlpackage --mil | less")]
    Inspect(InspectArguments),
    /// Run a model once and show the results
    #[command(after_help = "Examples:\n  \
        anemone run model.mlpackage --input image=cat.jpg --top 5\n  \
        anemone run model.mlpackage --input x=x.npy --output-dir results")]
    Run(RunArguments),
    /// Run a model once, or many times, for a program: arrays in, arrays out
    #[command(after_help = "Examples:\n  \
        anemone predict --model m.mlpackage --inputs in.npz --outputs out.npz\n  \
        anemone predict --serve < requests.jsonl\n\n\
        With --serve, each line of the standard input is a request in JSON with the fields model,\n\
        inputs, outputs and, where they are needed, function, compute_units, state_in, state_out;\n\
        each gets a line: {\"ok\":true,...} or {\"ok\":false,\"error\":\"...\"}.")]
    Predict(PredictArguments),
    /// Read a model and write it back as a package
    #[command(after_help = "Example: anemone convert old.mlmodel -o new.mlpackage")]
    Convert(ConvertArguments),
    /// Measure how long a model takes, and how much memory
    #[command(
        after_help = "Example: anemone bench model.mlpackage --inputs in.npz --runs 20 --ops"
    )]
    Bench(BenchArguments),
    /// Show this machine: processor, memory, and which engines are here
    #[command(after_help = "Example: anemone doctor --json")]
    Doctor,
    /// Print completions for a shell
    #[command(
        after_help = "Example: anemone completions bash > ~/.local/share/bash-completion/completions/anemone"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// A .mlpackage folder or .mlmodel file
    #[arg(value_hint = ValueHint::AnyPath)]
    pub(crate) model: PathBuf,
    /// Print the program as MIL text, and nothing else
    #[arg(long)]
    pub(crate) mil: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// A .mlpackage folder or .mlmodel file
    #[arg(value_hint = ValueHint::AnyPath)]
    pub(crate) model: PathBuf,
    /// An input: a .npy file, or for an image input a PNG or JPEG file
    #[arg(short, long = "input", value_name = "NAME=FILE", value_parser = named_file)]
    pub(crate) inputs: Vec<(String, PathBuf)>,
    /// Write each output to a file in this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) output_dir: Option<PathBuf>,
    /// Show the N highest entries of each output
    #[arg(long, value_name = "N")]
    pub(crate) top: Option<usize>,
    /// Names of the entries, one in each line
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) labels: Option<PathBuf>,
    /// The function, in a model of several
    #[arg(long)]
    pub(crate) function: Option<String>,
    /// Devices that may be used: all, cpu-only, cpu-and-gpu or cpu-and-neural-engine
    #[arg(long, value_name = "UNITS")]
    pub(crate) compute_units: Option<Device>,
    /// Threads that compute; one for each core where it is left out
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct PredictArguments {
    /// A .mlpackage folder or .mlmodel file
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) model: Option<PathBuf>,
    /// The inputs by name, as numpy.savez writes them
    #[arg(long, value_name = "NPZ", value_hint = ValueHint::FilePath)]
    pub(crate) inputs: Option<PathBuf>,
    /// Where the outputs go
    #[arg(long, value_name = "NPZ", value_hint = ValueHint::FilePath)]
    pub(crate) outputs: Option<PathBuf>,
    /// The function, in a model of several
    #[arg(long)]
    pub(crate) function: Option<String>,
    /// Devices that may be used: all, cpu-only, cpu-and-gpu or cpu-and-neural-engine
    #[arg(long, value_name = "UNITS")]
    pub(crate) compute_units: Option<Device>,
    /// The states to begin with; zeros where it is left out
    #[arg(long, value_name = "NPZ", value_hint = ValueHint::FilePath)]
    pub(crate) state_in: Option<PathBuf>,
    /// Where the states go afterwards
    #[arg(long, value_name = "NPZ", value_hint = ValueHint::FilePath)]
    pub(crate) state_out: Option<PathBuf>,
    /// The same fields in a JSON file; arguments come before it
    #[arg(long, value_name = "JSON", value_hint = ValueHint::FilePath)]
    pub(crate) request: Option<PathBuf>,
    /// Answer requests from the standard input, one in each line, and keep models loaded
    #[arg(long, conflicts_with_all = ["model", "inputs", "outputs", "function", "compute_units",
        "state_in", "state_out", "request"])]
    pub(crate) serve: bool,
    /// Threads that compute; one for each core where it is left out
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

#[derive(Debug, Args)]
pub(crate) struct ConvertArguments {
    /// The model to read
    #[arg(value_name = "IN", value_hint = ValueHint::AnyPath)]
    pub(crate) input: PathBuf,
    /// The package to write
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::AnyPath)]
    pub(crate) output: PathBuf,
    /// Replace what is there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArguments {
    /// A .mlpackage folder or .mlmodel file
    #[arg(value_hint = ValueHint::AnyPath)]
    pub(crate) model: PathBuf,
    /// The inputs by name, as numpy.savez writes them
    #[arg(long, value_name = "NPZ", value_hint = ValueHint::FilePath)]
    pub(crate) inputs: PathBuf,
    /// Where the outputs of the first run go
    #[arg(long, value_name = "NPZ", value_hint = ValueHint::FilePath)]
    pub(crate) outputs: Option<PathBuf>,
    /// Runs that are timed, after one that is not
    #[arg(long, value_name = "N", default_value = "10")]
    pub(crate) runs: NonZeroUsize,
    /// Show the ops that take longest
    #[arg(long)]
    pub(crate) ops: bool,
    /// The function, in a model of several
    #[arg(long)]
    pub(crate) function: Option<String>,
    /// Threads that compute; one for each core where it is left out
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

fn named_file(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => {
            Ok((name.to_owned(), file.into()))
        }
        _ => Err("write it as NAME=FILE".to_owned()),
    }
}
