//! Weight files: a header, then for each blob a record of metadata and its bytes, at multiples of 64.

mod kinds;
mod read;

pub use read::WeightFile;
