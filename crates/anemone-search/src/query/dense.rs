//! Cosines of a query's vector with those of chunks.

use half::f16;
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;

/// Sums that run side by side, so that the compiler can use vector instructions.
const LANES: usize = 16;
/// Chunks that are worth a thread of their own.
const SHARE: usize = 4096;

/// For each of `rows` the cosine of its vector with `query`; all have length 1.
pub(super) fn cosines<'a>(
    query: &[f32],
    rows: &[u32],
    vector: impl Fn(u32) -> &'a [f16] + Sync,
) -> Vec<f32> {
    let mut cosines = vec![0.0; rows.len()];
    cosines.par_chunks_mut(SHARE).zip(rows.par_chunks(SHARE)).for_each(|(cosines, rows)| {
        let mut wide = vec![0.0; query.len()];
        for (cosine, &row) in cosines.iter_mut().zip(rows) {
            vector(row).convert_to_f32_slice(&mut wide);
            *cosine = dot(query, &wide);
        }
    });
    cosines
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    for (x, y) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_are_those_of_the_definition() {
        let value = |i: usize| ((i * 37 % 101) as f32 - 50.0) / 64.0;
        let query: Vec<f32> = (0..37).map(value).collect();
        let data: Vec<f16> = (0..37 * 9000).map(|i| f16::from_f32(value(i + 5))).collect();
        let rows: Vec<u32> = (0..9000).rev().collect();
        let found = cosines(&query, &rows, |row| &data[row as usize * 37..][..37]);
        for (at, &row) in rows.iter().enumerate() {
            let vector = &data[row as usize * 37..][..37];
            let exact: f32 = query.iter().zip(vector).map(|(a, b)| a * b.to_f32()).sum();
            assert!((found[at] - exact).abs() < 1e-4, "row {row}");
        }
    }
}
