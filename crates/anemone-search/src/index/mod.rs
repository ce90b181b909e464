//! The index of a tree: what files it has, their chunks, words and vectors, kept in one folder.
//!
//! `index.redb` holds files, chunks and postings, and changes in one transaction a run;
//! `vectors-N.f16` holds the vectors under the hash of what was embedded, and only grows;
//! `lock` is held by the one process that writes; `CACHEDIR.TAG` says that the folder is ours.

mod before;
mod codec;
mod commit;
mod digest;
mod embed;
mod folder;
mod gather;
mod postings;
mod reader;
mod records;
mod rules;
mod runs;
mod skip;
mod source;
mod store;
mod text;
mod texts;
mod update;
mod vectors;
mod walk;

pub use folder::clear;
pub use reader::{Reader, Status};
pub use records::{ChunkEntry, ChunkRecord, FileRecord, Files, Limits, Meta, Versions};
pub use skip::Skip;
pub use source::read_text;
pub use store::is_guarded;
pub use update::{Observer, Options, Progress, Reason, Summary, update};
pub use vectors::Vectors;

/// The form of everything that an index's folder holds; another one is made anew.
pub const SCHEMA: u32 = 1;

/// Versions of the code that the index depends on.
fn versions() -> Versions {
    Versions {
        chunk: anemone_chunk::VERSION,
        words: crate::WORDS_VERSION,
        text: text::VERSION,
        rules: rules::VERSION,
    }
}
