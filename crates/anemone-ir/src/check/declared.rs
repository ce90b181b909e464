//! Declared types against inferred ones.

use anemone_tensor::DataType;

use crate::infer::{Fault, Symbols};
use crate::program::{DimDecl, ElementType, TensorDecl, TypeDecl};
use crate::{Dim, ListType, Symbol, TensorType, Type};

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
        TypeDecl::List { element: Some(element), length } => match element.as_ref() {
            TypeDecl::Tensor(t) => {
                let element = tensor(name, t, symbols, free)?;
                let axis = element.shape.len();
                let length = length.as_ref().unwrap_or(&DimDecl::Unknown { variadic: false });
                Ok(Type::List(ListType {
                    element,
                    length: dim(name, length, axis, symbols, free)?,
                }))
            }
            _ => Err(fault("a list must hold tensors")),
        },
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
    let dims = decl.dims.iter().enumerate();
    let shape =
        dims.map(|(axis, d)| dim(name, d, axis, symbols, free)).collect::<Result<_, _>>()?;
    Ok(TensorType::new(dtype, shape))
}

fn dim(
    name: &str,
    decl: &DimDecl,
    axis: usize,
    symbols: &Symbols,
    free: &mut dyn FnMut(Symbol, usize),
) -> Result<Dim, Fault> {
    let fault = |why: String| Fault::Declaration { name: name.to_owned(), why };
    match decl {
        DimDecl::Known(n) => {
            i64::try_from(*n).map(Dim::Known).map_err(|_| fault(format!("dimension {n} overflows")))
        }
        DimDecl::Unknown { variadic: false } => {
            let symbol = symbols.fresh();
            free(symbol, axis);
            Ok(Dim::symbol(symbol))
        }
        DimDecl::Unknown { variadic: true } => {
            Err(fault("a tensor of unknown rank is not supported".to_owned()))
        }
        DimDecl::Opaque(_) => Err(fault("a dimension is unreadable".to_owned())),
    }
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
        (Type::Tensor(d), Type::Tensor(i)) => {
            agree_tensors(d, i).map(Type::Tensor).ok_or_else(fault)
        }
        (Type::State(d), Type::State(i)) => agree_tensors(d, i).map(Type::State).ok_or_else(fault),
        (Type::List(d), Type::List(i)) => {
            let element = agree_tensors(&d.element, &i.element).ok_or_else(fault)?;
            let length = agree_dims(&d.length, &i.length).ok_or_else(fault)?;
            Ok(Type::List(ListType { element, length }))
        }
        (d, i) if d == i => Ok(inferred),
        _ => Err(fault()),
    }
}

fn agree_tensors(declared: &TensorType, inferred: &TensorType) -> Option<TensorType> {
    if declared.dtype != inferred.dtype || declared.shape.len() != inferred.shape.len() {
        return None;
    }
    let dims = declared.shape.iter().zip(&inferred.shape);
    let shape = dims.map(|(d, i)| agree_dims(d, i)).collect::<Option<_>>()?;
    Some(TensorType::new(inferred.dtype, shape))
}

fn agree_dims(declared: &Dim, inferred: &Dim) -> Option<Dim> {
    match (declared, inferred) {
        (Dim::Known(a), Dim::Known(b)) if a != b => None,
        // An expression that the declaration pins down: only the data could tell.
        (Dim::Known(_), Dim::Expr(_)) => Some(declared.clone()),
        _ => Some(inferred.clone()),
    }
}
