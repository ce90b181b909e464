//! The types that an outer type gives to the literals inside one of it.

use crate::program::{DimDecl, TypeDecl};

/// Types and dimensions in a type that literals take over. Each literal gets its own copy, so
/// larger types are repeated in the text: memory stays within a factor of the text's length.
const PARTS: usize = 16;

pub(super) fn tuple_item(ty: &TypeDecl, index: usize) -> Option<&TypeDecl> {
    match ty {
        TypeDecl::Tuple(types) => types.get(index).filter(|t| is_small(t)),
        _ => None,
    }
}

pub(super) fn list_element(ty: &TypeDecl) -> Option<&TypeDecl> {
    match ty {
        TypeDecl::List { element, .. } => element.as_deref().filter(|t| is_small(t)),
        _ => None,
    }
}

pub(super) fn dict_entry(ty: &TypeDecl) -> (Option<&TypeDecl>, Option<&TypeDecl>) {
    match ty {
        TypeDecl::Dict { key, value } => {
            (Some(&**key).filter(|t| is_small(t)), Some(&**value).filter(|t| is_small(t)))
        }
        _ => (None, None),
    }
}

fn is_small(ty: &TypeDecl) -> bool {
    parts(ty, PARTS).is_some()
}

/// What is left of `left` when every part of the type takes one of it.
fn parts(ty: &TypeDecl, left: usize) -> Option<usize> {
    let left = left.checked_sub(1)?;
    let dim = |left: usize, dim: &DimDecl| match dim {
        DimDecl::Known(_) | DimDecl::Unknown { .. } => left.checked_sub(1),
        DimDecl::Opaque(_) => None,
    };
    match ty {
        TypeDecl::Tensor(tensor) if tensor.attributes.is_empty() => {
            tensor.dims.iter().try_fold(left, dim)
        }
        TypeDecl::Tensor(_) | TypeDecl::Opaque(_) => None,
        TypeDecl::List { element, length } => {
            let left = length.iter().try_fold(left, dim)?;
            element.as_deref().map_or(Some(left), |e| parts(e, left))
        }
        TypeDecl::Tuple(types) => types.iter().try_fold(left, |left, t| parts(t, left)),
        TypeDecl::Dict { key, value } => parts(value, parts(key, left)?),
        TypeDecl::State(wrapped) => parts(wrapped, left),
    }
}
