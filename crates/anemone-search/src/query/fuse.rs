//! One score from two.

use super::lexical::Scores;

/// The share of meaning in a hybrid score, the rest being words'. Chosen by `tools/search/retrieval.py`
/// on one half of its queries; the other half is what `docs/search.md` reports.
pub const DENSE_WEIGHT: f32 = 0.45;

/// Scores of both kinds as one, between 0 and 1 for ordinary vectors.
///
/// A cosine can be compared between queries as it is. BM25 cannot: it grows with the number of words
/// that are asked for and with their rarity. Its share of what no chunk can reach says how much of
/// the question's words a chunk holds, so that a question whose words are not there is left to the
/// vectors, and a bare name that is there is answered by the words.
pub(super) fn fuse(dense: &[f32], lexical: &Scores, weight: f32) -> Vec<f32> {
    let scale = if lexical.limit > 0.0 { (1.0 - weight) / lexical.limit } else { 0.0 };
    dense.iter().zip(&lexical.chunks).map(|(d, l)| weight * d + scale * l).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_count_by_their_share_of_the_question() {
        let lexical = Scores { chunks: vec![4.0, 0.0, 1.0], limit: 8.0 };
        assert_eq!(fuse(&[0.0, 0.5, 0.5], &lexical, 0.5), [0.25, 0.25, 0.3125]);
        let none = Scores { chunks: vec![0.0; 2], limit: 0.0 };
        assert_eq!(fuse(&[0.5, -0.5], &none, 0.5), [0.25, -0.25]);
    }
}
