//! Whether a sum overflows in every order of its products though bias and whole sum are in range.
//!
//! With products below the limit some order never does: take a negative one while the sum is not
//! negative, else a positive one. Larger ones need partial sums far on the other side, and whether
//! those can be had is a question of subsets: it is answered for few products, and for many where
//! bounds decide.

use crate::accumulator::LIMIT;

/// Products, zeros apart, of which all subsets are tried.
const FEW: usize = 10;

/// Whether no order of `products` stays in range, as far as it can be shown. `bias` and the whole
/// `sum` are in range.
pub(crate) fn none_is_safe(
    products: impl Iterator<Item = i64> + Clone,
    bias: i64,
    sum: i64,
) -> bool {
    let products = products.filter(|units| *units != 0);
    let bounds = Bounds::of(products.clone());
    if bounds.rises.is_none() && bounds.falls.is_none() {
        return false;
    }
    // Backwards, an order begins with the sum and takes each product away.
    if bounds.bar(bias) || bounds.turned().bar(sum) {
        return true;
    }
    let few: Vec<i64> = products.take(FEW + 1).collect();
    few.len() <= FEW && !is_some_order_safe(&few, bias)
}

/// What is below the limit, together, and the least and the largest size of what is not.
#[derive(Clone, Copy)]
struct Bounds {
    up: i64,
    down: i64,
    rises: Option<(i64, i64)>,
    falls: Option<(i64, i64)>,
    /// All that is positive, and all that is negative.
    all_up: i64,
    all_down: i64,
}

impl Bounds {
    fn of(products: impl Iterator<Item = i64>) -> Bounds {
        let mut bounds =
            Bounds { up: 0, down: 0, rises: None, falls: None, all_up: 0, all_down: 0 };
        for units in products {
            let all = if units > 0 { &mut bounds.all_up } else { &mut bounds.all_down };
            *all = all.saturating_add(units);
            let size = units.abs();
            let large = if units > 0 { &mut bounds.rises } else { &mut bounds.falls };
            if size >= LIMIT {
                *large = Some(large.map_or((size, size), |(a, b)| (a.min(size), b.max(size))));
            } else if units > 0 {
                bounds.up = bounds.up.saturating_add(units);
            } else {
                bounds.down = bounds.down.saturating_add(units);
            }
        }
        bounds
    }

    /// Those of the same products with the opposite signs.
    fn turned(self) -> Bounds {
        let Bounds { up, down, rises, falls, all_up, all_down } = self;
        Bounds {
            up: -down,
            down: -up,
            rises: falls,
            falls: rises,
            all_up: -all_down,
            all_down: -all_up,
        }
    }

    /// Whether, from `start` on, no large product can be the first large one, or one of them can
    /// never be added.
    fn bar(&self, start: i64) -> bool {
        let rises = |by: i64, down: i64| start.saturating_add(down) < LIMIT - by;
        let falls = |by: i64, up: i64| start.saturating_add(up) > by - LIMIT;
        let first = self.rises.is_some_and(|(least, _)| rises(least, self.down))
            || self.falls.is_some_and(|(least, _)| falls(least, self.up));
        let each = self.rises.is_none_or(|(_, largest)| rises(largest, self.all_down))
            && self.falls.is_none_or(|(_, largest)| falls(largest, self.all_up));
        !(first && each)
    }
}

/// Whether some order stays in range: one product after the other, from every subset that can be
/// reached.
fn is_some_order_safe(products: &[i64], bias: i64) -> bool {
    let subsets = 1usize << products.len();
    let mut sums: Vec<Option<i64>> = vec![None; subsets];
    sums[0] = Some(bias);
    for subset in 0..subsets {
        let Some(sum) = sums[subset] else { continue };
        for (i, units) in products.iter().enumerate().filter(|(i, _)| subset >> i & 1 == 0) {
            if (sum + units).abs() < LIMIT {
                sums[subset | 1 << i] = Some(sum + units);
            }
        }
    }
    sums[subsets - 1].is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether some order stays in range: all of them, one after the other.
    fn tried(sum: i64, rest: &[i64]) -> bool {
        if sum.abs() >= LIMIT {
            return false;
        }
        let others = |i: usize| [&rest[..i], &rest[i + 1..]].concat();
        rest.is_empty() || (0..rest.len()).any(|i| tried(sum + rest[i], &others(i)))
    }

    proptest! {
        #[test]
        fn few_products_are_judged_as_all_their_permutations_say(
            bias in -32767i64..32768,
            values in prop::collection::vec(-65535i64..65536, 1..6),
        ) {
            let units = |value: i64| value << 16;
            let products: Vec<i64> = values.iter().map(|value| units(*value)).collect();
            let sum = units(bias) + products.iter().sum::<i64>();
            prop_assume!(sum.abs() < LIMIT);
            let found = none_is_safe(products.iter().copied(), units(bias), sum);
            prop_assert_eq!(found, !tried(units(bias), &products));
            let bounds = Bounds::of(products.iter().copied());
            if bounds.rises.is_some() || bounds.falls.is_some() {
                let barred = bounds.bar(units(bias)) || bounds.turned().bar(sum);
                prop_assert!(!barred || found);
            }
        }
    }

    #[test]
    fn two_large_products_that_cancel_overflow_whichever_comes_first() {
        let one = |value: i64| value << 16;
        assert!(none_is_safe([one(40000), one(-40000)].into_iter(), 0, 0));
        // A bias makes room for one of them.
        assert!(!none_is_safe([one(40000), one(-40000)].into_iter(), one(-8000), one(-8000)));
        // So does a small product, of many, too.
        let many = |small: i64| {
            let large = [one(40000), one(-40000)].into_iter().cycle().take(40);
            large.chain(std::iter::once(one(small)))
        };
        assert!(none_is_safe(many(10), 0, one(10)));
        assert!(!none_is_safe(many(-8000), 0, one(-8000)));
    }
}
