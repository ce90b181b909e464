//! Declared types against inferred ones.

use anemone_tensor::DataType;

use crate::infer::{Fault, Symbols};
use crate::program::{DimDecl, ElementType, TensorDecl, TypeDecl};
use crate::{Dim, Symbol, TensorType, Type};

/// The type that `decl` declares for `name`; a free dimension becomes a symbol, told to `free`.
pub(super) fn resolve(
    name: &str,
    decl: &TypeDecl,
    symbols: &Symbols,
    free: &mut dyn FnMut(Symbol, usize),
) -> Result<Type, Fault> {
    let fault = |why: &str| Fault::Declaration { name: name.to_owned(), why: why.to_owned() };
    match decl {
        TypeDecl::Tensor(t) => tensor(name, t, symbols, free).map(Type::Tensor),
        TypeDecl::State(inner) => match inner.as_ref() {
            TypeDecl::Tensor(t) => tensor(name, t, symbols, free).map(Type::State),
            _ => Err(fault("a state must hold a tensor")),
        },
        TypeDecl::List { element: Some(element), .. } => {
            Ok(Type::List(Box::new(resolve(name, element, symbols, free)?)))
        }
        TypeDecl::Dict { key, value } => match (scalar(key), scalar(value)) {
            (Some(key), Some(value)) => Ok(Type::Dict(key, value)),
            _ => Err(fault("a dictionary must map scalars to scalars")),
        },
        TypeDecl::List { element: None, .. } => Err(fault("a list without an element type")),
        TypeDecl::Tuple(_) => Err(fault("tuples are not values of a program")),
        TypeDecl::Opaque(_) => Err(fault("its type is missing or unreadable")),
    }
}

fn scalar(decl: &TypeDecl) -> Option<DataType> {
    match decl {
        TypeDecl::Tensor(TensorDecl { dtype: ElementType::Known(dtype), dims, .. })
            if dims.is_empty() =>
        {
            Some(*dtype)
        }
        _ => None,
    }
}

fn tensor(
    name: &str,
    decl: &TensorDecl,
    symbols: &Symbols,
    free: &mut dyn FnMut(Symbol, usize),
) -> Result<TensorType, Fault> {
    let fault = |why: String| Fault::Declaration { name: name.to_owned(), why };
    let ElementType::Known(dtype) = decl.dtype else {
        return Err(fault("its element type is unknown".to_owned()));
    };
    if decl.rank >= 0 && decl.rank != decl.dims.len() as i64 {
        return Err(fault(format!("rank {} with {} dimensions", decl.rank, decl.dims.len())));
    }
    let mut shape = Vec::with_capacity(decl.dims.len());
    for (axis, dim) in decl.dims.iter().enumerate() {
        shape.push(match dim {
            DimDecl::Known(n) => Dim::Known(
                i64::try_from(*n).map_err(|_| fault(format!("dimension {n} overflows")))?,
            ),
            DimDecl::Unknown { variadic: false } => {
                let symbol = symbols.fresh();
                free(symbol, axis);
                Dim::symbol(symbol)
            }
            DimDecl::Unknown { variadic: true } => {
                return Err(fault("a tensor of unknown rank is not supported".to_owned()));
            }
            DimDecl::Opaque(_) => return Err(fault("a dimension is unreadable".to_owned())),
        });
    }
    Ok(TensorType::new(dtype, shape))
}

/// Holds a declared type against the inferred one and returns the more exact of the two; an
/// absent declaration agrees with everything.
pub(super) fn agree(output: &str, decl: &TypeDecl, inferred: Type) -> Result<Type, Fault> {
    if matches!(decl, TypeDecl::Opaque(bytes) if bytes.is_empty()) {
        return Ok(inferred);
    }
    let scratch = Symbols::default();
    let declared = resolve(output, decl, &scratch, &mut |_, _| {})?;
    let fault = || Fault::Declared {
        output: output.to_owned(),
        declared: declared.to_string(),
        inferred: inferred.to_string(),
    };
    match (&declared, &inferred) {
        (Type::Tensor(d), Type::Tensor(i)) | (Type::State(d), Type::State(i)) => {
            if d.dtype != i.dtype || d.shape.len() != i.shape.len() {
                return Err(fault());
            }
            let mut shape = Vec::with_capacity(i.shape.len());
            for (d, i) in d.shape.iter().zip(&i.shape) {
                shape.push(match (d, i) {
                    (Dim::Known(a), Dim::Known(b)) if a != b => return Err(fault()),
                    // A bare symbol that the declaration pins down: only the data could tell.
                    (Dim::Known(_), Dim::Expr(_)) => d.clone(),
                    _ => i.clone(),
                });
            }
            let agreed = TensorType::new(i.dtype, shape);
            Ok(match inferred {
                Type::State(_) => Type::State(agreed),
                _ => Type::Tensor(agreed),
            })
        }
        (Type::List(_), Type::List(_)) => Ok(inferred),
        (d, i) if d == i => Ok(inferred),
        _ => Err(fault()),
    }
}
