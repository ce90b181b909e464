//! The commands and their arguments, as `--help` tells them.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use anemone::ane::{Os, UnknownOs};
use anemone::{Device, EngineChoice};
use anemone_search::query::{DENSE_WEIGHT, Mode};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
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
    /// Search a folder's files by meaning and by words; the first time they are indexed
    #[command(after_help = "Examples:\n  \
        anemone search \"where are weights memory-mapped\"\n  \
        anemone search \"retry with backoff\" ~/src/project --lang rust,go --top 5\n\n\
        The index lies in the user's cache and is brought up to date before each search: only\n\
        files that changed are read. Files that .gitignore names, lock files, generated, minified,\n\
        binary and very large files are left out. Nothing leaves this machine.")]
    Search(SearchArguments),
    /// Make, tell or remove the index of a folder
    #[command(args_conflicts_with_subcommands = true)]
    #[command(after_help = "Examples:\n  \
        anemone index ~/src/project\n  anemone index status ~/src/project\n  \
        anemone index clear ~/src/project")]
    Index(IndexArguments),
    /// Turn texts or files into vectors
    #[command(after_help = "Examples:\n  \
        anemone embed \"a cat sleeps\" \"a kitten naps\"\n  \
        anemone embed notes/*.md --npy notes.npy\n\n\
        An argument that names a file stands for the file's text; - stands for the lines of the\n\
        standard input, each a text.")]
    Embed(EmbedArguments),
    /// Show what a model takes, gives, holds and costs
    #[command(after_help = "Examples:\n  \
        anemone inspect model.mlpackage --mil | less\n  \
        anemone inspect model.mlpackage --chip m4\n  \
        anemone inspect model.mlpackage --chip a17-pro --os ios18 --shape image=1x3x224x224 --ops\n  \
        anemone inspect model.mlpackage --chip m1 --json --html report.html\n  \
        anemone inspect model.mlpackage --all-chips --fail-under 95\n\n\
        With --chip or --all-chips it is forecast, from public sources, where each op would run: nothing\n\
        is run. --json gives the whole report; with --all-chips an object that has a summary for each\n\
        chip by its name. With --fail-under the exit code is 1, after the report, where a chip stays under.")]
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
        inputs, outputs and, where they are needed, function, engine, compute_units, state_in,\n\
        state_out; each gets a line: {\"ok\":true,...} or {\"ok\":false,\"error\":\"...\"}.")]
    Predict(PredictArguments),
    /// Compare an engine's arithmetic with exact arithmetic, op by op: what overflows, what diverges, where
    #[command(after_help = "Examples:\n  \
        anemone verify model.mlpackage\n  \
        anemone verify model.mlpackage --engine ane-emu:m1 --inputs a.npz --inputs b.npz\n  \
        anemone verify model.mlpackage --engine cpu --inputs in.npz --against expected.npz\n\n\
        Without --inputs, ranges of values are bounded for all inputs, and random ones are run. The exit\n\
        code is 1 where something overflows, NaN is made of numbers, or an error is above the tolerance.\n\
        docs/numerics.md tells what ane-emu computes, and how sure that is.")]
    Verify(VerifyArguments),
    /// Read a model and write it back as a package
    #[command(after_help = "Example: anemone convert old.mlmodel -o new.mlpackage")]
    Convert(ConvertArguments),
    /// Measure how long a model takes, and how much memory; or what the manager of models costs
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    #[command(after_help = "Examples:\n  \
        anemone bench model.mlpackage --inputs in.npz --runs 20 --ops\n  anemone bench manager")]
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
    /// A .mlpackage folder or .mlmodel file; with --compare any number of those that were sent to the Mac
    #[arg(value_name = "MODEL", value_hint = ValueHint::AnyPath,
        required_unless_present_any = ["compare", "write_probes"])]
    pub(crate) models: Vec<PathBuf>,
    /// Score forecast and emulator against a report that tools/mac-report made on a Mac
    #[arg(long, value_name = "JSON", value_hint = ValueHint::FilePath, help_heading = "A Mac's report",
        conflicts_with_all = ["mil", "all_chips", "function", "shapes", "ops", "html", "fail_under"])]
    pub(crate) compare: Option<PathBuf>,
    /// Write the models that a Mac is asked about, with their inputs, into this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "A Mac's report",
        exclusive = true)]
    pub(crate) write_probes: Option<PathBuf>,
    /// Print the program as MIL text, and nothing else
    #[arg(long, conflicts_with = "forecast")]
    pub(crate) mil: bool,
    #[command(flatten)]
    pub(crate) forecast: ForecastArguments,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Forecast for the Apple Neural Engine")]
#[group(skip)]
pub(crate) struct ForecastArguments {
    /// Forecast where each op would run on this chip, such as m4, m1-pro or a17-pro; why, and at what cost
    #[arg(long, value_name = "CHIP", group = "forecast")]
    pub(crate) chip: Option<String>,
    /// Forecast for every chip that is known, a row each
    #[arg(long, group = "forecast")]
    pub(crate) all_chips: bool,
    /// The system, such as macos26 or ios18; the chip's newest where it is left out. With --all-chips it
    /// concerns the chips of that system
    #[arg(long, value_name = "OS", requires = "forecast", value_parser = system)]
    pub(crate) os: Option<Os>,
    /// The function, in a model of several
    #[arg(long, value_name = "NAME", requires = "forecast")]
    pub(crate) function: Option<String>,
    /// The shape of an input with free dimensions; the model's default one where it is left out
    #[arg(long = "shape", value_name = "NAME=1x3x224x224", requires = "forecast", value_parser = named_shape)]
    pub(crate) shapes: Vec<(String, Vec<usize>)>,
    /// List every op with its place, cost and reason
    #[arg(long, requires = "chip", conflicts_with = "all_chips")]
    pub(crate) ops: bool,
    /// Write the report as one page of HTML, with the graph coloured by place
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "chip", conflicts_with = "all_chips")]
    pub(crate) html: Option<PathBuf>,
    /// Fail where less than so many percent of the floating-point operations are on the Neural Engine
    #[arg(long, value_name = "PERCENT", requires = "forecast", value_parser = percent)]
    pub(crate) fail_under: Option<f64>,
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
    /// The engine: best, cpu, ane-emu, or ane-emu:CHIP. ane-emu computes as the Neural Engine is known
    /// to (docs/numerics.md), of the M4 where no chip is named
    #[arg(long, value_name = "ENGINE")]
    pub(crate) engine: Option<EngineChoice>,
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
    /// The engine: best, cpu, ane-emu, or ane-emu:CHIP. ane-emu computes as the Neural Engine is known
    /// to (docs/numerics.md), of the M4 where no chip is named
    #[arg(long, value_name = "ENGINE")]
    pub(crate) engine: Option<EngineChoice>,
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
    #[arg(long, conflicts_with_all = ["model", "inputs", "outputs", "function", "engine", "compute_units",
        "state_in", "state_out", "request"])]
    pub(crate) serve: bool,
    /// Threads that compute; one for each core where it is left out
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// A .mlpackage folder or .mlmodel file
    #[arg(value_hint = ValueHint::AnyPath)]
    pub(crate) model: PathBuf,
    /// The engine that is looked at: ane-emu, or ane-emu:CHIP; with --against FILE any
    #[arg(long, value_name = "ENGINE", default_value = "ane-emu")]
    pub(crate) engine: EngineChoice,
    /// Exact arithmetic, op by op, or a file of expected outputs
    #[arg(long, value_name = "exact|NPZ", default_value = "exact", value_parser = against)]
    pub(crate) against: Against,
    /// Inputs by name, as numpy.savez writes them; several files are sets of their own
    #[arg(long, value_name = "NPZ", value_hint = ValueHint::FilePath)]
    pub(crate) inputs: Vec<PathBuf>,
    /// Run the files one after the other on one state
    #[arg(long, requires = "inputs")]
    pub(crate) sequence: bool,
    /// The function, in a model of several
    #[arg(long)]
    pub(crate) function: Option<String>,
    /// The error from which on something diverges, as a part of the largest exact value; 0.05 where it
    /// is left out
    #[arg(long, value_name = "PART", value_parser = part)]
    pub(crate) tolerance: Option<f64>,
    /// Sets of random inputs, where none are given
    #[arg(long, value_name = "N", default_value = "4", conflicts_with = "inputs")]
    pub(crate) sets: NonZeroUsize,
    /// Runs of each set on one state
    #[arg(long, value_name = "N", default_value = "1", conflicts_with = "inputs")]
    pub(crate) steps: NonZeroUsize,
    /// Another seed makes other random inputs
    #[arg(long, value_name = "N", default_value = "0", conflicts_with = "inputs")]
    pub(crate) seed: u64,
    /// The shape of an input with free dimensions; the model's default one where it is left out
    #[arg(long = "shape", value_name = "NAME=1x3x224x224", value_parser = named_shape,
        conflicts_with = "inputs")]
    pub(crate) shapes: Vec<(String, Vec<usize>)>,
    /// Threads that compute; one for each core where it is left out
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

/// With what an engine is compared.
#[derive(Clone, Debug)]
pub(crate) enum Against {
    Exact,
    File(PathBuf),
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
    #[command(subcommand)]
    pub(crate) subject: Option<BenchSubject>,
    #[command(flatten)]
    pub(crate) model: Option<ModelBenchArguments>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchSubject {
    /// Measure what the manager of models adds to a run, on an engine that computes next to nothing
    #[command(after_help = "Example: anemone bench manager --json")]
    Manager(ManagerBenchArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ManagerBenchArguments {
    /// Measure once and roughly, to see whether it works
    #[arg(long)]
    pub(crate) quick: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ModelBenchArguments {
    /// A .mlpackage folder or .mlmodel file; write ./manager for one that is called manager
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
    /// The engine: best, cpu, ane-emu, or ane-emu:CHIP. ane-emu computes as the Neural Engine is known
    /// to (docs/numerics.md), of the M4 where no chip is named
    #[arg(long, value_name = "ENGINE")]
    pub(crate) engine: Option<EngineChoice>,
    /// The function, in a model of several
    #[arg(long)]
    pub(crate) function: Option<String>,
    /// Threads that compute; one for each core where it is left out
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

#[derive(Debug, Args)]
pub(crate) struct SearchArguments {
    /// What is looked for, and the folder to look in; without a folder, the one at hand
    #[arg(value_names = ["QUERY", "PATH"], num_args = 0..=2, value_hint = ValueHint::DirPath)]
    pub(crate) words: Vec<OsString>,
    /// Ask every line of a file instead, or of the standard input where it is -
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) queries: Option<PathBuf>,
    /// Show so many answers at most
    #[arg(long, value_name = "N", default_value = "10")]
    pub(crate) top: NonZeroUsize,
    /// Compare by words and meaning, by meaning alone, or by words alone
    #[arg(long, value_enum, default_value_t)]
    pub(crate) mode: SearchMode,
    /// Look only at files of these languages
    #[arg(long = "lang", value_name = "LANGUAGE", value_delimiter = ',')]
    pub(crate) languages: Vec<String>,
    /// Look only at files that fit a glob, such as **/tests/*.rs, or lie in a folder
    #[arg(long = "path", value_name = "GLOB|FOLDER")]
    pub(crate) paths: Vec<String>,
    /// The share of meaning in a hybrid score, from 0 to 1
    #[arg(long, value_name = "W", default_value_t = DENSE_WEIGHT, value_parser = share)]
    pub(crate) dense_weight: f32,
    /// Keep the index in this folder, not in the user's cache
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) index: Option<PathBuf>,
    /// The folder of the model of texts; all-MiniLM-L6-v2 where it is left out
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) model: Option<PathBuf>,
    /// Threads that compute; one for each core where it is left out
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

/// How chunks are compared with a query.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum SearchMode {
    #[default]
    Hybrid,
    Dense,
    Lexical,
}

impl SearchMode {
    /// Its name, as it is typed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            SearchMode::Hybrid => "hybrid",
            SearchMode::Dense => "dense",
            SearchMode::Lexical => "lexical",
        }
    }
}

impl From<SearchMode> for Mode {
    fn from(mode: SearchMode) -> Mode {
        match mode {
            SearchMode::Hybrid => Mode::Hybrid,
            SearchMode::Dense => Mode::Dense,
            SearchMode::Lexical => Mode::Lexical,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct IndexArguments {
    #[command(subcommand)]
    pub(crate) action: Option<IndexAction>,
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    /// Read all that is stored, and make it anew if it is damaged
    #[arg(long)]
    pub(crate) verify: bool,
    /// The folder of the model of texts; all-MiniLM-L6-v2 where it is left out
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) model: Option<PathBuf>,
    /// Threads that compute; one for each core where it is left out
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IndexAction {
    /// Tell what the index of a folder holds
    Status {
        #[command(flatten)]
        place: PlaceArguments,
        /// Tell a hash of what it says, the same for every index of the same files
        #[arg(long)]
        digest: bool,
    },
    /// Remove the index of a folder
    Clear {
        #[command(flatten)]
        place: PlaceArguments,
    },
}

#[derive(Debug, Args)]
pub(crate) struct PlaceArguments {
    /// The folder whose files are indexed; write ./status for one that is called status
    #[arg(value_name = "PATH", default_value = ".", value_hint = ValueHint::DirPath)]
    pub(crate) path: PathBuf,
    /// Keep the index in this folder, not in the user's cache
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) index: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct EmbedArguments {
    /// Texts, files, or - for the lines of the standard input
    #[arg(value_name = "TEXT|FILE", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) texts: Vec<String>,
    /// Take every argument as a text, even one that names a file
    #[arg(long)]
    pub(crate) text: bool,
    /// Write the vectors to a file of float32, a row for each text
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) npy: Option<PathBuf>,
    /// The folder of the model of texts; all-MiniLM-L6-v2 where it is left out
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) model: Option<PathBuf>,
    /// Threads that compute; one for each core where it is left out
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

fn against(text: &str) -> Result<Against, String> {
    Ok(if text == "exact" { Against::Exact } else { Against::File(text.into()) })
}

fn part(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(part) if part >= 0.0 && f64::is_finite(part) => Ok(part),
        _ => Err("it is a number from 0 on".to_owned()),
    }
}

fn share(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("it is a number from 0 to 1".to_owned()),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').trim().parse() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("it is a number from 0 to 100".to_owned()),
    }
}

fn system(text: &str) -> Result<Os, String> {
    text.parse().map_err(|error: UnknownOs| error.to_string())
}

fn named_shape(text: &str) -> Result<(String, Vec<usize>), String> {
    let fault = || "write it as NAME=1x3x224x224, each size from 1 on".to_owned();
    let (name, shape) =
        text.rsplit_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(fault)?;
    let size = |size: &str| size.trim().parse().ok().filter(|size: &usize| *size > 0);
    let shape: Option<Vec<usize>> = shape.split(['x', ',']).map(size).collect();
    Ok((name.to_owned(), shape.ok_or_else(fault)?))
}

fn named_file(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => {
            Ok((name.to_owned(), file.into()))
        }
        _ => Err("write it as NAME=FILE".to_owned()),
    }
}
