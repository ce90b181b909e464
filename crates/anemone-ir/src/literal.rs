//! Literals: values written in the program itself or in a weight file, decoded only when asked.

use anemone_tensor::{Buffer, DataType, Tensor};
use half::f16;

use crate::program::{Blob, DimDecl, ElementType, Extra, TensorDecl, TypeDecl};

/// A typed literal.
#[derive(Clone, Debug, PartialEq)]
pub struct Literal {
    /// Free text.
    pub doc: String,
    /// The declared type.
    pub ty: TypeDecl,
    /// The value.
    pub data: LiteralData,
    /// Unknown fields.
    pub extra: Extra,
}

/// What a literal holds, in the form in which it is stored.
#[derive(Clone, Debug, PartialEq)]
pub enum LiteralData {
    /// Elements in the file's own list for their type.
    Elements(Elements),
    /// A tuple.
    Tuple(Vec<Literal>),
    /// A list.
    List(Vec<Literal>),
    /// A dictionary, in file order.
    Dict(Vec<(Literal, Literal)>),
    /// Bytes in a weight file.
    Blob(Blob),
    /// An encoded value that this version cannot read; empty where the value is missing.
    Opaque(Vec<u8>),
}

/// Elements of an immediate tensor, by the protobuf list that carries them.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Elements {
    Floats(Vec<f32>),
    Ints(Vec<i32>),
    Bools(Vec<bool>),
    Strings(Vec<String>),
    LongInts(Vec<i64>),
    Doubles(Vec<f64>),
    /// Raw little-endian elements: fp16, the small and the unsigned integers.
    Bytes(Buffer),
}

/// A constant that the checker knows: numbers, or text.
#[derive(Clone, Debug, PartialEq)]
pub enum Const {
    /// A dense tensor.
    Tensor(Tensor),
    /// Strings: one for a scalar.
    Strings(Vec<String>),
}

impl Const {
    /// The tensor, unless this is text.
    pub fn tensor(&self) -> Option<&Tensor> {
        match self {
            Const::Tensor(tensor) => Some(tensor),
            Const::Strings(_) => None,
        }
    }

    /// The only string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Const::Strings(strings) if strings.len() == 1 => Some(&strings[0]),
            _ => None,
        }
    }
}

impl Literal {
    /// A scalar string.
    pub fn string(text: impl Into<String>) -> Literal {
        Literal::new(
            TypeDecl::scalar(DataType::String),
            LiteralData::Elements(Elements::Strings(vec![text.into()])),
        )
    }

    /// A literal without doc or unknown fields.
    pub fn new(ty: TypeDecl, data: LiteralData) -> Literal {
        Literal { doc: String::new(), ty, data, extra: Extra::new() }
    }

    /// An immediate literal that holds `tensor`, in the list that Core ML uses for its type.
    pub fn from_tensor(tensor: &Tensor) -> Literal {
        let dims: Vec<u64> = tensor.shape().iter().map(|&d| d as u64).collect();
        let count = tensor.count();
        let elements = match tensor.dtype() {
            DataType::F32 => Elements::Floats(tensor.to_f32()),
            DataType::F64 => Elements::Doubles((0..count).map(|i| tensor.get_f64(i)).collect()),
            DataType::I16 | DataType::U16 | DataType::I32 => {
                Elements::Ints((0..count).map(|i| tensor.get_i64(i) as i32).collect())
            }
            DataType::I64 | DataType::U64 => {
                let (words, _) = tensor.data().as_chunks::<8>();
                Elements::LongInts(words.iter().map(|w| i64::from_le_bytes(*w)).collect())
            }
            DataType::Bool => Elements::Bools((0..count).map(|i| tensor.get_i64(i) != 0).collect()),
            _ => Elements::Bytes(tensor.data().clone()),
        };
        Literal::new(TypeDecl::tensor(tensor.dtype(), &dims), LiteralData::Elements(elements))
    }

    /// The text of a scalar string literal.
    pub fn as_str(&self) -> Option<&str> {
        match &self.data {
            LiteralData::Elements(Elements::Strings(s)) if s.len() == 1 => Some(&s[0]),
            _ => None,
        }
    }

    /// The literal as a constant; the reason where type and contents do not fit.
    pub fn to_const(&self) -> Result<Const, String> {
        let decl = match (&self.ty, &self.data) {
            (TypeDecl::Tensor(decl), _) => decl,
            (TypeDecl::List { .. }, LiteralData::List(elements)) => return scalars(elements),
            _ => return Err("a literal of this type is not a tensor".to_owned()),
        };
        let (dtype, shape) = known(decl)?;
        let count = shape
            .iter()
            .try_fold(1usize, |n, &d| n.checked_mul(d))
            .ok_or_else(|| format!("shape {shape:?} overflows"))?;
        let data = match &self.data {
            LiteralData::Blob(blob) => blob.data.clone(),
            LiteralData::Elements(Elements::Strings(strings)) if dtype == DataType::String => {
                return fits(strings.len(), count).map(|()| Const::Strings(strings.clone()));
            }
            LiteralData::Elements(elements) => encode(elements, dtype, count)?,
            _ => return Err("the literal holds no elements".to_owned()),
        };
        Tensor::new(dtype, shape, data).map(Const::Tensor).map_err(|e| e.to_string())
    }
}

/// The elements of a list literal of scalars, as a vector.
fn scalars(elements: &[Literal]) -> Result<Const, String> {
    let mut strings = Vec::new();
    let mut bytes = Vec::new();
    let mut dtype = None;
    for element in elements {
        let element = match &element.ty {
            TypeDecl::Tensor(_) => element.to_const()?,
            _ => return Err("a list literal must hold scalars".to_owned()),
        };
        let (same, count) = match element {
            Const::Strings(mut text) => {
                let count = text.len();
                strings.append(&mut text);
                (dtype.is_none_or(|d| d == DataType::String), count)
            }
            Const::Tensor(t) if t.dtype().bits() >= 8 => {
                bytes.extend_from_slice(t.data());
                (dtype.replace(t.dtype()).is_none_or(|d| d == t.dtype()), t.count())
            }
            Const::Tensor(t) => return Err(format!("lists of {} are not supported", t.dtype())),
        };
        if !same || count != 1 {
            return Err("the elements of a list literal must be scalars of one type".to_owned());
        }
        if !strings.is_empty() {
            dtype = Some(DataType::String);
        }
    }
    match dtype {
        None | Some(DataType::String) => Ok(Const::Strings(strings)),
        Some(dtype) => Tensor::new(dtype, vec![elements.len()], Buffer::from_bytes(&bytes))
            .map(Const::Tensor)
            .map_err(|e| e.to_string()),
    }
}

fn known(decl: &TensorDecl) -> Result<(DataType, Vec<usize>), String> {
    let ElementType::Known(dtype) = decl.dtype else {
        return Err("the literal has an unknown element type".to_owned());
    };
    let dims = decl.dims.iter().map(|d| match d {
        DimDecl::Known(n) => usize::try_from(*n).map_err(|_| format!("dimension {n} overflows")),
        _ => Err("a literal cannot have an unknown dimension".to_owned()),
    });
    Ok((dtype, dims.collect::<Result<_, _>>()?))
}

fn fits(found: usize, count: usize) -> Result<(), String> {
    match found == count {
        true => Ok(()),
        false => Err(format!("the shape needs {count} elements, the literal has {found}")),
    }
}

/// Bytes of `dtype` from the list that the file uses.
fn encode(elements: &Elements, dtype: DataType, count: usize) -> Result<Buffer, String> {
    let unfit = || format!("elements of this list cannot be {dtype}");
    let mut bytes = Vec::new();
    match (elements, dtype) {
        (Elements::Bytes(data), _) => return Ok(data.clone()),
        (Elements::Floats(v), DataType::F32) => {
            fits(v.len(), count)?;
            v.iter().for_each(|x| bytes.extend(x.to_le_bytes()));
        }
        (Elements::Floats(v), DataType::F16) => {
            fits(v.len(), count)?;
            v.iter().for_each(|x| bytes.extend(f16::from_f32(*x).to_le_bytes()));
        }
        (Elements::Doubles(v), DataType::F64) => {
            fits(v.len(), count)?;
            v.iter().for_each(|x| bytes.extend(x.to_le_bytes()));
        }
        (Elements::Bools(v), DataType::Bool) => {
            fits(v.len(), count)?;
            bytes.extend(v.iter().map(|&b| u8::from(b)));
        }
        (Elements::Ints(v), t) if t.is_int() && t.bits() <= 32 => {
            fits(v.len(), count)?;
            return Tensor::from_f64(t, vec![v.len()], v.iter().map(|&x| f64::from(x)))
                .map(|t| t.data().clone())
                .map_err(|e| e.to_string());
        }
        (Elements::LongInts(v), DataType::I64 | DataType::U64) => {
            fits(v.len(), count)?;
            v.iter().for_each(|x| bytes.extend(x.to_le_bytes()));
        }
        _ => return Err(unfit()),
    }
    Ok(Buffer::from_bytes(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_survive_the_way_through_a_literal() {
        for &dtype in DataType::ALL.iter().filter(|t| t.bits() > 0) {
            let tensor = Tensor::from_f64(dtype, vec![2, 2], [0.0, 1.0, 1.0, 0.0]).unwrap();
            let found = Literal::from_tensor(&tensor).to_const().unwrap();
            assert_eq!(found, Const::Tensor(tensor));
        }
    }

    #[test]
    fn a_short_list_is_refused() {
        let literal = Literal::new(
            TypeDecl::tensor(DataType::F32, &[3]),
            LiteralData::Elements(Elements::Floats(vec![1.0])),
        );
        assert!(literal.to_const().unwrap_err().contains("needs 3 elements"));
    }
}
