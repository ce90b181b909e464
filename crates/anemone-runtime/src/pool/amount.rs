//! Amounts of operations and bytes, and how what is free is packed into one word.

use std::ops::{Add, Sub};

/// Bits of the word for bytes: 32 TiB.
const BYTE_BITS: u32 = 45;
/// Bits of the word for operations.
const OPERATION_BITS: u32 = 18;
/// The bit of the word which says that it changes under the lock only.
pub(super) const SLOW: u64 = 1 << (BYTE_BITS + OPERATION_BITS);

/// How much there is to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Operations at one time.
    pub operations: usize,
    /// Bytes of memory.
    pub bytes: u64,
}

/// How much one caller wants. Either part may be 0, such as for a reservation of memory alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Operations.
    pub operations: usize,
    /// Bytes of memory.
    pub bytes: u64,
}

/// What is free. A negative part is a debt: more is in use than the limit allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Free {
    pub(super) operations: i64,
    pub(super) bytes: i64,
}

impl Capacity {
    /// The most that a pool can count: 262,143 operations and 32 TiB less one byte. A capacity
    /// beyond that is the same as this one, which is as good as unlimited.
    pub const MOST: Capacity =
        Capacity { operations: (1 << OPERATION_BITS) - 1, bytes: (1 << BYTE_BITS) - 1 };

    /// The lesser of each part.
    pub(super) fn at_most(self, other: Capacity) -> Capacity {
        Capacity {
            operations: self.operations.min(other.operations),
            bytes: self.bytes.min(other.bytes),
        }
    }

    /// Whether `demand` fits while nothing is in use.
    pub(super) fn holds(self, demand: Demand) -> bool {
        demand.operations <= self.operations && demand.bytes <= self.bytes
    }
}

impl Free {
    pub(super) const NONE: Free = Free { operations: 0, bytes: 0 };

    /// What the word says, without its bit [`SLOW`].
    pub(super) fn unpack(word: u64) -> Free {
        Free {
            operations: ((word & !SLOW) >> BYTE_BITS) as i64,
            bytes: (word & Capacity::MOST.bytes) as i64,
        }
    }

    /// The word for what is truly free, without the bit [`SLOW`].
    pub(super) fn pack(self) -> u64 {
        (self.operations.max(0) as u64) << BYTE_BITS | self.bytes.max(0) as u64
    }

    /// The negative parts, turned positive.
    pub(super) fn debt(self) -> Free {
        Free { operations: (-self.operations).max(0), bytes: (-self.bytes).max(0) }
    }

    /// Whether `demand` fits: what is not wanted may be owed.
    pub(super) fn fits(self, demand: Demand) -> bool {
        let fits = |wanted: u64, free: i64| wanted == 0 || wanted <= free.max(0) as u64;
        fits(demand.operations as u64, self.operations) && fits(demand.bytes, self.bytes)
    }
}

/// Of amounts that [`Capacity::MOST`] holds, as those of capacities and of permits are.
impl From<Capacity> for Free {
    fn from(capacity: Capacity) -> Free {
        Free { operations: capacity.operations as i64, bytes: capacity.bytes as i64 }
    }
}

impl From<Demand> for Free {
    fn from(demand: Demand) -> Free {
        Free { operations: demand.operations as i64, bytes: demand.bytes as i64 }
    }
}

impl Add for Free {
    type Output = Free;

    fn add(self, other: Free) -> Free {
        Free { operations: self.operations + other.operations, bytes: self.bytes + other.bytes }
    }
}

impl Sub for Free {
    type Output = Free;

    fn sub(self, other: Free) -> Free {
        Free { operations: self.operations - other.operations, bytes: self.bytes - other.bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_fills_the_word_and_comes_back() {
        let most = Free::from(Capacity::MOST);
        assert_eq!(most.pack(), SLOW - 1);
        assert_eq!(Free::unpack(SLOW | most.pack()), most);
        let some = Free { operations: 3, bytes: (1 << 44) + 1 };
        assert_eq!(Free::unpack(some.pack()), some);
    }

    #[test]
    fn a_debt_is_no_part_of_the_word() {
        let owed = Free { operations: -2, bytes: 5 };
        assert_eq!(Free::unpack(owed.pack()) - owed.debt(), owed);
        assert!(owed.fits(Demand { operations: 0, bytes: 5 }));
        assert!(!owed.fits(Demand { operations: 1, bytes: 0 }));
        assert!(!owed.fits(Demand { operations: 0, bytes: u64::MAX }));
    }
}
