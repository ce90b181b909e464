//! The buckets of histograms: sixteen of equal width for each power of two, as HDR histograms have
//! them.
//!
//! Bucket widths are 64 ns below 2.048 µs and from there on at most 1/16 of the bucket's lower edge.

/// How many there are: the last one ends at 2^42 ns, which is 73 minutes.
pub(super) const BUCKETS: usize = 33 * PER_OCTAVE;

const PER_OCTAVE: usize = 16;
/// The narrowest bucket is 2^6 = 64 ns wide.
const UNIT: u32 = 6;

/// The bucket of a time; the last one for times beyond it.
pub(super) fn index(nanoseconds: u64) -> usize {
    let units = nanoseconds >> UNIT;
    let octave = (units | PER_OCTAVE as u64).ilog2() - PER_OCTAVE.ilog2();
    let index = octave as usize * PER_OCTAVE + (units >> octave) as usize;
    index.min(BUCKETS - 1)
}

/// The nanoseconds at which bucket `index` ends, itself not in it.
pub(super) fn upper_edge(index: usize) -> u64 {
    let octave = (index / PER_OCTAVE).saturating_sub(1);
    ((index - octave * PER_OCTAVE + 1) as u64) << (octave as u32 + UNIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_without_gap_or_overlap() {
        let mut lower = 0;
        for bucket in 0..BUCKETS {
            let upper = upper_edge(bucket);
            assert_eq!((index(lower), index(upper - 1)), (bucket, bucket));
            assert!(upper - lower <= (lower / 16).max(64));
            lower = upper;
        }
        assert_eq!(lower, 1 << 42);
    }

    #[test]
    fn times_beyond_the_last_bucket_are_in_it() {
        assert_eq!(index(1 << 42), BUCKETS - 1);
        assert_eq!(index(u64::MAX), BUCKETS - 1);
    }
}
