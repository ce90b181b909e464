//! Weights of 8 bits that stay compressed: products and tables are those of the floats that they
//! stand for, row by row, whatever the batch, the threads and the other rows.

use anemone_tensor::DataType::{F32, I32};
use programs::{run, run_on, tensor};

#[allow(dead_code)]
mod programs;

/// Whole numbers from -127 to 127 that look random.
fn bytes(count: usize, seed: u64) -> Vec<i64> {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(state >> 40).unwrap() % 255 - 127
    };
    (0..count).map(|_| next()).collect()
}

fn list<T: ToString>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

/// A matrix in both forms, whose scales grow from row to row.
struct Weights {
    shape: [usize; 2],
    numbers: Vec<i64>,
    scales: Vec<f64>,
}

impl Weights {
    fn new(columns: usize, inner: usize) -> Weights {
        let scales = (0..columns).map(|i| f64::from(i as f32 + 1.0) / 4096.0).collect();
        Weights { shape: [columns, inner], numbers: bytes(columns * inner, 7), scales }
    }

    /// With scales in blocks, as iOS 18 has them.
    fn blockwise(&self) -> String {
        let [columns, inner] = self.shape;
        format!(
            "w = constexpr_blockwise_shift_scale(data = tensor<int8, [{columns}, {inner}]>([{}]), \
             scale = tensor<fp32, [{columns}, 1]>([{}]));",
            list(&self.numbers),
            list(&self.scales)
        )
    }

    /// With a zero point amid the bytes, as iOS 16 has them.
    fn affine(&self) -> String {
        let [columns, inner] = self.shape;
        let raised: Vec<i64> = self.numbers.iter().map(|n| n + 128).collect();
        format!(
            "w = constexpr_affine_dequantize(quantized_data = tensor<uint8, [{columns}, {inner}]>([{}]), \
             scale = tensor<fp32, [{columns}]>([{}]), zero_point = uint8(128), axis = int32(0));",
            list(&raised),
            list(&self.scales)
        )
    }

    fn value(&self, row: usize, column: usize) -> f64 {
        self.numbers[row * self.shape[1] + column] as f64 * self.scales[row]
    }
}

fn product(threads: usize, weights: &str, inner: usize, bias: &str, x: &[f64]) -> Vec<f64> {
    let ops = format!("{weights} y = linear(x = x, weight = w{bias});");
    let input = format!("tensor<fp32, [?, {inner}]> x");
    let x = tensor(F32, &[x.len() / inner, inner], x);
    run_on(threads, "ios18", &input, &ops, "y", &[x]).unwrap().remove(0).1
}

#[test]
fn products_are_those_of_the_floats() {
    for (columns, inner) in [(70, 300), (33, 32), (16, 65), (128, 384)] {
        let weights = Weights::new(columns, inner);
        let bias: Vec<f64> = (0..columns).map(|i| f64::from(i as f32)).collect();
        let with_bias = format!(", bias = tensor<fp32, [{columns}]>([{}])", list(&bias));
        let x: Vec<f64> =
            bytes(40 * inner, 9).iter().map(|&n| f64::from((n as f32 * 0.37).sin())).collect();
        let forms = [weights.blockwise(), weights.affine()];
        let [found, again] = forms.map(|form| product(2, &form, inner, &with_bias, &x));
        assert!(found == again, "{columns} x {inner}");
        for (i, found) in found.iter().enumerate() {
            let (row, column) = (i / columns, i % columns);
            let x = &x[row * inner..][..inner];
            let terms = x.iter().enumerate().map(|(k, x)| x * weights.value(column, k));
            let (sum, size) =
                terms.fold((bias[column], bias[column]), |(s, a), t| (s + t, a + t.abs()));
            assert!((found - sum).abs() <= size * 2e-7, "{found} {sum} {row} {column}");
        }
    }
}

#[test]
fn a_row_is_the_same_in_every_batch_and_beside_any_row() {
    let (columns, inner) = (70, 300);
    let form = Weights::new(columns, inner).blockwise();
    let mut x: Vec<f64> =
        bytes(70 * inner, 3).iter().map(|&n| f64::from(n as f32 * 0.01)).collect();
    // Rows that tiles cannot multiply.
    (x[3 * inner + 5], x[40 * inner + 299], x[41 * inner]) = (f64::NAN, f64::INFINITY, 1e30);
    let whole = product(2, &form, inner, "", &x);
    let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    for (threads, from, to) in
        [(1, 0, 70), (1, 0, 1), (2, 3, 4), (1, 40, 41), (2, 33, 65), (1, 1, 18), (2, 36, 70)]
    {
        let found = product(threads, &form, inner, "", &x[from * inner..to * inner]);
        assert_eq!(bits(&found), bits(&whole[from * columns..to * columns]), "{from}..{to}");
    }
}

#[test]
fn infinities_and_the_smallest_and_largest_numbers_are_as_with_floats() {
    let (columns, inner) = (20, 64);
    let weights = Weights::new(columns, inner);
    // A scale for each number is a form that is decoded.
    let scales: Vec<f64> = (0..columns * inner).map(|i| weights.scales[i / inner]).collect();
    let plain = format!(
        "w = constexpr_blockwise_shift_scale(data = tensor<int8, [{columns}, {inner}]>([{}]), \
         scale = tensor<fp32, [{columns}, {inner}]>([{}]));",
        list(&weights.numbers),
        list(&scales)
    );
    let kinds = [f64::NAN, f64::INFINITY, -f64::INFINITY, 1e12, 3e38, 1e-30, 1e-38, 1e-44, 0.0];
    for kind in kinds {
        let x: Vec<f64> =
            bytes(inner, 5).iter().map(|&n| f64::from(kind as f32 * (n as f32 / 128.0))).collect();
        let found = product(1, &weights.blockwise(), inner, "", &x);
        let expected = product(1, &plain, inner, "", &x);
        for (column, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let terms = x.iter().enumerate().map(|(k, x)| (x * weights.value(column, k)).abs());
            let size: f64 = terms.sum();
            let close = (found - expected).abs() <= size * 4e-7 + 1e-44;
            let same = found == expected || found.is_nan() && expected.is_nan();
            assert!(close || same, "{kind:e}: {found:e} {expected:e}");
        }
    }
}

#[test]
fn tables_are_read_row_by_row() {
    let weights = Weights::new(9, 5);
    let indices = tensor(I32, &[2, 2], &[4.0, 0.0, -1.0, 3.0]);
    for (form, axis) in [(weights.blockwise(), 0), (weights.affine(), 0), (weights.affine(), 1)] {
        let ops = format!(
            "{form} y = gather(x = w, indices = i, axis = int32({axis}), validate_indices = false);"
        );
        let found =
            run("ios18", "tensor<int32, [2, 2]> i", &ops, "y", std::slice::from_ref(&indices))
                .unwrap();
        let places: Vec<(usize, usize)> = match axis {
            0 => [4, 0, 8, 3].iter().flat_map(|&r| (0..5).map(move |c| (r, c))).collect(),
            _ => (0..9).flat_map(|r| [4, 0, 4, 3].map(|c| (r, c))).collect(),
        };
        let expected: Vec<f64> = places.iter().map(|&(r, c)| weights.value(r, c)).collect();
        assert_eq!(found[0].1, expected, "axis {axis}");
    }
}
