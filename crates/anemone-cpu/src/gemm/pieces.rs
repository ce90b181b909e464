//! Numbers in bf16 for the tiles: each `f32` in three exact pieces, and whole numbers of 8 bits.
//!
//! A piece has 8 significant bits, so three of them hold the 24 of an `f32`. Numbers are multiplied
//! by 2^64 first, so that no piece of even the smallest one falls below the normal range, which
//! tiles flush to zero; those of 2^40 and above, infinities and NaN are left to other code.

use std::arch::x86_64::*;

use super::amx::{PIECES, STEP, TILE};

/// What numbers are multiplied by before they are split.
pub(super) const SHIFT: f32 = 18_446_744_073_709_551_616.0;
/// The bits of 2^40: magnitudes from here on are not split.
const LIMIT: u32 = (127 + 40) << 23;

/// Splits up to `16 * height` rows of `inner` numbers for a product with tiles; rows that are
/// missing are zeros. Rows with a number that cannot be split are zeros too: a bit is set for each.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")]
pub(super) fn split_rows(x: &[f32], inner: usize, height: usize, out: &mut [u16]) -> u32 {
    let (rows, step) = (x.len() / inner, height * PIECES * TILE);
    assert!(rows <= 16 * height && height <= 2);
    assert_eq!(out.len(), inner.div_ceil(STEP) * step);
    let mut refused = 0;
    for row in 0..16 * height {
        let place = row / 16 * TILE + row % 16 * STEP;
        if row >= rows || !split_row(&x[row * inner..][..inner], place, height, out) {
            refused |= u32::from(row < rows) << row;
            for step in out.chunks_exact_mut(step) {
                for piece in 0..PIECES {
                    step[piece * height * TILE + place..][..STEP].fill(0);
                }
            }
        }
    }
    refused
}

/// Splits one row; false where it has a number that cannot be split.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")]
fn split_row(x: &[f32], place: usize, height: usize, out: &mut [u16]) -> bool {
    let shift = _mm512_set1_ps(SHIFT);
    let magnitude = _mm512_set1_epi32(i32::MAX);
    let mut most = _mm512_setzero_si512();
    let steps = out.chunks_exact_mut(height * PIECES * TILE);
    for (numbers, step) in x.chunks(STEP).zip(steps) {
        let mask = u32::MAX >> (STEP - numbers.len());
        // SAFETY: the mask keeps the loads within `numbers`.
        let (mut low, mut high) = unsafe {
            let start = numbers.as_ptr();
            (
                _mm512_maskz_loadu_ps(mask as u16, start),
                _mm512_maskz_loadu_ps((mask >> 16) as u16, start.wrapping_add(16)),
            )
        };
        for part in [low, high] {
            let bits = _mm512_and_si512(_mm512_castps_si512(part), magnitude);
            most = _mm512_max_epu32(most, bits);
        }
        (low, high) = (_mm512_mul_ps(low, shift), _mm512_mul_ps(high, shift));
        for piece in 0..PIECES {
            let halves = _mm512_cvtne2ps_pbh(high, low);
            // SAFETY: both are 64 bytes of plain numbers.
            let halves: __m512i = unsafe { std::mem::transmute(halves) };
            let line = &mut step[piece * height * TILE + place..][..STEP];
            // SAFETY: the line has 64 bytes.
            unsafe { _mm512_storeu_si512(line.as_mut_ptr().cast(), halves) };
            low = _mm512_sub_ps(low, widen(_mm512_castsi512_si256(halves)));
            high = _mm512_sub_ps(high, widen(_mm512_extracti64x4_epi64::<1>(halves)));
        }
    }
    _mm512_reduce_max_epu32(most) < LIMIT
}

/// bf16 as `f32`.
#[target_feature(enable = "avx512f")]
fn widen(halves: __m256i) -> __m512 {
    _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves)))
}

/// Whole numbers as bf16, in the same order.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")]
pub(super) fn expand(numbers: &[i8], out: &mut [u16]) {
    assert_eq!(numbers.len(), out.len());
    let (numbers, rest) = numbers.as_chunks::<32>();
    assert!(rest.is_empty());
    for (numbers, out) in numbers.iter().zip(out.chunks_exact_mut(32)) {
        // SAFETY: 32 bytes are read and 64 written, which is what the chunks have; the types of
        // 64 bytes are plain numbers.
        unsafe {
            let start = numbers.as_ptr();
            let part = |at: usize| {
                let bytes = _mm_loadu_si128(start.add(at).cast());
                _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes))
            };
            let halves: __m512i = std::mem::transmute(_mm512_cvtne2ps_pbh(part(16), part(0)));
            _mm512_storeu_si512(out.as_mut_ptr().cast(), halves);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::amx;
    use super::*;

    fn value(half: u16) -> f64 {
        f64::from(f32::from_bits(u32::from(half) << 16))
    }

    #[test]
    fn three_pieces_make_up_the_number_and_none_is_subnormal() {
        if !amx::available() {
            return;
        }
        let mut x = vec![0.0, -0.0, 1.0, -1.5, f32::MIN_POSITIVE, f32::from_bits(1), 1e12, 0.1];
        x.extend((0..37).map(|i| (i as f32 * 0.731).sin() * 2f32.powi(i * 5 - 149)));
        let inner = x.len();
        let mut out = vec![7; inner.div_ceil(STEP) * PIECES * TILE];
        // SAFETY: the instructions are there, as `available` says.
        assert_eq!(unsafe { split_rows(&x, inner, 1, &mut out) }, 0);
        for (i, &x) in x.iter().enumerate() {
            let at = |piece: usize| i / STEP * PIECES * TILE + piece * TILE + i % STEP;
            let pieces: [u16; PIECES] = std::array::from_fn(|piece| out[at(piece)]);
            let sum: f64 = pieces.iter().map(|&p| value(p)).sum();
            assert_eq!(sum, f64::from(x) * f64::from(SHIFT), "{x:e}");
            assert!(pieces.iter().all(|&p| p & 0x7fff == 0 || p & 0x7f80 != 0), "{x:e}");
        }
    }

    #[test]
    fn rows_that_cannot_be_split_are_told_and_zeroed() {
        if !amx::available() {
            return;
        }
        let mut x = vec![1.0; 5 * 40];
        (x[7], x[2 * 40], x[3 * 40 + 39]) = (f32::NAN, -2f32.powi(40), f32::INFINITY);
        let mut out = vec![7; 2 * 2 * PIECES * TILE];
        // SAFETY: the instructions are there, as `available` says.
        assert_eq!(unsafe { split_rows(&x, 40, 2, &mut out) }, 0b1101);
        for row in 0..32 {
            let filled = out[row / 16 * TILE + row % 16 * STEP] != 0;
            assert_eq!(filled, row == 1 || row == 4, "{row}");
        }
    }

    #[test]
    fn all_whole_numbers_of_eight_bits_are_exact() {
        if !amx::available() {
            return;
        }
        let numbers: Vec<i8> = (i8::MIN..=i8::MAX).collect();
        let mut out = vec![0; numbers.len()];
        // SAFETY: the instructions are there, as `available` says.
        unsafe { expand(&numbers, &mut out) };
        assert!(numbers.iter().zip(&out).all(|(&n, &h)| value(h) == f64::from(n)));
    }
}
