//! Texts to token ids, by Hugging Face's `tokenizers`.

use tokenizers::{PostProcessor, Tokenizer};

use crate::EmbedError;

/// Bytes of a text that are read for each token that the model takes: the rest cannot matter
/// unless tokens are longer than any that stand for something.
const BYTES_PER_TOKEN: usize = 256;

/// A model's tokenizer.
pub(crate) struct Tokens {
    tokenizer: Tokenizer,
    special: usize,
}

/// The ids of one text, special tokens included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) ids: Vec<i32>,
    /// Whether the text lost its end.
    pub(crate) is_truncated: bool,
}

impl Tokens {
    /// The tokenizer that a `tokenizer.json` describes. What the file says of padding and of
    /// cutting is left out: that follows from the model.
    pub(crate) fn parse(json: &[u8]) -> Result<Tokens, EmbedError> {
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(fault)?;
        tokenizer.with_truncation(None).map_err(fault)?;
        tokenizer.with_padding(None);
        let special = tokenizer.get_post_processor().map_or(0, |p| p.added_tokens(false));
        Ok(Tokens { tokenizer, special })
    }

    /// Special tokens of every text.
    pub(crate) fn special(&self) -> usize {
        self.special
    }

    /// The ids of `text`, at most `limit` of them.
    pub(crate) fn ids(&self, text: &str, limit: usize) -> Result<Ids, EmbedError> {
        let room = limit.saturating_sub(self.special);
        let read = start(text, room.saturating_mul(BYTES_PER_TOKEN));
        let mut encoding = self.tokenizer.encode_fast(read, false).map_err(fault)?;
        let is_truncated = encoding.len() > room || read.len() < text.len();
        encoding.truncate(room, 0, tokenizers::TruncationDirection::Right);
        let encoding = self.tokenizer.post_process(encoding, None, true).map_err(fault)?;
        let id = |&id: &u32| {
            i32::try_from(id).map_err(|_| EmbedError::Tokenizer("an id is no int32".into()))
        };
        Ok(Ids { ids: encoding.get_ids().iter().map(id).collect::<Result<_, _>>()?, is_truncated })
    }

    /// Where each token of `text` starts, in bytes.
    pub(crate) fn starts(&self, text: &str) -> Result<Vec<usize>, EmbedError> {
        let encoding = self.tokenizer.encode(text, false).map_err(fault)?;
        Ok(encoding.get_offsets().iter().map(|&(start, _)| start).collect())
    }
}

fn fault(error: tokenizers::Error) -> EmbedError {
    EmbedError::Tokenizer(error.to_string())
}

/// At most the first `bytes` bytes, cut between characters.
fn start(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word is a token; `[A]` stands before and `[Z]` behind each text.
    const WORDS: &str = r#"{"version":"1.0","truncation":null,"padding":null,
        "added_tokens":[],"normalizer":null,
        "pre_tokenizer":{"type":"Whitespace"},
        "post_processor":{"type":"TemplateProcessing",
            "single":[{"SpecialToken":{"id":"[A]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
                {"SpecialToken":{"id":"[Z]","type_id":0}}],
            "pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],
            "special_tokens":{"[A]":{"id":"[A]","ids":[1],"tokens":["[A]"]},
                "[Z]":{"id":"[Z]","ids":[2],"tokens":["[Z]"]}}},
        "decoder":null,
        "model":{"type":"WordLevel","vocab":{"[U]":0,"[A]":1,"[Z]":2,"one":3,"two":4},
            "unk_token":"[U]"}}"#;

    #[test]
    fn a_long_text_keeps_its_special_tokens() {
        let tokens = Tokens::parse(WORDS.as_bytes()).unwrap();
        let ids = |text, limit| tokens.ids(text, limit).unwrap();
        assert_eq!(ids("one two", 4), Ids { ids: vec![1, 3, 4, 2], is_truncated: false });
        assert_eq!(ids("one two one", 4), Ids { ids: vec![1, 3, 4, 2], is_truncated: true });
        assert_eq!(ids("", 4), Ids { ids: vec![1, 2], is_truncated: false });
        assert_eq!(ids("other", 4).ids, [1, 0, 2]);
        assert_eq!(tokens.starts("one  zwei").unwrap(), [0, 5]);
    }

    #[test]
    fn of_a_text_without_end_only_the_start_is_read() {
        let tokens = Tokens::parse(WORDS.as_bytes()).unwrap();
        let long = "ä".repeat(1 << 20);
        let ids = tokens.ids(&long, 4).unwrap();
        assert!(ids.is_truncated && ids.ids == [1, 0, 2]);
    }
}
