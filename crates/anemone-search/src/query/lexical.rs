//! BM25: how well chunks answer the words of a query.
//!
//! Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009.

use crate::IndexError;
use crate::index::{Files, Reader};
use crate::words;

/// How soon more of the same word stops to matter.
const K1: f32 = 1.2;
/// How much long chunks are held back.
const B: f32 = 0.75;
/// Words of questions that say nothing of what is looked for. They are left out of queries, not of
/// the index: `is` and `as` are names too.
const STOP_WORDS: &str = "a an the of to and or in is it for on by with that this as be are if from \
    at not its which how where what who why when does do did can could should would will shall i we \
    you my our your me us was were has have had there then than so such";

/// What the chunks of an index are compared by, the same for every query.
pub(super) struct Lengths {
    /// Words of each chunk, in the order of documents.
    pub(super) words: Vec<u32>,
    /// The mean of them.
    pub(super) mean: f32,
}

impl Lengths {
    pub(super) fn new(words: Vec<u32>) -> Lengths {
        let sum: u64 = words.iter().map(|&count| u64::from(count)).sum();
        let mean = (sum as f32 / words.len().max(1) as f32).max(1.0);
        Lengths { words, mean }
    }
}

/// The words of a query that say something, each once, in order; all of them where none does.
pub(super) fn query_words(text: &str) -> Vec<String> {
    let mut stop = Vec::new();
    words(STOP_WORDS, &mut |word| stop.push(word.to_owned()));
    let mut all: Vec<String> = Vec::new();
    words(text, &mut |word| {
        if !all.iter().any(|known| known == word) {
            all.push(word.to_owned());
        }
    });
    let telling: Vec<String> = all.iter().filter(|word| !stop.contains(word)).cloned().collect();
    if telling.is_empty() { all } else { telling }
}

/// How well every chunk answers the words of a query.
pub(super) struct Scores {
    /// BM25 of each chunk; 0 for those with none of the words.
    pub(super) chunks: Vec<f32>,
    /// What no chunk reaches: all of the words, without end.
    pub(super) limit: f32,
}

/// The scores of all chunks. `place` tells the chunk of a document.
pub(super) fn scores(
    text: &str,
    reader: &Reader,
    files: &Files,
    place: impl Fn(usize, usize) -> usize,
    lengths: &Lengths,
) -> Result<Scores, IndexError> {
    let count = lengths.words.len();
    let mut scores = Scores { chunks: vec![0.0; count], limit: 0.0 };
    for word in query_words(text) {
        let mut found = Vec::new();
        for (document, frequency) in reader.postings(&word)? {
            if let Some((file, ordinal)) = files.find(document) {
                found.push((place(file, ordinal), frequency));
            }
        }
        let weight = weight(count, found.len());
        for (chunk, frequency) in found {
            let length = lengths.words[chunk];
            scores.chunks[chunk] += weight * saturated(frequency, length, lengths.mean);
        }
        scores.limit += weight * (K1 + 1.0);
    }
    Ok(scores)
}

/// How much it says that a chunk has a word that `found` of `count` chunks have.
fn weight(count: usize, found: usize) -> f32 {
    let (count, found) = (count as f32, found as f32);
    (1.0 + (count - found + 0.5) / (found + 0.5)).ln()
}

fn saturated(frequency: u32, length: u32, mean: f32) -> f32 {
    let frequency = frequency as f32;
    frequency * (K1 + 1.0) / (frequency + K1 * (1.0 - B + B * length as f32 / mean))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_words_say_more_and_repetition_less_and_less() {
        assert!(weight(1000, 1) > weight(1000, 10) && weight(1000, 1000) > 0.0);
        let one = saturated(1, 100, 100.0);
        let two = saturated(2, 100, 100.0);
        let three = saturated(3, 100, 100.0);
        assert!(one < two && two < three && three - two < two - one && three < K1 + 1.0);
        assert!(saturated(1, 50, 100.0) > saturated(1, 200, 100.0));
    }

    #[test]
    fn a_word_that_says_something_is_asked_for_once() {
        assert_eq!(query_words("Open the file, open it"), ["open", "file"]);
        assert_eq!(query_words("what is that"), ["what", "is", "that"]);
    }
}
