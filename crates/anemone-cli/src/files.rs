//! Files of arrays, values and text: read whole, and written so that nobody sees half of one.
#![allow(clippy::disallowed_methods, reason = "an edge reads and writes its own files")]

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use anemone::engine::Array;
use thiserror::Error;

use crate::npy::{self, NpyError};
use crate::npz::{self, Arrays, NpzError};

/// Labels and requests are short.
const MAX_TEXT: u64 = 1 << 24;

/// Why a file could not be used.
#[derive(Debug, Error)]
#[error("{verb} `{}`: {fault}", .path.display())]
pub(crate) struct FileError {
    verb: &'static str,
    path: PathBuf,
    pub(crate) fault: FileFault,
}

/// What is wrong with a file.
#[derive(Debug, Error)]
pub(crate) enum FileFault {
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no array.
    #[error(transparent)]
    Npy(#[from] NpyError),
    /// It is no archive of arrays.
    #[error(transparent)]
    Npz(#[from] NpzError),
    /// It is no image.
    #[error(transparent)]
    Image(#[from] image::ImageError),
    /// It is too large for what it is meant to be.
    #[error("{0} bytes are more than are read")]
    TooLarge(u64),
}

fn reading<T>(path: &Path, read: impl FnOnce() -> Result<T, FileFault>) -> Result<T, FileError> {
    read().map_err(|fault| FileError { verb: "cannot read", path: path.to_owned(), fault })
}

/// The array in a `.npy` file.
pub(crate) fn read_npy(path: &Path) -> Result<Array, FileError> {
    reading(path, || {
        let file = regular(path)?;
        let length = file.metadata()?.len();
        Ok(npy::read(&mut BufReader::new(file), length)?)
    })
}

/// The arrays in a `.npz` file.
pub(crate) fn read_npz(path: &Path) -> Result<Arrays, FileError> {
    reading(path, || Ok(npz::read(BufReader::new(regular(path)?), |_| true)?))
}

/// What comes on the standard input, as text.
pub(crate) fn read_input() -> Result<String, FileError> {
    reading(Path::new("-"), || {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        Ok(text)
    })
}

/// The text in a small file.
pub(crate) fn read_text(path: &Path) -> Result<String, FileError> {
    reading(path, || {
        let file = regular(path)?;
        let length = file.metadata()?.len();
        if length > MAX_TEXT {
            return Err(FileFault::TooLarge(length));
        }
        let mut text = String::new();
        file.take(MAX_TEXT).read_to_string(&mut text)?;
        Ok(text)
    })
}

/// The text of a file of any kind; what is no UTF-8 in it is replaced.
pub(crate) fn read_lossy(path: &Path) -> Result<String, FileError> {
    reading(path, || {
        let mut bytes = Vec::new();
        regular(path)?.take(MAX_TEXT).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    })
}

/// The pixels of a PNG or JPEG file.
pub(crate) fn read_image(path: &Path) -> Result<image::DynamicImage, FileError> {
    reading(path, || {
        let reader = image::ImageReader::new(BufReader::new(regular(path)?));
        Ok(reader.with_guessed_format()?.decode()?)
    })
}

/// Opens a regular file: a pipe would wait for its other end.
fn regular(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    File::open(path)
}

/// Writes every file or none that is only half there: each is written aside, then all are renamed.
/// What a link leads to is replaced, not the link. A pipe or a device, whose place no file may
/// take, is written to once the files are there.
pub(crate) fn write_all(files: &[(PathBuf, Vec<u8>)]) -> Result<(), FileError> {
    let (streams, files): (Vec<_>, Vec<_>) = files.iter().partition(|(path, _)| is_stream(path));
    let mut aside = Vec::with_capacity(files.len());
    let mut outcome = Ok(());
    for (path, bytes) in files {
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        let temporary = beside(&place);
        outcome = fs::write(&temporary, bytes).map_err(|error| unwritten(path, error));
        aside.push((temporary, place, path));
        if outcome.is_err() {
            break;
        }
    }
    for (temporary, place, path) in &aside {
        if outcome.is_ok() {
            outcome = fs::rename(temporary, place).map_err(|error| unwritten(path, error));
        }
        if outcome.is_err() {
            // What was written aside is of no use; that it stays where it cannot go is no news.
            drop(fs::remove_file(temporary));
        }
    }
    outcome?;
    for (path, bytes) in streams {
        fs::write(path, bytes).map_err(|error| unwritten(path, error))?;
    }
    Ok(())
}

/// Whether something is there that is neither file nor folder.
fn is_stream(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
}

fn unwritten(path: &Path, error: io::Error) -> FileError {
    FileError { verb: "cannot write", path: path.to_owned(), fault: error.into() }
}

/// A name in the same folder that no other process takes.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}

/// Creates a folder and those above it.
pub(crate) fn create_folder(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(|error| FileError {
        verb: "cannot create",
        path: path.to_owned(),
        fault: error.into(),
    })
}

/// Sizes and times of the file, or of every file in the folder, that tell whether it changed.
pub(crate) fn fingerprint(path: &Path) -> Vec<(PathBuf, u64, Option<std::time::SystemTime>)> {
    const MAX_FILES: usize = 10_000;
    let mut found = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(next) = folders.pop() {
        let Ok(metadata) = fs::metadata(&next) else { continue };
        if metadata.is_dir() && found.len() + folders.len() < MAX_FILES {
            let entries = fs::read_dir(&next).into_iter().flatten().flatten();
            folders.extend(entries.map(|entry| entry.path()).take(MAX_FILES));
        }
        found.push((next, metadata.len(), metadata.modified().ok()));
    }
    found.sort();
    found
}
