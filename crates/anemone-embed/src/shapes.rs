//! Which batches a model takes, and how texts are laid into them.

use std::ops::Range;

/// Lengths that are used where a model takes any.
const LADDER: [usize; 14] = [16, 32, 48, 64, 96, 128, 160, 192, 224, 256, 320, 384, 448, 512];
/// Batches that are used where a model takes any.
const ROWS: [usize; 3] = [1, 8, 32];

/// The batches that a model takes, as rows and length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shapes(Vec<[usize; 2]>);

/// Texts of one length, as the model gets them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Which of the texts, as places in the order that was given.
    pub(crate) texts: Vec<usize>,
    /// Rows of the batch; those beyond the texts are filled with what is at hand.
    pub(crate) rows: usize,
    /// Tokens of a row.
    pub(crate) length: usize,
}

impl Shapes {
    /// The shapes listed, or those that the rows and lengths of a signature permit; an absent size
    /// is any. `limit` is the longest text that the folder names.
    pub(crate) fn new(
        listed: &[Vec<usize>],
        [rows, length]: [Option<usize>; 2],
        limit: Option<usize>,
    ) -> Shapes {
        let mut shapes: Vec<[usize; 2]> = match listed {
            [] => {
                let rows = rows.map_or(ROWS.to_vec(), |rows| vec![rows]);
                let limit = limit.unwrap_or(LADDER[LADDER.len() - 1]);
                let mut lengths = length.map_or(LADDER.to_vec(), |length| vec![length]);
                if length.is_none() {
                    lengths.retain(|&length| length < limit);
                    lengths.push(limit);
                }
                rows.iter().flat_map(|&r| lengths.iter().map(move |&l| [r, l])).collect()
            }
            listed => listed.iter().filter_map(|shape| shape.as_slice().try_into().ok()).collect(),
        };
        shapes.retain(|&[rows, length]| rows > 0 && length > 0);
        shapes.sort_unstable();
        shapes.dedup();
        Shapes(shapes)
    }

    /// The longest row.
    pub(crate) fn longest(&self) -> Option<usize> {
        self.0.iter().map(|&[_, length]| length).max()
    }

    /// The length that a text of so many tokens is padded to: its own doing alone, whatever texts
    /// come with it, so that its vector is the same in any company.
    fn length(&self, tokens: usize) -> Option<usize> {
        self.0.iter().map(|&[_, length]| length).filter(|&length| length >= tokens).min()
    }

    /// Batches for texts of these lengths, longest first, none with more than `budget` tokens
    /// unless it is the smallest that there is; texts longer than the longest row go into that.
    pub(crate) fn batches(&self, tokens: &[usize], budget: usize) -> Vec<Batch> {
        let longest = self.longest().unwrap_or(0);
        let mut texts: Vec<(usize, usize)> = tokens
            .iter()
            .enumerate()
            .map(|(text, &count)| (self.length(count).unwrap_or(longest), text))
            .collect();
        texts.sort_by_key(|&(length, text)| (std::cmp::Reverse(length), text));
        let mut batches = Vec::new();
        for group in texts.chunk_by(|a, b| a.0 == b.0) {
            let length = group[0].0;
            let mut at = 0;
            while at < group.len() {
                let rows = self.rows(length, group.len() - at, budget);
                let range: Range<usize> = at..group.len().min(at + rows);
                let texts = group[range.clone()].iter().map(|&(_, text)| text).collect();
                batches.push(Batch { texts, rows, length });
                at = range.end;
            }
        }
        batches
    }

    /// The largest batch of this length in the budget that at least three quarters of the texts
    /// left fill; the smallest where none is.
    fn rows(&self, length: usize, left: usize, budget: usize) -> usize {
        let rows = self.0.iter().filter(|shape| shape[1] == length).map(|shape| shape[0]);
        let fitting = rows.clone().filter(|&r| r * length <= budget && 4 * left >= 3 * r);
        fitting.max().or(rows.min()).unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grid() -> Shapes {
        Shapes::new(&[], [None, None], Some(100))
    }

    #[test]
    fn texts_of_one_length_go_together() {
        let batches = grid().batches(&[10, 40, 12, 3, 200], 4096);
        let expected = [(vec![4], 1, 100), (vec![1], 1, 48)];
        let told: Vec<_> = batches.iter().map(|b| (b.texts.clone(), b.rows, b.length)).collect();
        assert_eq!(told[..2], expected);
        assert_eq!(told.len(), 5);
        assert!(
            told[2..]
                .iter()
                .all(|(texts, rows, length)| texts.len() == 1 && (*rows, *length) == (1, 16))
        );
    }

    #[test]
    fn a_batch_is_taken_once_it_is_nearly_full() {
        let batches = grid().batches(&[5; 39], 4096);
        let rows: Vec<_> = batches.iter().map(|b| (b.rows, b.texts.len())).collect();
        assert_eq!(rows, [(32, 32), (8, 7)]);
    }

    #[test]
    fn the_budget_bounds_a_batch() {
        let rows: Vec<_> = grid().batches(&[100; 32], 1000).iter().map(|b| b.rows).collect();
        assert_eq!(rows, [8, 8, 8, 8]);
        assert!(grid().batches(&[100; 3], 10).iter().all(|b| b.rows == 1));
    }

    #[test]
    fn listed_shapes_are_the_only_ones() {
        let shapes = Shapes::new(&[vec![2, 8], vec![2, 4]], [None, None], Some(100));
        let batches = shapes.batches(&[3, 8, 9], 4096);
        assert!(batches.iter().all(|b| b.rows == 2));
        assert_eq!(batches.iter().map(|b| b.length).collect::<Vec<_>>(), [8, 4]);
        assert_eq!(Shapes::new(&[], [Some(1), Some(128)], None), Shapes(vec![[1, 128]]));
    }

    proptest! {
        #[test]
        fn every_text_is_in_one_batch_that_holds_it(
            tokens in prop::collection::vec(1usize..150, 0..200),
            budget in 1usize..10_000,
        ) {
            let batches = grid().batches(&tokens, budget);
            let mut seen: Vec<usize> = batches.iter().flat_map(|b| b.texts.clone()).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..tokens.len()).collect::<Vec<_>>());
            for batch in batches {
                prop_assert!(!batch.texts.is_empty() && batch.texts.len() <= batch.rows);
                prop_assert!(batch.rows == 1 || batch.rows * batch.length <= budget);
                for text in batch.texts {
                    prop_assert!(tokens[text] <= batch.length || batch.length == 100);
                }
            }
        }
    }
}
