//! Damaged and malicious files are errors: no panic, no large allocation, nothing outside is read.

#![allow(clippy::disallowed_methods, reason = "a test may look at files")]

use std::fs;
use std::path::{Path, PathBuf};

use anemone_formats::{
    BlobFault, ManifestFault, ReadError, WireFault, WriteError, WriteOptions, read, write,
};
use anemone_tensor::Buffer;

mod scratch;

const MODEL: &str = "Data/com.apple.CoreML/model.mlmodel";
const WEIGHTS: &str = "Data/com.apple.CoreML/weights/weight.bin";

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// A copy of a package that a test may damage.
fn copy(name: &str, folder: &Path) -> PathBuf {
    let (from, to) = (data(name), folder.join(name));
    fs::create_dir_all(to.join(WEIGHTS).parent().unwrap()).unwrap();
    for file in ["Manifest.json", MODEL, WEIGHTS] {
        fs::write(to.join(file), fs::read(from.join(file)).unwrap()).unwrap();
    }
    to
}

/// Replaces a part of a file that is there once.
fn replace(path: &Path, from: &[u8], to: &[u8]) {
    let bytes = fs::read(path).unwrap();
    let at = bytes.windows(from.len()).position(|w| w == from).unwrap();
    fs::write(path, [&bytes[..at], to, &bytes[at + from.len()..]].concat()).unwrap();
}

/// A small generator of numbers, so that every run makes the same mutations.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit.max(1)
    }
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes.truncate(at),
            1 => {
                let to = random.below(bytes.len());
                bytes.swap(at, to);
            }
            2 => {
                let huge = [0xff; 8];
                let len = bytes.len().saturating_sub(at).min(random.below(9));
                bytes[at..at + len].copy_from_slice(&huge[..len]);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
        }
    }
}

#[test]
fn a_thousand_mutations_end_in_a_model_or_an_error() {
    let folder = scratch::scratch("mutations");
    let mut random = Random(1);
    let (mut models, mut errors) = (0, 0);
    for round in 0..1000 {
        let name = ["compressed.mlpackage", "flexible.mlpackage", "functions.mlpackage"][round % 3];
        let path = copy(name, &folder);
        let file = path.join(["Manifest.json", MODEL, MODEL, WEIGHTS][random.below(4)]);
        let mut bytes = fs::read(&file).unwrap();
        mutate(&mut bytes, &mut random);
        fs::write(&file, bytes).unwrap();
        match read(&path) {
            Ok(package) => {
                models += 1;
                let copy = folder.join("copy.mlpackage");
                if round % 32 == 0
                    && write(&package, &copy, &WriteOptions { overwrite: true }).is_ok()
                {
                    read(&copy).unwrap();
                }
            }
            Err(error) => {
                errors += 1;
                assert!(!error.to_string().contains('\n'), "{error}");
            }
        }
    }
    assert!(models > 100 && errors > 100, "{models} models, {errors} errors");
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kilobytes < 300_000, "{kilobytes} kB");
    }
}

#[test]
fn what_is_no_package_is_named() {
    let folder = scratch::scratch("no_package");
    assert!(matches!(read(&folder.join("none.mlpackage")), Err(ReadError::Missing { .. })));
    assert!(matches!(read(&folder), Err(ReadError::NotAPackage { .. })));
    let compiled = folder.join("model.mlmodelc");
    fs::create_dir(&compiled).unwrap();
    let error = read(&compiled).unwrap_err();
    assert!(matches!(error, ReadError::Compiled { .. }));
    assert!(error.hint().unwrap().contains("source"));
    let file = folder.join("model.mlmodel");
    fs::write(&file, "").unwrap();
    assert!(matches!(read(&file), Err(ReadError::NoBody { .. })));
    fs::write(&file, "not a model at all").unwrap();
    assert!(matches!(read(&file), Err(ReadError::Model { .. })));
}

#[test]
fn a_damaged_model_is_placed() {
    let folder = scratch::scratch("damaged_model");
    let path = copy("compressed.mlpackage", &folder);
    let bytes = fs::read(path.join(MODEL)).unwrap();
    fs::write(path.join(MODEL), &bytes[..bytes.len() / 2]).unwrap();
    let Err(ReadError::Model { fault, offset, .. }) = read(&path) else { panic!() };
    assert!(matches!(fault, WireFault::Truncated { .. }));
    assert!(offset > 0);

    fs::write(path.join(MODEL), &bytes).unwrap();
    replace(&path.join(MODEL), b"read_state", b"\xffead_state");
    let Err(ReadError::Model { fault, place, .. }) = read(&path) else { panic!() };
    assert_eq!(fault, WireFault::Utf8);
    assert!(place.starts_with("function `main`.opset `CoreML8`.operation 10"), "{place}");
    fs::remove_file(path.join(MODEL)).unwrap();
    let Err(ReadError::Manifest { fault, .. }) = read(&path) else { panic!() };
    assert!(matches!(fault, ManifestFault::NoFile { .. }));
}

#[test]
fn damaged_weights_name_the_operation() {
    let folder = scratch::scratch("damaged_weights");
    let path = copy("compressed.mlpackage", &folder);
    let bytes = fs::read(path.join(WEIGHTS)).unwrap();
    let fault = |bytes: &[u8]| {
        fs::write(path.join(WEIGHTS), bytes).unwrap();
        match read(&path) {
            Err(ReadError::Weights { fault, place, .. }) => {
                assert!(place.contains("constexpr_blockwise_shift_scale"), "{place}");
                fault
            }
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(fault(&bytes[..100]), BlobFault::Beyond { .. }));
    assert!(matches!(fault(&[]), BlobFault::Beyond { .. }));
    let mut changed = bytes.clone();
    changed[64] = 0;
    assert!(matches!(fault(&changed), BlobFault::Sentinel { .. }));
    changed[64] = bytes[64];
    changed[72..80].fill(0xff);
    assert!(matches!(fault(&changed), BlobFault::Size { .. }));
    fs::remove_file(path.join(WEIGHTS)).unwrap();
    let error = read(&path).unwrap_err();
    assert!(matches!(error, ReadError::Weights { fault: BlobFault::NoFile { .. }, .. }));
    assert!(error.hint().is_some());
}

#[test]
fn weights_outside_the_package_are_not_opened() {
    let folder = scratch::scratch("weights_outside");
    let path = copy("compressed.mlpackage", &folder);
    let weights = fs::read(path.join(WEIGHTS)).unwrap();
    fs::write(folder.join("weight.bin"), &weights).unwrap();
    let bytes = fs::read(path.join(MODEL)).unwrap();
    let name = b"@model_path/weights/weight.bin";
    for outside in [&b"@model_path/../../../weight.bi"[..], b"/etc/very/far/away/weight.bin "] {
        assert_eq!(name.len(), outside.len());
        fs::write(path.join(MODEL), &bytes).unwrap();
        replace(&path.join(MODEL), name, outside);
        let Err(ReadError::Weights { fault, .. }) = read(&path) else { panic!() };
        assert_eq!(fault, BlobFault::Outside);
    }
}

#[cfg(unix)]
#[test]
fn links_that_leave_the_package_are_refused() {
    use std::os::unix::fs::symlink;
    let folder = scratch::scratch("links");
    let path = copy("flexible.mlpackage", &folder);
    fs::rename(path.join(WEIGHTS), folder.join("weight.bin")).unwrap();
    symlink(folder.join("weight.bin"), path.join(WEIGHTS)).unwrap();
    let Err(ReadError::Manifest { fault, .. }) = read(&path) else { panic!() };
    assert!(matches!(fault, ManifestFault::Outside { .. }));

    // One that stays inside is as good as the file.
    fs::remove_file(path.join(WEIGHTS)).unwrap();
    fs::rename(folder.join("weight.bin"), path.join("Data/elsewhere.bin")).unwrap();
    symlink(path.join("Data/elsewhere.bin"), path.join(WEIGHTS)).unwrap();
    read(&path).unwrap();

    // A link to its own parent does not go on for ever.
    let weights = path.join(WEIGHTS).parent().unwrap().to_owned();
    symlink(&weights, weights.join("again")).unwrap();
    assert!(matches!(read(&path), Ok(_) | Err(ReadError::TooLarge { .. } | ReadError::Io { .. })));
}

#[test]
fn items_outside_the_package_are_refused() {
    let folder = scratch::scratch("items_outside");
    for outside in ["../../../weights", "/etc", "com.apple.CoreML/../../x"] {
        let path = copy("flexible.mlpackage", &folder);
        let item = b"\"com.apple.CoreML/weights\"";
        replace(&path.join("Manifest.json"), item, format!("{outside:?}").as_bytes());
        let Err(ReadError::Manifest { fault, .. }) = read(&path) else { panic!() };
        assert_eq!(fault, ManifestFault::Outside { item: outside.to_owned() });
    }
}

#[test]
fn nothing_is_overwritten_unasked_and_nothing_half_written() {
    let folder = scratch::scratch("overwriting");
    let package = read(&data("compressed.mlpackage")).unwrap();
    let default = WriteOptions::default();
    let entries = || fs::read_dir(&folder).unwrap().count();

    let path = folder.join("a.mlmodel");
    let refused = write(&package, &path, &default).unwrap_err();
    assert!(matches!(refused, WriteError::NeedsFolder { .. }));
    let refused = write(&package, &folder.join("a.onnx"), &default).unwrap_err();
    assert!(matches!(refused, WriteError::Extension { .. }));
    assert_eq!(entries(), 0);

    let path = folder.join("a.mlpackage");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("precious"), "data").unwrap();
    for overwrite in [false, true] {
        let refused = write(&package, &path, &WriteOptions { overwrite }).unwrap_err();
        assert!(matches!(refused, WriteError::Exists { .. }), "a folder that is no package stays");
    }
    fs::remove_dir_all(&path).unwrap();
    write(&package, &path, &default).unwrap();
    assert!(matches!(write(&package, &path, &default), Err(WriteError::Exists { .. })));

    let mut broken = package;
    broken.folder.as_mut().unwrap().files.insert("../escape".to_owned(), Buffer::from_bytes(&[]));
    let refused = write(&broken, &path, &WriteOptions { overwrite: true }).unwrap_err();
    assert!(matches!(refused, WriteError::Manifest { fault: ManifestFault::Outside { .. } }));
    assert_eq!(entries(), 1);
    read(&path).unwrap();
}
