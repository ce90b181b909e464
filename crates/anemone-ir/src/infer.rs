//! What an op's shape rule sees, and the faults that it can find.

use std::borrow::Cow;
use std::cell::RefCell;

use anemone_tensor::{DataType, Tensor};
use thiserror::Error;

use crate::ops::{Default, InputDef, Op, Version};
use crate::{Const, Dim, ListType, Opset, Symbol, TensorType, Type};

/// Values with more elements than this are not looked into for shapes.
pub(crate) const MAX_SHAPE_ELEMENTS: usize = 1024;

/// Ops that make a tensor of a higher rank than this are refused.
pub(crate) const MAX_RANK: usize = 32;

/// A fault in one op.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// The catalogue has no such op.
    #[error("unknown op")]
    UnknownOp,
    /// The op came in a later opset than the program's.
    #[error("needs opset {since}, the function has {opset}")]
    Opset {
        /// The opset that brought the op.
        since: Opset,
        /// The function's opset.
        opset: Opset,
    },
    /// The op exists but cannot be checked.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// A required input is absent.
    #[error("input `{0}` is missing")]
    Missing(String),
    /// The op's version has no such input.
    #[error("there is no input `{0}`")]
    UnknownInput(String),
    /// An input names a value that is not in scope.
    #[error("input `{input}` refers to `{name}`, which is not defined before this op")]
    Undefined {
        /// The input.
        input: String,
        /// The name.
        name: String,
    },
    /// Several values where one belongs.
    #[error("input `{input}` takes one value, not {found}")]
    Arity {
        /// The input.
        input: String,
        /// How many are bound.
        found: usize,
    },
    /// A value of the wrong kind or element type.
    #[error("input `{input}` is {found}, not {expected}")]
    Type {
        /// The input.
        input: String,
        /// Its type.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// An input that must be known is computed while the program runs.
    #[error("input `{0}` must be a constant")]
    NotConstant(String),
    /// A constant with a value that the op does not allow.
    #[error("input `{input}`: {why}")]
    Value {
        /// The input.
        input: String,
        /// What is wrong.
        why: String,
    },
    /// Shapes that do not fit.
    #[error("{0}")]
    Shape(String),
    /// The declared output type is not the inferred one.
    #[error("output `{output}` is declared {declared}, but is {inferred}")]
    Declared {
        /// The output.
        output: String,
        /// The declared type.
        declared: String,
        /// The inferred type.
        inferred: String,
    },
    /// The op declares another number of outputs than it has.
    #[error("declares {declared} outputs, but has {inferred}")]
    Outputs {
        /// Declared outputs.
        declared: usize,
        /// Inferred outputs.
        inferred: usize,
    },
    /// Nested blocks where the op has none, or another number of them.
    #[error("has {found} blocks, not {expected}")]
    Blocks {
        /// How many the program has.
        found: usize,
        /// How many the op has.
        expected: usize,
    },
    /// A name that is defined twice.
    #[error("`{0}` is defined twice")]
    Duplicate(String),
    /// A literal that contradicts its type.
    #[error("{0}")]
    Literal(String),
    /// A declared type that is missing or unreadable where it is needed.
    #[error("`{name}`: {why}")]
    Declaration {
        /// The value.
        name: String,
        /// What is wrong.
        why: String,
    },
}

impl Fault {
    /// A fault of a constant input's value.
    pub fn value(input: &str, why: impl Into<String>) -> Fault {
        Fault::Value { input: input.to_owned(), why: why.into() }
    }
}

/// What is known of a value before the program runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Operand {
    /// The type.
    pub ty: Type,
    /// The value, where it is a known constant.
    pub value: Option<Const>,
    /// The elements of a small integer tensor, where they are numbers or expressions.
    pub dims: Option<Vec<Dim>>,
    /// Whether it is fixed before the program runs, even if not decoded (compressed weights).
    pub constant: bool,
}

/// Types of a nested block's outputs.
pub type BlockTypes = Vec<Type>;

/// Makes symbols for sizes that only the data tells.
#[derive(Debug, Default)]
pub struct Symbols(RefCell<u32>);

impl Symbols {
    /// A symbol that nobody has yet.
    pub fn fresh(&self) -> Symbol {
        let mut next = self.0.borrow_mut();
        *next += 1;
        Symbol(*next - 1)
    }

    /// How many symbols there are.
    pub fn count(&self) -> u32 {
        *self.0.borrow()
    }

    /// Goes on after `count` symbols.
    pub fn after(count: u32) -> Symbols {
        Symbols(RefCell::new(count))
    }
}

/// An op under inference: its version and its operands, by MIL's input names.
#[derive(Debug)]
pub struct InferCtx<'a> {
    /// The op.
    pub op: Op,
    /// The version that the function's opset selects.
    pub version: &'static Version,
    /// The function's opset.
    pub opset: Opset,
    /// Bound inputs, each with its operands (one, unless variadic).
    pub inputs: Vec<(&'static str, Vec<Cow<'a, Operand>>)>,
    /// Output types of nested blocks.
    pub blocks: Vec<BlockTypes>,
    /// How many outputs the program declares.
    pub declared_outputs: usize,
    /// Where new symbols come from.
    pub symbols: &'a Symbols,
}

impl InferCtx<'_> {
    /// The operands bound to `input`; none if it was left out.
    pub fn operands(&self, input: &str) -> &[Cow<'_, Operand>] {
        self.inputs.iter().find(|(name, _)| *name == input).map_or(&[], |(_, o)| o)
    }

    /// Whether the program binds `input`.
    pub fn has(&self, input: &str) -> bool {
        !self.operands(input).is_empty()
    }

    /// The operand bound to `input`.
    pub fn operand(&self, input: &str) -> Result<&Operand, Fault> {
        match self.operands(input) {
            [one] => Ok(one),
            [] => Err(Fault::Missing(input.to_owned())),
            several => Err(Fault::Arity { input: input.to_owned(), found: several.len() }),
        }
    }

    /// The tensor type of `input`.
    pub fn tensor(&self, input: &str) -> Result<&TensorType, Fault> {
        let ty = &self.operand(input)?.ty;
        ty.as_tensor().ok_or_else(|| Fault::Type {
            input: input.to_owned(),
            found: ty.to_string(),
            expected: "a tensor".to_owned(),
        })
    }

    /// The list type of `input`.
    pub fn list(&self, input: &str) -> Result<&ListType, Fault> {
        let ty = &self.operand(input)?.ty;
        ty.as_list().ok_or_else(|| Fault::Type {
            input: input.to_owned(),
            found: ty.to_string(),
            expected: "a list".to_owned(),
        })
    }

    /// The shape of `input`.
    pub fn shape(&self, input: &str) -> Result<&[Dim], Fault> {
        Ok(&self.tensor(input)?.shape)
    }

    /// The element type of `input`.
    pub fn dtype(&self, input: &str) -> Result<DataType, Fault> {
        Ok(self.tensor(input)?.dtype)
    }

    /// The tensor types of every value bound to a variadic `input`; at least one.
    pub fn tensors(&self, input: &str) -> Result<Vec<&TensorType>, Fault> {
        let operands = self.operands(input);
        if operands.is_empty() {
            return Err(Fault::Missing(input.to_owned()));
        }
        let tensor = |o: &'_ Operand| o.ty.as_tensor().is_some();
        if let Some(bad) = operands.iter().find(|o| !tensor(o)) {
            return Err(Fault::Type {
                input: input.to_owned(),
                found: bad.ty.to_string(),
                expected: "a tensor".to_owned(),
            });
        }
        Ok(operands.iter().filter_map(|o| o.ty.as_tensor()).collect())
    }

    /// The constant bound to `input`, or its default; `None` where it is absent or not decoded.
    pub fn constant(&self, input: &str) -> Option<Cow<'_, Const>> {
        if let [operand] = self.operands(input) {
            return operand.value.as_ref().map(Cow::Borrowed);
        }
        if self.has(input) {
            return None;
        }
        let def = self.version.inputs.iter().find(|d| d.name == input)?;
        self.default(def).map(Cow::Owned)
    }

    fn default(&self, def: &InputDef) -> Option<Const> {
        let scalar = |dtype, v| Tensor::from_f64(dtype, vec![], [v]).ok().map(Const::Tensor);
        match def.default {
            Default::None => None,
            Default::Int(v) => scalar(DataType::I32, v as f64),
            Default::Float(v) => scalar(DataType::F32, v),
            Default::Bool(v) => scalar(DataType::Bool, f64::from(u8::from(v))),
            Default::Text(v) => Some(Const::Strings(vec![v.to_owned()])),
            Default::Ints(v) => Some(Const::Tensor(Tensor::from_ints(v))),
            Default::Computed => self.op.def().computed.and_then(|f| f(self, def.name)),
        }
    }

    fn required<T>(
        &self,
        input: &str,
        what: &str,
        read: impl Fn(&Const) -> Option<T>,
    ) -> Result<T, Fault> {
        match self.constant(input) {
            Some(value) => {
                read(&value).ok_or_else(|| Fault::value(input, format!("must be {what}")))
            }
            None if self.has(input) => Err(Fault::NotConstant(input.to_owned())),
            None => Err(Fault::Missing(input.to_owned())),
        }
    }

    /// A constant integer, or its default.
    pub fn int(&self, input: &str) -> Result<i64, Fault> {
        self.required(input, "an integer", |c| match c.tensor() {
            Some(t) if t.count() == 1 && t.dtype().is_int() => Some(t.get_i64(0)),
            _ => None,
        })
    }

    /// A constant boolean, or its default.
    pub fn boolean(&self, input: &str) -> Result<bool, Fault> {
        self.required(input, "a boolean", |c| match c.tensor() {
            Some(t) if t.count() == 1 && !t.dtype().is_float() => Some(t.get_i64(0) != 0),
            _ => None,
        })
    }

    /// A constant number as `f32`, or its default.
    pub fn float(&self, input: &str) -> Result<f32, Fault> {
        self.required(input, "a number", |c| match c.tensor() {
            Some(t) if t.count() == 1 => Some(t.get_f64(0) as f32),
            _ => None,
        })
    }

    /// A constant string, or its default.
    pub fn text(&self, input: &str) -> Result<String, Fault> {
        self.required(input, "a string", |c| c.as_str().map(str::to_owned))
    }

    /// A constant vector of integers (a scalar counts as one), or its default.
    pub fn ints(&self, input: &str) -> Result<Vec<i64>, Fault> {
        self.required(input, "a vector of integers", |c| match c.tensor() {
            Some(t) if t.shape().len() <= 1 && t.dtype().is_int() => Some(t.to_i64()),
            _ => None,
        })
    }

    /// As [`InferCtx::ints`], with `None` where the input is absent and has no default.
    pub fn optional_ints(&self, input: &str) -> Result<Option<Vec<i64>>, Fault> {
        match self.ints(input) {
            Err(Fault::Missing(_)) => Ok(None),
            other => other.map(Some),
        }
    }

    /// A constant vector of booleans, or its default; `None` where it is absent.
    pub fn optional_bools(&self, input: &str) -> Result<Option<Vec<bool>>, Fault> {
        let read = self.required(input, "a vector of booleans", |c| match c.tensor() {
            Some(t) if t.shape().len() <= 1 && !t.dtype().is_float() => {
                Some(t.to_i64().into_iter().map(|v| v != 0).collect())
            }
            _ => None,
        });
        match read {
            Err(Fault::Missing(_)) => Ok(None),
            other => other.map(Some),
        }
    }

    /// The elements of a small `input` as numbers or expressions, if they are whole (truth is 1);
    /// `None` where only the data tells.
    pub fn dims(&self, input: &str) -> Option<Vec<Dim>> {
        if let [operand] = self.operands(input)
            && let Some(dims) = &operand.dims
        {
            return Some(dims.clone());
        }
        let value = self.constant(input)?;
        let tensor = value.tensor().filter(|t| t.count() <= MAX_SHAPE_ELEMENTS)?;
        (0..tensor.count()).map(|i| whole(tensor, i).map(Dim::Known)).collect()
    }

    /// Refuses an `input` that is not boolean.
    pub fn expect_bool(&self, input: &str) -> Result<(), Fault> {
        match self.dtype(input)? {
            DataType::Bool => Ok(()),
            other => Err(Fault::Type {
                input: input.to_owned(),
                found: other.to_string(),
                expected: DataType::Bool.to_string(),
            }),
        }
    }

    /// A constant axis of a tensor of `rank`, counted from the front.
    pub fn axis(&self, input: &str, rank: usize) -> Result<usize, Fault> {
        normal_axis(input, self.int(input)?, rank)
    }

    /// Constant axes of a tensor of `rank`, counted from the front, distinct, in the given order.
    pub fn axes(&self, input: &str, rank: usize) -> Result<Option<Vec<usize>>, Fault> {
        let Some(given) = self.optional_ints(input)? else { return Ok(None) };
        let axes: Vec<usize> =
            given.iter().map(|&a| normal_axis(input, a, rank)).collect::<Result<_, _>>()?;
        for (i, axis) in axes.iter().enumerate() {
            if axes[..i].contains(axis) {
                return Err(Fault::value(input, format!("axis {axis} occurs twice")));
            }
        }
        Ok(Some(axes))
    }

    /// The length of the vector `input`, which must be known.
    pub fn vector_len(&self, input: &str) -> Result<usize, Fault> {
        match self.shape(input)? {
            [n] => n.known().ok_or_else(|| {
                Fault::Unsupported(format!("input `{input}` has an unknown length"))
            }),
            other => Err(Fault::value(input, format!("must be a vector, not {}", show(other)))),
        }
    }

    /// A dimension that only the data tells.
    pub fn fresh(&self) -> Dim {
        Dim::symbol(self.symbols.fresh())
    }
}

/// Element `index`, if it is a whole number; -0 is not.
fn whole(tensor: &Tensor, index: usize) -> Option<i64> {
    if !tensor.dtype().is_float() {
        return Some(tensor.get_i64(index));
    }
    let value = tensor.get_f64(index);
    let whole = tensor.get_i64(index);
    ((whole as f64).to_bits() == value.to_bits()).then_some(whole)
}

/// The rule of ops whose output is like `x`.
pub fn like_x(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    Ok(vec![Type::Tensor(ctx.tensor("x")?.clone())])
}

/// `axis` of a tensor of `rank`, counted from the front.
pub fn normal_axis(input: &str, axis: i64, rank: usize) -> Result<usize, Fault> {
    let from_front = if axis < 0 { axis.saturating_add_unsigned(rank as u64) } else { axis };
    usize::try_from(from_front).ok().filter(|&a| a < rank).ok_or_else(|| {
        Fault::value(input, format!("axis {axis} is outside a tensor of rank {rank}"))
    })
}

/// The shape of two or more tensors broadcast together, aligned at the last axis.
pub fn broadcast(a: &[Dim], b: &[Dim]) -> Result<Vec<Dim>, Fault> {
    let rank = a.len().max(b.len());
    let at = |s: &[Dim], i: usize| match (i + s.len()).checked_sub(rank) {
        Some(j) => s[j].clone(),
        None => Dim::ONE,
    };
    let dim = |i| {
        at(a, i).broadcast(&at(b, i)).ok_or_else(|| {
            Fault::Shape(format!("shapes {} and {} do not broadcast", show(a), show(b)))
        })
    };
    (0..rank).map(dim).collect()
}

/// The elements of `inputs` broadcast together, put through `f`.
pub(crate) fn broadcast_elements<const N: usize>(
    ctx: &InferCtx<'_>,
    inputs: [&str; N],
    f: impl Fn([&Dim; N]) -> Option<Dim>,
) -> Option<Vec<Dim>> {
    let mut elements = Vec::with_capacity(N);
    let mut shape = Vec::new();
    for input in inputs {
        elements.push(ctx.dims(input)?);
        shape = broadcast(&shape, ctx.shape(input).ok()?).ok()?;
    }
    let count = shape.iter().try_fold(1usize, |n, d| n.checked_mul(d.known()?))?;
    if elements.iter().any(|e| e.len() != 1 && e.len() != count) {
        return None;
    }
    let element = |i: usize| f(std::array::from_fn(|k| &elements[k][i % elements[k].len()]));
    (0..count).map(element).collect()
}

/// Refuses an `input` that is not a vector with an element for each index of `axis` of `x`.
pub(crate) fn vector_of_axis(ctx: &InferCtx<'_>, input: &str, axis: usize) -> Result<(), Fault> {
    let (x, found) = (ctx.shape("x")?, ctx.shape(input)?);
    match found {
        [n] if !n.differs(&x[axis]) => Ok(()),
        _ => {
            let (found, n) = (show(found), &x[axis]);
            Err(Fault::Shape(format!("`{input}` is {found}, not [{n}] as axis {axis} of `x`")))
        }
    }
}

/// The one size that two axes must share: the known one where the other is an expression;
/// `None` where two numbers differ.
pub fn unify(a: &Dim, b: &Dim) -> Option<Dim> {
    match (a, b) {
        _ if a.differs(b) => None,
        (Dim::Expr(_), Dim::Known(_)) => Some(b.clone()),
        _ => Some(a.clone()),
    }
}

/// The one shape that two tensors must share.
pub fn unify_shapes(a: &[Dim], b: &[Dim]) -> Option<Vec<Dim>> {
    (a.len() == b.len()).then(|| a.iter().zip(b).map(|(a, b)| unify(a, b)).collect())?
}

/// The number of elements of a shape.
pub fn volume(shape: &[Dim]) -> Dim {
    shape.iter().fold(Dim::ONE, |n, d| &n * d)
}

/// A shape as people read it.
pub fn show(shape: &[Dim]) -> String {
    let dims: Vec<String> = shape.iter().map(Dim::to_string).collect();
    format!("[{}]", dims.join(", "))
}
