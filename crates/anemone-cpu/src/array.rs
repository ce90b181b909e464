//! Tensors as the engine holds them: floats as `f32`, integers as `i32`, booleans as bytes.

use anemone_ir::{Const, TensorType, Type};
use anemone_tensor::{DataType, Tensor};

/// How the engine stores elements of a declared type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    F32,
    I32,
    Bool,
}

impl Storage {
    /// The storage of a declared type; the reason where the engine has none.
    pub(crate) fn of(dtype: DataType) -> Result<Storage, String> {
        match dtype {
            DataType::Bool => Ok(Storage::Bool),
            DataType::F16
            | DataType::F32
            | DataType::BF16
            | DataType::F64
            | DataType::F8E4M3FN
            | DataType::F8E5M2 => Ok(Storage::F32),
            DataType::I64 | DataType::U64 | DataType::U32 | DataType::String => {
                Err(format!("tensors of {dtype} have no kernels"))
            }
            _ => Ok(Storage::I32),
        }
    }

    pub(crate) fn bytes(self) -> usize {
        match self {
            Storage::F32 | Storage::I32 => 4,
            Storage::Bool => 1,
        }
    }
}

/// The tensor that holds a value of this type: a list is one with its length in front.
pub(crate) fn held(ty: &Type) -> Result<TensorType, String> {
    match ty {
        Type::Tensor(t) => Ok(t.clone()),
        Type::List(list) => {
            let shape = [std::slice::from_ref(&list.length), &list.element.shape].concat();
            Ok(TensorType::new(list.element.dtype, shape))
        }
        Type::Dict(..) | Type::State(_) => Err(format!("a value of type {ty} is not a tensor")),
    }
}

/// Elements in engine storage.
#[derive(Clone, Copy, Debug)]
pub enum Data<'a> {
    /// Floats of any type.
    F32(&'a [f32]),
    /// Integers of any type.
    I32(&'a [i32]),
    /// 0 or 1.
    Bool(&'a [u8]),
}

/// Elements in engine storage, to be written.
#[derive(Debug)]
pub enum DataMut<'a> {
    /// Floats of any type.
    F32(&'a mut [f32]),
    /// Integers of any type.
    I32(&'a mut [i32]),
    /// 0 or 1.
    Bool(&'a mut [u8]),
}

/// A dense row-major tensor that a kernel reads.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The shape; empty for a scalar.
    pub shape: &'a [usize],
    /// The elements.
    pub data: Data<'a>,
}

/// A dense row-major tensor that a kernel writes. What it holds before is undefined.
#[derive(Debug)]
pub struct ViewMut<'a> {
    /// The shape; empty for a scalar.
    pub shape: &'a [usize],
    /// The elements.
    pub data: DataMut<'a>,
}

/// An owned tensor in engine storage: a constant or a folded value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Owned {
    pub(crate) shape: Vec<usize>,
    pub(crate) data: OwnedData,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum OwnedData {
    F32(Vec<f32>),
    I32(Vec<i32>),
    Bool(Vec<u8>),
}

impl Owned {
    /// A constant, decoded.
    pub(crate) fn from_const(value: &Const) -> Result<Owned, String> {
        match value {
            Const::Tensor(tensor) => Owned::from_tensor(tensor),
            Const::Strings(_) => Err("a string is not a tensor of numbers".to_owned()),
        }
    }

    /// A tensor, decoded. Integers of 64 bits are cut to what `i32` holds, as Core ML does.
    pub(crate) fn from_tensor(tensor: &Tensor) -> Result<Owned, String> {
        tensor.data().verify().map_err(|e| e.to_string())?;
        let shape = tensor.shape().to_vec();
        let count = tensor.count();
        let narrow = |i| tensor.get_i64(i).clamp(i32::MIN.into(), i32::MAX.into()) as i32;
        let data = match tensor.dtype() {
            DataType::Bool => {
                OwnedData::Bool((0..count).map(|i| u8::from(tensor.get_i64(i) != 0)).collect())
            }
            t if t.is_float() => OwnedData::F32(tensor.to_f32()),
            t if t.is_int() => OwnedData::I32((0..count).map(narrow).collect()),
            t => return Err(format!("constants of {t} have no kernels")),
        };
        Ok(Owned { shape, data })
    }

    /// A copy of what `view` shows.
    pub(crate) fn from_view(view: View<'_>) -> Result<Owned, String> {
        fn copied<T: Copy>(from: &[T]) -> Result<Vec<T>, String> {
            let mut to = Vec::new();
            to.try_reserve_exact(from.len())
                .map_err(|_| format!("not enough memory for {} elements", from.len()))?;
            to.extend_from_slice(from);
            Ok(to)
        }
        let data = match view.data {
            Data::F32(v) => OwnedData::F32(copied(v)?),
            Data::I32(v) => OwnedData::I32(copied(v)?),
            Data::Bool(v) => OwnedData::Bool(copied(v)?),
        };
        Ok(Owned { shape: view.shape.to_vec(), data })
    }

    pub(crate) fn view(&self) -> View<'_> {
        let data = match &self.data {
            OwnedData::F32(v) => Data::F32(v),
            OwnedData::I32(v) => Data::I32(v),
            OwnedData::Bool(v) => Data::Bool(v),
        };
        View { shape: &self.shape, data }
    }

    pub(crate) fn storage(&self) -> Storage {
        match &self.data {
            OwnedData::F32(_) => Storage::F32,
            OwnedData::I32(_) => Storage::I32,
            OwnedData::Bool(_) => Storage::Bool,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match &self.data {
            OwnedData::F32(v) => v.len() * 4,
            OwnedData::I32(v) => v.len() * 4,
            OwnedData::Bool(v) => v.len(),
        }
    }

    /// The floats, if it holds floats.
    pub(crate) fn floats(&self) -> Option<&[f32]> {
        match &self.data {
            OwnedData::F32(v) => Some(v),
            _ => None,
        }
    }
}

/// Zeros in engine storage, or the size that there is no memory for.
pub(crate) fn zeros(storage: Storage, shape: Vec<usize>) -> Result<Owned, String> {
    let count =
        count(&shape).filter(|n| n.checked_mul(4).is_some_and(|b| isize::try_from(b).is_ok()));
    let count = count.ok_or_else(|| format!("shape {shape:?} is too large"))?;
    fn filled<T: Default + Clone>(count: usize) -> Result<Vec<T>, String> {
        let mut v = Vec::new();
        v.try_reserve_exact(count)
            .map_err(|_| format!("not enough memory for {count} elements"))?;
        v.resize(count, T::default());
        Ok(v)
    }
    let data = match storage {
        Storage::F32 => OwnedData::F32(filled(count)?),
        Storage::I32 => OwnedData::I32(filled(count)?),
        Storage::Bool => OwnedData::Bool(filled(count)?),
    };
    Ok(Owned { shape, data })
}

impl<'a> Data<'a> {
    /// The floats, or the reason why not.
    pub fn f32(self) -> Result<&'a [f32], String> {
        match self {
            Data::F32(v) => Ok(v),
            Data::I32(_) | Data::Bool(_) => Err("floats are needed".to_owned()),
        }
    }

    /// The integers, or the reason why not.
    pub fn i32(self) -> Result<&'a [i32], String> {
        match self {
            Data::I32(v) => Ok(v),
            Data::F32(_) | Data::Bool(_) => Err("integers are needed".to_owned()),
        }
    }

    /// The booleans, or the reason why not.
    pub(crate) fn bool(self) -> Result<&'a [u8], String> {
        match self {
            Data::Bool(v) => Ok(v),
            Data::F32(_) | Data::I32(_) => Err("booleans are needed".to_owned()),
        }
    }

    pub(crate) fn len(self) -> usize {
        match self {
            Data::F32(v) => v.len(),
            Data::I32(v) => v.len(),
            Data::Bool(v) => v.len(),
        }
    }
}

impl DataMut<'_> {
    /// The floats, or the reason why not.
    pub fn f32(&mut self) -> Result<&mut [f32], String> {
        match self {
            DataMut::F32(v) => Ok(v),
            DataMut::I32(_) | DataMut::Bool(_) => Err("the output does not hold floats".to_owned()),
        }
    }

    /// The integers, or the reason why not.
    pub fn i32(&mut self) -> Result<&mut [i32], String> {
        match self {
            DataMut::I32(v) => Ok(v),
            DataMut::F32(_) | DataMut::Bool(_) => {
                Err("the output does not hold integers".to_owned())
            }
        }
    }

    /// The booleans, or the reason why not.
    pub(crate) fn bool(&mut self) -> Result<&mut [u8], String> {
        match self {
            DataMut::Bool(v) => Ok(v),
            DataMut::F32(_) | DataMut::I32(_) => {
                Err("the output does not hold booleans".to_owned())
            }
        }
    }
}

/// The number of elements, unless it is more than any memory could hold.
pub(crate) fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))
}
