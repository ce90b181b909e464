//! What each fuzz target does with its bytes. The seeds' test replays the same functions.

#![allow(dead_code, reason = "each target uses one of the functions")]
#![allow(clippy::disallowed_methods, reason = "a package has to be made before it can be read")]

use std::fs;
use std::path::Path;

use anemone_formats::{WeightFile, WriteOptions, read, read_bytes, write};
use anemone_ir::{Package, check, text as mil};
use anemone_tensor::{Buffer, DataType};

/// The bytes are a `.mlmodel`.
pub(crate) fn model(data: &[u8]) {
    if let Ok(package) = read_bytes(Buffer::from_bytes(data)) {
        decode_constants(&package);
    }
}

/// 17 bytes of offset, number of elements and element type; the rest is a weight file.
pub(crate) fn weights(data: &[u8]) {
    let Some((offset, rest)) = data.split_first_chunk::<8>() else { return };
    let Some((count, rest)) = rest.split_first_chunk::<8>() else { return };
    let Some((dtype, file)) = rest.split_first() else { return };
    let dtype = DataType::ALL[usize::from(*dtype) % DataType::ALL.len()];
    let (offset, count) = (u64::from_le_bytes(*offset), u64::from_le_bytes(*count));
    let file = WeightFile::new(Buffer::from_bytes(file));
    if let Ok(data) = file.and_then(|file| file.blob(offset, dtype, count)) {
        assert_eq!(Some(data.len()), dtype.byte_len(count as usize));
    }
}

/// The manifest, the model and the weight file, the first two after four bytes of length.
pub(crate) fn package(data: &[u8]) {
    let Some((manifest, data)) = part(data) else { return };
    let Some((model, weights)) = part(data) else { return };
    let folder = std::env::temp_dir().join(format!("anemone-fuzz-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    let inner = folder.join("in.mlpackage/Data/com.apple.CoreML");
    fs::create_dir_all(inner.join("weights")).expect("the temporary folder is ours");
    let file = |path: &Path, bytes: &[u8]| {
        fs::write(path, bytes).expect("the temporary folder is ours");
    };
    file(&folder.join("in.mlpackage/Manifest.json"), manifest);
    file(&inner.join("model.mlmodel"), model);
    file(&inner.join("weights/weight.bin"), weights);
    if let Ok(package) = read(&folder.join("in.mlpackage")) {
        decode_constants(&package);
        let copy = folder.join("out.mlpackage");
        if write(&package, &copy, &WriteOptions::default()).is_ok() {
            read(&copy).expect("what was written can be read");
        }
    }
    let _ = fs::remove_dir_all(&folder);
}

/// MIL text. What is read is printed and read again; checking it may find faults, no more.
pub(crate) fn text(data: &[u8]) {
    let Ok(source) = std::str::from_utf8(data) else { return };
    let mut no_weights = |_: &str, _: u64, _: &_| -> Result<Buffer, String> { Err("none".into()) };
    let Ok(program) = mil::parse(source, &mut no_weights) else { return };
    let printed = mil::print(&program);
    let again = mil::parse(&printed, &mut no_weights).expect("what was printed can be read");
    assert_eq!(mil::print(&again), printed);
    let _ = check(&program);
}

fn part(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = data.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*len) as usize)
}

fn decode_constants(package: &Package) {
    let Some(program) = package.program() else { return };
    let blocks = program.functions.values().flat_map(|f| f.blocks.values());
    for literal in blocks.flat_map(|b| &b.operations).flat_map(|o| o.attributes.values()) {
        let _ = literal.to_const();
    }
}
