//! Constant right sides of products, in the form that suits them and this machine.

use rayon::prelude::*;

use super::{Bias, Epilogue, Left, Matrix, PackedRight, Right};
use crate::quantised::Quantised;

#[cfg(target_arch = "x86_64")]
use super::eight_bit::{self, EightBit};
#[cfg(target_arch = "x86_64")]
use crate::kernel::Short;

/// Rows of a finished product that one thread goes on with at a time.
const ROWS: usize = 32;

/// Weights, packed.
pub(crate) enum Weights {
    Floats(PackedRight),
    #[cfg(target_arch = "x86_64")]
    EightBit(EightBit),
}

/// One of several products of the same left side.
pub(crate) struct Part<'a> {
    /// A number for each column, which is added.
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) out: &'a mut [f32],
}

/// What is done with finished rows, while they are in cache: given the number of the first, and the
/// rows. It must depend on nothing but each row.
pub(crate) type Finish<'a> = dyn Fn(usize, &mut [f32]) + Sync + 'a;

impl Weights {
    /// A matrix of floats.
    pub(crate) fn floats(matrix: Matrix<'_>) -> Result<Weights, String> {
        Ok(Weights::Floats(PackedRight::new(matrix)?))
    }

    /// The transposed matrix of compressed weights.
    pub(crate) fn transposed(weights: &Quantised) -> Result<Weights, String> {
        #[cfg(target_arch = "x86_64")]
        if let Some(packed) = EightBit::transposed(weights) {
            return Ok(Weights::EightBit(packed));
        }
        let &[columns, rows] = weights.shape() else {
            return Err("the weights are not a matrix".to_owned());
        };
        let decoded = weights.decode()?;
        let floats = decoded.floats().ok_or("floats are needed")?;
        Weights::floats(Matrix::dense(floats, columns, rows).transposed())
    }

    pub(crate) fn rows(&self) -> usize {
        match self {
            Weights::Floats(packed) => packed.rows(),
            #[cfg(target_arch = "x86_64")]
            Weights::EightBit(packed) => packed.rows(),
        }
    }

    pub(crate) fn columns(&self) -> usize {
        match self {
            Weights::Floats(packed) => packed.columns(),
            #[cfg(target_arch = "x86_64")]
            Weights::EightBit(packed) => packed.columns(),
        }
    }

    /// Whether several products of one left side cost less together.
    pub(crate) fn shares_its_left_side(&self) -> bool {
        !matches!(self, Weights::Floats(_))
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Weights::Floats(packed) => packed.bytes(),
            #[cfg(target_arch = "x86_64")]
            Weights::EightBit(packed) => packed.bytes(),
        }
    }
}

/// How many `f32` of scratch memory [`multiply_each`] wants.
#[cfg(target_arch = "x86_64")]
pub(crate) fn scratch_each(weights: &[&Weights], rows: usize) -> usize {
    let narrow = weights.iter().filter_map(|weights| match weights {
        Weights::EightBit(packed) => Some(packed),
        Weights::Floats(_) => None,
    });
    eight_bit::scratch(narrow, rows)
}

/// How many `f32` of scratch memory [`multiply_each`] wants.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn scratch_each(_: &[&Weights], _: usize) -> usize {
    0
}

/// Writes the product of the dense rows `x` with the weights of each part, bias added, and calls
/// `finish` on them. All weights have the same number of rows, that of `x`'s columns.
#[cfg(target_arch = "x86_64")]
pub(crate) fn multiply_each<'a>(
    parts: Vec<(&'a Weights, Part<'a>)>,
    x: &[f32],
    finish: &Finish<'_>,
    scratch: &mut [f32],
) -> Result<(), String> {
    let mut narrow: Short<(&EightBit, Part<'_>)> = Short::new();
    for (weights, part) in parts {
        match weights {
            Weights::EightBit(packed) => narrow.push((packed, part)),
            Weights::Floats(packed) => floats(packed, part, x, finish)?,
        }
    }
    eight_bit::multiply(&mut narrow, x, finish, scratch)
}

/// Writes the product of the dense rows `x` with the weights of each part, bias added, and calls
/// `finish` on them. All weights have the same number of rows, that of `x`'s columns.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn multiply_each<'a>(
    parts: Vec<(&'a Weights, Part<'a>)>,
    x: &[f32],
    finish: &Finish<'_>,
    _: &mut [f32],
) -> Result<(), String> {
    parts
        .into_iter()
        .try_for_each(|(Weights::Floats(packed), part)| floats(packed, part, x, finish))
}

fn floats(
    weights: &PackedRight,
    part: Part<'_>,
    x: &[f32],
    finish: &Finish<'_>,
) -> Result<(), String> {
    let (inner, columns) = (weights.rows(), weights.columns());
    let rows = part.out.len().checked_div(columns).unwrap_or(0);
    let left = Left::Plain(Matrix::dense(x, rows, inner));
    let epilogue = Epilogue::bias(part.bias.map_or(Bias::None, Bias::Columns));
    super::multiply(part.out, left, Right::Packed(weights), epilogue, &mut [])?;
    if columns > 0 {
        let blocks = part.out.par_chunks_mut(ROWS * columns).enumerate();
        blocks.for_each(|(index, block)| finish(index * ROWS, block));
    }
    Ok(())
}
