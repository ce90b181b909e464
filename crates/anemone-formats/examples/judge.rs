//! What `tools/checks/formats.py` asks of this crate, so that Apple's own readers can judge it.
//!
//! - `rewrite IN OUT ...`: reads models, prints their programs, parses the text and writes them back.
//! - `relayout IN OUT`: the same, but every weight file gets a new layout.
//! - `pack OUT TYPE COUNT FILE ...`: a weight file of blobs whose packed bytes are in files.
//! - `unpack IN OFFSET TYPE COUNT FILE ...`: the packed bytes of blobs, one file each.

#![allow(clippy::disallowed_methods, reason = "a tool reads and writes files")]

use std::env;
use std::error::Error;
use std::fs::{self, File};
use std::path::Path;

use anemone_formats::{Layout, WeightFile, WriteOptions, read, write};
use anemone_ir::program::{DimDecl, ElementType, TensorDecl, TypeDecl};
use anemone_ir::{Package, text};
use anemone_tensor::{Buffer, DataType};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["rewrite", pairs @ ..] => {
            for pair in pairs.chunks_exact(2) {
                let mut package = read(Path::new(pair[0]))?;
                through_text(&mut package)?;
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

/// Replaces the program by what its text says; both must be the same.
fn through_text(package: &mut Package) -> Result<(), Box<dyn Error>> {
    let files = package.folder.as_ref().map(|f| f.files.clone()).unwrap_or_default();
    let Some(program) = package.program_mut() else { return Ok(()) };
    let mut weights = |name: &str, offset: u64, ty: &TypeDecl| -> Result<Buffer, String> {
        let name = name.rsplit('/').next().unwrap_or(name);
        let file = files.iter().find(|(path, _)| path.ends_with(name));
        let (_, bytes) = file.ok_or_else(|| format!("there is no weight file `{name}`"))?;
        let file = WeightFile::new(bytes.clone()).map_err(|e| e.to_string())?;
        let TypeDecl::Tensor(TensorDecl { dtype: ElementType::Known(dtype), dims, .. }) = ty else {
            return Err("a blob is not a tensor".to_owned());
        };
        let count = dims.iter().map(|d| if let DimDecl::Known(n) = d { *n } else { 0 }).product();
        file.blob(offset, *dtype, count).map_err(|e| e.to_string())
    };
    let printed = text::print(program);
    let parsed = text::parse(&printed, &mut weights)?;
    // Not the programs themselves: a NaN is unequal to itself.
    if text::print(&parsed) != printed {
        return Err("the text says another program".into());
    }
    *program = parsed;
    Ok(())
}

fn dtype(name: &str) -> Result<DataType, String> {
    DataType::from_name(name).ok_or_else(|| format!("no element type `{name}`"))
}
