//! Declared types of values.

use anemone_ir::program::{DimDecl, ElementType, TensorDecl, TypeDecl};

use super::program::{Context, attributes};
use crate::numbers;
use crate::wire::Writer;

pub(super) fn value_type(w: &mut Writer, ty: &TypeDecl, context: &Context<'_>) {
    match ty {
        TypeDecl::Tensor(decl) => w.message(1, |w| tensor_type(w, decl, context)),
        TypeDecl::List { element, length } => w.message(2, |w| {
            if let Some(element) = element {
                w.message(1, |w| value_type(w, element, context));
            }
            if let Some(length) = length {
                w.message(2, |w| dimension(w, length));
            }
        }),
        TypeDecl::Tuple(types) => w.message(3, |w| {
            for ty in types {
                w.message(1, |w| value_type(w, ty, context));
            }
        }),
        TypeDecl::Dict { key, value } => w.message(4, |w| {
            w.message(1, |w| value_type(w, key, context));
            w.message(2, |w| value_type(w, value, context));
        }),
        TypeDecl::State(wrapped) => {
            w.message(5, |w| w.message(1, |w| value_type(w, wrapped, context)));
        }
        TypeDecl::Opaque(bytes) => w.raw(bytes),
    }
}

fn tensor_type(w: &mut Writer, decl: &TensorDecl, context: &Context<'_>) {
    let number = match decl.dtype {
        ElementType::Known(dtype) => numbers::mil_number(dtype),
        ElementType::Unknown(number) => number,
    };
    w.int(1, number.into());
    w.int(2, decl.rank);
    for dim in &decl.dims {
        w.message(3, |w| dimension(w, dim));
    }
    attributes(w, 4, &decl.attributes, context);
}

fn dimension(w: &mut Writer, dim: &DimDecl) {
    match dim {
        DimDecl::Known(size) => w.message(1, |w| w.varint(1, *size)),
        DimDecl::Unknown { variadic } => w.message(2, |w| w.varint(1, (*variadic).into())),
        DimDecl::Opaque(bytes) => w.raw(bytes),
    }
}
