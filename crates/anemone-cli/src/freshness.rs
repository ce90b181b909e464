//! An index brought up to date before it is used, with progress for people.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anemone_embed::Encode;
use anemone_search::IndexError;
use anemone_search::index::{Observer, Options, Progress as Step, Reader, Summary, update};

use crate::exit::{self, Failure};
use crate::progress::Progress;
use crate::table;

/// What an index is worth after an attempt to bring it up to date.
pub(crate) enum Freshness {
    /// It is as the tree is.
    UpToDate(Summary),
    /// It is older, for this reason.
    Stale(String),
}

/// Brings the index in `folder` up to date with the tree at `root`; where that cannot be, but an
/// older state is there that fits the model, that is told and used.
pub(crate) fn bring_up_to_date(
    root: &Path,
    folder: &Path,
    encoder: &dyn Encode,
    options: &Options,
) -> Result<Freshness, Failure> {
    let usable = || Reader::open(folder).and_then(|reader| reader.fits(encoder)).is_ok();
    introduce(root, folder, encoder);
    match advance(root, folder, encoder, options) {
        Ok(summary) => Ok(Freshness::UpToDate(summary)),
        Err(IndexError::Busy { .. }) if !usable() => {
            let waiting = Options { wait: true, ..options.clone() };
            Ok(Freshness::UpToDate(advance(root, folder, encoder, &waiting)?))
        }
        Err(
            error @ (IndexError::Busy { .. }
            | IndexError::ReadOnly { .. }
            | IndexError::Full { .. }),
        ) if usable() => Ok(Freshness::Stale(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// Updates the index, and shows how far it is.
pub(crate) fn run(
    root: &Path,
    folder: &Path,
    encoder: &dyn Encode,
    options: &Options,
) -> Result<Summary, IndexError> {
    introduce(root, folder, encoder);
    advance(root, folder, encoder, options)
}

/// Says what a first run does.
fn introduce(root: &Path, folder: &Path, encoder: &dyn Encode) {
    if matches!(Reader::open(folder), Err(IndexError::Missing { .. })) {
        exit::say(&format!(
            "{} is new here: every file is read and embedded once with {}; later only what \
             changed is.\nThe index goes to {}",
            root.display(),
            encoder.name(),
            folder.display(),
        ));
    }
}

fn advance(
    root: &Path,
    folder: &Path,
    encoder: &dyn Encode,
    options: &Options,
) -> Result<Summary, IndexError> {
    let narrator = Narrator::default();
    let tell = |step: Step| narrator.tell(step);
    update(root, folder, encoder, options, &Observer { progress: Some(&tell), stop: None })
}

/// Shows each step of an update as it comes.
#[derive(Default)]
struct Narrator(Mutex<Option<(Kind, Progress)>>);

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Waiting,
    Scanning,
    Reading,
    Embedding,
    Saving,
}

impl Narrator {
    fn tell(&self, step: Step) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (kind, position) = match step {
            Step::Waiting => (Kind::Waiting, 0),
            Step::Scanning => (Kind::Scanning, 0),
            Step::Reading { files, .. } => (Kind::Reading, files as u64),
            Step::Embedding { tokens, .. } => (Kind::Embedding, tokens),
            Step::Saving => (Kind::Saving, 0),
        };
        if shown.as_ref().is_none_or(|(before, _)| *before != kind) {
            // The old bar goes before the new one comes.
            *shown = None;
            *shown = Some((kind, begin(step)));
        }
        if let Some((_, bar)) = shown.as_ref() {
            bar.set(position);
        }
    }
}

fn begin(step: Step) -> Progress {
    match step {
        Step::Waiting => {
            exit::say("another process is indexing the same folder; waiting for it");
            Progress::spinning("waiting")
        }
        Step::Scanning => Progress::spinning("looking for files"),
        Step::Reading { of, .. } => Progress::counting("reading", of as u64, "files"),
        Step::Embedding { of_tokens, .. } => Progress::counting("embedding", of_tokens, "tokens"),
        Step::Saving => Progress::spinning("saving"),
    }
}

/// What an update did and found, in words.
pub(crate) fn summary(summary: &Summary) -> String {
    let mut told = format!(
        "{} files, {} chunks, {} tokens; {} files added, {} changed, {} removed; {} texts embedded, \
         {} reused\n",
        summary.files,
        summary.chunks,
        table::count(summary.tokens),
        summary.added,
        summary.changed,
        summary.removed,
        summary.embedded,
        summary.reused,
    );
    if summary.truncated > 0 {
        told += &format!("{} texts lost their end: the model reads no more\n", summary.truncated);
    }
    told += &skipped(summary.skipped.iter().map(|(skip, count)| (skip.name(), *count)));
    for line in summary.unreadable.iter().take(3) {
        told += &format!("not read: {}\n", table::harmless(line));
    }
    told
}

/// What was skipped, in one line; nothing where nothing was.
pub(crate) fn skipped<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let counts: Vec<(&str, u64)> = counts.filter(|(_, count)| *count > 0).collect();
    if counts.is_empty() {
        return String::new();
    }
    let parts: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let sum: u64 = counts.iter().map(|(_, count)| count).sum();
    format!("skipped {sum}: {}\n", parts.join(", "))
}
