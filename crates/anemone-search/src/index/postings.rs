//! Which documents have a word, and how often: lists in blocks that are cheap to extend.
//!
//! A block's key is the word, a zero byte and the block's first document, so that the blocks of a
//! word lie together, in order. New documents have higher ids than all before, so a list grows at
//! its end: in its last block, or in a new one once that is full.

use std::collections::HashMap;

use super::codec::{Decoder, put_number};

/// A block that has this many bytes is full.
const FULL: usize = 1024;

/// About what a word takes in memory beside its letters and documents.
const WORD_SIZE: usize = 120;

/// Documents and how often the word is in each, in the order of ids.
pub(super) type List = Vec<(u32, u32)>;

/// The keys of the blocks of `word` lie in this range.
pub(super) fn keys(word: &str) -> (Vec<u8>, Vec<u8>) {
    (key(word, 0), key(word, u32::MAX))
}

pub(super) fn key(word: &str, first: u32) -> Vec<u8> {
    let mut key = Vec::with_capacity(word.len() + 5);
    key.extend_from_slice(word.as_bytes());
    key.push(0);
    key.extend_from_slice(&first.to_be_bytes());
    key
}

/// The word and the first document of a block's key.
pub(super) fn parse_key(key: &[u8]) -> Option<(&str, u32)> {
    let (rest, first) = key.split_last_chunk::<4>()?;
    let (&zero, word) = rest.split_last()?;
    if zero != 0 {
        return None;
    }
    Some((std::str::from_utf8(word).ok()?, u32::from_be_bytes(*first)))
}

/// Adds the documents of a block that starts with `first` to `list`, which ends before it.
pub(super) fn decode(first: u32, block: &[u8], list: &mut List) -> Option<()> {
    let mut decoder = Decoder::new(block);
    let mut doc = first;
    let mut is_first = true;
    while !decoder.is_empty() {
        let step = decoder.small()?;
        doc = doc.checked_add(step)?;
        if (step == 0) != is_first || list.last().is_some_and(|&(last, _)| last >= doc) {
            return None;
        }
        is_first = false;
        list.push((doc, decoder.small()?));
    }
    Some(())
}

/// The blocks of `list`, each with its first document.
pub(super) fn encode(list: &[(u32, u32)]) -> Vec<(u32, Vec<u8>)> {
    let mut blocks: Vec<(u32, Vec<u8>)> = Vec::new();
    let mut last = 0;
    for &(doc, count) in list {
        if blocks.last().is_none_or(|(_, block)| is_full(block)) {
            blocks.push((doc, Vec::new()));
            last = doc;
        }
        if let Some((_, block)) = blocks.last_mut() {
            put_number(block, u64::from(doc - last));
            put_number(block, count.into());
        }
        last = doc;
    }
    blocks
}

pub(super) fn is_full(block: &[u8]) -> bool {
    block.len() >= FULL
}

/// Lists that grow while files are read.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    lists: HashMap<String, Growing>,
    size: usize,
}

#[derive(Debug, Default)]
struct Growing {
    /// As one block of any length, from document 0.
    bytes: Vec<u8>,
    last: u32,
}

impl Gathered {
    /// Notes that `doc`, which no earlier call exceeded, has `word` so many times.
    pub(super) fn add(&mut self, word: &str, doc: u32, count: u32) {
        let list = match self.lists.get_mut(word) {
            Some(list) => list,
            None => {
                self.size += word.len() + WORD_SIZE;
                self.lists.entry(word.to_owned()).or_default()
            }
        };
        let before = list.bytes.len();
        put_number(&mut list.bytes, u64::from(doc - list.last));
        put_number(&mut list.bytes, count.into());
        list.last = doc;
        self.size += 2 * (list.bytes.len() - before);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// Bytes of memory, about.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The words in order, each with its documents as bytes for [`Gathered::list`].
    pub(super) fn into_sorted(self) -> impl Iterator<Item = (String, Vec<u8>)> {
        let mut lists: Vec<_> = self.lists.into_iter().collect();
        lists.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        lists.into_iter().map(|(word, growing)| (word, growing.bytes))
    }

    pub(super) fn list(bytes: &[u8]) -> List {
        let mut decoder = Decoder::new(bytes);
        let mut doc = 0u32;
        let mut list = List::new();
        while let (Some(step), Some(count)) = (decoder.small(), decoder.small()) {
            doc = doc.saturating_add(step);
            list.push((doc, count));
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_back_from_their_blocks() {
        let list: List = (0..5000).map(|i| (i * i / 7 + i, 1 + i % 300)).collect();
        let blocks = encode(&list);
        assert!(blocks.len() > 5);
        let mut back = List::new();
        for (first, block) in &blocks {
            decode(*first, block, &mut back).unwrap();
        }
        assert_eq!(back, list);
        assert!(encode(&[]).is_empty());
    }

    #[test]
    fn blocks_that_do_not_ascend_are_refused() {
        let (first, block) = encode(&[(5, 1), (9, 2)]).remove(0);
        let mut list = vec![(5, 1)];
        assert_eq!(decode(first, &block, &mut list), None);
        assert_eq!(decode(0, &[0, 1, 0, 1], &mut List::new()), None);
        assert_eq!(decode(u32::MAX, &[0, 1, 1, 1], &mut List::new()), None);
        assert_eq!(decode(0, &[0], &mut List::new()), None);
    }

    #[test]
    fn keys_of_a_word_are_together_and_in_order() {
        let mut keys = [key("b", 0), key("ab", 7), key("a", 300), key("a", 2)];
        keys.sort();
        let parsed: Vec<_> = keys.iter().map(|key| parse_key(key).unwrap()).collect();
        assert_eq!(parsed, [("a", 2), ("a", 300), ("ab", 7), ("b", 0)]);
        assert_eq!(parse_key(b"abc"), None);
    }

    #[test]
    fn gathered_lists_are_sorted() {
        let mut gathered = Gathered::default();
        for doc in [3, 4, 900] {
            gathered.add("b", doc, doc);
            gathered.add("a", doc, 1);
        }
        assert!(gathered.size() > 2 * WORD_SIZE);
        let lists: Vec<_> =
            gathered.into_sorted().map(|(word, bytes)| (word, Gathered::list(&bytes))).collect();
        assert_eq!(lists[0], ("a".to_owned(), vec![(3, 1), (4, 1), (900, 1)]));
        assert_eq!(lists[1], ("b".to_owned(), vec![(3, 3), (4, 4), (900, 900)]));
    }
}
