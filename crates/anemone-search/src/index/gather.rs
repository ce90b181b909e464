//! Changed files to chunks, words and texts to embed: read in parallel, taken in order.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use anemone_chunk::Language;
use anemone_embed::{EmbedError, Encode};
use rayon::prelude::*;

use super::records::{ChunkEntry, ChunkRecord, FileRecord, Limits, Passed, Stamp};
use super::runs::Runs;
use super::source::{self, Source};
use super::text;
use super::texts::Texts;
use super::update::{Observer, Progress, Rows};
use super::vectors::{self, Key};
use super::walk::Entry;
use crate::{IndexError, words};

/// How often a word of a chunk's symbol counts, beside those of its body and path. What has no
/// symbol, such as a file's head, goes by the name of its file.
const SYMBOL_WEIGHT: u32 = 3;
/// Tokens kept free for a symbol in the header.
const SYMBOL_TOKENS: usize = 24;
/// Files are read in groups of about so many bytes, which bounds what is in memory at once.
const GROUP_BYTES: u64 = 4 << 20;
const GROUP_FILES: usize = 256;

/// What the changed files gave.
#[derive(Debug)]
pub(super) struct Gain {
    /// Files that are new or have changed.
    pub(super) files: Vec<NewFile>,
    /// Files that were written to and are as they were.
    pub(super) touched: Vec<(String, Stamp)>,
    /// Files that are not to be searched.
    pub(super) passed: Vec<(String, Passed)>,
    pub(super) unreadable: Vec<String>,
    pub(super) words: Runs,
    /// Chunks whose vectors were there.
    pub(super) reused: usize,
}

/// A file whose chunks have no rows yet.
#[derive(Debug)]
pub(super) struct NewFile {
    /// Its record, with rows that mean nothing.
    pub(super) record: FileRecord,
    pub(super) keys: Vec<Key>,
    pub(super) chunks: Vec<ChunkRecord>,
}

/// What reading needs to know.
pub(super) struct Reading<'a> {
    pub(super) root: &'a Path,
    /// Where what does not fit in memory may wait.
    pub(super) folder: &'a Path,
    pub(super) encoder: &'a dyn Encode,
    pub(super) limits: Limits,
    pub(super) largest: u64,
    pub(super) pool: &'a rayon::ThreadPool,
    /// Hashes of the files that are indexed already.
    pub(super) known: &'a HashMap<&'a str, [u8; 32]>,
}

/// A file, cut up.
struct Cut {
    language: Language,
    hash: [u8; 32],
    stamp: Stamp,
    chunks: Vec<CutChunk>,
}

struct CutChunk {
    record: ChunkRecord,
    first_line: u32,
    last_line: u32,
    words: Vec<(String, u32)>,
    text: String,
    key: Key,
    tokens: u32,
}

enum Read {
    Cut(Cut),
    Same(Stamp),
    Other(Source),
}

/// Reads `entries`, gives their chunks documents from `next_doc` on, and puts the texts that
/// have no vectors yet into `texts`.
pub(super) fn gather(
    reading: &Reading<'_>,
    entries: &[&Entry],
    next_doc: &mut u32,
    rows: &mut Rows<'_>,
    texts: &mut Texts,
    observer: &Observer<'_>,
) -> Result<Gain, IndexError> {
    let mut gain = Gain {
        files: Vec::new(),
        touched: Vec::new(),
        passed: Vec::new(),
        unreadable: Vec::new(),
        words: Runs::new(reading.folder),
        reused: 0,
    };
    let mut asked = HashSet::new();
    let mut done = 0;
    while done < entries.len() {
        observer.check()?;
        observer.tell(Progress::Reading { files: done, of: entries.len() });
        let group = group(&entries[done..]);
        done += group.len();
        let read: Vec<Result<Read, EmbedError>> =
            reading.pool.install(|| group.par_iter().map(|entry| reading.read(entry)).collect());
        for (entry, read) in group.iter().zip(read) {
            let path = entry.path.clone();
            match read? {
                Read::Cut(cut) => gain.add(path, cut, next_doc, rows, texts, &mut asked)?,
                Read::Same(stamp) => gain.touched.push((path, stamp)),
                Read::Other(Source::Passed { skip, stamp }) => {
                    gain.passed.push((path, Passed { stamp, skip }));
                }
                Read::Other(Source::Unreadable(why)) => gain.unreadable.push(why),
                Read::Other(_) => {}
            }
        }
    }
    Ok(gain)
}

fn group<'a, 'b>(entries: &'b [&'a Entry]) -> &'b [&'a Entry] {
    let mut bytes = 0;
    let fits = |entry: &&&Entry| {
        bytes += entry.size;
        bytes <= GROUP_BYTES
    };
    let count = entries.iter().take(GROUP_FILES).take_while(fits).count();
    &entries[..count.max(1)]
}

impl Gain {
    fn add(
        &mut self,
        path: String,
        cut: Cut,
        next_doc: &mut u32,
        rows: &mut Rows<'_>,
        texts: &mut Texts,
        asked: &mut HashSet<Key>,
    ) -> Result<(), IndexError> {
        let first_doc = *next_doc;
        let mut file = NewFile {
            record: FileRecord {
                path,
                language: cut.language,
                first_doc,
                chunks: Vec::with_capacity(cut.chunks.len()),
                tokens: 0,
                hash: cut.hash,
                stamp: cut.stamp,
            },
            keys: Vec::with_capacity(cut.chunks.len()),
            chunks: Vec::with_capacity(cut.chunks.len()),
        };
        for chunk in cut.chunks {
            let doc = *next_doc;
            // When numbers run out, the index is made anew, which begins at 0.
            *next_doc = doc.checked_add(1).ok_or_else(|| {
                IndexError::corrupt(
                    Path::new(&file.record.path),
                    "documents have run out of numbers",
                )
            })?;
            let mut length = 0;
            for (word, count) in &chunk.words {
                self.words.add(word, doc, *count);
                length += count;
            }
            if rows.store()?.get(&chunk.key).is_some() {
                self.reused += 1;
            } else if asked.insert(chunk.key) {
                texts.push(chunk.key, chunk.tokens, &chunk.text)?;
            }
            let (first_line, last_line) = (chunk.first_line, chunk.last_line);
            file.record.chunks.push(ChunkEntry { row: u32::MAX, length, first_line, last_line });
            file.record.tokens += chunk.tokens;
            file.keys.push(chunk.key);
            file.chunks.push(chunk.record);
        }
        self.files.push(file);
        self.words.settle()
    }
}

impl Reading<'_> {
    fn read(&self, entry: &Entry) -> Result<Read, EmbedError> {
        Ok(match source::read(self.root, &entry.path, self.largest) {
            Source::Text { hash, stamp, .. }
                if self.known.get(entry.path.as_str()) == Some(&hash) =>
            {
                Read::Same(stamp)
            }
            Source::Text { text, hash, stamp } => {
                let language = Language::of(Path::new(&entry.path));
                let chunks = self.cut(&entry.path, language, &text)?;
                Read::Cut(Cut { language, hash, stamp, chunks })
            }
            other => Read::Other(other),
        })
    }

    fn cut(
        &self,
        path: &str,
        language: Language,
        source: &str,
    ) -> Result<Vec<CutChunk>, EmbedError> {
        if source.trim().is_empty() {
            return Ok(Vec::new());
        }
        let tokens = self.encoder.token_starts(source)?;
        let path_tokens = self.encoder.token_starts(&text::header(path, ""))?.len();
        let free = self.limits.maximum.saturating_sub(path_tokens + SYMBOL_TOKENS);
        let maximum = free.max(self.limits.maximum / 2).max(1);
        let limits = anemone_chunk::Limits { target: self.limits.target.min(maximum), maximum };
        let mut path_words = Vec::new();
        words(path, &mut |word| path_words.push(word.to_owned()));
        let stem = Path::new(path).file_stem().and_then(|stem| stem.to_str()).unwrap_or("");
        let mut cut = Vec::new();
        for chunk in anemone_chunk::chunk(source, language, &tokens, limits) {
            let body = &source[chunk.bytes.clone()];
            let within = |place: usize| tokens.partition_point(|&start| start < place);
            let body_tokens = within(chunk.bytes.end) - within(chunk.bytes.start);
            let name = if chunk.symbol.is_empty() { stem } else { &chunk.symbol };
            let (symbol, symbol_tokens) = self.short_symbol(&chunk.symbol)?;
            let text = text::embedded_text(path, symbol, body, language);
            cut.push(CutChunk {
                first_line: *chunk.lines.start(),
                last_line: *chunk.lines.end(),
                words: count_words(body, name, &path_words),
                key: vectors::key(&self.encoder.identity(), &text),
                text,
                tokens: (body_tokens + path_tokens + symbol_tokens) as u32,
                record: ChunkRecord {
                    symbol: chunk.symbol,
                    kind: chunk.kind,
                    bytes: chunk.bytes.start as u32..chunk.bytes.end as u32,
                },
            });
        }
        Ok(cut)
    }

    /// As much of a symbol's end as fits in the tokens that are kept for it, and how many it has.
    fn short_symbol<'s>(&self, symbol: &'s str) -> Result<(&'s str, usize), EmbedError> {
        if symbol.is_empty() {
            return Ok((symbol, 0));
        }
        let starts = self.encoder.token_starts(symbol)?;
        let short = match starts.len().checked_sub(SYMBOL_TOKENS) {
            Some(over) if over > 0 => symbol.get(starts[over]..).unwrap_or(""),
            _ => symbol,
        };
        Ok((short, starts.len().min(SYMBOL_TOKENS)))
    }
}

fn count_words(body: &str, name: &str, path_words: &[String]) -> Vec<(String, u32)> {
    let mut counts: HashMap<String, u32> = HashMap::new();
    let mut add = |word: &str, weight: u32| match counts.get_mut(word) {
        Some(count) => *count += weight,
        None => {
            counts.insert(word.to_owned(), weight);
        }
    };
    words(body, &mut |word| add(word, 1));
    words(name, &mut |word| add(word, SYMBOL_WEIGHT));
    for word in path_words {
        add(word, 1);
    }
    counts.into_iter().collect()
}
