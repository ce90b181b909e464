//! A hash of what an index says, whatever the order in which it came to say it.

use super::Reader;
use super::codec::{put_bytes, put_number};
use super::records::encode_chunks;
use crate::IndexError;

impl Reader {
    /// A hash of files, chunks, vectors and words, the same for every index of the same tree by the
    /// same model: numbers of documents, places of vectors and times do not count. Reads all.
    pub fn digest(&self) -> Result<[u8; 32], IndexError> {
        let files = self.files()?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.meta().model);
        self.vectors().verify()?;
        for file in files.records() {
            let mut bytes = Vec::new();
            put_bytes(&mut bytes, file.path.as_bytes());
            put_bytes(&mut bytes, file.language.name().as_bytes());
            bytes.extend_from_slice(&file.hash);
            put_number(&mut bytes, file.tokens.into());
            if !file.chunks.is_empty() {
                put_bytes(&mut bytes, &encode_chunks(&self.chunks(file.first_doc)?));
            }
            for chunk in &file.chunks {
                for number in [chunk.length, chunk.first_line, chunk.last_line] {
                    put_number(&mut bytes, number.into());
                }
                let key = self.vectors().key(chunk.row).ok_or_else(|| {
                    IndexError::corrupt(self.snapshot().path(), "a vector was changed")
                })?;
                bytes.extend_from_slice(&key);
                bytes.extend_from_slice(bytemuck::cast_slice(self.vectors().row(chunk.row)));
            }
            hasher.update(&bytes);
        }
        self.snapshot().each_word(|word, list| {
            let mut places: Vec<(usize, usize, u32)> = list
                .iter()
                .filter_map(|&(doc, count)| {
                    let (file, chunk) = files.find(doc)?;
                    Some((file, chunk, count))
                })
                .collect();
            if places.is_empty() {
                return Ok(());
            }
            places.sort_unstable();
            let mut bytes = Vec::new();
            put_bytes(&mut bytes, word.as_bytes());
            for (file, chunk, count) in places {
                for number in [file as u64, chunk as u64, count.into()] {
                    put_number(&mut bytes, number);
                }
            }
            hasher.update(&bytes);
            Ok(())
        })?;
        Ok(*hasher.finalize().as_bytes())
    }
}
