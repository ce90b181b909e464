//! Texts that wait to be embedded: in a file, since a large tree's do not fit in memory.
#![allow(clippy::disallowed_methods, reason = "the texts wait in a file of the index's folder")]

use std::fs::{self, File};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::PathBuf;

use super::vectors::Key;
use crate::IndexError;

/// Texts in the order in which they came. The file goes when this does.
#[derive(Debug)]
pub(super) struct Texts {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    waiting: Vec<Waiting>,
    end: u64,
}

/// One text that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) key: Key,
    /// About how many tokens it has.
    pub(super) tokens: u32,
    start: u64,
    length: u32,
}

impl Texts {
    pub(super) fn new(path: PathBuf) -> Texts {
        Texts { path, file: None, waiting: Vec::new(), end: 0 }
    }

    pub(super) fn push(&mut self, key: Key, tokens: u32, text: &str) -> Result<(), IndexError> {
        let fail = |error| IndexError::io(&self.path, error);
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let file = File::options()
                    .read(true)
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .open(&self.path)
                    .map_err(fail)?;
                self.file.insert(BufWriter::with_capacity(1 << 18, file))
            }
        };
        file.write_all(text.as_bytes()).map_err(fail)?;
        let length = text.len() as u32;
        self.waiting.push(Waiting { key, tokens, start: self.end, length });
        self.end += u64::from(length);
        Ok(())
    }

    pub(super) fn waiting(&self) -> &[Waiting] {
        &self.waiting
    }

    /// The texts of a part of those that wait.
    pub(super) fn read(&mut self, part: Range<usize>) -> Result<Vec<String>, IndexError> {
        let part = &self.waiting[part];
        let (Some(first), Some(last), Some(file)) = (part.first(), part.last(), &mut self.file)
        else {
            return Ok(Vec::new());
        };
        let length = last.start + u64::from(last.length) - first.start;
        let mut bytes = vec![0; length as usize];
        let mut fill = || {
            file.flush()?;
            file.get_mut().seek(SeekFrom::Start(first.start))?;
            file.get_mut().read_exact(&mut bytes)?;
            file.get_mut().seek(SeekFrom::End(0))
        };
        fill().map_err(|error| IndexError::io(&self.path, error))?;
        let mut texts = Vec::with_capacity(part.len());
        for waiting in part {
            let start = (waiting.start - first.start) as usize;
            let text = std::str::from_utf8(&bytes[start..start + waiting.length as usize]);
            let text = text.map_err(|error| IndexError::corrupt(&self.path, error.to_string()))?;
            texts.push(text.to_owned());
        }
        Ok(texts)
    }
}

impl Drop for Texts {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = fs::remove_file(&self.path);
        }
    }
}
