//! A query from words and vector to the chunks that answer it.

use std::ops::{Range, RangeInclusive};
use std::path::Path;

use anemone_chunk::{Kind, Language};

use super::dense;
use super::filter::Filter;
use super::fuse::fuse;
use super::lexical::{self, Lengths};
use super::likelihood::{TEST, is_test_file, is_test_symbol};
use crate::IndexError;
use crate::index::{Files, Reader};

/// A cosine of rounded vectors is at most so much.
const LONGEST: f32 = 1.01;

/// How chunks are compared with the query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// By words and by meaning.
    #[default]
    Hybrid,
    /// By meaning alone.
    Dense,
    /// By words alone.
    Lexical,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The question.
    pub text: &'a str,
    /// Its vector; a hybrid query without one is lexical.
    pub vector: Option<&'a [f32]>,
    /// How chunks are compared with it.
    pub mode: Mode,
    /// How many answers there shall be at most.
    pub top: usize,
    /// Which files it looks at.
    pub filter: &'a Filter,
    /// The share of meaning in a hybrid score, from 0 to 1.
    pub dense_weight: f32,
}

/// A chunk that answers a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The file, from the root of the tree.
    pub path: String,
    /// Its language.
    pub language: Language,
    /// The chunk's first and last line, from 1.
    pub lines: RangeInclusive<u32>,
    /// The chunk's bytes in the file.
    pub bytes: Range<u32>,
    /// What the chunk defines; empty for none.
    pub symbol: String,
    /// What kind of thing that is.
    pub kind: Kind,
    /// How well it answers: by it hits are sorted.
    pub score: f32,
    /// The cosine of the vectors, where meaning was asked for.
    pub dense: Option<f32>,
    /// BM25, where words were asked for.
    pub lexical: Option<f32>,
}

/// One state of an index, laid out for queries.
pub struct Searcher {
    reader: Reader,
    files: Files,
    /// The first chunk of each file, and the number of all chunks.
    starts: Vec<usize>,
    /// The row of each chunk's vector.
    rows: Vec<u32>,
    /// For each file whether it holds tests.
    tests: Vec<bool>,
    lengths: Lengths,
}

impl Searcher {
    /// Prepares for queries to the state that `reader` has open.
    pub fn new(reader: Reader) -> Result<Searcher, IndexError> {
        let files = reader.files()?;
        let mut starts = Vec::with_capacity(files.records().len() + 1);
        let (mut rows, mut words) = (Vec::new(), Vec::new());
        for file in files.records() {
            starts.push(rows.len());
            rows.extend(file.chunks.iter().map(|chunk| chunk.row));
            words.extend(file.chunks.iter().map(|chunk| chunk.length));
        }
        starts.push(rows.len());
        let tests = files.records().iter().map(|file| is_test_file(&file.path)).collect();
        Ok(Searcher { reader, files, starts, rows, tests, lengths: Lengths::new(words) })
    }

    /// The state that queries go to.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The chunks that answer best, best first; of equal ones the first in the tree's order.
    pub fn search(&self, query: &Query<'_>) -> Result<Vec<Hit>, IndexError> {
        let dense = match (query.mode, query.vector) {
            (Mode::Lexical, _) | (_, None) => None,
            (Mode::Hybrid | Mode::Dense, Some(vector)) => {
                self.reader.vectors().verify()?;
                let row = |row| self.reader.vectors().row(row);
                let cosines = dense::cosines(vector, &self.rows, row);
                if !cosines.iter().all(|cosine| cosine.abs() <= LONGEST) {
                    let file = Path::new(&self.reader.meta().vector_file);
                    return Err(IndexError::corrupt(file, "a vector has not length 1"));
                }
                Some(cosines)
            }
        };
        let lexical = match (query.mode, &dense) {
            (Mode::Dense, Some(_)) => None,
            _ => {
                let place = |file: usize, ordinal: usize| self.starts[file] + ordinal;
                let (reader, files) = (&self.reader, &self.files);
                Some(lexical::scores(query.text, reader, files, place, &self.lengths)?)
            }
        };
        let mut scores = match (&dense, &lexical) {
            (Some(dense), Some(lexical)) => fuse(dense, lexical, query.dense_weight),
            (Some(dense), None) => dense.clone(),
            (None, Some(lexical)) => lexical.chunks.clone(),
            (None, None) => return Ok(Vec::new()),
        };
        for (is_test, pair) in self.tests.iter().zip(self.starts.windows(2)) {
            if *is_test {
                scores[pair[0]..pair[1]].iter_mut().for_each(|score| *score *= TEST);
            }
        }
        let is_answer = |chunk: &usize| dense.is_some() || scores[*chunk] > 0.0;
        let mut order: Vec<usize> = self.admitted(query.filter).filter(is_answer).collect();
        let by_score = |&a: &usize, &b: &usize| scores[b].total_cmp(&scores[a]).then(a.cmp(&b));
        // Symbols are looked up for some more than are asked for, since they move chunks down.
        let near = query.top.saturating_mul(4).saturating_add(16);
        if order.len() > near {
            order.select_nth_unstable_by(near - 1, by_score);
        }
        order.truncate(near);
        let hit = |&chunk: &usize| {
            let dense = dense.as_ref().map(|scores| scores[chunk]);
            let lexical = lexical.as_ref().map(|scores| scores.chunks[chunk]);
            Ok((chunk, self.hit(chunk, scores[chunk], dense, lexical)?))
        };
        let mut hits = order.iter().map(hit).collect::<Result<Vec<_>, IndexError>>()?;
        for (_, hit) in &mut hits {
            if is_test_symbol(&hit.symbol) && !is_test_file(&hit.path) {
                hit.score *= TEST;
            }
        }
        hits.sort_by(|(a, x), (b, y)| y.score.total_cmp(&x.score).then(a.cmp(b)));
        hits.truncate(query.top);
        Ok(hits.into_iter().map(|(_, hit)| hit).collect())
    }

    /// The chunks of the files that `filter` lets through.
    fn admitted(&self, filter: &Filter) -> impl Iterator<Item = usize> {
        let files = self.files.records().iter().zip(self.starts.windows(2));
        files
            .filter(move |(file, _)| filter.takes(file.language, &file.path))
            .flat_map(|(_, pair)| pair[0]..pair[1])
    }

    fn hit(
        &self,
        chunk: usize,
        score: f32,
        dense: Option<f32>,
        lexical: Option<f32>,
    ) -> Result<Hit, IndexError> {
        let place = self.starts.partition_point(|&start| start <= chunk) - 1;
        let file = &self.files.records()[place];
        let ordinal = chunk - self.starts[place];
        let entry = &file.chunks[ordinal];
        let record = self.reader.chunks(file.first_doc)?.into_iter().nth(ordinal);
        let record = record
            .ok_or_else(|| IndexError::corrupt(Path::new(&file.path), "a chunk has no record"))?;
        Ok(Hit {
            path: file.path.clone(),
            language: file.language,
            lines: entry.first_line..=entry.last_line,
            bytes: record.bytes,
            symbol: record.symbol,
            kind: record.kind,
            score,
            dense,
            lexical,
        })
    }
}
