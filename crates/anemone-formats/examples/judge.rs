//! What `tools/checks/formats.py` asks of this crate, so that Apple's own readers can judge it.
//!
//! - `rewrite IN OUT ...`: reads models and writes them back.
//! - `relayout IN OUT`: the same, but every weight file gets a new layout.
//! - `pack OUT TYPE COUNT FILE ...`: a weight file of blobs whose packed bytes are in files.
//! - `unpack IN OFFSET TYPE COUNT FILE ...`: the packed bytes of blobs, one file each.

#![allow(clippy::disallowed_methods, reason = "a tool reads and writes files")]

use std::env;
use std::error::Error;
use std::fs::{self, File};
use std::path::Path;

use anemone_formats::{Layout, WeightFile, WriteOptions, read, write};
use anemone_tensor::{Buffer, DataType};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["rewrite", pairs @ ..] => {
            for pair in pairs.chunks_exact(2) {
                let package = read(Path::new(pair[0]))?;
                write(&package, Path::new(pair[1]), &WriteOptions::default())?;
            }
        }
        ["relayout", from, to] => {
            let mut package = read(Path::new(from))?;
            package.folder = None;
            write(&package, Path::new(to), &WriteOptions::default())?;
        }
        ["pack", to, blobs @ ..] => {
            let mut layout = Layout::default();
            for blob in blobs.chunks_exact(3) {
                let data = Buffer::from_bytes(&fs::read(blob[2])?);
                println!("{}", layout.add(dtype(blob[0])?, blob[1].parse()?, &data)?);
            }
            layout.write(&mut File::create(to)?)?;
        }
        ["unpack", from, blobs @ ..] => {
            let file = WeightFile::new(Buffer::from_bytes(&fs::read(from)?))?;
            for blob in blobs.chunks_exact(4) {
                let data = file.blob(blob[0].parse()?, dtype(blob[1])?, blob[2].parse()?)?;
                fs::write(blob[3], &*data)?;
            }
        }
        _ => return Err("unknown request".into()),
    }
    Ok(())
}

fn dtype(name: &str) -> Result<DataType, String> {
    DataType::from_name(name).ok_or_else(|| format!("no element type `{name}`"))
}
