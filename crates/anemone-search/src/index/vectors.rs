//! The file of vectors: rows that are appended, found by what was embedded, and mapped by readers.
//!
//! A row is a key, a checksum and the elements as f16. Rows outlive the run that computed them,
//! finished or not; which of them are searched is said elsewhere.
#![allow(clippy::disallowed_methods, reason = "this is the file of vectors")]

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anemone_tensor::{Buffer, MappedFile};
use half::f16;
use half::slice::HalfFloatSliceExt;

use super::SCHEMA;
use super::folder::Folder;
use crate::IndexError;

const MAGIC: &[u8; 8] = b"ANEMVEC\0";
const HEADER: usize = 64;
/// Bytes of a row before its elements: key and checksum.
const HEAD: usize = KEY + SUM;
const KEY: usize = 24;
const SUM: usize = 8;

/// What was embedded: a hash of the model's identity and the text.
pub(super) type Key = [u8; KEY];

pub(super) fn key(model: &[u8; 32], text: &str) -> Key {
    *blake3::keyed_hash(model, text.as_bytes()).as_bytes().first_chunk().expect("32 bytes")
}

pub(super) fn name(number: u64) -> String {
    format!("vectors-{number}.f16")
}

/// The number in the name of a file of vectors.
pub(super) fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("vectors-")?.strip_suffix(".f16")?;
    let number: u64 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

/// Whether the file at `path` was made here.
pub(super) fn is_ours(path: &Path) -> bool {
    let mut start = [0; MAGIC.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == *MAGIC
}

/// The vectors that a reader sees.
#[derive(Clone, Debug)]
pub struct Vectors {
    rows: Buffer,
    dimension: usize,
    stride: usize,
}

impl Vectors {
    /// Maps the first `rows` rows of a file.
    pub(super) fn open(
        path: &Path,
        model: &[u8; 32],
        dimension: usize,
        rows: u32,
    ) -> Result<Vectors, IndexError> {
        let file = MappedFile::open(path).map_err(|error| match error {
            anemone_tensor::MapError::Io { path, source } => IndexError::io(&path, source),
            other => IndexError::corrupt(path, other.to_string()),
        })?;
        let buffer = file.buffer();
        let expected = header(model, dimension);
        if buffer.get(..HEADER) != Some(&expected[..]) {
            return Err(IndexError::corrupt(path, "its head is not as it was written"));
        }
        let stride = stride(dimension);
        let end = (rows as usize).checked_mul(stride).and_then(|size| size.checked_add(HEADER));
        let rows = end
            .and_then(|end| buffer.slice(HEADER..end))
            .ok_or_else(|| IndexError::corrupt(path, "vectors are missing at its end"))?;
        Ok(Vectors { rows, dimension, stride })
    }

    /// How many rows there are.
    pub fn count(&self) -> u32 {
        (self.rows.len() / self.stride) as u32
    }

    /// Elements of a vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The vector in `row`, of length 1. Panics where there is no such row.
    pub fn row(&self, row: u32) -> &[f16] {
        let start = row as usize * self.stride + HEAD;
        bytemuck::cast_slice(&self.rows[start..start + 2 * self.dimension])
    }

    /// Fails if the file has become shorter, so that reading rows would fault. To be asked before
    /// many are read.
    pub fn verify(&self) -> Result<(), IndexError> {
        self.rows.verify().map_err(|error| match error {
            anemone_tensor::MapError::Shrank { ref path, .. } => {
                IndexError::corrupt(path, error.to_string())
            }
            anemone_tensor::MapError::Io { path, source } => IndexError::io(&path, source),
            other => IndexError::corrupt(Path::new(""), other.to_string()),
        })
    }

    /// The key of `row`, or `None` where key or elements are not as they were written.
    pub(super) fn key(&self, row: u32) -> Option<Key> {
        let start = row as usize * self.stride;
        sound(&self.rows[start..start + self.stride], self.dimension)
    }

    fn bytes(&self, row: u32) -> &[u8] {
        &self.rows[row as usize * self.stride..][..self.stride]
    }
}

/// The vectors, by key, as the one writer has them.
#[derive(Debug)]
pub(super) struct VectorStore {
    path: PathBuf,
    name: String,
    file: File,
    model: [u8; 32],
    dimension: usize,
    rows: u32,
    by_key: HashMap<Key, u32>,
    /// Rows that are not as they were written.
    unsound: HashSet<u32>,
    buffer: Vec<u8>,
}

impl VectorStore {
    /// Opens the file of this model in `folder`, the one called `preferred` if it is of it, or
    /// begins one. Rows below `committed` keep their places, sound or not; after those, the first
    /// row that is not sound ends the file.
    pub(super) fn open(
        folder: &Folder,
        model: &[u8; 32],
        dimension: usize,
        preferred: Option<(&str, u32)>,
    ) -> Result<VectorStore, IndexError> {
        let mut names: Vec<String> =
            folder.vector_files()?.into_iter().rev().map(|(_, name)| name).collect();
        if let Some((preferred, _)) = preferred {
            names.sort_by_key(|name| name != preferred);
        }
        let expected = header(model, dimension);
        for name in names {
            let path = folder.path().join(&name);
            let mut start = [0; HEADER];
            let read = File::open(&path).and_then(|mut file| file.read_exact(&mut start));
            if read.is_ok() && start == expected {
                let committed = preferred.filter(|(other, _)| *other == name).map_or(0, |p| p.1);
                return VectorStore::resume(path, name, model, dimension, committed);
            }
        }
        VectorStore::begin(folder, model, dimension)
    }

    /// Begins another file, after all that there are.
    pub(super) fn begin(
        folder: &Folder,
        model: &[u8; 32],
        dimension: usize,
    ) -> Result<VectorStore, IndexError> {
        let last = folder.vector_files()?.last().map_or(0, |(number, _)| number.saturating_add(1));
        let name = name(last);
        let path = folder.path().join(&name);
        let make = || {
            let mut file = File::options().write(true).create_new(true).open(&path)?;
            file.write_all(&header(model, dimension))?;
            Ok(file)
        };
        let file = make().map_err(|error| IndexError::io(&path, error))?;
        Ok(VectorStore {
            path,
            name,
            file,
            model: *model,
            dimension,
            rows: 0,
            by_key: HashMap::new(),
            unsound: HashSet::new(),
            buffer: Vec::new(),
        })
    }

    fn resume(
        path: PathBuf,
        name: String,
        model: &[u8; 32],
        dimension: usize,
        committed: u32,
    ) -> Result<VectorStore, IndexError> {
        let fail = |error| IndexError::io(&path, error);
        let file = File::options().write(true).open(&path).map_err(fail)?;
        let length = file.metadata().map_err(fail)?.len();
        let stride = stride(dimension);
        let whole = (length.saturating_sub(HEADER as u64) / stride as u64).min(u32::MAX.into());
        let seen = Vectors::open(&path, model, dimension, whole as u32)?;
        let mut by_key = HashMap::with_capacity(whole as usize);
        let mut unsound = HashSet::new();
        let mut rows = 0;
        for row in 0..seen.count() {
            match seen.key(row) {
                Some(key) => {
                    by_key.entry(key).or_insert(row);
                }
                None if row >= committed => break,
                None => {
                    unsound.insert(row);
                }
            }
            rows = row + 1;
        }
        // A reader may map the file, where some platforms let nobody shorten it: then what is
        // after the last row is written over.
        let _ = file.set_len(HEADER as u64 + u64::from(rows) * stride as u64);
        let (model, buffer) = (*model, Vec::new());
        Ok(VectorStore { path, name, file, model, dimension, rows, by_key, unsound, buffer })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn unsound(&self) -> &HashSet<u32> {
        &self.unsound
    }

    pub(super) fn rows(&self) -> u32 {
        self.rows
    }

    pub(super) fn get(&self, key: &Key) -> Option<u32> {
        self.by_key.get(key).copied()
    }

    /// Appends vectors, one for each key.
    pub(super) fn append(&mut self, keys: &[Key], vectors: &[f32]) -> Result<(), IndexError> {
        self.buffer.clear();
        let mut halves = vec![f16::ZERO; self.dimension];
        for (key, vector) in keys.iter().zip(vectors.chunks_exact(self.dimension)) {
            halves.convert_from_f32_slice(vector);
            push_row(&mut self.buffer, key, bytemuck::cast_slice(&halves), self.dimension);
        }
        self.write(keys)
    }

    /// A file that holds `rows` of this one, in their order, and nothing else.
    pub(super) fn compact(&self, folder: &Folder, rows: &[u32]) -> Result<VectorStore, IndexError> {
        let seen = Vectors::open(&self.path, &self.model, self.dimension, self.rows)?;
        let mut other = VectorStore::begin(folder, &self.model, self.dimension)?;
        for rows in rows.chunks(1024) {
            other.buffer.clear();
            let mut keys = Vec::with_capacity(rows.len());
            for &row in rows {
                other.buffer.extend_from_slice(seen.bytes(row));
                keys.push(*seen.bytes(row).first_chunk().expect("a row starts with its key"));
            }
            other.write(&keys)?;
        }
        Ok(other)
    }

    fn write(&mut self, keys: &[Key]) -> Result<(), IndexError> {
        let place = HEADER as u64 + u64::from(self.rows) * stride(self.dimension) as u64;
        self.file
            .seek(SeekFrom::Start(place))
            .and_then(|_| self.file.write_all(&self.buffer))
            .map_err(|error| IndexError::io(&self.path, error))?;
        for key in keys {
            self.by_key.insert(*key, self.rows);
            self.rows += 1;
        }
        Ok(())
    }

    /// Waits until all rows are on the disk.
    pub(super) fn sync(&self) -> Result<(), IndexError> {
        self.file.sync_data().map_err(|error| IndexError::io(&self.path, error))
    }
}

/// Bytes of a row, so that every row starts at a multiple of 16.
fn stride(dimension: usize) -> usize {
    (HEAD + 2 * dimension).next_multiple_of(16)
}

fn header(model: &[u8; 32], dimension: usize) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&SCHEMA.to_le_bytes());
    bytes[12..16].copy_from_slice(&(dimension as u32).to_le_bytes());
    bytes[16..48].copy_from_slice(model);
    let sum = blake3::hash(&bytes[..48]);
    bytes[48..].copy_from_slice(&sum.as_bytes()[..16]);
    bytes
}

fn push_row(into: &mut Vec<u8>, key: &Key, elements: &[u8], dimension: usize) {
    let end = into.len() + stride(dimension);
    into.extend_from_slice(key);
    into.extend_from_slice(&sum(key, elements));
    into.extend_from_slice(elements);
    into.resize(end, 0);
}

fn sound(row: &[u8], dimension: usize) -> Option<Key> {
    let (key, rest) = row.split_first_chunk::<KEY>()?;
    let (found, rest) = rest.split_first_chunk::<SUM>()?;
    (sum(key, &rest[..2 * dimension]) == *found).then_some(*key)
}

/// A sum that any one changed word changes. It guards against faults, not against forgers, and is
/// worked out for every row whenever the index changes.
fn sum(key: &Key, elements: &[u8]) -> [u8; SUM] {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut sum = elements.len() as u64;
    let mut add = |word: u64| sum = (sum ^ word).wrapping_mul(ODD).rotate_left(29);
    for bytes in [&key[..], elements] {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| add(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        add(u64::from_le_bytes(last));
    }
    sum.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_are_written_here_have_numbers() {
        assert_eq!(number(&name(0)), Some(0));
        assert_eq!(number(&name(u64::MAX)), Some(u64::MAX));
        for other in ["vectors-01.f16", "vectors-.f16", "vectors--1.f16", "vectors-1", "lock"] {
            assert_eq!(number(other), None, "{other}");
        }
    }

    #[test]
    fn every_bit_of_a_row_counts() {
        let mut row = Vec::new();
        push_row(&mut row, &[3; KEY], &[5; 14], 7);
        assert_eq!(row.len(), 48);
        assert_eq!(sound(&row, 7), Some([3; KEY]));
        for bit in 0..8 * (HEAD + 14) {
            row[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(sound(&row, 7), None, "bit {bit}");
            row[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(sound(&[0; 48], 7), None, "zeros, as a file system may leave them");
    }
}
