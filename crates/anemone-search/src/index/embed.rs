//! Texts that wait to vectors, kept as they come, so that a run that ends early loses little.

use std::sync::Mutex;
use std::sync::PoisonError;

use anemone_embed::{Encode, Watch};

use super::texts::{Texts, Waiting};
use super::update::{Observer, Progress};
use super::vectors::{Key, VectorStore};
use crate::IndexError;

/// Texts that are embedded and kept at a time: enough for the encoder to batch by length.
const WINDOW: usize = 256;

/// What became of the texts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Embedded {
    pub(super) texts: usize,
    /// Texts that lost their end.
    pub(super) truncated: usize,
}

/// Embeds all texts that wait, and appends their vectors to `store`.
pub(super) fn embed(
    encoder: &dyn Encode,
    texts: &mut Texts,
    store: &mut VectorStore,
    observer: &Observer<'_>,
) -> Result<Embedded, IndexError> {
    let tokens = |waiting: &[Waiting]| waiting.iter().map(|one| u64::from(one.tokens)).sum::<u64>();
    let (of_chunks, of_tokens) = (texts.waiting().len(), tokens(texts.waiting()));
    let mut embedded = Embedded::default();
    let mut tokens_before = 0;
    while embedded.texts < of_chunks {
        observer.check()?;
        let window = embedded.texts..of_chunks.min(embedded.texts + WINDOW);
        let keys: Vec<Key> = texts.waiting()[window.clone()].iter().map(|one| one.key).collect();
        let tokens_here = tokens(&texts.waiting()[window.clone()]);
        let read = texts.read(window.clone())?;
        let bodies: Vec<&str> = read.iter().map(String::as_str).collect();
        let done = Mutex::new((0, 0));
        let tell = |texts: usize, tokens: usize| {
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.0 = (done.0 + texts).min(bodies.len());
            done.1 = (done.1 + tokens as u64).min(tokens_here);
            observer.tell(Progress::Embedding {
                chunks: window.start + done.0,
                of_chunks,
                tokens: tokens_before + done.1,
                of_tokens,
            });
        };
        tell(0, 0);
        let watch = Watch { progress: Some(&tell), stop: observer.stop };
        let found = encoder.embed(&bodies, &watch)?;
        assert_eq!(found.vectors.len(), keys.len() * encoder.dimension(), "a vector for each text");
        store.append(&keys, &found.vectors)?;
        embedded.truncated += found.truncated.len();
        embedded.texts = window.end;
        tokens_before += tokens_here;
    }
    Ok(embedded)
}
