//! How an op is declared: its versions, and each version's inputs, types and defaults.

use anemone_tensor::DataType;

use crate::infer::{Fault, InferCtx};
use crate::{Const, Dim, Opset, Type};

/// The declaration of an op: the one place that says what it is.
#[derive(Debug)]
pub struct OpDef {
    /// MIL's name.
    pub name: &'static str,
    /// Its versions, oldest first.
    pub versions: &'static [Version],
    /// Types of the outputs.
    pub infer: Infer,
    /// Elements of the outputs, for integer and shape ops on known or symbolic values.
    pub evaluate: Option<Evaluate>,
    /// Values of the inputs declared [`Default::Computed`].
    pub computed: Option<Compute>,
}

impl OpDef {
    pub(super) const fn evaluated(mut self, evaluate: Evaluate) -> OpDef {
        self.evaluate = Some(evaluate);
        self
    }

    pub(super) const fn computed(mut self, computed: Compute) -> OpDef {
        self.computed = Some(computed);
        self
    }
}

/// The types of an op's outputs, from its inputs.
pub type Rule = fn(&InferCtx<'_>) -> Result<Vec<Type>, Fault>;

/// The elements of an op's outputs, one output after another, where inputs are known well enough.
pub type Evaluate = fn(&InferCtx<'_>) -> Option<Vec<Dim>>;

/// The value of an input that was left out and follows from the others.
pub type Compute = fn(&InferCtx<'_>, &str) -> Option<Const>;

/// A shape and type rule, or the reason why there is none.
#[derive(Clone, Copy, Debug)]
pub enum Infer {
    /// The rule.
    Rule(Rule),
    /// Why the op cannot be checked yet, as the user reads it.
    Not(&'static str),
}

/// One version of an op.
#[derive(Debug)]
pub struct Version {
    /// The opset that defined it.
    pub since: Opset,
    /// Its inputs.
    pub inputs: &'static [InputDef],
}

/// One input of a version.
#[derive(Debug, Clone, Copy)]
pub struct InputDef {
    /// MIL's name.
    pub name: &'static str,
    /// What may be bound to it.
    pub kind: InputKind,
    /// Whether it must be known before the program runs.
    pub constant: bool,
    /// Whether it may be left out.
    pub optional: bool,
    /// The types it may have; inputs of one domain have the same type.
    pub domain: Option<Domain>,
    /// What it is when it is left out.
    pub default: Default,
}

/// What may be bound to an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// A tensor or scalar.
    Tensor,
    /// Any number of tensors.
    Tuple,
    /// A list.
    List,
    /// A list, tensor or dictionary.
    ListTensorOrDict,
    /// A state.
    State,
    /// A nested block; not an input on disk.
    Block,
    /// coremltools' own book-keeping; not an input on disk.
    Internal,
}

/// A named set of element types.
#[derive(Debug, Clone, Copy)]
pub struct Domain {
    /// The name in the op registry, such as `T`.
    pub name: &'static str,
    /// The types.
    pub types: &'static [DataType],
}

/// What an input is when it is left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Default {
    /// Absent.
    None,
    /// An `int32`.
    Int(i64),
    /// An `fp32`.
    Float(f64),
    /// A `bool`.
    Bool(bool),
    /// A `string`.
    Text(&'static str),
    /// A vector of `int32`.
    Ints(&'static [i64]),
    /// It follows from other inputs, by the op's own function.
    Computed,
}

/// An op with a shape rule.
pub(super) const fn op(name: &'static str, versions: &'static [Version], rule: Rule) -> OpDef {
    OpDef { name, versions, infer: Infer::Rule(rule), evaluate: None, computed: None }
}

/// A version that came with `since`.
pub(super) const fn version(since: Opset, inputs: &'static [InputDef]) -> Version {
    Version { since, inputs }
}

const fn input(name: &'static str, kind: InputKind) -> InputDef {
    InputDef { name, kind, constant: false, optional: false, domain: None, default: Default::None }
}

/// A tensor of any type.
pub(super) const fn any(name: &'static str) -> InputDef {
    input(name, InputKind::Tensor)
}

/// A tensor whose type lies in `domain`.
pub(super) const fn tensor(name: &'static str, domain: Domain) -> InputDef {
    let mut def = any(name);
    def.domain = Some(domain);
    def
}

/// A constant of any type.
pub(super) const fn constant(name: &'static str) -> InputDef {
    any(name).fixed()
}

/// A constant whose type lies in `domain`.
pub(super) const fn constant_of(name: &'static str, domain: Domain) -> InputDef {
    tensor(name, domain).fixed()
}

/// An input of another kind.
pub(super) const fn other(name: &'static str, kind: InputKind) -> InputDef {
    input(name, kind)
}

impl InputDef {
    pub(super) const fn fixed(mut self) -> InputDef {
        self.constant = true;
        self
    }

    pub(super) const fn optional(mut self) -> InputDef {
        self.optional = true;
        self
    }

    pub(super) const fn default(mut self, default: Default) -> InputDef {
        self.optional = true;
        self.default = default;
        self
    }
}

/// A domain of this name.
pub(super) const fn domain(name: &'static str, types: &'static [DataType]) -> Domain {
    Domain { name, types }
}
