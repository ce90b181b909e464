//! How many rows a run has, where a model takes only some numbers of them.

/// How many of the `waiting` rows a run takes, and how many rows it has with those that fill it up.
///
/// `sizes` are the numbers of rows that the model takes, in order; `cost` is what a run of so many
/// rows costs. Filling up to the next size is compared with runs of the size below: the cheaper way
/// for a row is taken.
pub(crate) fn choose(
    waiting: usize,
    most: usize,
    sizes: Option<&[usize]>,
    cost: impl Fn(usize) -> f64,
) -> (usize, usize) {
    let wanted = waiting.min(most);
    let Some(sizes) = sizes else { return (wanted, wanted) };
    let below = sizes.iter().copied().filter(|&size| size > 0 && size <= wanted).max();
    let above = sizes.iter().copied().filter(|&size| size >= wanted && size <= most).min();
    match (below, above) {
        (Some(below), Some(above)) if above > below => {
            let filled = cost(above) / wanted as f64;
            let whole = cost(below) / below as f64;
            if filled <= whole { (wanted, above) } else { (below, below) }
        }
        (Some(below), _) => (below, below),
        (None, Some(above)) => (wanted, above),
        // The model takes no number of rows within bounds: its own smallest, then.
        (None, None) => match sizes.iter().copied().filter(|&size| size >= wanted).min() {
            Some(size) => (wanted, size),
            None => (wanted, wanted),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Option<&[usize]> = Some(&[1, 8, 32]);

    #[test]
    fn rows_are_filled_up_only_where_that_is_cheaper() {
        let by_row = |rows: usize| rows as f64;
        assert_eq!(choose(20, 32, SIZES, by_row), (8, 8));
        assert_eq!(choose(32, 32, SIZES, by_row), (32, 32));
        assert_eq!(choose(100, 32, SIZES, by_row), (32, 32));
        assert_eq!(choose(3, 32, SIZES, by_row), (1, 1));
        let with_overhead = |rows: usize| 10.0 + rows as f64;
        assert_eq!(choose(3, 32, SIZES, with_overhead), (3, 8));
        assert_eq!(choose(20, 32, SIZES, with_overhead), (20, 32));
        assert_eq!(choose(9, 32, SIZES, with_overhead), (8, 8));
    }

    #[test]
    fn any_number_of_rows_is_taken_as_it_is() {
        assert_eq!(choose(20, 32, None, |_| 1.0), (20, 20));
        assert_eq!(choose(40, 32, None, |_| 1.0), (32, 32));
    }

    #[test]
    fn a_model_that_takes_one_number_of_rows_gets_it() {
        assert_eq!(choose(2, 32, Some(&[4]), |_| 1.0), (2, 4));
        assert_eq!(choose(9, 32, Some(&[4]), |_| 1.0), (4, 4));
        assert_eq!(choose(2, 2, Some(&[4]), |_| 1.0), (2, 4));
    }
}
