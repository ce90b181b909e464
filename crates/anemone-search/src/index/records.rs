//! What an index keeps of itself, of a file and of a chunk, and the bytes for it.

use std::collections::BTreeMap;
use std::ops::Range;

use anemone_chunk::{Kind, Language};
use serde::{Deserialize, Serialize};

use super::Skip;
use super::codec::{Decoder, put_bytes, put_number};

/// What an index says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The form of the index.
    pub schema: u32,
    /// The tree.
    pub root: String,
    /// The model's identity.
    pub model: [u8; 32],
    /// The model's name.
    pub model_name: String,
    /// Elements of a vector.
    pub dimension: usize,
    /// What else the index depends on.
    pub versions: Versions,
    /// Sizes of chunks.
    pub limits: Limits,
    /// Runs that changed the index.
    pub generation: u64,
    /// The file of vectors.
    pub vector_file: String,
    /// Rows of that file that may be asked for.
    pub rows: u32,
    /// Files that are searched.
    pub files: u32,
    /// Chunks that are searched: BM25's count of documents.
    pub chunks: u32,
    /// Tokens of all chunks.
    pub tokens: u64,
    /// Words of all chunks: over `chunks`, BM25's average length.
    pub length: u64,
    /// The first document id that was never used.
    pub next_doc: u32,
    /// Documents in the postings that are no more.
    pub dead: u32,
    /// Files and folders that are not searched.
    pub skipped: BTreeMap<Skip, u64>,
    /// Seconds from 1970 to the run.
    pub when: u64,
}

/// Versions of the code that an index depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// Of files to chunks.
    pub chunk: u32,
    /// Of texts to words.
    pub words: u32,
    /// Of chunks to the texts that are embedded.
    pub text: u32,
    /// Of names and contents to what is skipped.
    pub rules: u32,
}

/// Sizes of chunks, in tokens of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// What is aimed at.
    pub target: usize,
    /// What no chunk exceeds.
    pub maximum: usize,
}

/// A file that is searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRecord {
    /// Its path in the tree, with `/`.
    pub path: String,
    /// Its language.
    pub language: Language,
    /// The document id of its first chunk; the others follow.
    pub first_doc: u32,
    /// Its chunks.
    pub chunks: Vec<ChunkEntry>,
    /// Tokens of its chunks.
    pub tokens: u32,
    /// Its content's BLAKE3 hash.
    pub hash: [u8; 32],
    pub(super) stamp: Stamp,
}

/// What scoring needs of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkEntry {
    /// The row of its vector.
    pub row: u32,
    /// Its words, counted: BM25's length.
    pub length: u32,
    /// Its first line, from 1.
    pub first_line: u32,
    /// Its last line.
    pub last_line: u32,
}

/// What showing needs of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkRecord {
    /// What it defines, as a path, or nothing.
    pub symbol: String,
    /// What it mostly is.
    pub kind: Kind,
    /// Where it lies in its file, after decoding.
    pub bytes: Range<u32>,
}

/// A file as it was when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size: u64,
    /// Nanoseconds from 1970.
    pub(super) modified: i64,
    /// It was written so shortly before that it may have changed since without a trace.
    pub(super) fresh: bool,
}

/// A file that is not searched for what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passed {
    pub(super) stamp: Stamp,
    pub(super) skip: Skip,
}

/// The files of an index, by path and by document.
#[derive(Clone, Debug, Default)]
pub struct Files {
    records: Vec<FileRecord>,
    /// Places in `records`, by first document; files without chunks left out.
    by_doc: Vec<u32>,
}

impl Files {
    pub(super) fn new(records: Vec<FileRecord>) -> Files {
        let mut by_doc: Vec<u32> = (0..records.len() as u32)
            .filter(|&place| !records[place as usize].chunks.is_empty())
            .collect();
        by_doc.sort_unstable_by_key(|&place| records[place as usize].first_doc);
        Files { records, by_doc }
    }

    /// The files, in the order of their paths' bytes.
    pub fn records(&self) -> &[FileRecord] {
        &self.records
    }

    /// The place in [`Files::records`] of the file that `doc` is of, and which of its chunks it
    /// is; `None` for documents that are no more.
    pub fn find(&self, doc: u32) -> Option<(usize, usize)> {
        let first = |&place: &u32| self.records[place as usize].first_doc;
        let after = self.by_doc.partition_point(|place| first(place) <= doc);
        let place = self.by_doc[after.checked_sub(1)?] as usize;
        let ordinal = (doc - self.records[place].first_doc) as usize;
        (ordinal < self.records[place].chunks.len()).then_some((place, ordinal))
    }
}

impl Stamp {
    fn encode(&self, into: &mut Vec<u8>) {
        put_number(into, self.size);
        into.extend_from_slice(&self.modified.to_le_bytes());
        into.push(self.fresh.into());
    }

    fn decode(decoder: &mut Decoder<'_>) -> Option<Stamp> {
        Some(Stamp {
            size: decoder.number()?,
            modified: i64::from_le_bytes(decoder.array()?),
            fresh: decoder.array()? != [0],
        })
    }
}

impl Passed {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.stamp.encode(&mut bytes);
        put_number(&mut bytes, self.skip.code().into());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Passed> {
        let mut decoder = Decoder::new(bytes);
        let stamp = Stamp::decode(&mut decoder)?;
        Some(Passed { stamp, skip: Skip::coded(decoder.small()?)? })
    }
}

impl FileRecord {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64 + 8 * self.chunks.len());
        self.stamp.encode(&mut bytes);
        bytes.extend_from_slice(&self.hash);
        put_bytes(&mut bytes, self.language.name().as_bytes());
        put_number(&mut bytes, self.first_doc.into());
        put_number(&mut bytes, self.tokens.into());
        put_number(&mut bytes, self.chunks.len() as u64);
        for chunk in &self.chunks {
            for number in [chunk.row, chunk.length, chunk.first_line] {
                put_number(&mut bytes, number.into());
            }
            put_number(&mut bytes, chunk.last_line.saturating_sub(chunk.first_line).into());
        }
        bytes
    }

    pub(super) fn decode(path: &str, bytes: &[u8]) -> Option<FileRecord> {
        let mut decoder = Decoder::new(bytes);
        let stamp = Stamp::decode(&mut decoder)?;
        let hash = decoder.array()?;
        let language = Language::named(decoder.str()?)?;
        let first_doc = decoder.small()?;
        let tokens = decoder.small()?;
        let count = decoder.count()?;
        first_doc.checked_add(u32::try_from(count).ok()?)?;
        let mut chunks = Vec::with_capacity(count);
        for _ in 0..count {
            let (row, length, first_line) = (decoder.small()?, decoder.small()?, decoder.small()?);
            let last_line = first_line.checked_add(decoder.small()?)?;
            chunks.push(ChunkEntry { row, length, first_line, last_line });
        }
        let path = path.to_owned();
        Some(FileRecord { path, language, first_doc, chunks, tokens, hash, stamp })
    }
}

/// The chunks of one file, in order.
pub(super) fn encode_chunks(chunks: &[ChunkRecord]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_number(&mut bytes, chunks.len() as u64);
    for chunk in chunks {
        put_bytes(&mut bytes, chunk.symbol.as_bytes());
        put_bytes(&mut bytes, chunk.kind.name().as_bytes());
        put_number(&mut bytes, chunk.bytes.start.into());
        put_number(&mut bytes, chunk.bytes.len() as u64);
    }
    bytes
}

pub(super) fn decode_chunks(bytes: &[u8]) -> Option<Vec<ChunkRecord>> {
    let mut decoder = Decoder::new(bytes);
    let count = decoder.count()?;
    let mut chunks = Vec::with_capacity(count);
    for _ in 0..count {
        let symbol = decoder.str()?.to_owned();
        let kind = Kind::named(decoder.str()?)?;
        let start = decoder.small()?;
        let end = start.checked_add(decoder.small()?)?;
        chunks.push(ChunkRecord { symbol, kind, bytes: start..end });
    }
    Some(chunks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, first_doc: u32, chunks: u32) -> FileRecord {
        let entry = |i| ChunkEntry { row: 7 * i, length: 300, first_line: i, last_line: i + 40 };
        FileRecord {
            path: path.to_owned(),
            language: Language::Rust,
            first_doc,
            chunks: (0..chunks).map(entry).collect(),
            tokens: 900,
            hash: [9; 32],
            stamp: Stamp { size: 1 << 19, modified: -5, fresh: true },
        }
    }

    #[test]
    fn records_come_back_and_cut_ones_do_not() {
        let record = file("a/b.rs", 1000, 3);
        let bytes = record.encode();
        assert_eq!(FileRecord::decode("a/b.rs", &bytes), Some(record));
        for length in 0..bytes.len() {
            assert_eq!(FileRecord::decode("a/b.rs", &bytes[..length]), None);
        }
        let chunks =
            vec![ChunkRecord { symbol: "A::b".into(), kind: Kind::Function, bytes: 5..900 }];
        assert_eq!(decode_chunks(&encode_chunks(&chunks)), Some(chunks));
        let passed = Passed { stamp: file("", 0, 0).stamp, skip: Skip::Generated };
        assert_eq!(Passed::decode(&passed.encode()), Some(passed));
    }

    #[test]
    fn documents_are_found_and_dead_ones_are_not() {
        let files = Files::new(vec![file("a", 20, 2), file("b", 0, 0), file("c", 5, 3)]);
        assert_eq!(files.find(5), Some((2, 0)));
        assert_eq!(files.find(7), Some((2, 2)));
        assert_eq!(files.find(21), Some((0, 1)));
        for dead in [0, 4, 8, 19, 22, u32::MAX] {
            assert_eq!(files.find(dead), None);
        }
    }
}
