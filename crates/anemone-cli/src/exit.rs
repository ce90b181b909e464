//! What the user reads and the shell gets when a command fails: the only place where errors
//! become messages, hints and exit codes.

use std::io::Write;
use std::process::ExitCode;

use anemone::Error;
use anemone_embed::EmbedError;
use anemone_search::IndexError;

use crate::files::{FileError, FileFault};
use crate::table;

/// A command that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    code: u8,
    result: String,
}

const FAILED: u8 = 1;
const USAGE: u8 = 2;
/// Faults of a program that are told before the rest is only counted.
const TOLD: usize = 3;

impl Failure {
    /// A fault that no stage below reports.
    pub(crate) fn new(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), hint: None, code: FAILED, result: String::new() }
    }

    /// Arguments that contradict each other.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure { code: USAGE, ..Failure::new(message) }
    }

    /// A result that is printed although it is no success.
    pub(crate) fn after(self, result: String) -> Failure {
        Failure { result, ..self }
    }

    /// Takes the result that is still to print; empty where there is none.
    pub(crate) fn take_result(&mut self) -> String {
        std::mem::take(&mut self.result)
    }

    /// Adds what may help.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Failure {
        Failure { hint: Some(hint.into()), ..self }
    }

    /// The message in one line.
    pub(crate) fn message(&self) -> String {
        one_line(&self.message)
    }

    /// Tells the user; `message_last` where a program reads the last line as the message.
    pub(crate) fn report(&self, message_last: bool) -> ExitCode {
        let error = format!("error: {}", self.message());
        let hint = self.hint.as_ref().map(|hint| format!("hint: {}", one_line(hint)));
        let lines = match (hint, message_last) {
            (None, _) => vec![error],
            (Some(hint), true) => vec![hint, error],
            (Some(hint), false) => vec![error, hint],
        };
        for line in lines {
            say(&line);
        }
        ExitCode::from(self.code)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { hint: error.hint().map(str::to_owned), ..Failure::new(error.told()) }
    }
}

impl From<anemone::runtime::Error> for Failure {
    fn from(error: anemone::runtime::Error) -> Failure {
        let failure = Failure::new(error.to_string());
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<anemone::runtime::LoadError> for Failure {
    fn from(error: anemone::runtime::LoadError) -> Failure {
        Failure { hint: error.hint, ..Failure::new(error.message) }
    }
}

impl From<EmbedError> for Failure {
    fn from(error: EmbedError) -> Failure {
        told(&error, error.hint())
    }
}

impl From<IndexError> for Failure {
    fn from(error: IndexError) -> Failure {
        told(&error, error.hint())
    }
}

fn told(error: &dyn std::error::Error, hint: Option<&str>) -> Failure {
    Failure { hint: hint.map(str::to_owned), ..Failure::new(error.to_string()) }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Failure {
        let failure = Failure::new(error.to_string());
        match error.fault {
            FileFault::Npy(_) => failure.hint("write it with `numpy.save`"),
            FileFault::Npz(_) => failure.hint("write it with `numpy.savez`"),
            FileFault::Image(_) => failure.hint("PNG and JPEG files are read"),
            FileFault::Io(_) | FileFault::TooLarge(_) => failure,
        }
    }
}

/// Tells the user something beside the result. It does nothing to a terminal, whatever is in it; where
/// nobody can be told, the work goes on.
pub(crate) fn say(text: &str) {
    let line = format!("{}\n", table::harmless(text));
    drop(anstream::stderr().write_all(line.as_bytes()));
}

/// Text of any origin as one line that does nothing to a terminal.
fn one_line(text: &str) -> String {
    let mut lines = text.lines();
    let mut line = lines.by_ref().take(TOLD).collect::<Vec<_>>().join("; ");
    match lines.count() {
        0 => {}
        more => line += &format!("; and {more} more"),
    }
    line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_without_control_characters() {
        assert_eq!(
            Failure::new("a\nb\x1b[0m\nc\nd\ne").message(),
            "a; b\u{fffd}[0m; c; and 2 more"
        );
    }
}
