//! Weight files: a header, then for each blob a record of metadata and its bytes, at multiples of 64.

mod kinds;
mod read;
mod write;

use anemone_ir::program::{DimDecl, ElementType, TypeDecl};
use anemone_tensor::DataType;

pub use read::WeightFile;
pub use write::Layout;

const ALIGNMENT: u64 = 64;
/// The size of the header and of each record of metadata.
const RECORD: u64 = 64;
const VERSION: u32 = 2;
const SENTINEL: u32 = 0xDEAD_BEEF;

/// The element type of a tensor type and its number of elements.
pub(crate) fn elements(ty: &TypeDecl) -> Option<(DataType, u64)> {
    let TypeDecl::Tensor(decl) = ty else { return None };
    let ElementType::Known(dtype) = decl.dtype else { return None };
    let count = decl.dims.iter().try_fold(1u64, |count, dim| match dim {
        DimDecl::Known(n) => count.checked_mul(*n),
        DimDecl::Unknown { .. } | DimDecl::Opaque(_) => None,
    })?;
    Some((dtype, count))
}
