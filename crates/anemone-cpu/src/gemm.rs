//! Matrix products in `f32` on rten-gemm, such that a row of the result depends on the row alone.
//!
//! Each element is summed along the inner axis in blocks of a fixed size, in order, whatever the
//! number of rows, columns and threads. Constant weights of 8 bits stay so on machines with AMX
//! (`eight_bit`). One path of rten-gemm breaks this: a single row times a
//! matrix, neither packed. Such a row is multiplied twice, in one product of two rows.

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod blocks;
#[cfg(target_arch = "x86_64")]
mod eight_bit;
#[cfg(target_arch = "x86_64")]
mod pieces;
mod weights;

pub(crate) use weights::{Part, Weights, multiply_each, scratch_each};

use rten_gemm::{
    BiasVector, GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedAMatrix, PackedBMatrix,
};
use rten_tensor::Matrix as RtenMatrix;

thread_local! {
    /// The executor for this machine's instructions; it cannot be sent between threads.
    static EXECUTOR: GemmExecutor = GemmExecutor::new();
}

/// Whether products run on AMX tiles.
#[cfg(target_arch = "x86_64")]
pub(crate) fn has_tiles() -> bool {
    amx::available()
}

/// A matrix in memory: element `(i, j)` stands at `i * strides[0] + j * strides[1]`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) shape: [usize; 2],
    pub(crate) strides: [usize; 2],
}

impl<'a> Matrix<'a> {
    /// A dense row-major matrix.
    pub(crate) fn dense(data: &'a [f32], rows: usize, columns: usize) -> Matrix<'a> {
        Matrix { data, shape: [rows, columns], strides: [columns, 1] }
    }

    /// The same elements with rows and columns exchanged.
    pub(crate) fn transposed(self) -> Matrix<'a> {
        let ([rows, columns], [down, along]) = (self.shape, self.strides);
        Matrix { data: self.data, shape: [columns, rows], strides: [along, down] }
    }

    fn view(self) -> Result<RtenMatrix<'a>, String> {
        RtenMatrix::from_slice_with_strides(self.shape, self.data, self.strides)
            .map_err(|e| format!("a matrix does not fit its memory: {e}"))
    }
}

/// The left side of a product.
#[derive(Clone, Copy)]
pub(crate) enum Left<'a> {
    Packed(&'a PackedLeft),
    Plain(Matrix<'a>),
}

/// The right side of a product.
#[derive(Clone, Copy)]
pub(crate) enum Right<'a> {
    Packed(&'a PackedRight),
    Plain(Matrix<'a>),
}

/// A left side laid out for the machine's kernel.
pub(crate) struct PackedLeft(PackedAMatrix<f32>);

/// A right side laid out for the machine's kernel.
pub(crate) struct PackedRight(PackedBMatrix<f32>);

impl PackedLeft {
    pub(crate) fn new(matrix: Matrix<'_>) -> Result<PackedLeft, String> {
        let view = matrix.view()?;
        Ok(PackedLeft(EXECUTOR.with(|e| e.prepack_a(view))))
    }

    pub(crate) fn bytes(&self) -> usize {
        4 * self.0.rows() * self.0.cols()
    }
}

impl PackedRight {
    pub(crate) fn new(matrix: Matrix<'_>) -> Result<PackedRight, String> {
        let view = matrix.view()?;
        Ok(PackedRight(EXECUTOR.with(|e| e.prepack_b(view))))
    }

    pub(crate) fn rows(&self) -> usize {
        self.0.rows()
    }

    pub(crate) fn columns(&self) -> usize {
        self.0.cols()
    }

    pub(crate) fn bytes(&self) -> usize {
        4 * self.0.rows() * self.0.cols()
    }
}

/// What is added to the product.
#[derive(Clone, Copy, Default)]
pub(crate) enum Bias<'a> {
    #[default]
    None,
    /// One number for each row.
    Rows(&'a [f32]),
    /// One number for each column.
    Columns(&'a [f32]),
}

/// How a product is scaled and what is added to it.
#[derive(Clone, Copy)]
pub(crate) struct Epilogue<'a> {
    pub(crate) scale: f32,
    pub(crate) bias: Bias<'a>,
}

impl<'a> Epilogue<'a> {
    /// The plain product with `bias` added.
    pub(crate) fn bias(bias: Bias<'a>) -> Epilogue<'a> {
        Epilogue { scale: 1.0, bias }
    }
}

/// How many `f32` of scratch memory [`multiply`] wants for a product of this size.
pub(crate) fn scratch(rows: usize, columns: usize) -> usize {
    if rows == 1 { columns.saturating_mul(2) } else { 0 }
}

/// Writes `scale * left * right + bias` into `out`, row-major.
pub(crate) fn multiply(
    out: &mut [f32],
    left: Left<'_>,
    right: Right<'_>,
    epilogue: Epilogue<'_>,
    scratch: &mut [f32],
) -> Result<(), String> {
    if let (Left::Plain(row @ Matrix { shape: [1, _], .. }), Right::Plain(matrix)) = (left, right) {
        let columns = matrix.shape[1];
        let twice = Matrix { shape: [2, row.shape[1]], strides: [0, row.strides[1]], ..row };
        let both = scratch.get_mut(..2 * columns).ok_or("a row has no scratch memory")?;
        let bias = match epilogue.bias {
            Bias::Rows(bias) => Bias::Rows(&[bias[0], bias[0]]),
            other => other,
        };
        run(both, Left::Plain(twice), right, Epilogue { bias, ..epilogue })?;
        out.copy_from_slice(&both[..columns]);
        return Ok(());
    }
    run(out, left, right, epilogue)
}

fn run(
    out: &mut [f32],
    left: Left<'_>,
    right: Right<'_>,
    epilogue: Epilogue<'_>,
) -> Result<(), String> {
    let left = match left {
        Left::Packed(packed) => GemmInputA::Packed(&packed.0),
        Left::Plain(matrix) => GemmInputA::Unpacked(matrix.view()?),
    };
    let right = match right {
        Right::Packed(packed) => GemmInputB::Packed(&packed.0),
        Right::Plain(matrix) => GemmInputB::Unpacked(matrix.view()?),
    };
    let bias = match epilogue.bias {
        Bias::None => None,
        Bias::Rows(bias) => Some(BiasVector::Column(bias)),
        Bias::Columns(bias) => Some(BiasVector::Row(bias)),
    };
    let options = GemmOptions { alpha: epilogue.scale, bias, ..GemmOptions::default() };
    EXECUTOR
        .with(|executor| executor.gemm(out, left, right, options))
        .map_err(|e| format!("matrix product: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
    }

    #[test]
    fn a_row_is_the_same_in_every_batch_and_on_any_number_of_threads() {
        for (inner, columns) in [(300, 70), (7, 513), (64, 1)] {
            let a = numbers(70 * inner, 1);
            let b = numbers(inner * columns, 2);
            let bias = numbers(columns, 3);
            let packed = PackedRight::new(Matrix::dense(&b, inner, columns)).unwrap();
            let rights = [Right::Packed(&packed), Right::Plain(Matrix::dense(&b, inner, columns))];
            let mut whole: Option<Vec<f32>> = None;
            for threads in [1, 2] {
                for right in rights {
                    for rows in (1..=70).rev() {
                        let mut out = vec![f32::NAN; rows * columns];
                        let mut spare = vec![f32::NAN; scratch(rows, columns)];
                        let left = Left::Plain(Matrix::dense(&a[..rows * inner], rows, inner));
                        let epilogue = Epilogue::bias(Bias::Columns(&bias));
                        on_threads(threads, || {
                            multiply(&mut out, left, right, epilogue, &mut spare).unwrap();
                        });
                        let whole = whole.get_or_insert_with(|| out.clone());
                        assert!(out == whole[..out.len()], "{rows}x{inner}x{columns}");
                    }
                }
            }
        }
    }

    #[test]
    fn strides_and_scale() {
        let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let left = Matrix::dense(&a, 3, 2).transposed();
        let mut out = [0.0; 4];
        let epilogue = Epilogue { scale: 0.5, bias: Bias::Rows(&[100.0, 200.0]) };
        let (left, right) = (Left::Plain(left), Right::Plain(Matrix::dense(&a, 3, 2)));
        multiply(&mut out, left, right, epilogue, &mut []).unwrap();
        assert_eq!(out, [117.5, 122.0, 222.0, 228.0]);
    }
}
