//! A MIL program as it was read: names and weights only, nothing proved.

use std::collections::BTreeMap;

use anemone_tensor::{Buffer, DataType};

use crate::Literal;

/// Bytes of protobuf fields that this version does not know, written back as they were read.
pub type Extra = Vec<u8>;

/// Attributes of a program, function, block, operation or tensor type.
pub type Attributes = BTreeMap<String, Literal>;

/// A MIL program. Holding one proves that it was read, not that it is well typed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Program {
    /// MIL's own version, 1 so far.
    pub version: i64,
    /// Functions by name.
    pub functions: BTreeMap<String, Function>,
    /// Free text.
    pub doc: String,
    /// Attributes such as `buildInfo`.
    pub attributes: Attributes,
    /// Unknown fields.
    pub extra: Extra,
}

/// A function: inputs, and one body for each opset that it was specialised for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Function {
    /// Inputs in order; states are inputs of type [`TypeDecl::State`].
    pub inputs: Vec<Param>,
    /// The opset whose body is used, such as `CoreML7`.
    pub opset: String,
    /// Bodies by opset.
    pub blocks: BTreeMap<String, Block>,
    /// Attributes.
    pub attributes: Attributes,
    /// Unknown fields.
    pub extra: Extra,
}

/// A named and typed value: an input, a block input or an op's output.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// The name by which later ops refer to it.
    pub name: String,
    /// The declared type.
    pub ty: TypeDecl,
    /// Unknown fields.
    pub extra: Extra,
}

/// A sequence of operations with inputs and outputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    /// Inputs; empty for a function's body.
    pub inputs: Vec<Param>,
    /// Names of the values that the block yields.
    pub outputs: Vec<String>,
    /// Operations in order.
    pub operations: Vec<Operation>,
    /// Attributes.
    pub attributes: Attributes,
    /// Unknown fields.
    pub extra: Extra,
}

/// One operation, known to the catalogue or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Operation {
    /// The op's type, such as `conv`.
    pub op: String,
    /// Inputs by MIL's names.
    pub inputs: BTreeMap<String, Argument>,
    /// Outputs with declared types.
    pub outputs: Vec<Param>,
    /// Nested blocks, of `cond` and `while_loop`.
    pub blocks: Vec<Block>,
    /// Attributes: `name`, and `val` of a `const`.
    pub attributes: Attributes,
    /// Unknown fields.
    pub extra: Extra,
}

/// What an op's input is bound to: one binding, or several where the input is variadic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Argument {
    /// The bindings in order.
    pub bindings: Vec<Binding>,
    /// Unknown fields.
    pub extra: Extra,
}

/// One binding of an op's input.
#[derive(Clone, Debug, PartialEq)]
pub enum Binding {
    /// The name of a value in scope.
    Name(String),
    /// A literal in place.
    Literal(Literal),
    /// An encoded binding that this version cannot read.
    Opaque(Vec<u8>),
}

/// A declared type.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeDecl {
    /// A tensor; a scalar has no dimensions.
    Tensor(TensorDecl),
    /// A list of elements of one type.
    List {
        /// The element type; absent where the file leaves it out.
        element: Option<Box<TypeDecl>>,
        /// The declared length.
        length: Option<DimDecl>,
    },
    /// A tuple.
    Tuple(Vec<TypeDecl>),
    /// A dictionary.
    Dict {
        /// The key type.
        key: Box<TypeDecl>,
        /// The value type.
        value: Box<TypeDecl>,
    },
    /// A state that holds a value of the wrapped type.
    State(Box<TypeDecl>),
    /// An encoded type that this version cannot read.
    Opaque(Vec<u8>),
}

/// The declared type of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorDecl {
    /// The element type.
    pub dtype: ElementType,
    /// The declared rank; it can differ from the dimensions' number in a broken file, and is -1 where unknown.
    pub rank: i64,
    /// The dimensions.
    pub dims: Vec<DimDecl>,
    /// Attributes.
    pub attributes: Attributes,
}

/// An element type, or the number of one that this version does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementType {
    /// A known type.
    Known(DataType),
    /// The number of an unknown one in the protobuf enum.
    Unknown(i32),
}

/// A declared dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DimDecl {
    /// A constant.
    Known(u64),
    /// Not known when the file was written; `variadic` stands for any number of dimensions.
    Unknown {
        /// Whether it stands for any number of dimensions.
        variadic: bool,
    },
    /// An encoded dimension that this version cannot read.
    Opaque(Vec<u8>),
}

impl TypeDecl {
    /// The type of a tensor with known dimensions.
    pub fn tensor(dtype: DataType, dims: &[u64]) -> TypeDecl {
        TypeDecl::Tensor(TensorDecl {
            dtype: ElementType::Known(dtype),
            rank: dims.len() as i64,
            dims: dims.iter().map(|&d| DimDecl::Known(d)).collect(),
            attributes: Attributes::new(),
        })
    }

    /// A scalar's type.
    pub fn scalar(dtype: DataType) -> TypeDecl {
        TypeDecl::tensor(dtype, &[])
    }
}

impl Argument {
    /// An argument bound to one value's name.
    pub fn name(name: impl Into<String>) -> Argument {
        Argument { bindings: vec![Binding::Name(name.into())], extra: Extra::new() }
    }

    /// An argument bound to one literal.
    pub fn literal(literal: Literal) -> Argument {
        Argument { bindings: vec![Binding::Literal(literal)], extra: Extra::new() }
    }
}

impl Function {
    /// The body for the function's own opset.
    pub fn body(&self) -> Option<&Block> {
        self.blocks.get(&self.opset)
    }
}

impl Operation {
    /// The op's own name: its `name` attribute, or its first output's name.
    pub fn name(&self) -> &str {
        let attribute = self.attributes.get("name").and_then(Literal::as_str);
        attribute.or(self.outputs.first().map(|o| o.name.as_str())).unwrap_or(&self.op)
    }
}

/// Bytes of a weight file that a literal refers to, resolved when the program was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Blob {
    /// The file's name as written, such as `@model_path/weights/weight.bin`.
    pub file: String,
    /// The offset of the blob's metadata in that file.
    pub offset: u64,
    /// The blob's bytes, usually part of a mapped file.
    pub data: Buffer,
}
