//! Checked types: tensors whose dimensions are numbers or expressions.

use std::fmt;

use anemone_tensor::DataType;

use crate::Dim;

/// The type of a checked value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// A tensor.
    Tensor(TensorType),
    /// A list, of `make_list` and its family.
    List(ListType),
    /// A dictionary, of `classify`.
    Dict(DataType, DataType),
    /// A state that holds a tensor.
    State(TensorType),
}

/// A list of tensors of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListType {
    /// The type of every element.
    pub element: TensorType,
    /// The number of elements; an expression where the list can grow.
    pub length: Dim,
}

/// Element type and shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorType {
    /// The element type.
    pub dtype: DataType,
    /// The shape; empty for a scalar.
    pub shape: Vec<Dim>,
}

impl TensorType {
    /// A tensor type.
    pub fn new(dtype: DataType, shape: Vec<Dim>) -> TensorType {
        TensorType { dtype, shape }
    }

    /// The shape in numbers, if it has no symbols.
    pub fn known_shape(&self) -> Option<Vec<usize>> {
        self.shape.iter().map(Dim::known).collect()
    }
}

impl Type {
    /// A tensor's type.
    pub fn tensor(dtype: DataType, shape: Vec<Dim>) -> Type {
        Type::Tensor(TensorType::new(dtype, shape))
    }

    /// The tensor type, if it is one.
    pub fn as_tensor(&self) -> Option<&TensorType> {
        match self {
            Type::Tensor(t) => Some(t),
            _ => None,
        }
    }

    /// The list type, if it is one.
    pub fn as_list(&self) -> Option<&ListType> {
        match self {
            Type::List(t) => Some(t),
            _ => None,
        }
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[", self.dtype)?;
        for (i, dim) in self.shape.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{dim}")?;
        }
        f.write_str("]")
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Tensor(t) => write!(f, "{t}"),
            Type::List(t) => write!(f, "list<{}, {}>", t.element, t.length),
            Type::Dict(k, v) => write!(f, "dict<{k}, {v}>"),
            Type::State(t) => write!(f, "state<{t}>"),
        }
    }
}
