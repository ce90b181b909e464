//! The tables of `index.redb`: one state that is read, and the transaction that makes the next.
//!
//! Every value carries a checksum, since redb looks at its own only when it repairs. A damaged
//! file can make redb panic, so each step stands in a guard that turns a panic into an error.
#![allow(clippy::disallowed_methods, reason = "the database is read here")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::backends::InMemoryBackend;
use redb::{
    Builder, ConcurrencyMode, Database, ReadOnlyDatabase, ReadTransaction, ReadableDatabase,
    ReadableTable, StorageBackend, TableDefinition, WriteTransaction,
};

use super::codec::{seal, unseal};
use super::folder::{self, Folder};
use super::postings::{self, List};
use super::records::{ChunkRecord, FileRecord, Meta, Passed, decode_chunks, encode_chunks};
use crate::IndexError;

const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
const FILES: TableDefinition<&str, &[u8]> = TableDefinition::new("files");
const PASSED: TableDefinition<&str, &[u8]> = TableDefinition::new("passed");
const CHUNKS: TableDefinition<u32, &[u8]> = TableDefinition::new("chunks");
const POSTINGS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("postings");
const REWRITTEN: TableDefinition<&[u8], &[u8]> = TableDefinition::new("postings-rewritten");

const READER_CACHE: usize = 32 << 20;
const WRITER_CACHE: usize = 64 << 20;

/// Why a step of redb failed.
enum Fault {
    Redb(redb::Error),
    Damaged(&'static str),
}

macro_rules! faults {
    ($($error:ty),*) => {
        $(impl From<$error> for Fault {
            fn from(error: $error) -> Fault {
                Fault::Redb(error.into())
            }
        })*
    };
}
faults!(
    redb::DatabaseError,
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError
);

/// How an index's file is found.
pub(super) enum Opened {
    /// It can be read.
    Ready(Box<Snapshot>),
    /// There is none, or no run has finished yet.
    Missing,
    /// A writer was killed; the next one mends it.
    Unclean,
}

/// One state of the index, whatever is written meanwhile.
pub(super) struct Snapshot {
    path: PathBuf,
    read: ReadTransaction,
    _database: Source,
}

/// Where a state is read from, kept open as long as it is read.
enum Source {
    File(#[expect(dead_code, reason = "held, not used")] ReadOnlyDatabase),
    Memory(#[expect(dead_code, reason = "held, not used")] Database),
}

impl Snapshot {
    pub(super) fn open(folder: &Folder) -> Result<Opened, IndexError> {
        let path = folder.database();
        if !path.exists() {
            return Ok(Opened::Missing);
        }
        let opened = guard(&path, || {
            let database = match builder(READER_CACHE).open_read_only(&path) {
                Ok(database) => database,
                Err(redb::DatabaseError::RepairAborted) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            Ok(Some((database.begin_read()?, Source::File(database))))
        })?;
        let Some((read, database)) = opened else { return Ok(Opened::Unclean) };
        Snapshot::whole(path, read, database)
    }

    /// The last finished state, mended in memory: for an index whose disk is full or may not be
    /// written to.
    pub(super) fn open_in_memory(folder: &Folder) -> Result<Opened, IndexError> {
        let path = folder.database();
        let bytes = std::fs::read(&path).map_err(|error| IndexError::io(&path, error))?;
        let (read, database) = guard(&path, || {
            let memory = InMemoryBackend::new();
            memory.set_len(bytes.len() as u64).map_err(redb::StorageError::Io)?;
            memory.write(0, &bytes).map_err(redb::StorageError::Io)?;
            let database = Builder::new().create_with_backend(memory)?;
            Ok((database.begin_read()?, Source::Memory(database)))
        })?;
        Snapshot::whole(path, read, database)
    }

    fn whole(path: PathBuf, read: ReadTransaction, database: Source) -> Result<Opened, IndexError> {
        let is_empty = guard(&path, || Ok(read.list_tables()?.next().is_none()))?;
        if is_empty {
            return Ok(Opened::Missing);
        }
        Ok(Opened::Ready(Box::new(Snapshot { path, read, _database: database })))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What the index says of itself, as the bytes that it was written with.
    pub(super) fn meta(&self) -> Result<Vec<u8>, IndexError> {
        guard(&self.path, || {
            let table = self.read.open_table(META)?;
            let value = table.get("meta")?.ok_or(Fault::Damaged("it does not say what it is"))?;
            let bytes = unseal(b"meta", value.value());
            Ok(bytes.ok_or(Fault::Damaged("what it says of itself was changed"))?.to_owned())
        })
    }

    /// The files that are searched, in the order of their paths.
    pub(super) fn files(&self) -> Result<Vec<FileRecord>, IndexError> {
        guard(&self.path, || {
            let mut files = Vec::new();
            for row in self.read.open_table(FILES)?.range::<&str>(..)? {
                let (key, value) = row?;
                let path = key.value();
                let record = unseal(path.as_bytes(), value.value())
                    .and_then(|bytes| FileRecord::decode(path, bytes));
                files.push(record.ok_or(Fault::Damaged("a file's record was changed"))?);
            }
            Ok(files)
        })
    }

    /// The files that were read and are not searched.
    pub(super) fn passed(&self) -> Result<BTreeMap<String, Passed>, IndexError> {
        guard(&self.path, || {
            let mut found = BTreeMap::new();
            for row in self.read.open_table(PASSED)?.range::<&str>(..)? {
                let (key, value) = row?;
                let path = key.value();
                let record = unseal(path.as_bytes(), value.value()).and_then(Passed::decode);
                let record = record.ok_or(Fault::Damaged("a file's record was changed"))?;
                found.insert(path.to_owned(), record);
            }
            Ok(found)
        })
    }

    /// The chunks of the file whose first document is `first`.
    pub(super) fn chunks(&self, first: u32) -> Result<Vec<ChunkRecord>, IndexError> {
        guard(&self.path, || {
            let table = self.read.open_table(CHUNKS)?;
            let value = table.get(first)?.ok_or(Fault::Damaged("a file's chunks are missing"))?;
            let chunks = unseal(&first.to_be_bytes(), value.value()).and_then(decode_chunks);
            chunks.ok_or(Fault::Damaged("a file's chunks were changed"))
        })
    }

    /// The documents with `word`, dead ones too.
    pub(super) fn postings(&self, word: &str) -> Result<List, IndexError> {
        guard(&self.path, || {
            let table = self.read.open_table(POSTINGS)?;
            let (from, to) = postings::keys(word);
            let mut list = List::new();
            for row in table.range(from.as_slice()..=to.as_slice())? {
                let (key, value) = row?;
                add_block(key.value(), value.value(), &mut list)?;
            }
            Ok(list)
        })
    }

    /// All words in order, each with its documents, dead ones too.
    pub(super) fn each_word(
        &self,
        mut visit: impl FnMut(&str, &List) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let mut failed = None;
        guard(&self.path, || {
            let table = self.read.open_table(POSTINGS)?;
            let rows = table.range::<&[u8]>(..)?;
            lists(rows, |word, list| match visit(word, list) {
                Ok(()) => Ok(()),
                Err(error) => {
                    failed = Some(error);
                    Err(ELSEWHERE)
                }
            })
        })
        .map_err(|error| failed.take().unwrap_or(error))
    }
}

/// The next state of the index, until it is committed.
pub(super) struct Change {
    path: PathBuf,
    write: WriteTransaction,
    database: Database,
}

impl Change {
    /// Begins a change; looks at every page of the file first if `check`, and mends what a killed
    /// writer left.
    pub(super) fn begin(folder: &Folder, check: bool) -> Result<Change, IndexError> {
        let path = folder.database();
        if !path.exists() {
            create(folder)?;
        }
        let (write, database) = guard(&path, || {
            let database = builder(WRITER_CACHE).set_check_integrity_on_open(check).open(&path)?;
            let mut write = database.begin_write()?;
            write.set_quick_repair(true);
            Ok((write, database))
        })?;
        Ok(Change { path, write, database })
    }

    /// Mends what a killed writer left.
    pub(super) fn mend(folder: &Folder) -> Result<(), IndexError> {
        let path = folder.database();
        guard(&path, || {
            builder(WRITER_CACHE).open(&path)?.close()?;
            Ok(())
        })
    }

    /// Forgets everything, tables of other versions too.
    pub(super) fn clear(&self) -> Result<(), IndexError> {
        guard(&self.path, || {
            let tables: Vec<_> = self.write.list_tables()?.collect();
            for table in tables {
                self.write.delete_table(table)?;
            }
            Ok(())
        })
    }

    /// Forgets files, whether they were searched or not, with their chunks. Their documents stay
    /// in the postings, dead.
    pub(super) fn remove<'a>(
        &self,
        files: impl Iterator<Item = (&'a str, Option<u32>)>,
    ) -> Result<(), IndexError> {
        guard(&self.path, || {
            let mut records = self.write.open_table(FILES)?;
            let mut passed = self.write.open_table(PASSED)?;
            let mut chunks = self.write.open_table(CHUNKS)?;
            for (path, first) in files {
                records.remove(path)?;
                passed.remove(path)?;
                if let Some(first) = first {
                    chunks.remove(first)?;
                }
            }
            Ok(())
        })
    }

    pub(super) fn put_files<'a>(
        &self,
        files: impl Iterator<Item = &'a FileRecord>,
    ) -> Result<(), IndexError> {
        guard(&self.path, || {
            let mut table = self.write.open_table(FILES)?;
            for file in files {
                let sealed = seal(file.path.as_bytes(), file.encode());
                table.insert(file.path.as_str(), sealed.as_slice())?;
            }
            Ok(())
        })
    }

    pub(super) fn put_passed<'a>(
        &self,
        files: impl Iterator<Item = (&'a str, &'a Passed)>,
    ) -> Result<(), IndexError> {
        guard(&self.path, || {
            let mut table = self.write.open_table(PASSED)?;
            for (path, passed) in files {
                table.insert(path, seal(path.as_bytes(), passed.encode()).as_slice())?;
            }
            Ok(())
        })
    }

    pub(super) fn put_chunks<'a>(
        &self,
        files: impl Iterator<Item = (u32, &'a [ChunkRecord])>,
    ) -> Result<(), IndexError> {
        guard(&self.path, || {
            let mut table = self.write.open_table(CHUNKS)?;
            for (first, chunks) in files {
                table
                    .insert(first, seal(&first.to_be_bytes(), encode_chunks(chunks)).as_slice())?;
            }
            Ok(())
        })
    }

    /// Adds documents, whose ids are above all that are there, to the lists of words.
    pub(super) fn extend_postings(
        &self,
        lists: &mut dyn Iterator<Item = Result<(String, List), IndexError>>,
    ) -> Result<(), IndexError> {
        let mut failed = None;
        guard(&self.path, || {
            let mut table = self.write.open_table(POSTINGS)?;
            let was_empty = table.first()?.is_none();
            for list in lists {
                let (word, mut list) = match list {
                    Ok(list) => list,
                    Err(error) => {
                        failed = Some(error);
                        return Err(ELSEWHERE);
                    }
                };
                if !was_empty {
                    let (from, to) = postings::keys(&word);
                    let last = table.range(from.as_slice()..=to.as_slice())?.next_back();
                    if let Some((key, value)) = last.transpose()?
                        && !postings::is_full(value.value())
                    {
                        let mut longer = List::new();
                        add_block(key.value(), value.value(), &mut longer)?;
                        longer.append(&mut list);
                        list = longer;
                    }
                }
                put_blocks(&mut table, &word, &list)?;
            }
            Ok(())
        })
        .map_err(|error| failed.take().unwrap_or(error))
    }

    /// Writes all lists anew without the documents that `is_live` refuses.
    pub(super) fn rewrite_postings(&self, is_live: impl Fn(u32) -> bool) -> Result<(), IndexError> {
        guard(&self.path, || {
            {
                let old = self.write.open_table(POSTINGS)?;
                let mut new = self.write.open_table(REWRITTEN)?;
                lists(old.range::<&[u8]>(..)?, |word, list| {
                    let list: List =
                        list.iter().copied().filter(|&(doc, _)| is_live(doc)).collect();
                    put_blocks(&mut new, word, &list)
                })?;
            }
            self.write.delete_table(POSTINGS)?;
            self.write.rename_table(REWRITTEN, POSTINGS)?;
            Ok(())
        })
    }

    /// Makes this the index that readers see, at once and as a whole.
    pub(super) fn commit(self, meta: &Meta) -> Result<(), IndexError> {
        let Change { path, write, database } = self;
        let bytes = serde_json::to_vec(meta).expect("a record of numbers and texts is JSON");
        guard(&path, || {
            {
                let mut table = write.open_table(META)?;
                table.insert("meta", seal(b"meta", bytes).as_slice())?;
                // Readers open every table, also the first time.
                write.open_table(FILES)?;
                write.open_table(PASSED)?;
                write.open_table(CHUNKS)?;
                write.open_table(POSTINGS)?;
            }
            write.commit()?;
            database.close()?;
            Ok(())
        })
    }
}

type Rows<'a> = redb::Range<'a, &'static [u8], &'static [u8]>;

/// Each word of a table of postings, with its documents.
fn lists(
    rows: Rows<'_>,
    mut visit: impl FnMut(&str, &List) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut word = String::new();
    let mut list = List::new();
    for row in rows {
        let (key, value) = row?;
        let (next, _) = postings::parse_key(key.value()).ok_or(DAMAGED_POSTINGS)?;
        if next != word {
            if !list.is_empty() {
                visit(&word, &list)?;
            }
            list.clear();
            next.clone_into(&mut word);
        }
        add_block(key.value(), value.value(), &mut list)?;
    }
    if !list.is_empty() {
        visit(&word, &list)?;
    }
    Ok(())
}

/// Stands for a fault that is told by other means.
const ELSEWHERE: Fault = Fault::Damaged("");
const DAMAGED_POSTINGS: Fault = Fault::Damaged("a word's documents were changed");

fn add_block(key: &[u8], sealed: &[u8], list: &mut List) -> Result<(), Fault> {
    let (_, first) = postings::parse_key(key).ok_or(DAMAGED_POSTINGS)?;
    let block = unseal(key, sealed).ok_or(DAMAGED_POSTINGS)?;
    postings::decode(first, block, list).ok_or(DAMAGED_POSTINGS)
}

fn put_blocks(
    table: &mut redb::Table<'_, &'static [u8], &'static [u8]>,
    word: &str,
    list: &List,
) -> Result<(), Fault> {
    for (first, block) in postings::encode(list) {
        let key = postings::key(word, first);
        let sealed = seal(&key, block);
        table.insert(key.as_slice(), sealed.as_slice())?;
    }
    Ok(())
}

/// Makes an empty database. It comes to its place whole, as a half-made one has no magic number and
/// could not be told from somebody else's file.
fn create(folder: &Folder) -> Result<(), IndexError> {
    let path = folder.unfinished_database();
    folder::remove(&path)?;
    guard(&path, || {
        builder(WRITER_CACHE).create(&path)?.close()?;
        Ok(())
    })?;
    fs::rename(&path, folder.database()).map_err(|error| IndexError::io(&path, error))
}

fn builder(cache: usize) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(cache).set_concurrency_mode(ConcurrencyMode::SingleWriter);
    builder
}

thread_local! {
    static GUARDS: Cell<usize> = const { Cell::new(0) };
}

/// Whether a panic of this thread is caught and told as an error, so that nobody else need hear
/// of it.
pub fn is_guarded() -> bool {
    GUARDS.get() > 0
}

fn guard<T>(path: &Path, step: impl FnOnce() -> Result<T, Fault>) -> Result<T, IndexError> {
    GUARDS.set(GUARDS.get() + 1);
    let outcome = catch_unwind(AssertUnwindSafe(step));
    GUARDS.set(GUARDS.get() - 1);
    let fault = match outcome {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(fault)) => fault,
        Err(_) => Fault::Damaged("its pages do not fit together"),
    };
    Err(match fault {
        Fault::Damaged(what) => IndexError::corrupt(path, what),
        Fault::Redb(redb::Error::Io(error)) => match error.kind() {
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof => {
                IndexError::corrupt(path, error.to_string())
            }
            _ => IndexError::io(path, error),
        },
        Fault::Redb(redb::Error::DatabaseAlreadyOpen) => {
            IndexError::Busy { folder: path.parent().unwrap_or(path).to_owned() }
        }
        Fault::Redb(error) => IndexError::corrupt(path, error.to_string()),
    })
}
