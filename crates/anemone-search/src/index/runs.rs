//! Lists of words that grow while files are read, put into files once they are many, so that
//! memory does not grow with the tree.
#![allow(clippy::disallowed_methods, reason = "lists wait in files of the index's folder")]

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::folder;
use super::postings::{Gathered, List};
use crate::IndexError;

/// Bytes of lists that are kept in memory.
const LIMIT: usize = 64 << 20;

/// Lists in memory, and files of those before. The files go when this does.
#[derive(Debug)]
pub(super) struct Runs {
    folder: PathBuf,
    limit: usize,
    gathered: Gathered,
    files: Vec<PathBuf>,
}

impl Runs {
    pub(super) fn new(folder: &Path) -> Runs {
        Runs {
            folder: folder.to_owned(),
            limit: LIMIT,
            gathered: Gathered::default(),
            files: Vec::new(),
        }
    }

    /// Notes that `doc`, which no earlier call exceeded, has `word` so many times.
    pub(super) fn add(&mut self, word: &str, doc: u32, count: u32) {
        self.gathered.add(word, doc, count);
    }

    /// Makes room, if there should be: to be called between two documents.
    pub(super) fn settle(&mut self) -> Result<(), IndexError> {
        if self.gathered.size() < self.limit {
            return Ok(());
        }
        let path = self.folder.join(folder::run(self.files.len()));
        self.files.push(path.clone());
        let lists = std::mem::take(&mut self.gathered);
        let write = || -> io::Result<()> {
            let mut file = BufWriter::with_capacity(1 << 18, File::create(&path)?);
            for (word, bytes) in lists.into_sorted() {
                for part in [word.as_bytes(), &bytes] {
                    file.write_all(&(part.len() as u32).to_le_bytes())?;
                    file.write_all(part)?;
                }
            }
            file.flush()
        };
        write().map_err(|error| IndexError::io(&path, error))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.gathered.is_empty()
    }

    /// Gives `visit` all lists: words in order, and from the start again for each run, whose
    /// documents come after those of the run before.
    pub(super) fn each(
        mut self,
        mut visit: impl FnMut(
            &mut dyn Iterator<Item = Result<(String, List), IndexError>>,
        ) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        for path in &self.files {
            let file = File::open(path).map_err(|error| IndexError::io(path, error))?;
            let mut file = BufReader::with_capacity(1 << 18, file);
            let mut next = || -> io::Result<Option<(String, List)>> {
                let Some(word) = read_part(&mut file)? else { return Ok(None) };
                let word = String::from_utf8(word).map_err(io::Error::other)?;
                let bytes = read_part(&mut file)?.ok_or(io::ErrorKind::UnexpectedEof)?;
                Ok(Some((word, Gathered::list(&bytes))))
            };
            let mut lists = std::iter::from_fn(|| {
                next().map_err(|error| IndexError::io(path, error)).transpose()
            });
            visit(&mut lists)?;
        }
        let rest = std::mem::take(&mut self.gathered);
        visit(&mut rest.into_sorted().map(|(word, bytes)| Ok((word, Gathered::list(&bytes)))))
    }
}

/// A length and as many bytes, or `None` at the end.
fn read_part(file: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match file.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_le_bytes(length);
    let mut bytes = Vec::new();
    file.take(length.into()).read_to_end(&mut bytes)?;
    if bytes.len() < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(bytes))
}

impl Drop for Runs {
    fn drop(&mut self) {
        for path in &self.files {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_back_run_by_run_and_the_files_go() {
        let folder = std::env::temp_dir().join(format!("anemone-runs-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut runs = Runs::new(&folder);
        runs.limit = 1000;
        for doc in 0..100 {
            for word in 0..doc % 7 {
                runs.add(&format!("word{word}"), doc, doc + 1);
            }
            runs.settle().unwrap();
        }
        assert!(runs.files.len() > 1 && !runs.is_empty());
        let mut found: Vec<(String, List)> = Vec::new();
        runs.each(|lists| {
            for list in lists {
                let (word, mut list) = list?;
                match found.iter_mut().find(|(other, _)| *other == word) {
                    Some((_, all)) => all.append(&mut list),
                    None => found.push((word, list)),
                }
            }
            Ok(())
        })
        .unwrap();
        for (word, list) in found {
            let word: u32 = word.strip_prefix("word").unwrap().parse().unwrap();
            let docs = (0..100).filter(|doc| doc % 7 > word);
            assert_eq!(list, docs.map(|doc| (doc, doc + 1)).collect::<List>());
        }
        fs::remove_dir(&folder).unwrap();
    }
}
